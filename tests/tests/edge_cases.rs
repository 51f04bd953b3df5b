//! One table of cases, sent over the wire to the edge worker in workerd and to its local twin: both have to answer as
//! the table says, and both alike.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use domain::object_key::Bucket;
use domain::playback::cases::{self, Answer, Case, world};
use e2e::edge::Edge;
use e2e::wire;
use edgereel::edge::{Front, router, system_time};
use platform::object_store::folder::FolderStore;
use platform::object_store::{ObjectStore as _, PutCondition};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What the table is about, for the worker.
fn bindings() -> Value {
    json!({
        "EDGEREEL_GRANT_KEYS": world::GRANT_KEYS,
        "EDGEREEL_PASS_KEYS": world::PASS_KEYS,
        "EDGEREEL_KEY_ENCRYPTION_KEYS": world::KEY_ENCRYPTION_KEYS,
        "EDGEREEL_CREDENTIAL_ORIGINS": "https://portal.example",
    })
}

/// Both buckets, as folders.
fn objects() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (key, bytes) in world::objects() {
        let bucket = if key.bucket() == Bucket::Private { "private" } else { "media" };
        let path = folder.path().join(bucket).join(key.path());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

async fn worker() -> Option<Edge> {
    let folder = objects();
    let mut edge = Edge::start(bindings()).await?;
    edge.fill("MEDIA", &folder.path().join("media")).await;
    edge.fill("PRIVATE", &folder.path().join("private")).await;
    for name in world::revoked() {
        edge.say(json!({ "do": "revoke", "name": name })).await;
    }
    Some(edge)
}

async fn twin(folder: &TempDir) -> SocketAddr {
    let store = FolderStore::new(folder.path().join("media"), folder.path().join("private"));
    for (key, bytes) in world::objects() {
        store.put(&key, bytes.into(), PutCondition::Always).await.unwrap();
    }
    let revoked = world::revoked();
    let edge = edgereel::edge::Edge {
        store: Arc::new(store),
        keys: world::keyring(),
        key_encryption_keys: world::key_encryption_keys(),
        config: world::config(),
        front: Some(Front {
            address_header: "cf-connecting-ip".parse().unwrap(),
            country_header: "x-client-country".parse().unwrap(),
        }),
        now: Box::new(system_time),
        revoked: Box::new(move |name| revoked.iter().any(|it| it == name)),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router(edge)).await });
    address
}

async fn send(address: &str, case: &Case) -> Answer {
    let mut headers: Vec<(&str, &str)> = case.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    headers.push(("cf-connecting-ip", case.client_ip));
    headers.extend(case.country.map(|it| ("x-client-country", it)));
    let answer = wire::send(address, case.method, &case.target, &headers).await;
    let answer = answer.unwrap_or_else(|error| panic!("{}: {error:#}", case.name));
    Answer { status: answer.status, headers: answer.headers, body: answer.body }
}

/// What the two may not differ in: all headers but those of the connection, of the store (tags), and of the time.
fn comparable(answer: &Answer) -> BTreeMap<&str, Vec<String>> {
    let of_the_server = ["connection", "date", "etag", "keep-alive", "transfer-encoding", "content-length", "server"];
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in &answer.headers {
        if !of_the_server.contains(&name.as_str()) {
            found.entry(name).or_default().extend(value.split(',').map(|it| it.trim().to_lowercase()));
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
        let (of_worker, of_twin) = tokio::join!(send(&edge.address, case), send(&twin, case));
        wrong.extend(case.check(&of_twin).err().map(|it| format!("twin: {it}")));
        if UNKNOWN_METHODS.contains(&case.name.as_str()) {
            assert_eq!(of_worker.status, 501, "{}", case.name);
            continue;
        }
        if let Some((_, from, to)) = TIDIED.iter().find(|it| it.0 == case.name) {
            let tidy = Case { target: case.target.replace(from, to), ..case.clone() };
            assert_ne!(tidy.target, case.target);
            assert_eq!(of_worker.body, send(&edge.address, &tidy).await.body, "{}", case.name);
            continue;
        }
        sent += 1;
        wrong.extend(case.check(&of_worker).err().map(|it| format!("worker: {it}")));
        let (ours, theirs) = (comparable(&of_worker), comparable(&of_twin));
        if of_worker.status != of_twin.status || ours != theirs {
            wrong.push(format!("{}: {} {ours:?} and {} {theirs:?}", case.name, of_worker.status, of_twin.status));
        }
        let same_body = of_worker.body == of_twin.body;
        if !same_body {
            let text = |answer: &Answer| String::from_utf8_lossy(&answer.body).into_owned();
            wrong.push(format!("{}: bodies differ: {} and {}", case.name, text(&of_worker), text(&of_twin)));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(sent >= 150, "{sent}");
}

/// Requests that never reach the worker: the HTTP server in front of it knows no such method.
const UNKNOWN_METHODS: [&str; 2] = ["get of the master", "get of the key"];

/// Requests that reach the worker tidied: workerd resolves dots in a path, as browsers do before they send it. What is
/// left of them, and what that leads to.
const TIDIED: [(&str, &str, &str); 2] = [("upwards", "/../6580b562fc319fd8/", "/"), ("here", "/./", "/")];
