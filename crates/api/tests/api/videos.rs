//! Videos: list, get, play and delete.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use bytes_of::segment;
use catalog::{RenditionKind, RenditionRecord, RenditionState};
use domain::failure::{Failure, FailureCode};
use domain::ids::PosterId;
use domain::job::Stage;
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::receipt::{Extra, Receipt};
use http::{Method, Request, StatusCode};
use platform::clock;
use platform::object_store::{ObjectStore as _, PutCondition};
use serde_json::{Value, json};

use crate::world::{TOKEN, World};

mod bytes_of {
    use domain::ids::{Generation, VideoId};
    use domain::object_key::{ObjectKey, SegmentFormat};

    pub(super) fn segment(video: VideoId, generation: &Generation, index: u32) -> ObjectKey {
        let rendition = "720p".parse().unwrap();
        ObjectKey::Segment { video, generation: generation.clone(), rendition, index, format: SegmentFormat::MpegTs }
    }
}

fn rendition() -> RenditionRecord {
    RenditionRecord {
        name: "720p".parse().unwrap(),
        kind: RenditionKind::Video,
        width: Some(1280),
        height: Some(720),
        copied: true,
        frame_rate: Some(25.0),
        codecs: Some("avc1.640028".to_owned()),
        bandwidth: Some(2_000_000),
        average_bandwidth: Some(1_500_000),
        state: RenditionState::Complete,
    }
}

#[tokio::test]
async fn a_video_has_its_progress() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let path = format!("/v1/videos/{id}");
    let stream = format!("{path}/stream");

    let waiting = world.get(&stream).await;
    assert_eq!((waiting.status, &waiting.body["status"]), (StatusCode::ACCEPTED, &json!("queued")));
    assert_eq!(waiting.headers["retry-after"], "1");

    let claim = world.claim(id).await;
    world.catalog.set_renditions(&claim, &[rendition()], clock::now()).await.unwrap();
    world.catalog.set_progress(&claim, Stage::Encode, 42, clock::now()).await.unwrap();
    let working = world.get(&path).await.body;
    assert_eq!(
        (&working["state"], &working["stage"], &working["percent"]),
        (&json!("processing"), &json!("encode"), &json!(42))
    );
    assert_eq!(working["renditions"][0]["name"], "720p", "known before it plays");
    assert_eq!(world.get(&stream).await.body["percent"], 42);

    world.catalog.mark_playable(&claim, clock::now()).await.unwrap();
    let playing = world.get(&stream).await;
    assert_eq!((playing.status, &playing.body["status"]), (StatusCode::OK, &json!("playable")));
    let url = playing.body["hls_url"].as_str().unwrap();
    assert!(url.starts_with(&format!("https://edge.example/v/{id}/master.m3u8?grant=")), "{url}");
    assert_eq!((&playing.body["poster_url"], &playing.body["storyboard_url"]), (&json!(null), &json!(null)));

    let receipt = Receipt { cpu_ms: 3_600_000, ..Receipt::default() };
    world.catalog.mark_ready(&claim, &receipt, clock::now()).await.unwrap();
    let ready = world.get(&path).await.body;
    assert_eq!((&ready["state"], &ready["percent"], &ready["playable"]), (&json!("ready"), &json!(100), &json!(true)));
    assert_eq!(ready["receipt"]["cpu_ms"], 3_600_000);
    assert!(ready["receipt"]["cost"]["compute_usd"].as_f64().unwrap() > 0.0);
    assert!(ready["ready_at"].as_str().unwrap().ends_with('Z'));
    let streamed = world.get(&stream).await.body;
    let poster = streamed["poster_url"].as_str().unwrap();
    assert!(poster.starts_with("https://edge.example/s/") && poster.ends_with("/poster.jpg"), "{poster}");
}

/// A library page needs one request: list entries have duration, size and poster.
#[tokio::test]
async fn a_list_has_the_data_for_cards() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let card = async || {
        let listed = world.get("/v1/videos").await.body["videos"][0].clone();
        let read = world.get(&format!("/v1/videos/{id}")).await.body;
        for field in ["duration_seconds", "width", "height", "poster_url"] {
            assert_eq!(listed[field], read[field], "{field}");
        }
        listed
    };
    let waiting = card().await;
    assert_eq!(waiting["title"], "a.mp4", "the name of its file");
    assert_eq!([&waiting["duration_seconds"], &waiting["width"], &waiting["poster_url"]], [&json!(null); 3]);

    let claim = world.claim(id).await;
    world.catalog.set_renditions(&claim, &[rendition()], clock::now()).await.unwrap();
    let receipt = Receipt { source_ms: 61_500, ..Receipt::default() };
    world.catalog.mark_ready(&claim, &receipt, clock::now()).await.unwrap();
    let ready = card().await;
    let shown = [&ready["duration_seconds"], &ready["width"], &ready["height"]];
    assert_eq!(shown, [&json!(61.5), &json!(1280), &json!(720)]);
    let poster = ready["poster_url"].as_str().unwrap().to_owned();
    let below = format!("/{}/poster.jpg", claim.generation);
    assert!(poster.starts_with("https://edge.example/s/") && poster.ends_with(&below), "{poster}");
    assert_eq!(card().await["poster_url"], poster, "caches keep what keeps its address");

    let own = PosterId::from_timestamp(5);
    world.catalog.want_poster(id, &own).await.unwrap();
    world.catalog.show_poster(id, &own).await.unwrap();
    assert!(card().await["poster_url"].as_str().unwrap().ends_with(&format!("/posters/{own}.jpg")));
}

#[tokio::test]
async fn a_failed_poster_has_no_url() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let claim = world.claim(id).await;
    let receipt = Receipt { missing: vec![Extra::Poster], ..Receipt::default() };
    world.catalog.mark_ready(&claim, &receipt, clock::now()).await.unwrap();
    for path in [format!("/v1/videos/{id}"), format!("/v1/videos/{id}/stream")] {
        assert_eq!(world.get(&path).await.body["poster_url"], json!(null), "{path}");
    }
}

/// With a limit below the smallest rung, nothing would be playable.
#[tokio::test]
async fn a_limit_leaves_a_rung() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let claim = world.claim(id).await;
    let low = RenditionRecord {
        name: "360p".parse().unwrap(),
        width: Some(640),
        height: Some(360),
        copied: false,
        ..rendition()
    };
    world.catalog.set_renditions(&claim, &[rendition(), low], clock::now()).await.unwrap();
    world.catalog.mark_playable(&claim, clock::now()).await.unwrap();
    let stream = async |limit: u32| world.get(&format!("/v1/videos/{id}/stream?max_height={limit}")).await;
    assert_eq!(stream(720).await.status, StatusCode::OK);
    assert_eq!(stream(360).await.status, StatusCode::ACCEPTED, "the rung is not published yet");
    let refused = stream(359).await;
    assert_eq!(refused.problem(), (422, "invalid-field"));
    assert!(refused.body["detail"].as_str().unwrap().contains("360 pixels"), "{}", refused.body);

    world.catalog.mark_ready(&claim, &Receipt::default(), clock::now()).await.unwrap();
    assert_eq!(stream(360).await.status, StatusCode::OK);
    let shares = format!("/v1/videos/{id}/shares");
    assert_eq!(world.post(&shares, json!({ "max_height": 240 })).await.problem(), (422, "invalid-field"));
    assert_eq!(world.post(&shares, json!({ "max_height": 360 })).await.status, StatusCode::CREATED);
}

/// Browsers save the source under its original name.
#[tokio::test]
async fn a_source_is_downloaded_under_its_own_name() {
    let world = World::new().await;
    let upload = json!({ "filename": "C:\\Filme\\Über uns & mehr.mp4", "size": 3 });
    let created = world.post("/v1/uploads", upload).await;
    assert!(world.put(&created.body["upload"]["request"], b"abc".to_vec()).await.status().is_success());
    world.pump().await;
    let source = world.get(&format!("/v1/videos/{}/source", created.video())).await.body;
    assert_eq!(source["filename"], "Über uns & mehr.mp4");
    let answer = world.http.get(source["url"].as_str().unwrap()).send().await.unwrap();
    let expected = "attachment; filename=\"_ber uns & mehr.mp4\"; filename*=UTF-8''%C3%9Cber%20uns%20&%20mehr.mp4";
    assert_eq!(answer.headers()["content-disposition"], expected);
    assert_eq!(answer.text().await.unwrap(), "abc");
}

/// Every text in the database, with its table and column.
fn texts(world: &World) -> Vec<(String, String)> {
    let database = rusqlite::Connection::open(&world.database).unwrap();
    let mut tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut found = vec![];
    for table in tables {
        let mut rows = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns: Vec<String> = rows.column_names().into_iter().map(str::to_owned).collect();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for (at, column) in columns.iter().enumerate() {
                if let rusqlite::types::ValueRef::Text(text) = row.get_ref(at).unwrap() {
                    found.push((format!("{table}.{column}"), String::from_utf8_lossy(text).into_owned()));
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
    assert_eq!(world.post("/v1/webhooks", hook).await.status, StatusCode::CREATED);
    let upload = json!({
        "filename": "secret-file.mp4", "size": 3, "title": "Secret-Title", "external_id": "secret-reference",
        "metadata": { "patient": "secret-person" },
    });
    let created = world.post("/v1/uploads", upload).await;
    let id = created.video();
    assert!(world.put(&created.body["upload"]["request"], b"abc".to_vec()).await.status().is_success());
    world.pump().await;
    let share = json!({ "label": "for secret-viewer" });
    assert_eq!(world.post(&format!("/v1/videos/{id}/shares"), share).await.status, StatusCode::CREATED);
    let claim = world.claim(id).await;
    let failure = Failure { code: FailureCode::NotAVideo, message: "secret-message".to_owned() };
    world.catalog.fail(&claim, &failure, false, "title: secret-tag", clock::now()).await.unwrap();
    world.webhooks.fan_out(100, clock::now()).await.unwrap();
    let secret = |texts: &[(String, String)]| -> Vec<(String, String)> {
        texts.iter().filter(|it| it.1.to_lowercase().contains("secret-")).cloned().collect()
    };
    let before = secret(&texts(&world));
    assert!(before.len() >= 10, "{before:#?}");

    for _ in 0..2 {
        assert_eq!(world.delete(&format!("/v1/videos/{id}")).await.status, StatusCode::NO_CONTENT);
    }
    // Jobs contain the path of the file until they are received.
    world.jobs().await;
    let left = secret(&texts(&world));
    // Pending webhook messages contain only the external id.
    assert!(left.iter().any(|it| it.1.contains("video.deleted")), "{left:#?}");
    for (place, text) in left {
        assert_eq!(place, "events.payload");
        assert!(secret(&[(place, text.replace("secret-reference", ""))]).is_empty(), "{text}");
    }
}

#[tokio::test]
async fn a_failed_video_says_why() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let claim = world.claim(id).await;
    let failure = Failure::of(FailureCode::NotAVideo);
    world.catalog.fail(&claim, &failure, false, "the log is private", clock::now()).await.unwrap();

    let stream = world.get(&format!("/v1/videos/{id}/stream")).await;
    assert_eq!(stream.problem(), (409, "video-failed"));
    let message = json!({ "class": "source", "code": "not-a-video", "message": failure.message });
    assert_eq!((&stream.body["detail"], &stream.body["failure"]), (&json!(failure.message), &message));
    let read = world.get(&format!("/v1/videos/{id}")).await.body;
    assert_eq!((&read["state"], &read["failure"]), (&json!("failed"), &message));
    assert!(!read.to_string().contains("private"));
}

#[tokio::test]
async fn deleting_removes_every_object_and_keeps_a_tombstone() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let claim = world.claim(id).await;
    for key in [ObjectKey::Master { video: id }, segment(id, &claim.generation, 0), segment(id, &claim.generation, 1)] {
        world.store.put(&key, "x".into(), PutCondition::Always).await.unwrap();
    }
    for _ in 0..2 {
        assert_eq!(world.delete(&format!("/v1/videos/{id}")).await.status, StatusCode::NO_CONTENT);
    }
    for family in ObjectPrefix::of_video(id) {
        assert_eq!(world.store.list(&family, None).await.unwrap().entries, [], "{family:?}");
    }
    assert_eq!(world.get(&format!("/v1/videos/{id}")).await.problem(), (404, "no-such-video"));
    assert_eq!(world.get("/v1/videos").await.body["videos"], json!([]));
    let renewed = world.catalog.renew(&claim, Duration::from_secs(9), clock::now()).await;
    assert!(renewed.is_err(), "its worker must stop");
}

#[tokio::test]
async fn lists_have_pages_and_filters() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let request = json!({ "filename": "a.mp4", "size": 3, "title": format!("Film {number}"), "external_id": format!("x{number}") });
        ids.push(world.post("/v1/uploads", request).await.video().to_string());
        // Ids of the same millisecond have a random order.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    ids.reverse();

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/v1/videos?limit=2{cursor}")).await.body;
        seen.extend(page["videos"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ids, "newest first");

    let titles = async |query: &str| {
        let body = world.get(&format!("/v1/videos?{query}")).await.body;
        body["videos"].as_array().unwrap().iter().map(|it| it["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(titles("external_id=x3").await, ["Film 3"]);
    assert_eq!(titles("q=film%202").await, ["Film 2"]);
    assert_eq!(titles("state=ready").await, [""; 0]);
    assert_eq!(titles("state=uploading,ready").await.len(), 5);
    assert_eq!(titles("q=X4").await, ["Film 4"], "the external id");
    assert_eq!(titles("q=a.mp4").await.len(), 5, "the file name");
    assert_eq!(titles("sort=title&limit=2").await, ["Film 0", "Film 1"]);
    assert_eq!(titles("sort=-title&limit=1").await, ["Film 4"]);
    let first = world.get("/v1/videos?sort=size&limit=2").await.body;
    assert_eq!((first["videos"].as_array().unwrap().len(), &first["total"]), (2, &json!(5)));
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = world.get(&format!("/v1/videos?sort=size&limit=200&cursor={cursor}")).await.body;
    assert_eq!((second["videos"].as_array().unwrap().len(), &second["total"]), (3, &json!(5)));
    assert_eq!(second["next_cursor"], Value::Null);
    let other = world.get(&format!("/v1/videos?sort=-size&cursor={cursor}")).await;
    assert_eq!(other.problem(), (400, "malformed-request"), "a cursor belongs to its order");
    let forged = |value: Value| {
        let cursor = json!({ "sort": "size", "value": value, "video": ids[0], "total": 5 });
        format!("sort=size&cursor={}", Base64UrlUnpadded::encode_string(cursor.to_string().as_bytes()))
    };
    assert_eq!(world.get(&format!("/v1/videos?{}", forged(json!(u64::MAX)))).await.body["videos"], json!([]));
    for query in [
        forged(json!("a text")).as_str(),
        forged(Value::Null).as_str(),
        forged(json!(-1)).as_str(),
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=x",
        "state=done",
        "state=deleted",
        "state=",
        "sort=colour",
        "text=film",
        "colour=red",
    ] {
        assert_eq!(world.get(&format!("/v1/videos?{query}")).await.problem(), (400, "malformed-request"), "{query}");
    }
    for query in ["q=%00", "external_id=%00", "q='%3B--", "q=%25", "q=_", "q=%5C", &format!("q={}", "%EF%B7%BA".repeat(166))] {
        let page = world.get(&format!("/v1/videos?sort=title&{query}")).await;
        assert_eq!((page.status.as_u16(), &page.body["total"]), (200, &json!(0)), "{query}");
    }
}

#[tokio::test]
async fn a_list_that_has_not_changed_is_not_sent_again() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let conditional = async |etag: &str| {
        let request = Request::get("/v1/videos").header("authorization", format!("Bearer {TOKEN}"));
        world.send(request.header("if-none-match", etag).body(axum::body::Body::empty()).unwrap()).await
    };
    let first = world.get("/v1/videos").await;
    assert_eq!(first.headers["cache-control"], "private, no-cache");
    let etag = first.headers["etag"].to_str().unwrap();
    for known in [etag, &format!("\"other\", W/{etag}"), "*"] {
        let again = conditional(known).await;
        assert_eq!((again.status, again.body), (StatusCode::NOT_MODIFIED, Value::Null), "{known}");
        assert_eq!(again.headers["etag"], etag);
    }
    world.call(Method::PATCH, &format!("/v1/videos/{id}"), Some(json!({ "title": "New" }))).await;
    assert_eq!(conditional(etag).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_grant_has_limits() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let long = "v".repeat(201);
    for query in ["expires_in=0", "expires_in=99999999", "max_height=0", "viewer=", &format!("viewer={long}")] {
        let answer = world.get(&format!("/v1/videos/{id}/stream?{query}")).await;
        assert_eq!(answer.problem(), (400, "malformed-request"), "{query}");
    }
}
