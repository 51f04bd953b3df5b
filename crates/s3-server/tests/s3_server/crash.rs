//! `kill -9` of the server at random moments under load: acknowledged objects exist, existing
//! objects are complete, and no files are left behind.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, Region, RequestChecksumCalculation,
};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use md5::{Digest as _, Md5};
use platform::testing::{PRIVATE, RunningServer, config};
use s3_server::{R2Event, S3Server};

/// Makes this executable run the server: the directory to serve.
const FOLDER: &str = "EDGEREEL_TEST_S3_FOLDER";
const ROUNDS: u64 = 5;
const WRITERS: u64 = 8;
const PART: usize = 5 << 20;

/// Not a test: the process that the real test starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn be_the_server() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let server = RunningServer::start(Path::new(&folder)).await;
    println!("\nlistening {}", server.endpoint);
    std::future::pending::<()>().await;
}

struct Killable(Child);

impl Drop for Killable {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(folder: &Path) -> (Killable, Client) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::be_the_server", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let process = Killable(child);
    let endpoint = lines
        .map(Result::unwrap)
        .find_map(|line| line.strip_prefix("listening ").map(str::to_owned))
        .expect("the server listens");
    (process, client(&endpoint))
}

fn client(endpoint: &str) -> Client {
    let config = config(Path::new(""));
    let credentials = Credentials::new(
        config.access_key_id,
        config.secret_access_key.expose(),
        None,
        None,
        "test",
    );
    Client::from_conf(
        Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .region(Region::new("auto"))
            .credentials_provider(credentials)
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .retry_config(RetryConfig::disabled())
            .build(),
    )
}

/// The state of a key: the ETag of the last acknowledged version, and of a pending one.
#[derive(Default, Clone)]
struct Written {
    acknowledged: Vec<String>,
    uncertain: Option<String>,
}

/// Random numbers from a seed, so that a failing run can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn body(&mut self) -> Vec<u8> {
        let size = [0, 100, 50_000, 400_000, 2_500_000][usize::try_from(self.below(5)).unwrap()];
        let seed = self.below(u64::MAX);
        (0..size)
            .map(|i: u64| (i.wrapping_mul(31).wrapping_add(seed) >> 3) as u8)
            .collect()
    }
}

/// Overwrites three keys repeatedly until the server dies; every third object is uploaded in parts.
async fn write(client: Client, round: u64, writer: u64) -> HashMap<String, Written> {
    let mut random = Random(round * 1000 + writer);
    let mut written: HashMap<String, Written> = HashMap::new();
    for i in 0.. {
        let key = format!("uploads/{round}/{writer}/{}", i % 3);
        let entry = written.entry(key.clone()).or_default();
        let (etag, done) = if i % 3 == 2 {
            let parts = [vec![u8::try_from(i % 256).unwrap(); PART], random.body()];
            let md5s: Vec<u8> = parts
                .iter()
                .flat_map(|part| Md5::digest(part).to_vec())
                .collect();
            (
                format!("{}-2", hex(&Md5::digest(&md5s))),
                put_parts(&client, &key, parts).await,
            )
        } else {
            let body = random.body();
            let etag = hex(&Md5::digest(&body));
            let put = client
                .put_object()
                .bucket(PRIVATE)
                .key(&key)
                .content_type("video/mp4")
                .metadata("md5", &etag);
            (etag, put.body(body.into()).send().await.is_ok())
        };
        if !done {
            entry.uncertain = Some(etag);
            return written;
        }
        entry.acknowledged.push(etag);
    }
    written
}

async fn put_parts(client: &Client, key: &str, parts: [Vec<u8>; 2]) -> bool {
    let upload = async {
        let create = client
            .create_multipart_upload()
            .bucket(PRIVATE)
            .key(key)
            .content_type("video/mp4");
        let id = create.send().await.ok()?.upload_id?;
        let mut named = CompletedMultipartUpload::builder();
        for (number, part) in (1..).zip(parts) {
            let put = client
                .upload_part()
                .bucket(PRIVATE)
                .key(key)
                .upload_id(&id)
                .part_number(number);
            let etag = put.body(part.into()).send().await.ok()?.e_tag?;
            named = named.parts(
                CompletedPart::builder()
                    .part_number(number)
                    .e_tag(etag)
                    .build(),
            );
        }
        let complete = client
            .complete_multipart_upload()
            .bucket(PRIVATE)
            .key(key)
            .upload_id(&id);
        complete.multipart_upload(named.build()).send().await.ok()
    };
    upload.await.is_some()
}

fn hex(bytes: &[u8]) -> String {
    domain::ids::hex(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9() {
    if std::env::var_os(FOLDER).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut written = HashMap::new();
    let mut random = Random(42);
    for round in 0..ROUNDS {
        let (mut process, client) = start(folder.path());
        let writers: Vec<_> = (0..WRITERS)
            .map(|it| tokio::spawn(write(client.clone(), round, it)))
            .collect();
        tokio::time::sleep(Duration::from_millis(300 + random.below(700))).await;
        process.0.kill().unwrap();
        process.0.wait().unwrap();
        for writer in writers {
            written.extend(writer.await.unwrap());
        }
    }
    let acknowledged: usize = written.values().map(|it| it.acknowledged.len()).sum();
    assert!(
        acknowledged > 40,
        "the rounds did some work: {acknowledged}"
    );

    let server = RunningServer::start(folder.path()).await;
    let client = client(&server.endpoint);
    for (
        key,
        Written {
            acknowledged,
            uncertain,
        },
    ) in &written
    {
        let object = match client.get_object().bucket(PRIVATE).key(key).send().await {
            Ok(object) => object,
            Err(_) if acknowledged.is_empty() => continue,
            Err(error) => panic!("`{key}` was acknowledged and is lost: {error:?}"),
        };
        let etag = object.e_tag().unwrap().trim_matches('"').to_owned();
        assert!(
            acknowledged.last() == Some(&etag) || uncertain.as_ref() == Some(&etag),
            "`{key}` is of another version"
        );
        assert_eq!(object.content_type(), Some("video/mp4"), "`{key}`");
        let metadata = object.metadata().and_then(|it| it.get("md5")).cloned();
        let body = object.body.collect().await.unwrap().to_vec();
        if etag.ends_with("-2") {
            let (first, rest) = body.split_at(PART);
            let md5s = [Md5::digest(first).to_vec(), Md5::digest(rest).to_vec()].concat();
            assert_eq!(etag, format!("{}-2", hex(&Md5::digest(&md5s))), "`{key}`");
        } else {
            assert_eq!(etag, hex(&Md5::digest(&body)), "`{key}`");
            assert_eq!(
                metadata,
                Some(etag),
                "`{key}` has the metadata of another version"
            );
        }
    }

    let mut events: HashMap<String, HashSet<String>> = HashMap::new();
    for event in server.server.events().waiting(u32::MAX).await.unwrap() {
        let event: R2Event = serde_json::from_str(&event.body).unwrap();
        events
            .entry(event.object.key)
            .or_default()
            .extend(event.object.e_tag);
    }
    for (key, Written { acknowledged, .. }) in &written {
        let sent = events.remove(key).unwrap_or_default();
        assert!(
            acknowledged.iter().all(|etag| sent.contains(etag)),
            "an event of `{key}` is lost"
        );
    }
    server.stop().await;

    // Deleting all objects and uploads must free every file: none is orphaned, none is missing.
    delete_everything(folder.path()).await;
    let left: usize = ["blobs", "tmp"]
        .iter()
        .map(|it| std::fs::read_dir(folder.path().join(it)).unwrap().count())
        .sum();
    assert_eq!(left, 0, "files that nothing names");
}

async fn delete_everything(folder: &Path) {
    let server = RunningServer::start(folder).await;
    let client = client(&server.endpoint);
    for object in client
        .list_objects_v2()
        .bucket(PRIVATE)
        .send()
        .await
        .unwrap()
        .contents()
    {
        client
            .delete_object()
            .bucket(PRIVATE)
            .key(object.key().unwrap())
            .send()
            .await
            .unwrap();
    }
    for upload in client
        .list_multipart_uploads()
        .bucket(PRIVATE)
        .send()
        .await
        .unwrap()
        .uploads()
    {
        let abort = client
            .abort_multipart_upload()
            .bucket(PRIVATE)
            .key(upload.key().unwrap());
        abort
            .upload_id(upload.upload_id().unwrap())
            .send()
            .await
            .unwrap();
    }
    server.stop().await;
    // The directory can be opened again, because the index releases it only after its last commit and
    // removals.
    drop(S3Server::open(config(folder)).unwrap());
}
