//! A large file from the command line, whose upload is killed twice: it completes, and no part is
//! sent again that the store had already. `UPLOAD_MB` sets the size; the default is 200.

use catalog::database::{DatabaseAddress, DatabaseConfig};
use std::collections::BTreeMap;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use catalog::connect::QueueAddress;
use config::Services;
use domain::ids::VideoId;
use domain::object_key::{FileName, ObjectKey};
use e2e::part::Part;
use e2e::processes::Process;
use e2e::program::{command, text};
use e2e::site::{Site, TOKEN};
use futures::StreamExt as _;
use platform::object_store::ObjectStore as _;
use platform::object_store::s3::S3StoreConfig;
use platform::testing;
use rustix::process::Signal;
use s3_server::S3Server;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::process::Child;

const MIB: u64 = 1 << 20;
/// Memory limit, MiB: a client that holds parts in memory would exceed it.
const MEMORY_MIB: u64 = 64;

/// The part requests that the store received.
#[derive(Default)]
struct Seen {
    /// Parts of started requests.
    begun: Vec<u32>,
    /// Number of successful requests, by part.
    stored: BTreeMap<u32, u32>,
}

type Log = Arc<Mutex<Seen>>;

async fn watch(State(log): State<Log>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let number = query
        .split('&')
        .find_map(|it| it.strip_prefix("partNumber=")?.parse().ok());
    let number: Option<u32> = number.filter(|_| request.method() == "PUT");
    if let Some(number) = number {
        log.lock().unwrap().begun.push(number);
    }
    // In a task of its own: the store may finish a request whose client was killed.
    let run = tokio::spawn(async move {
        let answer = next.run(request).await;
        if let Some(number) = number.filter(|_| answer.status().is_success()) {
            *log.lock().unwrap().stored.entry(number).or_default() += 1;
        }
        answer
    });
    run.await.unwrap()
}

/// An S3 server whose requests are recorded.
async fn store(folder: &Path, log: &Log) -> S3StoreConfig {
    let config = testing::config(folder);
    let server = tokio::task::spawn_blocking(move || S3Server::open(config))
        .await
        .unwrap()
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = server
        .router()
        .layer(from_fn_with_state(log.clone(), watch));
    tokio::spawn(serve::serve(listener, router, std::future::pending()));
    testing::store_config(&endpoint)
}

/// A file without repeated data, and its SHA-256.
fn make_file(path: &Path, bytes: u64) -> Vec<u8> {
    let (mut file, mut sha256) = (
        BufWriter::new(std::fs::File::create(path).unwrap()),
        Sha256::new(),
    );
    let (mut state, mut left, mut block) = (0x9e37_79b9_7f4a_7c15_u64, bytes, vec![0; 1 << 20]);
    while left > 0 {
        for word in block.chunks_exact_mut(8) {
            // xorshift64: fast, and random enough.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        let block = &block[..left.min(1 << 20) as usize];
        sha256.update(block);
        file.write_all(block).unwrap();
        left -= block.len() as u64;
    }
    file.flush().unwrap();
    sha256.finalize().to_vec()
}

/// A running `edgereel upload`.
struct Upload {
    child: Child,
    process: Process,
    /// Peak memory, KiB.
    memory: u64,
}

impl Upload {
    fn start(site: &Site, api: &Part, file: &Path) -> Self {
        let mut command = command(&["upload", &text(file), "--json"], site.folder.path());
        command.env("XDG_STATE_HOME", site.folder.path().join("state"));
        command
            .env("EDGEREEL_API_URL", api.said["api"].as_str().unwrap())
            .env("EDGEREEL_API_TOKEN", TOKEN);
        let child = command.spawn().unwrap();
        let process = Process::of(child.id().unwrap() as i32).unwrap();
        Self {
            child,
            process,
            memory: 0,
        }
    }

    /// Samples its memory; returns whether it still runs.
    fn look(&mut self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.pid))
            .unwrap_or_default();
        let peak = status.lines().find_map(|it| {
            it.strip_prefix("VmHWM:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        });
        self.memory = peak.unwrap_or(0).max(self.memory);
        self.process.is_alive()
    }

    /// `kill -9` as soon as the store has this many parts.
    async fn kill_at(mut self, log: &Log, parts: usize) -> u64 {
        while log.lock().unwrap().stored.len() < parts {
            assert!(self.look(), "it ended before it could be killed");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.process.signal(Signal::KILL);
        self.child.wait().await.unwrap();
        self.memory
    }

    /// Waits for its end: its output, and its peak memory.
    async fn end(mut self) -> (Vec<Value>, u64) {
        while self.look() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let output = self.child.wait_with_output().await.unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let said = String::from_utf8(output.stdout).unwrap();
        (
            said.lines()
                .map(|it| serde_json::from_str(it).unwrap())
                .collect(),
            self.memory,
        )
    }
}

/// Checks the requests that the store received. Returns the number of requests that were cut off.
fn check(log: &Log, known: &[(usize, BTreeMap<u32, u32>)], parts: usize) -> usize {
    let seen = log.lock().unwrap();
    assert_eq!(seen.stored.len(), parts, "all parts have arrived");
    assert!(
        seen.stored.values().all(|it| *it == 1),
        "each once: {:?}",
        seen.stored
    );
    for (begun, stored) in known {
        let again: Vec<_> = seen.begun[*begun..]
            .iter()
            .filter(|it| stored.contains_key(it))
            .collect();
        assert!(
            !stored.is_empty() && again.is_empty(),
            "sent again though the store had them: {again:?}"
        );
    }
    seen.begun.len() - parts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_killed_twice_ends_whole() {
    let megabytes = std::env::var("UPLOAD_MB")
        .ok()
        .and_then(|it| it.parse().ok())
        .unwrap_or(200_u64);
    let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
    let services = Services {
        database: DatabaseConfig::migrating(DatabaseAddress::file(
            folder.path().join("edgereel.db"),
        )),
        queue: QueueAddress::Database.into(),
        store: store(&folder.path().join("s3"), &log).await,
    };
    let site = Site::new(services, folder).await;
    let (api, file) = (site.api().await, site.folder.path().join("film.mp4"));
    // An odd size: the last part is shorter.
    let bytes = megabytes * 1_000_000 + 12_345;
    let sent = make_file(&file, bytes);
    let parts = bytes.div_ceil(16 * MIB) as usize;

    let began = Instant::now();
    let mut memory = vec![];
    let mut known = vec![];
    for third in 1..=2 {
        let upload = Upload::start(&site, &api, &file);
        memory.push(upload.kill_at(&log, parts * third / 3).await);
        // Requests in progress are cut off, or have just completed.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let seen = log.lock().unwrap();
        known.push((seen.begun.len(), seen.stored.clone()));
    }
    let (said, last) = Upload::start(&site, &api, &file).end().await;
    memory.push(last);
    let took = began.elapsed();
    assert_eq!(
        (&said[0]["event"], &said[0]["resumed"]),
        (&json!("created"), &json!(true))
    );

    let cut_off = check(&log, &known, parts);

    let video: VideoId = said[0]["video"].as_str().unwrap().parse().unwrap();
    let key = ObjectKey::Source {
        video,
        file_name: FileName::clean("film.mp4"),
    };
    let mut body = site
        .functions
        .store
        .get(&key, None, None)
        .await
        .unwrap()
        .stream;
    let (mut sha256, mut arrived) = (Sha256::new(), 0);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.unwrap();
        arrived += chunk.len() as u64;
        sha256.update(&chunk);
    }
    assert_eq!(arrived, bytes);
    assert!(sha256.finalize().to_vec() == sent, "the object is the file");
    assert!(
        memory.iter().all(|it| *it <= MEMORY_MIB * 1024),
        "{memory:?} KiB"
    );
    println!(
        "{bytes} bytes in {parts} parts, killed twice, in {:.1} s; {cut_off} requests of parts cut off; memory of the three \
         runs: {memory:?} KiB",
        took.as_secs_f64()
    );
}
