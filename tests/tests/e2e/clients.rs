//! A third-party generator creates a client from the OpenAPI document: without warnings, and
//! usable.

use std::path::Path;
use std::process::Command;

use e2e::dev::Home;
use serde_json::json;

/// Resumes an upload, and sends an image: two cases that earlier documents made impossible for
/// generators.
const PROGRAM: &str = r#"
import sys
from edgereel_client import AuthenticatedClient
from edgereel_client.api.uploads import get_upload
from edgereel_client.api.videos import set_poster, list_videos
from edgereel_client.types import File
import io

base, token, large, small = sys.argv[1:]
client = AuthenticatedClient(base_url=base, token=token)
upload = get_upload.sync(large, client=client)
assert upload.kind == "multipart" and upload.parts == 7 and upload.stored == [], upload
upload = get_upload.sync(small, client=client)
assert upload.kind == "single" and upload.request.method == "PUT", upload
answer = set_poster.sync_detailed(small, client=client, body=File(payload=io.BytesIO(open(sys.argv[0], "rb").read())))
assert answer.status_code == 422 and answer.parsed.code == "poster-not-accepted", answer
listed = list_videos.sync(client=client)
assert {it.id for it in listed.videos} == {large, small} and listed.videos[0].duration_seconds is None
print("done")
"#;

fn run(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    let log = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{log}");
    log
}

/// Generates the client in a directory.
fn generate(generator: &Path, folder: &Path) {
    let (document, settings) = (folder.join("openapi.json"), folder.join("settings.yaml"));
    let text = api::openapi::document()
        .to_json()
        .expect("the document is JSON");
    std::fs::write(&document, text).expect("files can be written");
    // Formatting is not needed.
    std::fs::write(&settings, "post_hooks: []\n").expect("files can be written");
    let mut command = Command::new(generator);
    command
        .arg("generate")
        .arg("--path")
        .arg(document)
        .arg("--config")
        .arg(settings);
    command
        .arg("--output-path")
        .arg(folder.join("client"))
        .args(["--meta", "none", "--fail-on-warning"]);
    let log = run(command.env("NO_COLOR", "1"));
    assert!(!log.to_lowercase().contains("warning"), "{log}");
    std::fs::rename(folder.join("client"), folder.join("edgereel_client"))
        .expect("directories can be renamed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_client_is_generated_without_warnings() {
    let environment = "openapi-python-client";
    let Some(generator) = testkit::tool(environment, environment) else {
        return;
    };
    let Some(python) = testkit::tool(environment, "python") else {
        return;
    };
    let mut home = Home::new();
    let folder = home.folder.path().to_owned();
    generate(&generator, &folder);

    let dev = home.start().await;
    let begin = async |size: u64| {
        let (status, created) = dev
            .call(
                "POST",
                "/v1/uploads",
                Some(&json!({ "filename": "a.mp4", "size": size })),
            )
            .await;
        assert_eq!(status, 201, "{created}");
        created["video"].as_str().expect("an id").to_owned()
    };
    let (large, small) = (begin(100 << 20).await, begin(3).await);
    let program = folder.join("program.py");
    std::fs::write(&program, PROGRAM).expect("files can be written");
    let said = |name: &str| dev.info[name].as_str().expect("a text").to_owned();
    let mut command = Command::new(python);
    command
        .arg(program)
        .args([said("api"), said("token"), large, small])
        .env("PYTHONPATH", folder);
    assert!(run(&mut command).contains("done"));
    assert!(dev.terminate().await.success());
}
