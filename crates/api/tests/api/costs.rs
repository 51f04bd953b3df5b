//! Costs by owner and by month.

use domain::month::Month;
use domain::receipt::Receipt;
use http::Method;
use platform::clock;
use serde_json::{Value, json};

use crate::world::World;

/// A video of an owner that is ready, with this CPU time.
async fn ready(world: &World, owner: Option<&str>, cpu_ms: u64) {
    let mut upload = json!({ "filename": "a.mp4", "size": 3 });
    if let Some(owner) = owner {
        upload["owner"] = json!(owner);
    }
    let created = world.post("/v1/uploads", upload).await;
    let sent = world.put(&created.body["upload"]["request"], b"abc".to_vec());
    assert!(sent.await.status().is_success());
    world.pump().await;
    let claim = world.claim(created.video()).await;
    let receipt = Receipt {
        cpu_ms,
        stored_bytes: 1_000_000_000,
        ..Receipt::default()
    };
    let ready = world.catalog.mark_ready(&claim, &receipt, clock::now());
    ready.await.unwrap();
}

/// The groups with their CPU time.
fn groups(body: &Value, name: &str) -> Vec<(Value, u64)> {
    let groups = body["groups"].as_array().unwrap().iter();
    groups
        .map(|it| (it[name].clone(), it["cpu_ms"].as_u64().unwrap()))
        .collect()
}

#[tokio::test]
async fn costs_are_summed_up() {
    let world = World::with(|config| config.prices.cpu_hour_usd = 3.6).await;
    for (owner, cpu_ms) in [
        (Some("ann"), 1_000),
        (Some("ann"), 2_000),
        (Some("bob"), 9_000),
        (None, 5_000),
    ] {
        ready(&world, owner, cpu_ms).await;
    }
    let by_owner = world.get("/v1/costs?by=owner").await.body;
    let expected = [
        (json!("bob"), 9_000),
        (json!(null), 5_000),
        (json!("ann"), 3_000),
    ];
    assert_eq!(groups(&by_owner, "owner"), expected);
    let total = &by_owner["total"];
    assert_eq!(
        (&total["videos"], &total["cpu_ms"], &by_owner["left_out"]),
        (&json!(4), &json!(17_000), &json!(0))
    );
    let near = |value: &Value, usd: f64| (value.as_f64().unwrap() - usd).abs() < 1e-9;
    assert!(near(&total["cost"]["compute_usd"], 0.017), "{total}");
    assert!(
        near(&total["cost"]["storage_usd_per_month"], 4.0 * 0.015),
        "{total}"
    );

    let month = Month::of(clock::now());
    let by_month = world.get("/v1/costs").await.body;
    assert_eq!(groups(&by_month, "month"), [(json!(month), 17_000)]);
    let of_bob = world.get("/v1/costs?owner=bob").await.body;
    assert_eq!(groups(&of_bob, "month"), [(json!(month), 9_000)]);
    let within = world
        .get(&format!("/v1/costs?since={month}&until={month}"))
        .await
        .body;
    assert_eq!(within["total"], by_month["total"]);
    for outside in ["until=2020-01", "since=9999-12"] {
        let none = world.get(&format!("/v1/costs?{outside}")).await.body;
        assert_eq!(
            (&none["groups"], &none["total"]["videos"]),
            (&json!([]), &json!(0)),
            "{outside}"
        );
    }
    for wrong in ["since=2026", "until=2026-13", "by=video", "months=1"] {
        let answer = world.get(&format!("/v1/costs?{wrong}")).await;
        assert_eq!(answer.problem(), (400, "malformed-request"), "{wrong}");
    }
}

#[tokio::test]
async fn owners_see_their_own_costs() {
    let world = World::new().await;
    ready(&world, Some("ann"), 1_000).await;
    ready(&world, Some("bob"), 2_000).await;
    let (_, of_ann) = world.key(Some("ann"), &["read"]).await;
    let costs = async |key: &str, query: &str| {
        let path = format!("/v1/costs?{query}");
        world.call_as(key, Method::GET, &path, None).await
    };
    let own = costs(&of_ann, "by=owner").await.body;
    assert_eq!(groups(&own, "owner"), [(json!("ann"), 1_000)]);
    assert_eq!(own["total"]["videos"], 1);
    assert_eq!(
        costs(&of_ann, "owner=bob").await.problem(),
        (403, "insufficient-scope")
    );
    let (_, uploader) = world.key(Some("ann"), &["upload"]).await;
    assert_eq!(
        costs(&uploader, "").await.problem(),
        (403, "insufficient-scope")
    );
}
