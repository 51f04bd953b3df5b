//! One server, as docs/deploy/server.md sets it up: an empty user, `edgereel serve`, a store of its
//! own, and a page of another origin that uploads with Uppy. The process is killed ten times, and
//! the backup is restored into a new directory.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::ids::VideoId;
use e2e::browser;
use e2e::cors::OperatedBucket;
use e2e::media::make_film;
use e2e::part::Part;
use e2e::player::Player;
use e2e::program::{check, edgereel_run, text};
use platform::testing::RunningServer;
use rustix::process::Signal;
use s3_server::EventOutbox;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// Slow enough to be killed in the middle, with many small chunks.
const PROFILE: &str = r#"
name = "default"
segment_seconds = 2.0
thumbnails = 2

[encoder]
preset = "slow"

[[rung]]
name = "360p"
width = 640
height = 360
video_kbps = 800
audio_kbps = 64

[[rung]]
name = "180p"
width = 320
height = 180
video_kbps = 300
audio_kbps = 64
"#;

const KILLS: u64 = 10;

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// What is installed on a machine: the directory of the secrets, and that of the data.
struct Machine {
    folder: PathBuf,
    listen: String,
    settings: Vec<(&'static str, String)>,
}

impl Machine {
    /// Writes the secrets as the guide does, each into a file.
    async fn new(folder: PathBuf, s3: &RunningServer, origin: &str) -> Self {
        let store = s3.store_config();
        let secrets = folder.join("secrets");
        std::fs::create_dir_all(&secrets).unwrap();
        let keys = edgereel_run(&["keys", "new", "--json"], &folder, Duration::from_secs(30)).await;
        let mut values = keys.last().as_object().unwrap().clone();
        let database = format!("sqlite:{}", folder.join("edgereel.db").display());
        values.insert("EDGEREEL_DATABASE".to_owned(), database.into());
        let (id, secret) = (&store.access_key_id, store.secret_access_key.expose());
        values.insert("EDGEREEL_S3_ACCESS_KEY_ID".to_owned(), id.as_str().into());
        values.insert("EDGEREEL_S3_SECRET_ACCESS_KEY".to_owned(), secret.into());
        for (variable, value) in values {
            let value = value.as_str().unwrap();
            std::fs::write(secrets.join(file_of(&variable)), value).unwrap();
        }
        let settings = vec![
            ("EDGEREEL_S3_ENDPOINT", store.endpoint.clone()),
            ("EDGEREEL_S3_REGION", store.region.clone()),
            ("EDGEREEL_PRIVATE_BUCKET", store.private_bucket.clone()),
            ("EDGEREEL_MEDIA_BUCKET", store.media_bucket.clone()),
            ("EDGEREEL_CORS_ORIGINS", origin.to_owned()),
        ];
        std::fs::create_dir(folder.join("profiles")).unwrap();
        std::fs::write(folder.join("profiles/default.toml"), PROFILE).unwrap();
        let listen = format!("127.0.0.1:{}", free_port());
        Self {
            folder,
            listen,
            settings,
        }
    }

    /// A new machine with the files of a backup.
    fn restored(folder: PathBuf, backup: &Path, other: &Self) -> Self {
        std::fs::create_dir_all(folder.join("profiles")).unwrap();
        let copy = |from: PathBuf, to: &str| std::fs::copy(from, folder.join(to)).unwrap();
        copy(backup.join("edgereel.db"), "edgereel.db");
        copy(
            other.folder.join("profiles/default.toml"),
            "profiles/default.toml",
        );
        std::fs::create_dir(folder.join("secrets")).unwrap();
        for it in std::fs::read_dir(backup.join("secrets")).unwrap() {
            let name = it.unwrap().file_name().into_string().unwrap();
            copy(
                backup.join("secrets").join(&name),
                &format!("secrets/{name}"),
            );
        }
        let database = format!("sqlite:{}", folder.join("edgereel.db").display());
        std::fs::write(folder.join("secrets/database"), database).unwrap();
        let listen = format!("127.0.0.1:{}", free_port());
        Self {
            folder,
            listen,
            settings: other.settings.clone(),
        }
    }

    async fn serve(&self, more: &[&str]) -> Part {
        let mut variables = self.settings.clone();
        for (name, file) in credentials() {
            variables.push((name, text(&self.folder.join("secrets").join(file))));
        }
        variables.push(("EDGEREEL_LISTEN", self.listen.clone()));
        variables.push(("EDGEREEL_PROFILES_DIR", text(&self.folder.join("profiles"))));
        variables.push(("HOME", text(&self.folder)));
        let arguments = [&["serve"], more].concat();
        Part::start(&arguments, &variables, &self.folder).await
    }

    fn token(&self) -> String {
        std::fs::read_to_string(self.folder.join("secrets/api-token")).unwrap()
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = format!("http://{}{path}", self.listen);
        let request = reqwest::Client::new()
            .request(method.parse().unwrap(), url)
            .bearer_auth(self.token().trim());
        let request = match body {
            Value::Null => request,
            body => request
                .header("content-type", "application/json")
                .body(body.to_string()),
        };
        let answer = request.send().await.expect("the API answers");
        let status = answer.status().as_u16();
        (
            status,
            serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default(),
        )
    }

    async fn until_ready(&self, video: &str) -> Value {
        for _ in 0..2400 {
            let (_, now) = self
                .call("GET", &format!("/v1/videos/{video}"), Value::Null)
                .await;
            assert_ne!(now["state"], "failed", "{now:#}");
            if now["state"] == "ready" {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{video} is not ready in time");
    }

    /// Waits until more of a video is done than this; returns the percentage.
    async fn until_further_than(&self, video: &str, percent: u64) -> u64 {
        for _ in 0..2400 {
            let (_, now) = self
                .call("GET", &format!("/v1/videos/{video}"), Value::Null)
                .await;
            assert!(
                now["state"] != "ready" && now["state"] != "failed",
                "too quick to be killed {KILLS} times: {now:#}"
            );
            match now["percent"].as_u64() {
                Some(done) if done > percent => return done,
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        panic!("{video} makes no progress");
    }

    async fn hls_url(&self, video: &str) -> String {
        let path = format!("/v1/videos/{video}/stream");
        let (status, stream) = self.call("GET", &path, Value::Null).await;
        assert_eq!(status, 200, "{stream}");
        stream["hls_url"].as_str().unwrap().to_owned()
    }

    async fn video_named(&self, external_id: &str) -> Value {
        let path = format!("/v1/videos?external_id={external_id}");
        let (_, listed) = self.call("GET", &path, Value::Null).await;
        listed["videos"][0].clone()
    }
}

/// The variables that the unit of systemd points to files of secrets, and the names of these files.
fn credentials() -> Vec<(&'static str, &'static str)> {
    let lines = include_str!("../../../infra/server/edgereel.service").lines();
    let variables = lines.filter_map(|it| it.strip_prefix("Environment=")?.split_once("=%d/"));
    let all: Vec<_> = variables.collect();
    assert!(all.len() >= 8, "{all:?}");
    all
}

/// `EDGEREEL_API_TOKEN` is in the file `api-token`.
fn file_of(variable: &str) -> String {
    let name = variable.strip_prefix("EDGEREEL_").unwrap();
    name.to_lowercase().replace('_', "-")
}

/// Posts the bucket's events to the API, as `MinIO` does: again, as long as it does not accept them.
fn post_events(outbox: EventOutbox, listen: &str, token: &str) -> JoinHandle<()> {
    let (url, token) = (
        format!("http://{listen}/v1/events"),
        token.trim().to_owned(),
    );
    tokio::spawn(async move {
        let http = reqwest::Client::new();
        loop {
            for event in outbox.next_batch(100).await.unwrap() {
                let request = http
                    .post(&url)
                    .bearer_auth(&token)
                    .header("content-type", "application/json")
                    .body(event.body);
                match request.send().await {
                    Ok(answer) if answer.status().is_success() => {
                        outbox.ack(event.sequence).await.unwrap();
                    }
                    _ => tokio::time::sleep(Duration::from_millis(200)).await,
                }
            }
        }
    })
}

/// Kills the server again and again while it works on a video: in turn after progress, and at any
/// moment. (A video whose worker dies five times without any progress fails.)
async fn kill_in_the_middle(machine: &Machine, mut serve: Part, video: &str) -> Part {
    let mut percent = 0;
    for kill in 0..KILLS {
        if kill % 2 == 0 {
            percent = machine.until_further_than(video, percent).await;
        } else {
            tokio::time::sleep(Duration::from_millis(kill * 150)).await;
        }
        serve.process().signal(Signal::KILL);
        assert!(!serve.ended().await.success());
        serve = machine.serve(&[]).await;
    }
    serve
}

/// Whether the program is installed that copies the database.
async fn has_sqlite3() -> bool {
    let mut version = tokio::process::Command::new("sqlite3");
    let found = version.arg("--version").output().await.is_ok();
    if !found {
        testkit::missing("sqlite3", "scripts/setup.sh --services");
    }
    found
}

async fn plays(url: &str) {
    let player = Player::new();
    let presentation = player.presentation(url).await.unwrap().expect("it plays");
    for (name, playlist) in presentation.media.iter().filter(|it| it.0.ends_with('p')) {
        let segment = player.clear_segment(playlist, 0).await;
        assert_eq!(segment.first(), Some(&0x47), "{name}: a transport stream");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_server_survives_kills_and_is_restored_from_a_backup() {
    if !browser::is_there() || !has_sqlite3().await {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let s3 = RunningServer::start(&root.path().join("s3")).await;
    let page = free_port();
    let origin = format!("http://127.0.0.1:{page}");
    let machine = Machine::new(root.path().join("first"), &s3, &origin).await;
    // The rule of docs/uploads.md.
    let store = s3.store_config();
    let bucket = OperatedBucket {
        endpoint: store.endpoint.clone(),
        access_key_id: store.access_key_id.clone(),
        secret_access_key: store.secret_access_key.expose().to_owned(),
        name: store.private_bucket.clone(),
    };
    bucket
        .allow(&origin, &["content-type", "if-none-match"], &["ETag"])
        .await;
    let serve = machine.serve(&[]).await;
    let events = post_events(s3.server.events(), &machine.listen, &machine.token());

    // 40 s: twenty segments.
    let film = make_film(
        &root.path().join("film.mp4"),
        "1280x720",
        "25",
        40.0,
        &[
            "-b:v", "4M", "-minrate", "4M", "-bf", "3", "-flags", "-cgop", "-g", "300",
        ],
    );
    let key = json!({ "name": "a page", "owner": "ann", "scopes": ["upload"] });
    let (status, key) = machine.call("POST", "/v1/api-keys", key).await;
    assert_eq!(status, 201, "{key}");
    let endpoint = format!(
        "http://{}/u/{}",
        machine.listen,
        key["key"].as_str().unwrap()
    );
    let arguments = [&endpoint, film.to_str().unwrap(), &page.to_string()];
    let report = browser::run("upload.mjs", &arguments, Duration::from_secs(300)).await;
    let files = &report["finished"]["files"];
    assert_eq!(
        (files, &report["finished"]["failed"]),
        (&json!(["resumed.mp4"]), &json!([])),
        "{report:#}"
    );
    let video = machine.video_named("resumed.mp4").await;
    let video = video["id"].as_str().unwrap().to_owned();

    let serve = kill_in_the_middle(&machine, serve, &video).await;
    let ready = machine.until_ready(&video).await;
    let attempts = ready["attempts"].as_array().unwrap();
    assert!(attempts.len() as u64 >= KILLS / 2, "{attempts:#?}");
    let url = machine.hls_url(&video).await;
    let report = check(&url, root.path()).await;
    assert_eq!(report["summary"]["must"], 0, "{report:#}");
    let report = browser::run("play.mjs", &[&url], Duration::from_secs(300)).await;
    browser::played_without_an_error(&report);
    assert!(
        (report["duration"].as_f64().unwrap() - 40.0).abs() < 0.2,
        "{report:#}"
    );

    let short = make_film(
        &root.path().join("short.mp4"),
        "320x180",
        "24",
        6.0,
        &["-g", "48"],
    );
    // A backup while it runs, and a video that arrives after it.
    let backups = root.path().join("backups");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/server/backup.sh");
    let output = tokio::process::Command::new(script)
        .args([&backups, &machine.folder.join("secrets")])
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let backup = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    let later = upload(&machine, &short).await;
    machine.until_ready(&later).await;
    assert!(serve.terminate().await.success());
    events.abort();

    let second = Machine::restored(root.path().join("second"), &backup, &machine);
    std::fs::remove_dir_all(&machine.folder).unwrap();
    let serve = second.serve(&["--rebuild"]).await;
    let events = post_events(s3.server.events(), &second.listen, &second.token());
    second.until_ready(&video).await;
    plays(&second.hls_url(&video).await).await;
    second.until_ready(&later).await;
    plays(&second.hls_url(&later).await).await;
    let new = upload(&second, &short).await;
    second.until_ready(&new).await;
    plays(&second.hls_url(&new).await).await;
    assert!(serve.terminate().await.success());
    events.abort();
}

/// Uploads a film with one PUT request.
async fn upload(machine: &Machine, film: &Path) -> String {
    let bytes = std::fs::read(film).unwrap();
    let fields =
        json!({ "filename": "film.mp4", "size": bytes.len(), "content_type": "video/mp4" });
    let (status, created) = machine.call("POST", "/v1/uploads", fields).await;
    assert_eq!(status, 201, "{created}");
    let video: VideoId = e2e::upload::send_source(&reqwest::Client::new(), created, bytes).await;
    video.to_string()
}
