//! Schemathesis over the whole OpenAPI document, against a real server on each database: no answer is outside of the
//! document, and none is a failure of ours.

#![cfg(test)]

use std::process::{Command, Stdio};

use e2e::dev::{Dev, Home};
use testkit::Postgres;

/// Requests to each operation in each phase, besides those that cover its edges one by one.
/// `EDGEREEL_SCHEMATHESIS_EXAMPLES` asks for more.
const EXAMPLES: &str = "15";

/// What it says when it is not content is the failure of the test.
async fn put_to_the_test(dev: &Dev, home: &Home) {
    let Some(program) = testkit::tool("schemathesis", "schemathesis") else { return };
    let api = dev.info["api"].as_str().unwrap().to_owned();
    let token = dev.info["token"].as_str().unwrap().to_owned();
    let folder = home.folder.path().to_owned();
    let examples = std::env::var("EDGEREEL_SCHEMATHESIS_EXAMPLES").unwrap_or_else(|_| EXAMPLES.to_owned());
    let settings = concat!(env!("CARGO_MANIFEST_DIR"), "/schemathesis.toml");
    let ended = tokio::task::spawn_blocking(move || {
        Command::new(program)
            .args(["--config-file", settings, "run", &format!("{api}/openapi.json"), "--checks", "all"])
            .args(["--header", &format!("Authorization: Bearer {token}"), "--max-examples", &examples])
            .args(["--seed", "1", "--workers", "2", "--generation-database", ":memory:"])
            .current_dir(folder)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    });
    let ended = ended.await.unwrap();
    let told = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{told}\n{}", String::from_utf8_lossy(&ended.stderr));
    // It did something.
    assert!(told.contains("generated"), "{told}");
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
    let Some(server) = Postgres::start() else { return };
    let mut home = Home::new();
    home.options.extend(["--database".to_owned(), server.database()]);
    let dev = home.start().await;
    put_to_the_test(&dev, &home).await;
    assert!(dev.terminate().await.success());
}
