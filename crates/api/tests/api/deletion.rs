//! Deleting videos.

use std::time::Duration;

use domain::failure::{Failure, FailureCode};
use domain::ids::{Generation, VideoId};
use domain::object_key::{ObjectKey, ObjectPrefix, SegmentFormat};
use http::StatusCode;
use platform::clock;
use platform::object_store::{ObjectStore as _, PutCondition};
use serde_json::json;

use crate::world::World;

fn segment(video: VideoId, generation: &Generation, index: u32) -> ObjectKey {
    let rendition = "720p".parse().unwrap();
    ObjectKey::Segment {
        video,
        generation: generation.clone(),
        rendition,
        index,
        attempt: 1,
        format: SegmentFormat::MpegTs,
    }
}

/// Every text in the database, with its table and column.
fn texts(world: &World) -> Vec<(String, String)> {
    let database = rusqlite::Connection::open(&world.database).unwrap();
    let mut tables = database
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
        .unwrap();
    let tables: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut found = vec![];
    for table in tables {
        let mut rows = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns: Vec<String> = rows.column_names().into_iter().map(str::to_owned).collect();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for (at, column) in columns.iter().enumerate() {
                if let rusqlite::types::ValueRef::Text(text) = row.get_ref(at).unwrap() {
                    found.push((
                        format!("{table}.{column}"),
                        String::from_utf8_lossy(text).into_owned(),
                    ));
                }
            }
        }
    }
    found
}

/// Deletion erases all user-provided data and all data from the file.
#[tokio::test]
async fn deleting_erases_all_data() {
    let world = World::new().await;
    let hook = json!({ "url": "https://192.88.98.1/hook" });
    assert_eq!(
        world.post("/v1/webhooks", hook).await.status,
        StatusCode::CREATED
    );
    let upload = json!({
        "filename": "secret-file.mp4", "size": 3, "title": "Secret-Title", "external_id": "secret-reference",
        "metadata": { "patient": "secret-person" },
    });
    let created = world.post("/v1/uploads", upload).await;
    let id = created.video();
    assert!(
        world
            .put(&created.body["upload"]["request"], b"abc".to_vec())
            .await
            .status()
            .is_success()
    );
    world.pump().await;
    let share = json!({ "label": "for secret-viewer" });
    assert_eq!(
        world
            .post(&format!("/v1/videos/{id}/shares"), share)
            .await
            .status,
        StatusCode::CREATED
    );
    let claim = world.claim(id).await;
    let failure = Failure {
        code: FailureCode::NotAVideo,
        message: "secret-message".to_owned(),
    };
    world
        .catalog
        .fail(&claim, &failure, false, "title: secret-tag", clock::now())
        .await
        .unwrap();
    world.webhooks.fan_out(100, clock::now()).await.unwrap();
    let secret = |texts: &[(String, String)]| -> Vec<(String, String)> {
        texts
            .iter()
            .filter(|it| it.1.to_lowercase().contains("secret-"))
            .cloned()
            .collect()
    };
    let before = secret(&texts(&world));
    assert!(before.len() >= 10, "{before:#?}");

    for _ in 0..2 {
        assert_eq!(
            world.delete(&format!("/v1/videos/{id}")).await.status,
            StatusCode::NO_CONTENT
        );
    }
    // Jobs contain the path of the file until they are received.
    world.jobs().await;
    let left = secret(&texts(&world));
    // Pending webhook messages contain only the external id.
    assert!(
        left.iter().any(|it| it.1.contains("video.deleted")),
        "{left:#?}"
    );
    for (place, text) in left {
        assert_eq!(place, "events.payload");
        assert!(
            secret(&[(place, text.replace("secret-reference", ""))]).is_empty(),
            "{text}"
        );
    }
}

#[tokio::test]
async fn deleting_removes_every_object_and_keeps_a_tombstone() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let claim = world.claim(id).await;
    for key in [
        ObjectKey::Master { video: id },
        segment(id, &claim.generation, 0),
        segment(id, &claim.generation, 1),
    ] {
        world
            .store
            .put(&key, "x".into(), PutCondition::Always)
            .await
            .unwrap();
    }
    for _ in 0..2 {
        assert_eq!(
            world.delete(&format!("/v1/videos/{id}")).await.status,
            StatusCode::NO_CONTENT
        );
    }
    for family in ObjectPrefix::of_video(id) {
        assert_eq!(
            world.store.list(&family, None).await.unwrap().entries,
            [],
            "{family:?}"
        );
    }
    assert_eq!(
        world.get(&format!("/v1/videos/{id}")).await.problem(),
        (404, "no-such-video")
    );
    assert_eq!(world.get("/v1/videos").await.body["videos"], json!([]));
    let renewed = world
        .catalog
        .renew(&claim, Duration::from_secs(9), clock::now())
        .await;
    assert!(renewed.is_err(), "its worker must stop");
}
