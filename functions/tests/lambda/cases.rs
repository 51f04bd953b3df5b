//! Each function, with events in the format of AWS.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use catalog::Catalog;
use catalog::connect::{self, OtherQueues, QueueAddress, QueueUse};
use domain::ids::VideoId;
use domain::time::UnixMillis;
use http::HeaderMap;
use platform::job_queue::{SharedQueue, Wanted};
use platform::testing::{PRIVATE, RunningServer};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::runtime::Function;

const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// The environment of the functions.
pub(crate) struct Cloud {
    catalog: Catalog,
    pub(crate) queue: SharedQueue,
    pub(crate) variables: Vec<(&'static str, String)>,
    _s3: RunningServer,
    _folder: TempDir,
}

impl Cloud {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder
            .path()
            .join("edgereel.db")
            .to_str()
            .unwrap()
            .to_owned();
        Self::with(format!("sqlite:{path}"), folder).await
    }

    /// An environment with this database.
    pub(crate) async fn with(address: String, folder: TempDir) -> Self {
        let s3 = RunningServer::start(&folder.path().join("s3")).await;
        let database = catalog::database::open(&address).await.unwrap();
        let catalog = catalog::Catalog::new(&database);
        let how = QueueUse {
            max_receives: 5,
            holder: "test",
        };
        let queue = connect::queue(
            &QueueAddress::Database,
            &OtherQueues::default(),
            &database,
            how,
        )
        .await
        .unwrap();
        let config = s3.store_config();
        let variables = vec![
            ("EDGEREEL_DATABASE", address),
            ("EDGEREEL_WEBHOOK_KEYS", format!("one:{KEY}")),
            ("EDGEREEL_S3_ENDPOINT", config.endpoint.clone()),
            ("EDGEREEL_S3_ACCESS_KEY_ID", config.access_key_id.clone()),
            (
                "EDGEREEL_S3_SECRET_ACCESS_KEY",
                config.secret_access_key.expose().to_owned(),
            ),
            ("EDGEREEL_PRIVATE_BUCKET", config.private_bucket.clone()),
            ("EDGEREEL_MEDIA_BUCKET", config.media_bucket.clone()),
            ("EDGEREEL_API_TOKEN", "er_test".to_owned()),
            ("EDGEREEL_EDGE_URL", "https://edge.example".to_owned()),
            ("EDGEREEL_GRANT_KEYS", format!("one:HS256:{KEY}")),
        ];
        Self {
            catalog,
            queue,
            variables,
            _s3: s3,
            _folder: folder,
        }
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.variables.retain(|it| it.0 != name);
        self.variables.push((name, value.to_owned()));
    }
}

/// An event of an HTTP API (payload 2.0); function URLs send the same shape.
pub(crate) fn request(method: &str, path: &str, body: Option<Value>, domain: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": { "authorization": "Bearer er_test", "content-type": "application/json", "host": domain },
        "requestContext": {
            "accountId": "0", "apiId": "x", "domainName": domain, "domainPrefix": "x", "requestId": "r",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "t" },
            "routeKey": "$default", "stage": "$default", "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1_583_348_638_390_u64,
        },
        "body": body.map(|it| it.to_string()), "isBase64Encoded": false,
    })
}

fn body(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn the_api_answers_gateways_and_function_urls() {
    let cloud = Cloud::new().await;
    let mut api = Function::start(env!("CARGO_BIN_EXE_api"), &cloud.variables).await;
    for domain in [
        "x.execute-api.eu-central-1.amazonaws.com",
        "x.lambda-url.eu-central-1.on.aws",
    ] {
        let upload = json!({ "filename": "a.mp4", "size": 3 });
        let created = api
            .invoke(request("POST", "/v1/uploads", Some(upload), domain))
            .await
            .unwrap();
        assert_eq!(created["statusCode"], 201, "{created}");
        let video: VideoId = body(&created)["video"].as_str().unwrap().parse().unwrap();
        assert_eq!(
            cloud
                .catalog
                .get_video(video)
                .await
                .unwrap()
                .state
                .name()
                .as_str(),
            "uploading"
        );
        let read = api
            .invoke(request("GET", &format!("/v1/videos/{video}"), None, domain))
            .await
            .unwrap();
        assert_eq!(
            (&read["statusCode"], &body(&read)["id"]),
            (&json!(200), &json!(video))
        );
    }
    let mut stranger = request("GET", "/v1/videos", None, "x");
    stranger["headers"]["authorization"] = json!("Bearer guess");
    let refused = api.invoke(stranger).await.unwrap();
    assert_eq!(
        (&refused["statusCode"], &body(&refused)["code"]),
        (&json!(401), &json!("unauthorized"))
    );
    let ready = api
        .invoke(request("GET", "/readyz", None, "x"))
        .await
        .unwrap();
    assert_eq!(
        (&ready["statusCode"], &body(&ready)["status"]),
        (&json!(200), &json!("ok")),
        "{ready}"
    );
}

/// Secrets of the functions are not in their configuration.
#[tokio::test]
async fn secrets_come_from_secrets_manager() {
    let mut cloud = Cloud::new().await;
    let is_secret = |name: &str| {
        name == "EDGEREEL_DATABASE"
            || ["_KEYS", "_KEY", "_TOKEN"]
                .iter()
                .any(|it| name.ends_with(it))
    };
    let (secrets, others) = cloud
        .variables
        .iter()
        .cloned()
        .partition(|it| is_secret(it.0));
    let secrets: Vec<(&str, String)> = secrets;
    assert_eq!(secrets.len(), 5);
    cloud.variables = others;
    let mut secret: serde_json::Map<String, Value> = secrets
        .into_iter()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    secret.insert("DATABASE_PASSWORD".to_owned(), json!("for others"));
    let (asked, address) = secrets_manager(Value::Object(secret).to_string()).await;
    let arn = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:edgereel-AbCdEf";
    for (name, value) in [
        ("EDGEREEL_SECRET_ARN", arn),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &address),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ] {
        cloud.set(name, value);
    }
    let mut api = Function::start(env!("CARGO_BIN_EXE_api"), &cloud.variables).await;
    let ready = api
        .invoke(request("GET", "/readyz", None, "x"))
        .await
        .unwrap();
    assert_eq!(ready["statusCode"], 200, "{ready}");
    let asked = asked.lock().unwrap().clone();
    let [(target, body, signature)] = asked.as_slice() else {
        panic!("it asks once: {asked:?}")
    };
    assert_eq!(target, "secretsmanager.GetSecretValue");
    assert_eq!(*body, json!({ "SecretId": arn }));
    assert!(
        signature.contains("/eu-central-1/secretsmanager/"),
        "{signature}"
    );
}

/// The target, body and signature of each request.
type Asked = Arc<Mutex<Vec<(String, Value, String)>>>;

/// A server that returns this secret.
async fn secrets_manager(secret: String) -> (Asked, String) {
    let asked = Asked::default();
    let notes = Arc::clone(&asked);
    let answer = async move |headers: HeaderMap, body: Bytes| {
        let header = |name: &str| headers[name].to_str().expect("text").to_owned();
        let body = serde_json::from_slice(&body).expect("JSON");
        let request = (header("x-amz-target"), body, header("authorization"));
        notes.lock().expect("no panic").push(request);
        json!({ "Name": "edgereel", "SecretString": secret }).to_string()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (asked, format!("http://{address}"))
}

pub(crate) fn message(id: &str, body: &str) -> Value {
    json!({
        "messageId": id, "receiptHandle": "h", "body": body, "attributes": { "ApproximateReceiveCount": "1" },
        "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs", "awsRegion": "eu-central-1",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:events",
    })
}

pub(crate) fn of_r2(video: VideoId) -> String {
    let object = json!({ "key": format!("uploads/{video}/a.mp4"), "size": 3, "eTag": "0123456789abcdef0123456789abcdef" });
    json!({ "account": "a", "action": "PutObject", "bucket": PRIVATE, "object": object, "eventTime": "2024-05-24T19:36:44.379Z" })
        .to_string()
}

fn of_s3(video: VideoId) -> String {
    let object = json!({ "key": format!("uploads/{video}/b.mp4"), "size": 3, "eTag": "fedcba9876543210fedcba9876543210" });
    let record = json!({
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1", "eventName": "ObjectCreated:Put",
        "eventTime": "2024-05-24T19:36:44.379Z", "s3": { "bucket": { "name": PRIVATE }, "object": object },
    });
    json!({ "Records": [record] }).to_string()
}

#[tokio::test]
async fn ingest_takes_a_batch_of_good_and_bad() {
    let cloud = Cloud::new().await;
    let mut ingest = Function::start(env!("CARGO_BIN_EXE_ingest"), &cloud.variables).await;
    let (first, second) = (
        VideoId::new(1_700_000_000_000, [1; 10]),
        VideoId::new(1_700_000_000_000, [2; 10]),
    );
    let batch = json!({ "Records": [
        message("1", &of_r2(first)), message("2", "rubbish"), message("3", &of_s3(second)), message("4", &of_r2(first)),
        message("5", r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"private"}"#),
    ] });
    let answer = ingest.invoke(batch).await.unwrap();
    assert_eq!(
        answer,
        json!({ "batchItemFailures": [] }),
        "an ignored event is not a failure"
    );
    // The metrics are written before the answer, because Lambda may freeze the function after it.
    let lines = ingest.metrics();
    for (outcome, number) in [("queued", 2), ("known", 1)] {
        let found = lines.iter().find(|it| it["Outcome"] == outcome);
        let found = found.unwrap_or_else(|| panic!("no {outcome}: {lines:?}"));
        assert_eq!(found["BucketEvents"], number, "{lines:?}");
        assert_eq!(found["FunctionName"], "test");
    }
    let mut jobs = vec![];
    while let Some(delivery) = cloud
        .queue
        .receive(Wanted::ALL, Duration::ZERO, Duration::from_secs(60))
        .await
        .unwrap()
    {
        jobs.push(delivery.message.unwrap().video());
    }
    jobs.sort();
    assert_eq!(
        jobs,
        [first, second],
        "the event that came twice is one job"
    );
}

#[tokio::test]
async fn ingest_reports_failed_messages() {
    let mut cloud = Cloud::new().await;
    let video = VideoId::new(1_700_000_000_000, [1; 10]);
    // A late source of a deleted video must be removed, but the store does not respond.
    let new = json!({ "Records": [message("1", &of_r2(video))] });
    let mut ingest = Function::start(env!("CARGO_BIN_EXE_ingest"), &cloud.variables).await;
    ingest.invoke(new.clone()).await.unwrap();
    cloud
        .catalog
        .apply(
            video,
            &domain::state::VideoEvent::Deleted,
            UnixMillis::new(1),
        )
        .await
        .unwrap();
    cloud.set("EDGEREEL_S3_ENDPOINT", "http://127.0.0.1:9");
    let mut cut_off = Function::start(env!("CARGO_BIN_EXE_ingest"), &cloud.variables).await;
    let batch = json!({ "Records": [message("1", "rubbish"), message("2", &of_r2(video))] });
    let answer = cut_off.invoke(batch).await.unwrap();
    assert_eq!(
        answer,
        json!({ "batchItemFailures": [{ "itemIdentifier": "2" }] })
    );
}

#[tokio::test]
async fn scheduled_functions_say_what_they_did() {
    let cloud = Cloud::new().await;
    let mut sweeper = Function::start(env!("CARGO_BIN_EXE_sweeper"), &cloud.variables).await;
    let swept = sweeper
        .invoke(json!({ "source": "aws.events" }))
        .await
        .unwrap();
    assert_eq!(
        swept,
        json!({
            "uploads": 0, "strays": 0, "arrivals": 0, "refused": 0, "jobs": 0, "generations": 0, "log_entries": 0,
            "shares": 0, "captions": 0, "views": 0, "failures": 0
        })
    );
    let [line] = &sweeper.metrics()[..] else {
        panic!("{:?}", sweeper.metrics());
    };
    assert_eq!(line["OldestJobWait"], 0);
    let mut dead_letter =
        Function::start(env!("CARGO_BIN_EXE_dead-letter"), &cloud.variables).await;
    assert_eq!(
        dead_letter.invoke(json!({})).await.unwrap(),
        json!({ "failed": 0 })
    );
}

type Messages = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

#[tokio::test]
async fn webhooks_are_sent_on_a_schedule() {
    let mut cloud = Cloud::new().await;
    cloud.set("EDGEREEL_WEBHOOKS_ALLOW_PRIVATE", "1");
    cloud.set("EDGEREEL_WEBHOOKS_ALLOW_HTTP", "1");
    let messages = Messages::default();
    let take = async |State(messages): State<Messages>, headers: HeaderMap, body: Bytes| {
        messages.lock().unwrap().push((headers, body));
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let receiver = Router::new().fallback(take).with_state(messages.clone());
    tokio::spawn(serve::serve(listener, receiver, std::future::pending()));

    let mut api = Function::start(env!("CARGO_BIN_EXE_api"), &cloud.variables).await;
    let made = api
        .invoke(request(
            "POST",
            "/v1/webhooks",
            Some(json!({ "url": url })),
            "x",
        ))
        .await
        .unwrap();
    assert_eq!(made["statusCode"], 201, "{made}");
    let (made, video) = (body(&made), VideoId::new(1_700_000_000_000, [1; 10]));
    let mut ingest = Function::start(env!("CARGO_BIN_EXE_ingest"), &cloud.variables).await;
    ingest
        .invoke(json!({ "Records": [message("1", &of_r2(video))] }))
        .await
        .unwrap();

    let mut webhooks = Function::start(env!("CARGO_BIN_EXE_webhooks"), &cloud.variables).await;
    let sent = webhooks
        .invoke(json!({ "source": "aws.events" }))
        .await
        .unwrap();
    assert_eq!(
        (&sent["delivered"], &sent["failed"]),
        (&json!(1), &json!(0)),
        "{sent}"
    );
    let lines = webhooks.metrics();
    let lag = lines.iter().find(|it| it["WebhookLag"].is_number());
    assert!(lag.is_some(), "{lines:?}");
    let attempts = lines.iter().find(|it| it["Outcome"] == "delivered");
    assert_eq!(attempts.unwrap()["WebhookAttempts"], 1, "{lines:?}");
    let again = webhooks
        .invoke(json!({ "source": "aws.events" }))
        .await
        .unwrap();
    assert_eq!(again["delivered"], 0, "acknowledged once, never sent again");
    let (headers, message) = messages.lock().unwrap().remove(0);
    let verifier = Webhook::new(made["secret"].as_str().unwrap()).unwrap();
    verifier
        .verify(&message, &headers)
        .expect("a good signature");
    let message: Value = serde_json::from_slice(&message).unwrap();
    assert_eq!(
        (&message["type"], &message["data"]["video"]),
        (&json!("upload.completed"), &json!(video))
    );
}

#[tokio::test]
async fn strangers_are_counted_by_the_address_that_the_gateway_saw() {
    let mut cloud = Cloud::new().await;
    cloud.set("EDGEREEL_AUTH_FAILURES_PER_MINUTE", "1");
    cloud.set("EDGEREEL_AUTH_FAILURES_BURST", "2");
    let mut api = Function::start(env!("CARGO_BIN_EXE_api"), &cloud.variables).await;
    for (source, status) in [
        ("192.0.2.1", 401),
        ("192.0.2.1", 401),
        ("192.0.2.1", 429),
        ("192.0.2.2", 401),
    ] {
        let mut stranger = request("GET", "/v1/videos", None, "x");
        stranger["headers"]["authorization"] = json!("Bearer guess");
        // Clients cannot set this header themselves.
        stranger["headers"]["x-forwarded-for"] = json!("192.0.2.3");
        stranger["requestContext"]["http"]["sourceIp"] = json!(source);
        assert_eq!(
            api.invoke(stranger).await.unwrap()["statusCode"],
            status,
            "{source}"
        );
    }
    let known = api
        .invoke(request("GET", "/v1/videos", None, "x"))
        .await
        .unwrap();
    assert_eq!(
        known["statusCode"], 200,
        "good credentials pass all the same"
    );
}
