//! A large object passes through the server in constant memory. The test measures a process that
//! runs nothing else.

use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::ids::VideoId;
use domain::object_key::{FileName, ObjectKey};
use futures::{StreamExt as _, TryStreamExt as _};
use platform::object_store::uploads::UploadSigner as _;
use platform::object_store::{ObjectStore as _, StoreError};
use platform::testing::RunningServer;

/// Set in the process that is measured.
const MEASURED: &str = "EDGEREEL_TEST_S3_MEASURED";
const CHUNK: usize = 1 << 20;
const CHUNKS: usize = 1024;
/// Allowed growth of the process in bytes, client included, while 1 GiB is written and read.
const ALLOWED: u64 = 48 << 20;

/// Peak resident memory of this process, bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_goes_in_and_out_in_constant_memory() {
    if std::env::var_os(MEASURED).is_none() {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args([
            "--exact",
            "memory::a_gibibyte_goes_in_and_out_in_constant_memory",
            "--nocapture",
        ]);
        let output = process.env(MEASURED, "1").output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        println!("{printed}{}", String::from_utf8_lossy(&output.stderr));
        return assert!(output.status.success() && printed.contains("1 passed"));
    }
    let folder = tempfile::tempdir().unwrap();
    let server = RunningServer::start(folder.path()).await;
    let store = server.store();
    let key = ObjectKey::Source {
        video: VideoId::new(1, [1; 10]),
        file_name: FileName::clean("film.mp4"),
    };
    // One-time initialisation does not count.
    let missing = store.head(&key).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
    let before = peak();

    let size = (CHUNK * CHUNKS) as u64;
    let signed = store
        .presign_put(&key, Some(size), "video/mp4", Duration::from_secs(600))
        .await
        .unwrap();
    let chunk = Bytes::from((0..CHUNK).map(|i| (i % 251) as u8).collect::<Vec<_>>());
    let body = futures::stream::iter(0..CHUNKS).map({
        let chunk = chunk.clone();
        move |_| Ok::<_, std::io::Error>(chunk.clone())
    });
    let mut put = reqwest::Client::new().put(&signed.url);
    for (name, value) in &signed.headers {
        put = put.header(name, value);
    }
    let began = Instant::now();
    let answer = put
        .body(reqwest::Body::wrap_stream(body))
        .send()
        .await
        .unwrap();
    assert!(
        answer.status().is_success(),
        "{}",
        answer.text().await.unwrap()
    );
    let put_s = began.elapsed().as_secs_f64();

    let began = Instant::now();
    let object = store.get(&key, None, None).await.unwrap();
    assert_eq!(object.meta.size, size);
    let read = object
        .stream
        .try_fold(0_u64, |at, piece| {
            let expected = usize::try_from(at).unwrap() % CHUNK % 251;
            assert_eq!(usize::from(piece[0]), expected, "at {at}");
            async move { Ok(at + piece.len() as u64) }
        })
        .await
        .unwrap();
    assert_eq!(read, size);
    let get_s = began.elapsed().as_secs_f64();
    let grown = peak() - before;
    println!(
        "1 GiB: put {put_s:.1} s, get {get_s:.1} s, memory grew by {} KiB",
        grown / 1024
    );
    assert!(grown < ALLOWED, "memory grew by {} MiB", grown >> 20);
}
