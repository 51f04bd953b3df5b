//! One table of cases, sent over the wire to the edge worker in workerd and to its local twin: both
//! have to give the responses of the table, and identical ones.

mod odd_requests;
mod views;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::object_key::Bucket;
use domain::playback::Entry;
use domain::playback::cases::{self, Case, CaseResponse, world};
use e2e::edge::Edge;
use e2e::wire;
use edge_server::{MemoryList, TrustedProxy, router, system_time};
use odd_requests::{TIDIED, UNKNOWN_METHODS, count, memory, named};
use platform::object_store::directory::DirectoryStore;
use platform::object_store::{ObjectStore as _, PutCondition};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The worker's bindings for the table's installation.
fn bindings() -> Value {
    json!({
        "EDGEREEL_GRANT_KEYS": world::GRANT_KEYS,
        "EDGEREEL_PASS_KEYS": world::PASS_KEYS,
        "EDGEREEL_KEY_ENCRYPTION_KEYS": world::KEY_ENCRYPTION_KEYS,
        "EDGEREEL_CREDENTIAL_ORIGINS": "https://portal.example",
    })
}

/// The objects of both buckets, as directories.
fn objects() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (key, bytes) in world::objects() {
        let bucket = if key.bucket() == Bucket::Private {
            "private"
        } else {
            "media"
        };
        let path = folder.path().join(bucket).join(key.path());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

async fn worker() -> Option<Edge> {
    worker_with(bindings()).await
}

async fn worker_with(bindings: Value) -> Option<Edge> {
    let folder = objects();
    let mut edge = Edge::start(bindings).await?;
    edge.fill("MEDIA", &folder.path().join("media")).await;
    edge.fill("PRIVATE", &folder.path().join("private")).await;
    for (name, value) in world::listed(system_time()) {
        edge.say(json!({ "do": "list", "name": name, "value": value }))
            .await;
    }
    Some(edge)
}

async fn twin(folder: &TempDir) -> SocketAddr {
    let store = DirectoryStore::new(folder.path().join("media"), folder.path().join("private"));
    for (key, bytes) in world::objects() {
        store
            .put(&key, bytes.into(), PutCondition::Always)
            .await
            .unwrap();
    }
    let edge = edge_server::Edge {
        store: Arc::new(store),
        keys: world::keyring(),
        key_encryption_keys: world::key_encryption_keys(),
        config: world::config(),
        proxy: Some(TrustedProxy {
            address_header: "cf-connecting-ip".parse().unwrap(),
            country_header: Some("x-client-country".parse().unwrap()),
        }),
        now: Box::new(system_time),
        list: Arc::new(MemoryList::default()),
        views: None,
    };
    for (name, value) in world::listed(system_time()) {
        let entry = Entry {
            name,
            value,
            seconds: 3600,
        };
        edge.list.store(&entry, system_time()).await.unwrap();
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router(edge)).await });
    address
}

async fn send(address: &str, case: &Case) -> CaseResponse {
    let mut headers: Vec<(&str, &str)> = case
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    headers.push(("cf-connecting-ip", case.client_ip));
    headers.extend(case.country.map(|it| ("x-client-country", it)));
    let answer = wire::send(address, case.method, &case.target, &headers).await;
    let answer = answer.unwrap_or_else(|error| panic!("{}: {error:#}", case.name));
    CaseResponse {
        status: answer.status,
        headers: answer.headers,
        body: answer.body,
    }
}

/// Headers that must be equal: all except those of the connection, of the store (ETags), and of the
/// time.
fn comparable(answer: &CaseResponse) -> BTreeMap<&str, Vec<String>> {
    let of_the_server = [
        "connection",
        "date",
        "etag",
        "keep-alive",
        "transfer-encoding",
        "content-length",
        "server",
    ];
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in &answer.headers {
        if !of_the_server.contains(&name.as_str()) {
            found
                .entry(name)
                .or_default()
                .extend(value.split(',').map(|it| it.trim().to_lowercase()));
        }
    }
    found.values_mut().for_each(|it| it.sort());
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_is_answered_alike() {
    let Some(edge) = worker().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let twin = twin(&folder).await.to_string();
    let (cases, mut wrong, mut sent) = (cases::all(system_time()), vec![], 0);
    for case in &cases {
        let (mut of_worker, mut of_twin) =
            tokio::join!(send(&edge.address, case), send(&twin, case));
        // Bodies state how many seconds are left: a second may end between the two answers.
        if of_worker.body != of_twin.body {
            (of_worker, of_twin) = tokio::join!(send(&edge.address, case), send(&twin, case));
        }
        wrong.extend(case.check(&of_twin).err().map(|it| format!("twin: {it}")));
        if UNKNOWN_METHODS.contains(&case.name.as_str()) {
            assert_eq!(of_worker.status, 501, "{}", case.name);
            continue;
        }
        if let Some((_, from, to)) = TIDIED.iter().find(|it| it.0 == case.name) {
            let tidy = Case {
                target: case.target.replace(from, to),
                ..case.clone()
            };
            assert_ne!(tidy.target, case.target);
            assert_eq!(
                of_worker.body,
                send(&edge.address, &tidy).await.body,
                "{}",
                case.name
            );
            continue;
        }
        sent += 1;
        wrong.extend(
            case.check(&of_worker)
                .err()
                .map(|it| format!("worker: {it}")),
        );
        let (ours, theirs) = (comparable(&of_worker), comparable(&of_twin));
        if of_worker.status != of_twin.status || ours != theirs {
            wrong.push(format!(
                "{}: {} {ours:?} and {} {theirs:?}",
                case.name, of_worker.status, of_twin.status
            ));
        }
        let same_body = of_worker.body == of_twin.body;
        if !same_body {
            let text = |answer: &CaseResponse| String::from_utf8_lossy(&answer.body).into_owned();
            wrong.push(format!(
                "{}: bodies differ: {} and {}",
                case.name,
                text(&of_worker),
                text(&of_twin)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    assert!(sent >= 150, "{sent}");
}

/// If the worker traps, the requests in progress fail, and the next ones get a fresh memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_trap_costs_one_request() {
    let Some(mut edge) = worker().await else {
        return;
    };
    let case = named("media playlist");
    case.check(&send(&edge.address, &case).await).unwrap();
    memory(&mut edge).await;
    edge.say(json!({ "do": "exhaust" })).await;
    // Longer than the free memory, and no more can be allocated.
    let giant = format!(
        "/v/{}/master.m3u8?grant={}",
        world::video(),
        "a".repeat(64_000)
    );
    let answer = wire::send(&edge.address, "GET", &giant, &[]).await.unwrap();
    assert_eq!(answer.status, 500, "the trap that this test is about");
    for name in ["media playlist", "grant in the query", "key", "segment"] {
        let case = named(name);
        case.check(&send(&edge.address, &case).await).unwrap();
    }
    assert_eq!(edge.say(json!({ "do": "memory" })).await["instances"], 2);
}

/// Bodies never pass through the worker's memory. `EDGEREEL_SEGMENT_REQUESTS` sets the number of
/// requests.
#[tokio::test(flavor = "multi_thread")]
async fn segments_leave_no_trace_in_memory() {
    let Some(mut edge) = worker().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.ts");
    std::fs::write(&large, vec![0x47; 1 << 20]).unwrap();
    let case = named("segment");
    let path = case.target.split('/').skip(3).collect::<Vec<_>>().join("/");
    let key = format!("hls/{}/{path}", world::video());
    edge.say(json!({ "do": "put", "bucket": "MEDIA", "key": key, "file": large }))
        .await;
    let url = format!("{}{}", edge.url(), case.target);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let fetch = async |range: Option<&str>| {
        let request = client.get(&url);
        let request = if let Some(range) = range {
            request.header("range", range)
        } else {
            request
        };
        request.send().await.unwrap().bytes().await.unwrap().len()
    };
    assert_eq!(
        (fetch(None).await, fetch(Some("bytes=0-99")).await),
        (1 << 20, 100)
    );
    let (before, total) = (
        memory(&mut edge).await,
        count("EDGEREEL_SEGMENT_REQUESTS", 500),
    );
    let tasks = (0..4).map(|_| async {
        for number in 0..total / 4 {
            let range = (number % 4 == 3).then_some("bytes=1000-2000");
            assert_eq!(
                fetch(range).await,
                if range.is_some() { 1001 } else { 1 << 20 }
            );
        }
    });
    futures::future::join_all(tasks).await;
    let after = memory(&mut edge).await;
    println!("{total} requests of segments: {before} pages of memory before, {after} after");
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn playlists_are_compressed_and_what_is_there_already_is_not_sent_again() {
    let Some(edge) = worker().await else { return };
    let header = |answer: &CaseResponse, name: &str| {
        answer
            .headers
            .iter()
            .find(|it| it.0 == name)
            .map(|it| it.1.clone())
    };
    for (name, compressed) in [
        ("grant in the query", true),
        ("media playlist", true),
        ("segment", false),
        ("key", false),
    ] {
        let mut case = named(name);
        case.headers.push(("accept-encoding", "gzip".to_owned()));
        let answer = send(&edge.address, &case).await;
        let coding = header(&answer, "content-encoding");
        assert_eq!(
            (answer.status, coding.is_some()),
            (200, compressed),
            "{name}"
        );
        assert_eq!(answer.body.starts_with(&[0x1f, 0x8b]), compressed, "{name}");
    }
    for name in ["media playlist", "segment", "poster", "segment"] {
        let mut case = named(name);
        let first = send(&edge.address, &case).await;
        case.headers
            .push(("if-none-match", header(&first, "etag").expect("a tag")));
        let second = send(&edge.address, &case).await;
        assert_eq!((second.status, second.body.len()), (304, 0), "{name}");
    }
}

/// Without a binding for the list, a revocation would have no effect, so everything is refused.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_list_of_what_was_revoked_nothing_is_handed_out() {
    let Some(edge) = Edge::launch(json!({ "bindings": bindings(), "without": "EDGE_LIST" })).await
    else {
        return;
    };
    for name in [
        "grant in the query",
        "media playlist",
        "key",
        "segment",
        "poster",
    ] {
        let answer = send(&edge.address, &named(name)).await;
        let text = String::from_utf8_lossy(&answer.body);
        assert!(
            answer.status == 503 && text.contains("unavailable"),
            "{name}: {} {text}",
            answer.status
        );
    }
}

/// In the mode `cdn`, segments have URLs of the public host, and keys of the edge.
#[tokio::test(flavor = "multi_thread")]
async fn segments_may_come_from_a_public_host() {
    let mut bindings = bindings();
    bindings["EDGEREEL_CDN"] = "https://media.example/".into();
    let Some(edge) = worker_with(bindings).await else {
        return;
    };
    let answer = send(&edge.address, &named("media playlist")).await;
    let text = String::from_utf8(answer.body).unwrap();
    let segment = format!(
        "\nhttps://media.example/hls/{}/{}/1080p/1080p_00000.ts\n",
        world::video(),
        world::generation()
    );
    assert!(
        text.contains(&segment) && text.contains("URI=\"/k/"),
        "{text}"
    );
}

/// A revocation during playback takes effect with the next playlist or key; others continue.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_revoked_while_it_is_watched() {
    let Some(mut edge) = worker().await else {
        return;
    };
    let session = format!("session/{}", domain::grant::Fingerprint::of("session-1"));
    for (command, expected) in [("unlist", 200), ("list", 403), ("unlist", 200)] {
        edge.say(json!({ "do": command, "name": session, "value": "1" }))
            .await;
        for name in ["grant in the query", "media playlist", "key"] {
            assert_eq!(
                send(&edge.address, &named(name)).await.status,
                expected,
                "{name} after {command}"
            );
        }
    }
}
