//! Each function, with events as AWS sends them.

use std::time::Duration;

use domain::ids::VideoId;
use platform::catalog::SharedCatalog;
use platform::connect::{self, QueueAddress, QueueUse};
use platform::job_queue::{QueueName, SharedQueue};
use platform::s3_server::testing::{PRIVATE, RunningServer};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::runtime::Function;

const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// What the functions find around them.
struct Cloud {
    catalog: SharedCatalog,
    queue: SharedQueue,
    variables: Vec<(&'static str, String)>,
    _s3: RunningServer,
    _folder: TempDir,
}

impl Cloud {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let s3 = RunningServer::start(&folder.path().join("s3")).await;
        let path = folder.path().join("edgereel.db").to_str().unwrap().to_owned();
        let address = format!("sqlite:{path}");
        let (database, catalog) = connect::catalog(&address).await.unwrap();
        let how = QueueUse { name: QueueName::Interactive, max_receives: 5, holder: "test" };
        let queue = connect::queue(&QueueAddress::Database, &database, how).await.unwrap();
        let config = s3.store_config();
        let variables = vec![
            ("EDGEREEL_DATABASE", address),
            ("EDGEREEL_KEY_ENCRYPTION_KEYS", format!("one:{KEY}")),
            ("EDGEREEL_S3_ENDPOINT", config.endpoint.clone()),
            ("EDGEREEL_S3_ACCESS_KEY_ID", config.access_key_id.clone()),
            ("EDGEREEL_S3_SECRET_ACCESS_KEY", config.secret_access_key.expose().to_owned()),
            ("EDGEREEL_PRIVATE_BUCKET", config.private_bucket.clone()),
            ("EDGEREEL_MEDIA_BUCKET", config.media_bucket.clone()),
            ("EDGEREEL_API_TOKEN", "er_test".to_owned()),
            ("EDGEREEL_EDGE_URL", "https://edge.example".to_owned()),
            ("EDGEREEL_GRANT_KEYS", format!("one:HS256:{KEY}")),
        ];
        Self { catalog, queue, variables, _s3: s3, _folder: folder }
    }
}

/// An event of an HTTP API (payload 2.0); function URLs send the same shape.
fn request(method: &str, path: &str, body: Option<Value>, domain: &str) -> Value {
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
    for domain in ["x.execute-api.eu-central-1.amazonaws.com", "x.lambda-url.eu-central-1.on.aws"] {
        let wish = json!({ "file_name": "a.mp4", "size": 3 });
        let created = api.invoke(request("POST", "/v1/uploads", Some(wish), domain)).await.unwrap();
        assert_eq!(created["statusCode"], 201, "{created}");
        let video: VideoId = body(&created)["video"].as_str().unwrap().parse().unwrap();
        assert_eq!(cloud.catalog.get_video(video).await.unwrap().state.name().as_str(), "uploading");
        let read = api.invoke(request("GET", &format!("/v1/videos/{video}"), None, domain)).await.unwrap();
        assert_eq!((&read["statusCode"], &body(&read)["id"]), (&json!(200), &json!(video)));
    }
    let mut stranger = request("GET", "/v1/videos", None, "x");
    stranger["headers"]["authorization"] = json!("Bearer guess");
    let refused = api.invoke(stranger).await.unwrap();
    assert_eq!((&refused["statusCode"], &body(&refused)["code"]), (&json!(401), &json!("unauthorized")));
    let ready = api.invoke(request("GET", "/readyz", None, "x")).await.unwrap();
    assert_eq!((&ready["statusCode"], &body(&ready)["status"]), (&json!(200), &json!("ok")), "{ready}");
}

fn message(id: &str, body: &str) -> Value {
    json!({
        "messageId": id, "receiptHandle": "h", "body": body, "attributes": { "ApproximateReceiveCount": "1" },
        "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs", "awsRegion": "eu-central-1",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:events",
    })
}

fn of_r2(video: VideoId) -> String {
    let object =
        json!({ "key": format!("uploads/{video}/a.mp4"), "size": 3, "eTag": "0123456789abcdef0123456789abcdef" });
    json!({ "account": "a", "action": "PutObject", "bucket": PRIVATE, "object": object, "eventTime": "2024-05-24T19:36:44.379Z" })
        .to_string()
}

fn of_s3(video: VideoId) -> String {
    let object =
        json!({ "key": format!("uploads/{video}/b.mp4"), "size": 3, "eTag": "fedcba9876543210fedcba9876543210" });
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
    let (first, second) = (VideoId::new(1_700_000_000_000, [1; 10]), VideoId::new(1_700_000_000_000, [2; 10]));
    let batch = json!({ "Records": [
        message("1", &of_r2(first)), message("2", "rubbish"), message("3", &of_s3(second)), message("4", &of_r2(first)),
        message("5", r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"private"}"#),
    ] });
    let answer = ingest.invoke(batch).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }), "what starts nothing is no failure");
    let mut jobs = vec![];
    while let Some(delivery) = cloud.queue.receive(Duration::ZERO, Duration::from_secs(60)).await.unwrap() {
        jobs.push(delivery.message.unwrap().video());
    }
    jobs.sort();
    assert_eq!(jobs, [first, second], "the event that came twice is one job");
}

#[tokio::test]
async fn ingest_names_what_it_could_not_take() {
    let mut cloud = Cloud::new().await;
    let video = VideoId::new(1_700_000_000_000, [1; 10]);
    // A late arrival of a deleted video has to be removed from a store that does not answer.
    let new = json!({ "Records": [message("1", &of_r2(video))] });
    let mut ingest = Function::start(env!("CARGO_BIN_EXE_ingest"), &cloud.variables).await;
    ingest.invoke(new.clone()).await.unwrap();
    cloud.catalog.apply(video, &domain::state::VideoEvent::Deleted, 1).await.unwrap();
    for (name, value) in &mut cloud.variables {
        if *name == "EDGEREEL_S3_ENDPOINT" {
            *value = "http://127.0.0.1:9".to_owned();
        }
    }
    let mut cut_off = Function::start(env!("CARGO_BIN_EXE_ingest"), &cloud.variables).await;
    let batch = json!({ "Records": [message("1", "rubbish"), message("2", &of_r2(video))] });
    let answer = cut_off.invoke(batch).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "2" }] }));
}

#[tokio::test]
async fn scheduled_functions_say_what_they_did() {
    let cloud = Cloud::new().await;
    let mut sweeper = Function::start(env!("CARGO_BIN_EXE_sweeper"), &cloud.variables).await;
    let swept = sweeper.invoke(json!({ "source": "aws.events" })).await.unwrap();
    assert_eq!(swept, json!({ "uploads": 0, "strays": 0, "jobs": 0, "generations": 0, "failures": 0 }));
    let mut dead_letter = Function::start(env!("CARGO_BIN_EXE_dead-letter"), &cloud.variables).await;
    assert_eq!(dead_letter.invoke(json!({})).await.unwrap(), json!({ "failed": 0 }));
}
