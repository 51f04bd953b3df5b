//! The edge worker sends the jobs of a batch to `POST /v1/events` as a list, and settles each message by the result of
//! its own job.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use catalog::connect::QueueAddress;
use catalog::database::DatabaseConfig;
use config::Services;
use domain::ids::VideoId;
use domain::job::JobMessage;
use e2e::edge::{Edge, event, outcome, upload};
use e2e::part::Part;
use e2e::proxy::{Fault, Proxy};
use e2e::site::{Site, TOKEN};
use platform::testing::{PRIVATE, RunningServer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn bindings(url: &str, token: &str) -> Value {
    json!({
        "EDGEREEL_PRIVATE_BUCKET": PRIVATE, "EDGEREEL_JOBS_URL": url, "EDGEREEL_JOBS_TOKEN": token,
    })
}

/// Sends a batch: the positions of the acknowledged messages, and of those that are retried.
async fn deliver(edge: &mut Edge, messages: &[Value]) -> (String, String) {
    let (acknowledged, retried) = outcome(&edge.queue(messages).await);
    (acknowledged.join(" "), retried.join(" "))
}

fn settled(acknowledged: &str, retried: &str) -> (String, String) {
    (acknowledged.to_owned(), retried.to_owned())
}

/// The requests to `POST /v1/events` with each status.
async fn requests(site: &Site, api: &Part) -> Vec<String> {
    let url = format!("{}/metrics", api.said["api"].as_str().unwrap());
    let metrics = site.http.get(url).bearer_auth(TOKEN).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let line = r#"edgereel_http_requests_total{method="POST",route="/events",status=""#;
    let counts = metrics.lines().filter_map(|it| it.strip_prefix(line));
    counts.map(|it| it.replace("\"}", ":")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_one_list_with_a_result_for_each_message() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = RunningServer::start(&folder.path().join("s3")).await;
    let database = format!("sqlite:{}", folder.path().join("edgereel.db").display());
    let services = Services {
        database: DatabaseConfig::migrating(database.parse().unwrap()),
        queue: QueueAddress::Database.into(),
        store: s3.store_config(),
    };
    let endpoint = services.store.endpoint.clone();
    let mut site = Site::new(services, folder).await;
    let proxy = Proxy::before(endpoint.strip_prefix("http://").unwrap()).await;
    site.variables.retain(|it| it.0 != "EDGEREEL_S3_ENDPOINT");
    site.variables
        .push(("EDGEREEL_S3_ENDPOINT", proxy.url(&endpoint)));
    let api = site.api().await;
    let url = format!("{}/v1/events", api.said["api"].as_str().unwrap());
    let key = json!({ "name": "edge worker", "scopes": ["events"] });
    let (status, key) = site.call(&api, "POST", "/v1/api-keys", Some(key)).await;
    assert_eq!(status, 201, "{key}");
    let Some(mut edge) = Edge::start(bindings(&url, key["key"].as_str().unwrap())).await else {
        return;
    };

    // The object of a deleted video arrives: the API has to remove it, which it cannot without the store.
    let fields = json!({ "filename": "film.mp4", "size": 5 });
    let (_, created) = site.call(&api, "POST", "/v1/uploads", Some(fields)).await;
    let gone: VideoId = created["video"].as_str().unwrap().parse().unwrap();
    let path = format!("/v1/videos/{gone}");
    assert_eq!(site.call(&api, "DELETE", &path, None).await.0, 204);
    let late = event("PutObject", PRIVATE, &format!("uploads/{gone}/film.mp4"));
    proxy.fail(Fault::Refused);
    let messages = [
        upload(1),
        json!("rubbish"),
        upload(1),
        late.clone(),
        event("PutObject", "other", "uploads/x/film.mp4"),
        upload(2),
    ];
    assert_eq!(
        deliver(&mut edge, &messages).await,
        settled("0 1 2 4 5", "3")
    );
    let waiting = async || site.functions.queue.depth().await.unwrap().ready;
    assert_eq!(waiting().await, 2);
    assert_eq!(requests(&site, &api).await, ["200: 1"]);

    // Later, and together with a message that was delivered before.
    proxy.fail(Fault::None);
    assert_eq!(
        deliver(&mut edge, &[late, upload(2)]).await,
        settled("0 1", "")
    );
    assert_eq!(waiting().await, 2);

    // More jobs than a list may have.
    let record = |number: u64| {
        let key = format!("uploads/{}/film.mp4", VideoId::new(number, [1; 10]));
        json!({ "eventName": "ObjectCreated:Put", "s3": {
            "bucket": { "name": PRIVATE }, "object": { "key": key, "size": 5, "eTag": "e" } } })
    };
    let many = json!({ "Records": (1..=150).map(record).collect::<Vec<_>>() });
    assert_eq!(deliver(&mut edge, &[many]).await, settled("0", ""));
    assert_eq!(waiting().await, 150);
    assert_eq!(requests(&site, &api).await, ["200: 4"]);

    // The request fails as a whole: a wrong key, and an API that is away.
    let messages = [upload(3), json!(7), upload(1000)];
    let mut stranger = Edge::start(bindings(&url, "er_wrong")).await.unwrap();
    assert_eq!(deliver(&mut stranger, &messages).await, settled("1", "0 2"));
    api.terminate().await;
    assert_eq!(deliver(&mut edge, &messages).await, settled("1", "0 2"));
    assert_eq!(waiting().await, 150);
}

/// A receiver of jobs: `answer` gets each body.
async fn receiver(
    answer: impl Fn(&Value) -> (StatusCode, Value) + Clone + Send + Sync + 'static,
) -> String {
    let respond = move |headers: axum::http::HeaderMap, body: String| async move {
        assert_eq!(headers["authorization"], "Bearer hush");
        let (status, body) = answer(&serde_json::from_str(&body).unwrap());
        (status, body.to_string())
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jobs", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/jobs", axum::routing::post(respond));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Older versions of the API, and other receivers of jobs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_without_lists_gets_each_job() {
    for to_list in [400, 413, 422, 202] {
        let (sender, mut received) = tokio::sync::mpsc::unbounded_channel();
        let url = receiver(move |body| {
            sender.send(body.clone()).unwrap();
            if body.is_array() {
                return (StatusCode::from_u16(to_list).unwrap(), json!({}));
            }
            let job = JobMessage::parse(&body.to_string()).unwrap();
            // One of them is rejected.
            match job.video() == VideoId::new(2, [1; 10]) {
                false => (StatusCode::ACCEPTED, json!({})),
                true => (StatusCode::UNPROCESSABLE_ENTITY, json!({})),
            }
        })
        .await;
        let Some(mut edge) = Edge::start(bindings(&url, "hush")).await else {
            return;
        };
        let messages = [upload(1), upload(2), json!(null), upload(3)];
        assert_eq!(
            deliver(&mut edge, &messages).await,
            settled("0 2 3", "1"),
            "{to_list}"
        );
        let list = received.recv().await.unwrap();
        let jobs: Vec<Value> = std::iter::from_fn(|| received.try_recv().ok()).collect();
        assert_eq!((jobs.len(), list), (3, json!(jobs)), "{to_list}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_jobs_are_acknowledged_and_all_others_are_retried() {
    let failed = |retry: Value| json!({ "error": { "code": "c", "detail": "d", "retry": retry } });
    let results = [
        json!({ "queued": 0, "known": 1, "ignored": [] }),
        failed(json!(false)),
        failed(json!(true)),
        failed(json!(null)),
        json!({ "queued": 0, "known": 0, "ignored": ["because"] }),
        json!(null),
    ];
    let url = receiver(move |_| (StatusCode::OK, json!({ "results": results }))).await;
    let Some(mut edge) = Edge::start(bindings(&url, "hush")).await else {
        return;
    };
    let messages: Vec<Value> = (1..=6).map(upload).collect();
    assert_eq!(
        deliver(&mut edge, &messages).await,
        settled("0 1 4", "2 3 5")
    );
}

/// A peer that accepts a connection and does not answer, or not completely, holds a batch for 10 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_receiver_costs_ten_seconds() {
    let proxy = Proxy::before("127.0.0.1:9").await;
    proxy.fail(Fault::Silence);
    let silent = format!("http://{}/v1/events", proxy.address);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let unfinished = format!("http://{}/v1/events", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"results\":[";
        connection.write_all(head).await.unwrap();
        // Until the worker hangs up.
        while !matches!(connection.read(&mut [0; 4096]).await, Ok(0) | Err(_)) {}
    });

    let batch = async |url: String| {
        let mut edge = Edge::start(bindings(&url, "hush")).await?;
        let started = Instant::now();
        let settled = deliver(&mut edge, &[upload(1), json!(7), upload(2)]).await;
        Some((settled, started.elapsed()))
    };
    let (silent, unfinished) = tokio::join!(batch(silent), batch(unfinished));
    for (what, batch) in [("silent", silent), ("unfinished", unfinished)] {
        let Some((outcome, taken)) = batch else {
            return;
        };
        assert_eq!(outcome, settled("1", "0 2"), "{what}");
        let limit = Duration::from_millis(9_900)..Duration::from_secs(20);
        assert!(limit.contains(&taken), "{what}: {taken:?}");
    }
}
