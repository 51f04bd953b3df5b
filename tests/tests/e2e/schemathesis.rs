//! Schemathesis over the whole OpenAPI document, against a real server on each database: every
//! response conforms to the document, and none is a server error.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use e2e::dev::{Dev, Home};
use e2e::media::make_film;
use serde_json::{Value, json};
use testkit::Postgres;

/// Requests per operation and phase, in addition to those for boundary values.
/// `EDGEREEL_SCHEMATHESIS_EXAMPLES` overrides it.
const EXAMPLES: &str = "15";

/// Its configuration, and one existing resource of each kind, so that it gets further than 404.
/// Resources that can be removed have one of their own.
async fn settings(dev: &Dev, folder: &Path) -> PathBuf {
    let film = make_film(
        &folder.join("film.mp4"),
        "320x180",
        "25",
        4.0,
        &["-g", "50"],
    );
    let (kept, ended) = (
        dev.upload(&film, "film.mp4").await,
        dev.upload(&film, "film.mp4").await,
    );
    dev.until_ready(kept).await;
    let make = async |path: &str, fields: Value| {
        let (status, made) = dev.call("POST", path, Some(&fields)).await;
        assert!((200..300).contains(&status), "{path}: {made}");
        made
    };
    let text = |made: &Value, name: &str| made[name].as_str().unwrap().to_owned();
    let hook = json!({ "url": "http://127.0.0.1:9/hooks" });
    // Resources that it creates itself are found by their `Location`; this one has a delivery.
    let webhook = text(&make("/v1/webhooks", hook).await, "id");
    let delivery = make(&format!("/v1/webhooks/{webhook}/test"), json!({})).await;
    let share = make(&format!("/v1/videos/{kept}/shares"), json!({})).await;
    let lasting = make(&format!("/v1/videos/{kept}/shares"), json!({})).await;
    let key = make(
        "/v1/api-keys",
        json!({ "name": "a key", "scopes": ["read"] }),
    )
    .await;
    let waiting = make(
        "/v1/uploads",
        json!({ "filename": "a.mp4", "size": 100 << 20 }),
    )
    .await;
    let aborted = make(
        "/v1/uploads",
        json!({ "filename": "a.mp4", "size": 100 << 20 }),
    )
    .await;
    let uppy = make(
        "/v1/s3/multipart",
        json!({ "filename": "a.mp4", "type": "video/mp4" }),
    )
    .await;

    let mut settings =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schemathesis.toml")).unwrap();
    let secret = text(&lasting, "url").rsplit('/').next().unwrap().to_owned();
    for (name, value) in [
        ("path.video", kept.to_string()),
        ("path.delivery", text(&delivery, "id")),
        ("path.share", text(&share, "id")),
        ("path.key", text(&key, "id")),
        ("path.secret", secret),
        ("path.upload", text(&uppy, "uploadId")),
        ("query.key", text(&uppy, "key")),
    ] {
        writeln!(settings, "\"{name}\" = \"{value}\"").unwrap();
    }
    let uploads = [
        ("getUpload", &waiting),
        ("presignParts", &waiting),
        ("completeUpload", &waiting),
        ("abortUpload", &aborted),
    ];
    let of_operation = uploads.map(|(operation, made)| (operation, "video", text(made, "video")));
    let end = [("deleteVideo", "video", ended.to_string())];
    for (operation, name, value) in of_operation.into_iter().chain(end) {
        let rule = format!(
            "include-operation-id = \"{operation}\"\nparameters = {{ \"path.{name}\" = \"{value}\" }}"
        );
        writeln!(settings, "\n[[operations]]\n{rule}").unwrap();
    }
    let file = folder.join("schemathesis.toml");
    std::fs::write(&file, settings).unwrap();
    file
}

/// Runs it; its report is the failure message of the test.
async fn put_to_the_test(dev: &Dev, home: &Home) {
    let Some(program) = testkit::tool("schemathesis", "schemathesis") else {
        return;
    };
    let api = dev.info["api"].as_str().unwrap().to_owned();
    let token = dev.info["token"].as_str().unwrap().to_owned();
    let folder = home.folder.path().to_owned();
    let settings = settings(dev, &folder).await;
    let examples =
        std::env::var("EDGEREEL_SCHEMATHESIS_EXAMPLES").unwrap_or_else(|_| EXAMPLES.to_owned());
    let ended = tokio::task::spawn_blocking(move || {
        Command::new(program)
            .arg("--config-file")
            .arg(settings)
            .args([
                "run",
                &format!("{api}/openapi.json"),
                "--checks",
                "all",
                "--continue-on-failure",
            ])
            // Stateful tests reach webhooks by several paths, remove one on one path, and then
            // report it as lost on another. Another check (use_after_free) verifies that removed
            // ones stay removed.
            .args(["--exclude-checks", "ensure_resource_availability"])
            .args([
                "--header",
                &format!("Authorization: Bearer {token}"),
                "--max-examples",
                &examples,
            ])
            .args([
                "--seed",
                "1",
                "--workers",
                "1",
                "--generation-database",
                ":memory:",
            ])
            .current_dir(folder)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    });
    let ended = ended.await.unwrap();
    let output = String::from_utf8_lossy(&ended.stdout);
    assert!(
        ended.status.success(),
        "{output}\n{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    // It generated requests.
    assert!(output.contains(" generated"), "{output}");
    // For runs with more examples.
    if std::env::var_os("EDGEREEL_SCHEMATHESIS_EXAMPLES").is_some() {
        println!("{output}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    let mut home = Home::new();
    let dev = home.start().await;
    put_to_the_test(&dev, &home).await;
    assert!(dev.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let mut home = Home::new();
    home.options
        .extend(["--database".to_owned(), server.database()]);
    let dev = home.start().await;
    put_to_the_test(&dev, &home).await;
    assert!(dev.terminate().await.success());
}
