use std::time::Duration;

use reqwest::{Client, Method};

use super::*;
use crate::stills::InMemory;

const SOURCE: &[u8] = b"0123456789abcdefghij";

/// Keeps what it is given, and fails where it is asked to.
#[derive(Default)]
struct Shelf {
    files: Mutex<Vec<(String, u32, Vec<u8>)>>,
    slow: bool,
}

#[async_trait]
impl SegmentReceiver for Shelf {
    async fn receive(&self, output: &str, index: u32, body: Body) -> Result<(), TranscodeError> {
        let bytes = axum::body::to_bytes(body, usize::MAX)
            .await
            .map_err(|_| TranscodeError::Cancelled)?;
        if self.slow {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        match output {
            "wrong" => {
                return Err(TranscodeError::Verification(format!(
                    "file {index} is wrong"
                )));
            }
            "stopped" => return Err(TranscodeError::Cancelled),
            _ => {}
        }
        self.files
            .lock()
            .unwrap()
            .push((output.to_owned(), index, bytes.to_vec()));
        Ok(())
    }
}

async fn loopback() -> Loopback {
    Loopback::start(Blocks::new(Arc::new(InMemory(SOURCE.into()))))
        .await
        .unwrap()
}

async fn status(method: Method, url: &str, body: &'static str) -> u16 {
    Client::new()
        .request(method, url)
        .body(body)
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

async fn post(url: &str, body: &'static str) -> u16 {
    status(Method::POST, url, body).await
}

#[tokio::test]
async fn the_source_is_read_by_ranges() {
    let loopback = loopback().await;
    let client = Client::new();
    for (range, code, content_range, expected) in [
        (None, 200, None, SOURCE),
        (Some("bytes=0-"), 206, Some("bytes 0-19/20"), SOURCE),
        (Some("bytes=5-"), 206, Some("bytes 5-19/20"), &SOURCE[5..]),
        (Some("bytes=5-7"), 206, Some("bytes 5-7/20"), &SOURCE[5..8]),
        (
            Some("bytes=19-19"),
            206,
            Some("bytes 19-19/20"),
            &SOURCE[19..],
        ),
        (Some("bytes=7-99"), 206, Some("bytes 7-19/20"), &SOURCE[7..]),
        (
            Some("bytes=7-18446744073709551615"),
            206,
            Some("bytes 7-19/20"),
            &SOURCE[7..],
        ),
        (Some("bytes=20-"), 416, Some("bytes */20"), b""),
        (Some("bytes=9-3"), 416, Some("bytes */20"), b""),
        // Not as FFmpeg asks: all of it comes.
        (Some("bytes=-5"), 200, None, SOURCE),
        (Some("lines=1-2"), 200, None, SOURCE),
        (Some("bytes=1-2,4-5"), 200, None, SOURCE),
    ] {
        let request = client.get(loopback.source_url());
        let request = range
            .iter()
            .fold(request, |it, range| it.header("range", *range));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), code, "{range:?}");
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .map(|it| it.to_str().unwrap().to_owned())
        };
        assert_eq!(
            header("content-range").as_deref(),
            content_range,
            "{range:?}"
        );
        if code != 416 {
            assert_eq!(
                header("content-length"),
                Some(expected.len().to_string()),
                "{range:?}"
            );
            assert_eq!(header("accept-ranges").as_deref(), Some("bytes"));
        }
        assert_eq!(answer.bytes().await.unwrap(), expected, "{range:?}");
    }
    assert_eq!(loopback.source_size(), 20);
    assert!(loopback.take_failure().is_none());
}

#[tokio::test]
async fn an_empty_source_is_read_too() {
    let loopback = Loopback::start(Blocks::new(Arc::new(InMemory(Bytes::new()))))
        .await
        .unwrap();
    let answer = reqwest::get(loopback.source_url()).await.unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.bytes().await.unwrap().len()
        ),
        (200, 0)
    );
    let answer = Client::new()
        .get(loopback.source_url())
        .header("range", "bytes=0-")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 416);
}

#[tokio::test]
async fn a_file_goes_to_the_receiver_of_its_run() {
    let loopback = loopback().await;
    let (first, second) = (Arc::new(Shelf::default()), Arc::new(Shelf::default()));
    let one = loopback.deliver_to(Arc::clone(&first) as _);
    let two = loopback.deliver_to(Arc::clone(&second) as _);
    assert_eq!(
        post(&one.url("720p", "%d.ts").replace("%d", "3"), "three").await,
        201
    );
    assert_eq!(post(&two.url("480p", "0.txt"), "zero").await, 201);
    assert_eq!(
        *first.files.lock().unwrap(),
        [("720p".to_owned(), 3, b"three".to_vec())]
    );
    assert_eq!(
        *second.files.lock().unwrap(),
        [("480p".to_owned(), 0, b"zero".to_vec())]
    );
    // FFmpeg has to ask before it sends: see `patient`.
    assert!(one.url("a", "b").starts_with("http://ffmpeg:@127.0.0.1:"));
    for url in [
        one.url("720p", "x.ts"),
        one.url("720p", "3"),
        one.url("720p", "-1.ts"),
        one.url("720p", "4294967296.ts"),
    ] {
        assert_eq!(post(&url, "body").await, 404, "{url}");
    }
    drop(one);
    assert_eq!(
        post(&two.url("720p", "1.ts").replace("/2/", "/1/"), "late").await,
        404,
        "the run has ended"
    );
    assert_eq!(first.files.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_is_there_without_the_secret() {
    let loopback = loopback().await;
    let url = loopback.source_url();
    let (base, _) = url.rsplit_once('/').unwrap();
    let secret = base.rsplit('/').next().unwrap();
    assert_eq!(
        (
            secret.len(),
            secret.bytes().all(|it| it.is_ascii_hexdigit())
        ),
        (32, true)
    );
    let changed = url.replace(secret, &"0".repeat(32));
    for wrong in [
        changed,
        url.replace(&format!("/{secret}"), ""),
        format!("{base}/other"),
        base.to_owned(),
    ] {
        assert_eq!(status(Method::GET, &wrong, "").await, 404, "{wrong}");
    }
    assert_eq!(
        status(Method::POST, &url, "x").await,
        405,
        "a source is read"
    );
    let another = self::loopback().await;
    assert!(!another.source_url().contains(secret));
}

#[tokio::test]
async fn the_first_failure_is_the_cause() {
    let loopback = loopback().await;
    let run = loopback.deliver_to(Arc::new(Shelf::default()));
    assert_eq!(post(&run.url("wrong", "1.ts"), "x").await, 500);
    assert_eq!(post(&run.url("wrong", "2.ts"), "x").await, 500);
    assert_eq!(
        loopback.take_failure().unwrap().to_string(),
        "verification failed: file 1 is wrong"
    );
    assert!(loopback.take_failure().is_none(), "it is taken once");
    // That FFmpeg was stopped is not a cause.
    assert_eq!(post(&run.url("stopped", "1.ts"), "x").await, 400);
    assert!(loopback.take_failure().is_none());
}

/// A source that cannot be read any more: FFmpeg only sees that its input ended.
#[tokio::test]
async fn why_the_source_could_not_be_read_is_kept() {
    struct Gone;

    #[async_trait]
    impl crate::source::Source for Gone {
        fn size(&self) -> u64 {
            100
        }

        async fn read(&self, _range: std::ops::Range<u64>) -> Result<Bytes, TranscodeError> {
            Err(domain::failure::SourceProblem::SourceChanged.into())
        }
    }
    let loopback = Loopback::start(Blocks::new(Arc::new(Gone))).await.unwrap();
    if let Ok(answer) = reqwest::get(loopback.source_url()).await {
        assert!(answer.bytes().await.is_err());
    }
    let cause = loopback.take_failure().unwrap();
    assert_eq!(
        cause.failure().code,
        domain::failure::FailureCode::SourceChanged
    );
}

/// FFmpeg hangs up when it has sent its last byte, without waiting for an answer.
#[tokio::test]
async fn a_delivery_outlives_its_connection() {
    use std::io::{Read as _, Write as _};
    let loopback = loopback().await;
    let shelf = Arc::new(Shelf {
        slow: true,
        ..Shelf::default()
    });
    let run = loopback.deliver_to(Arc::clone(&shelf) as _);
    let url = run.url("720p", "7.ts");
    let (host, path) = url
        .strip_prefix("http://ffmpeg:@")
        .unwrap()
        .split_once('/')
        .unwrap();
    let (host, path) = (host.to_owned(), path.to_owned());
    let sending = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(&host).unwrap();
        let head = format!(
            "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; 64];
        let count = stream.read(&mut answer).unwrap();
        assert!(
            answer[..count].starts_with(b"HTTP/1.1 100"),
            "{:?}",
            String::from_utf8_lossy(&answer[..count])
        );
        stream.write_all(b"last").unwrap();
    });
    sending.await.unwrap();
    for _ in 0..200 {
        if !shelf.files.lock().unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        *shelf.files.lock().unwrap(),
        [("720p".to_owned(), 7, b"last".to_vec())]
    );
}

#[tokio::test]
async fn one_run_reads_what_another_writes() {
    let loopback = loopback().await;
    let (relay, other) = (loopback.relay(), loopback.relay());
    assert_ne!(relay, other);
    let reading = async {
        reqwest::get(&relay.reader_url)
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    let (read, written) = tokio::join!(reading, post(&relay.writer_url, "frames and frames"));
    assert_eq!((read.as_str(), written), ("frames and frames", 201));
    // Both ends are used up.
    assert_eq!(status(Method::GET, &relay.reader_url, "").await, 404);
    assert_eq!(post(&relay.writer_url, "again").await, 404);
    assert_eq!(
        post(&relay.writer_url.replace("/relay/", "/relay/9"), "x").await,
        404
    );
}

#[tokio::test]
async fn a_relay_that_nothing_reads_any_more_does_not_hold_up_its_writer() {
    let loopback = loopback().await;
    let relay = loopback.relay();
    let reader = reqwest::get(&relay.reader_url).await.unwrap();
    let parts =
        (0..RELAY_PARTS * 8).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![7; 64 << 10])));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(parts));
    let writing = Client::new().post(&relay.writer_url).body(body).send();
    let reading = async {
        let mut reader = reader;
        let first = reader.chunk().await.unwrap().unwrap();
        drop(reader);
        first.len()
    };
    let both = async { tokio::join!(writing, reading) };
    let (written, read) = tokio::time::timeout(Duration::from_secs(10), both)
        .await
        .expect("the writer hangs");
    assert_eq!(written.unwrap().status(), 201);
    assert!(read > 0);
}

#[tokio::test]
async fn the_server_ends_with_its_owner() {
    let loopback = loopback().await;
    let url = loopback.source_url();
    assert_eq!(status(Method::GET, &url, "").await, 200);
    drop(loopback);
    for _ in 0..100 {
        if Client::new().get(&url).send().await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it still answers");
}
