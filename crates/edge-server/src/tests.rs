use std::sync::Arc;
use std::time::Duration;

use domain::playback::Entry;
use domain::playback::cases::{self, Case, CaseResponse, world};
use platform::object_store::directory::DirectoryStore;
use platform::object_store::{ObjectStore as _, PutCondition};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A listening edge over a directory that holds what the cases play.
async fn start(folder: &tempfile::TempDir) -> std::net::SocketAddr {
    start_counting(folder, None).await
}

/// The same, which counts views.
async fn start_counting(
    folder: &tempfile::TempDir,
    views: Option<Arc<Views>>,
) -> std::net::SocketAddr {
    let store = DirectoryStore::new(folder.path().join("media"), folder.path().join("private"));
    for (key, bytes) in world::objects() {
        store
            .put(&key, bytes.into(), PutCondition::Always)
            .await
            .unwrap();
    }
    let edge = Edge {
        store: Arc::new(store),
        keys: world::keyring(),
        key_encryption_keys: world::key_encryption_keys(),
        config: world::config(),
        proxy: Some(TrustedProxy {
            address_header: http::HeaderName::from_static("x-client-address"),
            country_header: Some(http::HeaderName::from_static("x-client-country")),
        }),
        now: Box::new(system_time),
        list: Arc::new(MemoryList::default()),
        views,
    };
    for (name, value) in world::listed(system_time()) {
        let entry = Entry {
            name,
            value,
            seconds: 3600,
        };
        edge.list.store(&entry, system_time()).await.unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router(edge)).await });
    address
}

/// Sends the bytes of a request as they are: an HTTP client would tidy up what the cases are about.
async fn send(address: std::net::SocketAddr, case: &Case) -> CaseResponse {
    let mut text = format!(
        "{} {} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n",
        case.method, case.target
    );
    for (name, value) in &case.headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("x-client-address: {}\r\n", case.client_ip);
    if let Some(country) = case.country {
        text += &format!("x-client-country: {country}\r\n");
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(format!("{text}\r\n").as_bytes())
        .await
        .unwrap();
    let mut bytes = vec![];
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes))
        .await
        .unwrap()
        .unwrap();
    let end = bytes
        .windows(4)
        .position(|it| it == b"\r\n\r\n")
        .expect("a whole head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers = lines
        .map(|it| it.split_once(": ").unwrap())
        .map(|it| (it.0.to_lowercase(), it.1.to_owned()));
    CaseResponse {
        status,
        headers: headers.collect(),
        body: bytes[end + 4..].to_vec(),
    }
}

#[tokio::test]
async fn every_case_is_answered_as_it_must_be() {
    let folder = tempfile::tempdir().unwrap();
    let address = start(&folder).await;
    let mut wrong = vec![];
    let cases = cases::all(system_time());
    for case in &cases {
        let response = send(address, case).await;
        wrong.extend(case.check(&response).err());
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

fn named(name: &str) -> Case {
    cases::all(system_time())
        .into_iter()
        .find(|it| it.name == name)
        .expect("there is such a case")
}

#[tokio::test]
async fn playlists_are_compressed_and_segments_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let address = start(&folder).await;
    for (name, expected) in [
        ("grant in the query", true),
        ("media playlist", true),
        ("segment", false),
        ("key", false),
    ] {
        let mut case = named(name);
        case.headers.push(("accept-encoding", "gzip".to_owned()));
        let response = send(address, &case).await;
        let gzip = response
            .headers
            .iter()
            .any(|it| it.0 == "content-encoding" && it.1 == "gzip");
        assert_eq!((response.status, gzip), (200, expected), "{name}");
    }
}

#[tokio::test]
async fn what_is_there_already_is_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let address = start(&folder).await;
    for name in ["segment", "media playlist", "poster"] {
        let mut case = named(name);
        let first = send(address, &case).await;
        let tag = first
            .headers
            .iter()
            .find(|it| it.0 == "etag")
            .expect("a tag")
            .1
            .clone();
        case.headers.push(("if-none-match", tag));
        let second = send(address, &case).await;
        assert_eq!((second.status, second.body.len()), (304, 0), "{name}");
    }
}

#[tokio::test]
async fn a_store_that_fails_is_no_fault_of_the_viewer() {
    let folder = tempfile::tempdir().unwrap();
    let address = start(&folder).await;
    let playlist = folder
        .path()
        .join(format!("media/hls/{}/master.m3u8", world::video()));
    std::fs::write(&playlist, [0xff, 0xfe]).unwrap();
    let key = folder.path().join(format!(
        "private/keys/{}/{}/1080p.json",
        world::video(),
        world::generation()
    ));
    std::fs::write(&key, "{}").unwrap();
    for (name, code) in [
        ("grant in the query", "playlist-unusable"),
        ("key", "key-unavailable"),
    ] {
        let response = send(address, &named(name)).await;
        let found = response
            .headers
            .iter()
            .find(|it| it.0 == "edgereel-refusal")
            .map(|it| it.1.as_str());
        assert_eq!((response.status, found), (502, Some(code)), "{name}");
    }
}

#[tokio::test]
async fn views_and_refusals_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let views = Arc::new(Views::default());
    let address = start_counting(&folder, Some(views.clone())).await;
    let mut segment = named("segment");
    segment
        .headers
        .push(("cmcd-session", "sid=\"a\"".to_owned()));
    segment
        .headers
        .push(("cmcd-object", "br=800,d=6000,ot=v".to_owned()));
    for case in [
        named("media playlist"),
        segment,
        named("key"),
        named("HEAD of a segment"),
        named("report"),
    ] {
        let response = send(address, &case).await;
        assert!(response.status < 300, "{}", case.name);
    }
    // The pass is good, and the store has no such object.
    std::fs::remove_dir_all(folder.path().join("media")).unwrap();
    assert_eq!(send(address, &named("segment")).await.status, 404);
    let refused = send(address, &named("report with an expired pass")).await;
    assert_eq!(refused.status, 403);

    let all = views.take();
    assert_eq!(all.len(), 1, "{all:?}");
    let ((video, _), totals) = &all[0];
    assert_eq!((*video, totals.views), (world::video(), 1));
    // 6 s of a segment, and 60 s of a report.
    assert_eq!((totals.watched_ms, totals.stalls), (66_000, 0));
    let refusals: Vec<_> = totals.refusals.iter().map(|it| (*it.0, *it.1)).collect();
    assert_eq!(refusals, [("not-found", 1), ("pass-expired", 1)]);
    assert_eq!(views.take(), []);
    views.put_back(&all);
    assert_eq!(views.take(), all);
}
