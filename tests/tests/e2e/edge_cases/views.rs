//! The data points that the worker writes for Analytics Engine.

use domain::grant::Fingerprint;
use domain::playback::Refusal;
use serde_json::{Value, json};

use super::{Case, bindings, named, send, worker_with, world};
use e2e::edge::Edge;

/// The data points since the last call: index, blobs and doubles.
async fn points(edge: &mut Edge) -> Vec<(String, Vec<String>, Vec<u64>)> {
    let answer = edge.say(json!({ "do": "points" })).await;
    let texts = |it: &Value| {
        it.as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap().to_owned())
            .collect()
    };
    let numbers = |it: &Value| {
        it.as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_f64().unwrap() as u64)
            .collect()
    };
    let point = |it: &Value| {
        let indexes: Vec<String> = texts(&it["indexes"]);
        (
            indexes.concat(),
            texts(&it["blobs"]),
            numbers(&it["doubles"]),
        )
    };
    answer["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(point)
        .collect()
}

async fn check(edge: &Edge, case: &Case) {
    case.check(&send(&edge.address, case).await).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_writes_data_points_for_views() {
    let mut bindings = bindings();
    bindings["COUNTS_VIEWS"] = json!("1");
    let Some(mut edge) = worker_with(bindings).await else {
        return;
    };
    let (video, session) = (
        world::video().to_string(),
        Fingerprint::of("session-1").to_string(),
    );
    let point = |kind: &str, session: &str, refusal: &str, numbers: [u64; 7]| {
        let blobs = [kind, session, refusal].map(str::to_owned).to_vec();
        (video.clone(), blobs, numbers.to_vec())
    };
    let nothing = [0; 7];

    // Playlists of a rendition, images, and segments of players without measurements are not counted.
    for name in [
        "media playlist",
        "poster",
        "segment",
        "HEAD of a key",
        "preflight",
    ] {
        check(&edge, &named(name)).await;
    }
    assert_eq!(points(&mut edge).await, []);

    check(&edge, &named("key")).await;
    check(&edge, &named("a segment with CMCD")).await;
    check(&edge, &named("report")).await;
    let measured = [6_000, 5_000, 0, 1, 0, 0, 0];
    assert_eq!(
        points(&mut edge).await,
        [
            point("key", &session, "", nothing),
            point("segment", &session, "", measured),
            point("report", &session, "", [60_000, 2_500, 0, 0, 0, 0, 0]),
        ]
    );

    check(&edge, &named("grant in the query")).await;
    let master = points(&mut edge).await;
    assert_eq!(master.len(), 1);
    assert_eq!((&master[0].0, master[0].1[0].as_str()), (&video, "master"));
    let text = format!("{master:?}");
    assert!(
        !text.contains("eyJ") && !text.contains("anna"),
        "neither grant nor viewer: {text}"
    );

    check(&edge, &named("report with an expired pass")).await;
    check(&edge, &named("root")).await;
    let code = Refusal::PassExpired.code();
    assert_eq!(
        points(&mut edge).await,
        [point("refused", &session, code, nothing)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_a_data_set_counts_nothing() {
    let Some(mut edge) = worker_with(bindings()).await else {
        return;
    };
    check(&edge, &named("key")).await;
    check(&edge, &named("report")).await;
    assert_eq!(points(&mut edge).await, []);
}
