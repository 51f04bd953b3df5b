//! The views of a video.

use domain::ids::VideoId;
use domain::viewing::{Hour, Totals};
use http::Method;
use platform::clock;
use serde_json::json;

use crate::world::World;

/// Counts views of an hour, `hours` before now.
async fn count(world: &World, video: VideoId, hours: u64, counters: &[(&str, u64)]) {
    let mut totals = Totals::default();
    counters.iter().for_each(|it| totals.add(it.0, it.1));
    let hour = Hour(Hour::of(clock::now()).0 - hours);
    let (_, added) = world.catalog.add_views(&[((video, hour), totals)]).await;
    added.unwrap();
}

#[tokio::test]
async fn views_are_summed_up_for_those_who_may_see_the_video() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let path = format!("/v1/videos/{id}/views");
    let empty = world.get(&path).await.body;
    assert_eq!(
        (&empty["interval"], &empty["series"]),
        (&json!("day"), &json!([]))
    );
    assert_eq!(empty["total"]["views"], 0);

    count(
        &world,
        id,
        0,
        &[("views", 3), ("watched_ms", 90_000), ("startup/1", 2)],
    )
    .await;
    count(&world, id, 1, &[("views", 1), ("refused/grant-expired", 4)]).await;
    count(&world, id, 24 * 20, &[("views", 10)]).await;
    count(&world, id, 24 * 40, &[("views", 100)]).await;
    let days = world.get(&path).await.body;
    let total = &days["total"];
    assert_eq!(
        (&total["views"], &total["watched_seconds"]),
        (&json!(14), &json!(90.0))
    );
    assert_eq!(total["startup"]["sessions"], 2);
    assert_eq!(total["refusals"], json!({ "grant-expired": 4 }));
    let hours = world.get(&format!("{path}?interval=hour")).await.body;
    let views: Vec<_> = hours["series"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["views"])
        .collect();
    assert_eq!(views, [&json!(1), &json!(3)]);
    let earlier = hours["series"][0]["at"].as_str().unwrap();
    let one = format!(
        "{path}?interval=hour&from={earlier}&to={}",
        hours["series"][1]["at"].as_str().unwrap()
    );
    assert_eq!(world.get(&one).await.body["total"]["views"], 1);

    for query in [
        "interval=week",
        "from=yesterday",
        "since=2026-01-01T00:00:00Z",
    ] {
        let refused = world.get(&format!("{path}?{query}")).await;
        assert_eq!(refused.problem(), (400, "malformed-request"), "{query}");
    }
    let long = world
        .get(&format!("{path}?from=1999-01-01T00:00:00Z"))
        .await;
    assert_eq!(long.problem(), (422, "invalid-field"));
    assert!(
        world
            .delete(&format!("/v1/videos/{id}"))
            .await
            .status
            .is_success()
    );
    assert_eq!(world.get(&path).await.problem().0, 404);
}

#[tokio::test]
async fn owners_see_the_views_of_their_own_videos() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let path = format!("/v1/videos/{id}/views");
    let (_, of_another) = world.key(Some("ann"), &["read"]).await;
    let refused = world.call_as(&of_another, Method::GET, &path, None).await;
    assert_eq!(refused.problem(), (404, "no-such-video"));
}
