//! Lists of videos.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use domain::ids::PosterId;
use domain::receipt::{Extra, Receipt};
use http::{Method, Request, StatusCode};
use platform::clock;
use serde_json::{Value, json};

use crate::videos::rendition;
use crate::world::{TOKEN, World};

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
    assert_eq!(
        [
            &waiting["duration_seconds"],
            &waiting["width"],
            &waiting["poster_url"]
        ],
        [&json!(null); 3]
    );

    let claim = world.claim(id).await;
    world
        .catalog
        .set_renditions(&claim, &[rendition()], clock::now())
        .await
        .unwrap();
    let receipt = Receipt {
        source_ms: 61_500,
        ..Receipt::default()
    };
    world
        .catalog
        .mark_ready(&claim, &receipt, clock::now())
        .await
        .unwrap();
    let ready = card().await;
    let shown = [
        &ready["duration_seconds"],
        &ready["width"],
        &ready["height"],
    ];
    assert_eq!(shown, [&json!(61.5), &json!(1280), &json!(720)]);
    let poster = ready["poster_url"].as_str().unwrap().to_owned();
    let below = format!("/{}/poster.jpg", claim.generation);
    assert!(
        poster.starts_with("https://edge.example/s/") && poster.ends_with(&below),
        "{poster}"
    );
    assert_eq!(
        card().await["poster_url"],
        poster,
        "caches keep what keeps its address"
    );

    let own = PosterId::from_timestamp(5);
    world.catalog.want_poster(id, &own).await.unwrap();
    world.catalog.show_poster(id, &own).await.unwrap();
    assert!(
        card().await["poster_url"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/posters/{own}.jpg"))
    );
}

#[tokio::test]
async fn a_failed_poster_has_no_url() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let claim = world.claim(id).await;
    let receipt = Receipt {
        missing: vec![Extra::Poster],
        ..Receipt::default()
    };
    world
        .catalog
        .mark_ready(&claim, &receipt, clock::now())
        .await
        .unwrap();
    for path in [
        format!("/v1/videos/{id}"),
        format!("/v1/videos/{id}/stream"),
    ] {
        assert_eq!(
            world.get(&path).await.body["poster_url"],
            json!(null),
            "{path}"
        );
    }
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
        seen.extend(
            page["videos"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["id"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ids, "newest first");

    let titles = async |query: &str| {
        let body = world.get(&format!("/v1/videos?{query}")).await.body;
        body["videos"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["title"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
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
    assert_eq!(
        (first["videos"].as_array().unwrap().len(), &first["total"]),
        (2, &json!(5))
    );
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = world
        .get(&format!("/v1/videos?sort=size&limit=200&cursor={cursor}"))
        .await
        .body;
    assert_eq!(
        (second["videos"].as_array().unwrap().len(), &second["total"]),
        (3, &json!(5))
    );
    assert_eq!(second["next_cursor"], Value::Null);
    let other = world
        .get(&format!("/v1/videos?sort=-size&cursor={cursor}"))
        .await;
    assert_eq!(
        other.problem(),
        (400, "malformed-request"),
        "a cursor belongs to its order"
    );
    let forged = |value: Value| {
        let cursor = json!({ "sort": "size", "value": value, "video": ids[0], "total": 5 });
        format!(
            "sort=size&cursor={}",
            Base64UrlUnpadded::encode_string(cursor.to_string().as_bytes())
        )
    };
    let end = world
        .get(&format!("/v1/videos?{}", forged(json!(u64::MAX))))
        .await
        .body;
    assert_eq!(end["videos"], json!([]));
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
        "colour=red",
    ] {
        assert_eq!(
            world.get(&format!("/v1/videos?{query}")).await.problem(),
            (400, "malformed-request"),
            "{query}"
        );
    }
    // Case folding makes 18 letters of this one.
    let long = format!("q={}", "%EF%B7%BA".repeat(166));
    for query in [
        "q=%00",
        "external_id=%00",
        "q='%3B--",
        "q=%25",
        "q=_",
        "q=%5C",
        &long,
    ] {
        let page = world.get(&format!("/v1/videos?sort=title&{query}")).await;
        assert_eq!(
            (page.status.as_u16(), &page.body["total"]),
            (200, &json!(0)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_list_that_has_not_changed_is_not_sent_again() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let conditional = async |etag: &str| {
        let request = Request::get("/v1/videos").header("authorization", format!("Bearer {TOKEN}"));
        world
            .send(
                request
                    .header("if-none-match", etag)
                    .body(axum::body::Body::empty())
                    .unwrap(),
            )
            .await
    };
    let first = world.get("/v1/videos").await;
    assert_eq!(first.headers["cache-control"], "private, no-cache");
    let etag = first.headers["etag"].to_str().unwrap();
    for known in [etag, &format!("\"other\", W/{etag}"), "*"] {
        let again = conditional(known).await;
        assert_eq!(
            (again.status, again.body),
            (StatusCode::NOT_MODIFIED, Value::Null),
            "{known}"
        );
        assert_eq!(again.headers["etag"], etag);
    }
    world
        .call(
            Method::PATCH,
            &format!("/v1/videos/{id}"),
            Some(json!({ "title": "New" })),
        )
        .await;
    assert_eq!(conditional(etag).await.status, StatusCode::OK);
}
