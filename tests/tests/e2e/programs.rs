//! The programs of an installation: everything in one, the edge alone, the consumer of events.

use std::time::{Duration, Instant};

use catalog::connect::QueueAddress;
use catalog::database::DatabaseConfig;
use config::Services;
use domain::ids::VideoId;
use e2e::media::make_film;
use e2e::part::Part;
use e2e::player::Player;
use e2e::program::edgereel_run_with;
use e2e::site::Site;
use metrics::Program;
use platform::testing::RunningServer;
use serde_json::{Value, json};
use testkit::{LocalStack, Postgres};

mod events_queue;
mod exported;

/// An installation over an S3 server.
async fn site(database: Option<String>) -> (Site, RunningServer) {
    let folder = tempfile::tempdir().unwrap();
    let s3 = RunningServer::start(&folder.path().join("s3")).await;
    let file = format!("sqlite:{}", folder.path().join("edgereel.db").display());
    let services = Services {
        database: DatabaseConfig::migrating(database.unwrap_or(file).parse().unwrap()),
        queue: QueueAddress::Database.into(),
        store: s3.store_config(),
    };
    (Site::new(services, folder).await, s3)
}

/// The URL of the master playlist for a viewer.
async fn playback(site: &Site, api: &Part, video: VideoId, viewer: &str) -> String {
    let path = format!("/v1/videos/{video}/stream?viewer={viewer}");
    let (status, stream) = site.call(api, "GET", &path, None).await;
    assert_eq!(status, 200, "{stream}");
    stream["hls_url"].as_str().unwrap().to_owned()
}

/// Plays the first segment of the first rendition.
async fn plays(url: &str) {
    let player = Player::new();
    let presentation = player.presentation(url).await.unwrap().expect("it plays");
    let mut renditions = presentation.media.iter();
    let rung = renditions.find(|it| it.0.ends_with('p')).expect("a rung");
    let segment = player.clear_segment(rung.1, 0).await;
    assert_eq!(segment.first(), Some(&0x47), "a transport stream");
}

/// The status and the code of a refusal.
async fn refusal(url: &str) -> (u16, String) {
    let (status, body) = Player::new().get(url).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

async fn revoke(site: &Site, api: &Part, what: Value) {
    let (status, revoked) = site.call(api, "POST", "/v1/revocations", Some(what)).await;
    assert_eq!(status, 200, "{revoked}");
}

const HEALTH: (&str, &str) = ("EDGEREEL_HEALTH_LISTEN", "127.0.0.1:0");

async fn read_health(part: &Part, path: &str) -> (u16, String) {
    let url = format!("http://{}{path}", part.said["health"].as_str().unwrap());
    let (status, body) = Player::new().get(&url).await.unwrap();
    (status, String::from_utf8(body).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_program_serves_from_the_upload_to_the_revocation() {
    let (site, _s3) = site(None).await;
    let path = site.folder.path().join("film.mp4");
    let film = make_film(&path, "320x180", "24", 6.0, &["-g", "48"]);
    let mut variables = vec![(HEALTH.0, HEALTH.1.to_owned())];
    // Missing settings have defaults: the edge is this program.
    variables.push(("EDGEREEL_EDGE_URL", String::new()));
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--encoders", "1"];
    let serve = site.part(&arguments, &variables).await;
    assert_eq!(site.call(&serve, "GET", "/readyz", None).await.0, 200);
    let video = site.upload(&serve, &film).await;
    site.until(&serve, video, |it| it["state"] == "ready").await;

    let url = playback(&site, &serve, video, "anna").await;
    let own = serve.said["api"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&format!("{own}/v/{video}/")), "{url}");
    plays(&url).await;
    revoke(&site, &serve, json!({ "viewer": "anna" })).await;
    assert_eq!(refusal(&url).await, (403, "revoked".to_owned()));
    let other = playback(&site, &serve, video, "ben").await;
    plays(&other).await;

    assert_eq!(read_health(&serve, "/readyz").await.0, 200);
    let (_, metrics) = read_health(&serve, "/metrics").await;
    for line in [
        "edgereel_transcoder_attempts_total{outcome=\"done\"} 1",
        "edgereel_transcoder_source_seconds_total 6",
        "edgereel_jobs{state=\"ready\"} 0",
        "edgereel_process_resident_memory_bytes ",
    ] {
        assert!(metrics.contains(line), "{line} is missing:\n{metrics}");
    }
    exported::is_as_in_the_table(Program::Serve, &metrics);
    let refused = "edgereel_edge_responses_total{status=\"403\"} 1";
    assert!(metrics.contains(refused), "{metrics}");
    let address = serve.said["health"].as_str().unwrap().to_owned();
    let check = async || {
        let variables = [("EDGEREEL_HEALTH_LISTEN".to_owned(), address.clone())];
        let limit = Duration::from_secs(20);
        edgereel_run_with(&variables, &["healthcheck"], site.folder.path(), limit)
            .await
            .code
    };
    assert_eq!(check().await, Some(0));

    // The list is in the database, so a revocation survives a restart.
    assert!(serve.terminate().await.success());
    assert_eq!(check().await, Some(1));
    let serve = site.part(&arguments, &variables).await;
    let again = url.replace(&own, serve.said["api"].as_str().unwrap());
    assert_eq!(refusal(&again).await, (403, "revoked".to_owned()));
    assert!(serve.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_of_its_own_shares_a_file() {
    separate(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_of_its_own_shares_postgresql() {
    if let Some(postgres) = Postgres::start() {
        separate(Some(postgres.database())).await;
    }
}

/// API, transcoder and edge as three programs.
async fn separate(database: Option<String>) {
    let (mut site, _s3) = site(database).await;
    let path = site.folder.path().join("film.mp4");
    let film = make_film(&path, "320x180", "24", 6.0, &["-g", "48"]);
    let collector = exported::Collector::start().await;
    let health = [
        (HEALTH.0, HEALTH.1.to_owned()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.clone()),
    ];
    let edge = site
        .part(&["edge", "--listen", "127.0.0.1:0"], &health)
        .await;
    let address = edge.said["edge"].as_str().unwrap().to_owned();
    site.variables.retain(|it| it.0 != "EDGEREEL_EDGE_URL");
    site.variables.push(("EDGEREEL_EDGE_URL", address.clone()));
    site.variables
        .push(("EDGEREEL_EDGE_LIST", "database".to_owned()));
    let api = site.api().await;
    let transcoder = ["transcoder", "--encoders", "1", "--until-idle", "5"];
    let transcoder = site.part(&transcoder, &health).await;
    assert_eq!(read_health(&transcoder, "/readyz").await.0, 200);
    let (_, metrics) = read_health(&transcoder, "/metrics").await;
    exported::is_as_in_the_table(Program::Transcoder, &metrics);

    let video = site.upload(&api, &film).await;
    site.until(&api, video, |it| it["state"] == "ready").await;
    let ready = Instant::now();
    assert!(
        transcoder.ended().await.success(),
        "it ends when it is idle"
    );
    assert!(ready.elapsed() > Duration::from_secs(3), "{ready:?}");
    assert!(
        collector.has(&["edgereel_transcoder_ready_seconds", "edgereel-transcoder"]),
        "the last export is missing"
    );

    let (anna, ben) = (
        playback(&site, &api, video, "anna").await,
        playback(&site, &api, video, "ben").await,
    );
    assert!(anna.starts_with(&address), "{anna}");
    plays(&anna).await;
    plays(&ben).await;
    revoke(&site, &api, json!({ "viewer": "anna" })).await;
    let began = Instant::now();
    while refusal(&anna).await != (403, "revoked".to_owned()) {
        assert!(began.elapsed() < Duration::from_secs(5), "it goes on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    plays(&ben).await;
    assert_eq!(read_health(&edge, "/readyz").await.0, 200);
    let (_, metrics) = read_health(&edge, "/metrics").await;
    assert!(
        metrics.contains("edgereel_edge_responses_total{status=\"403\"} "),
        "{metrics}"
    );
    // The port of viewers has the same for load balancers.
    let (status, _) = Player::new()
        .get(&format!("{address}/healthz"))
        .await
        .unwrap();
    assert_eq!(status, 200);

    exported::is_as_in_the_table(Program::Edge, &metrics);
    assert!(edge.terminate().await.success());
    assert!(collector.has(&["edgereel_edge_responses_total", "edgereel-edge"]));
    let edge = site.part(&["edge", "--listen", "127.0.0.1:0"], &[]).await;
    let restarted = edge.said["edge"].as_str().unwrap();
    assert_eq!(
        refusal(&anna.replace(&address, restarted)).await,
        (403, "revoked".to_owned())
    );
    assert!(edge.terminate().await.success() && api.terminate().await.success());
}

#[tokio::test]
async fn missing_settings_are_listed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let limit = Duration::from_secs(20);
    let answer = edgereel_run_with(&[], &["serve"], folder.path(), limit).await;
    assert_eq!(answer.code, Some(2), "{}", answer.stderr);
    for name in [
        "DATABASE",
        "S3_ENDPOINT",
        "API_TOKEN",
        "PASS_KEYS",
        "MEDIA_BUCKET",
    ] {
        let name = format!("EDGEREEL_{name} is not set");
        assert!(answer.stderr.contains(&name), "{name}: {}", answer.stderr);
    }
    assert!(
        !answer.stderr.contains("EDGEREEL_EDGE_URL"),
        "{}",
        answer.stderr
    );

    // New secrets fill in what can be generated.
    let new = edgereel_run_with(&[], &["keys", "new", "--json"], folder.path(), limit).await;
    let secrets: Vec<_> = new
        .last()
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(secrets.len(), 5, "{secrets:?}");
    let answer = edgereel_run_with(&secrets, &["serve"], folder.path(), limit).await;
    assert!(
        answer.stderr.contains("EDGEREEL_DATABASE is not set")
            && !answer.stderr.contains("_KEYS")
            && !answer.stderr.contains("TOKEN"),
        "{}",
        answer.stderr
    );
}
