//! The parts run separately, as in the cloud: an API, transcoders, a database, a queue and buckets,
//! configured by environment variables.

use catalog::database::DatabaseConfig;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use catalog::AttemptOutcome;
use catalog::connect::QueueAddress;
use config::Services;
use domain::object_key::ObjectKey;
use e2e::media::make_film;
use e2e::program::{edgereel_run_with, text};
use e2e::proxy::{Fault, Proxy};
use e2e::site::{Site, TOKEN};
use e2e::upload::send;
use platform::job_queue::sqs::SqsQueueConfig;
use platform::object_store::ObjectStore as _;
use platform::object_store::s3::S3StoreConfig;
use platform::secret::Secret;
use platform::testing::RunningServer;
use testkit::{LocalStack, Postgres};

/// One transcoder is stopped in the middle; another one continues from there.
async fn show(site: &Site) {
    let film = make_film(
        &site.folder.path().join("film.mp4"),
        "640x360",
        "24",
        40.0,
        &["-g", "600"],
    );
    let (api, first) = (site.api().await, site.transcoder().await);
    assert_eq!(site.call(&api, "GET", "/readyz", None).await.0, 200);
    let video = site.upload(&api, &film).await;
    site.until(&api, video, |it| {
        it["percent"].as_u64().is_some_and(|it| it > 0)
    })
    .await;
    let second = site.transcoder().await;
    let log = first.log();
    assert!(first.terminate().await.success());
    site.until(&api, video, |it| it["state"] == "ready").await;

    let (status, stream) = site
        .call(&api, "GET", &format!("/v1/videos/{video}/stream"), None)
        .await;
    assert_eq!(status, 200, "{stream}");
    let url = stream["hls_url"].as_str().unwrap();
    assert!(
        url.starts_with(&format!(
            "https://edge.example/v/{video}/master.m3u8?grant=ey"
        )),
        "{url}"
    );
    site.functions
        .store
        .head(&ObjectKey::Master { video })
        .await
        .expect("it is published");
    let attempts = site.functions.catalog.attempts(video).await.unwrap();
    let outcomes: Vec<_> = attempts.iter().map(|it| it.outcome.clone()).collect();
    assert_eq!(
        outcomes,
        [Some(AttemptOutcome::Released), Some(AttemptOutcome::Ready)],
        "{attempts:#?}"
    );
    assert_ne!(attempts[0].worker, attempts[1].worker);
    assert!(!log.contains("ERROR"), "{log}");

    assert!(second.terminate().await.success());
    let log = api.log();
    assert!(api.terminate().await.success());
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_one_host_with_a_file_and_an_s3_server() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = RunningServer::start(&folder.path().join("s3")).await;
    let database = format!("sqlite:{}", folder.path().join("edgereel.db").display());
    let services = Services {
        database: DatabaseConfig::migrating(database.parse().expect("an address")),
        queue: QueueAddress::Database.into(),
        store: s3.store_config(),
    };
    show(&Site::new(services, folder).await).await;
}

/// A store that sends no events, and one server: only `api` and `transcoder`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_event_source_every_upload_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let s3 = RunningServer::start(&folder.path().join("s3")).await;
    let database = format!("sqlite:{}", folder.path().join("edgereel.db").display());
    let services = Services {
        database: DatabaseConfig::migrating(database.parse().expect("an address")),
        queue: QueueAddress::Database.into(),
        store: s3.store_config(),
    };
    let site = Site::new(services, folder).await;
    let film = make_film(
        &site.folder.path().join("film.mp4"),
        "320x180",
        "24",
        4.0,
        &["-g", "48"],
    );
    let api = site.api().await;

    // With the program, which reports what it waits for while there is no transcoder.
    let address = api.said["api"].as_str().unwrap().to_owned();
    let environment = [
        ("EDGEREEL_API_URL".to_owned(), address),
        ("EDGEREEL_API_TOKEN".to_owned(), TOKEN.to_owned()),
    ];
    let arguments = [
        "upload",
        &text(&film),
        "--wait",
        "--profile",
        "small",
        "--json",
    ];
    let upload = edgereel_run_with(
        &environment,
        &arguments,
        site.folder.path(),
        Duration::from_secs(120),
    );
    let transcoder = async {
        tokio::time::sleep(Duration::from_secs(12)).await;
        site.transcoder().await
    };
    let (uploaded, transcoder) = tokio::join!(upload, transcoder);
    let waited = uploaded.objects.iter().find(|it| it["event"] == "waiting");
    assert_eq!(
        waited.map(|it| &it["state"]),
        Some(&"queued".into()),
        "{:?}",
        uploaded.objects
    );
    assert_eq!(
        (uploaded.code, &uploaded.last()["event"]),
        (Some(0), &"ready".into()),
        "{}",
        uploaded.stderr
    );

    // From a page that never completes the upload: Uppy 5 sends a small file as one PUT, and
    // nothing else.
    let path = "/v1/s3/params?filename=film.mp4&type=video/mp4&metadata[profile]=small";
    let (status, signed) = site
        .call_with(
            &api,
            "GET",
            path,
            None,
            &[("uppy-versions", "@uppy/aws-s3=5.1.0")],
        )
        .await;
    assert_eq!(status, 200, "{signed}");
    send(
        &site.http,
        serde_json::from_value(signed).unwrap(),
        std::fs::read(&film).unwrap(),
    )
    .await;
    let (_, list) = site
        .call(&api, "GET", "/v1/videos?state=uploading", None)
        .await;
    let video = list["videos"][0]["id"].as_str().unwrap().parse().unwrap();
    site.until(&api, video, |it| it["state"] == "ready").await;
    assert!(transcoder.terminate().await.success() && api.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_cloud_with_postgresql_sqs_and_s3() {
    let (Some(postgres), Some(aws)) = (Postgres::start(), LocalStack::start()) else {
        return;
    };
    let services = Services {
        database: DatabaseConfig::migrating(postgres.database().parse().expect("an address")),
        queue: QueueAddress::Sqs(queue(&aws).await).into(),
        store: buckets(&aws).await,
    };
    let mut site = Site::new(services, tempfile::tempdir().unwrap()).await;
    // SQS credentials come from AWS's own variables.
    site.variables.extend([
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ]);
    site.variables
        .push(("AWS_REGION", LocalStack::REGION.to_owned()));
    show(&site).await;
}

/// SQS cannot be reached, or answers with errors, while films wait and while one is being
/// processed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_goes_away_and_comes_back() {
    let Some(aws) = LocalStack::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let s3 = RunningServer::start(&folder.path().join("s3")).await;
    let database = format!("sqlite:{}", folder.path().join("edgereel.db").display());
    let queue = queue(&aws).await;
    let url: url::Url = queue.queue_url.parse().unwrap();
    let proxy = Proxy::before(&format!("127.0.0.1:{}", url.port().unwrap())).await;
    let through = QueueAddress::Sqs(SqsQueueConfig {
        queue_url: proxy.url(&queue.queue_url),
        ..queue.clone()
    });
    let services = Services {
        database: DatabaseConfig::migrating(database.parse().expect("an address")),
        queue: QueueAddress::Sqs(queue).into(),
        store: s3.store_config(),
    };
    let mut site = Site::new(services, folder).await;
    site.variables.extend([
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ]);
    site.variables
        .push(("AWS_REGION", LocalStack::REGION.to_owned()));
    let film = make_film(
        &site.folder.path().join("film.mp4"),
        "320x180",
        "24",
        12.0,
        &["-g", "48"],
    );
    let api = site.api().await;
    let mut videos = vec![];
    for _ in 0..5 {
        videos.push(site.upload(&api, &film).await);
    }
    site.variables.retain(|it| it.0 != "EDGEREEL_QUEUE");
    site.variables.push(("EDGEREEL_QUEUE", through.to_string()));
    let worker = site.transcoder().await;
    for fault in [
        Fault::Reset,
        Fault::Status(503),
        Fault::Silence,
        Fault::Status(500),
    ] {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        proxy.fail_for(fault, Duration::from_secs(6)).await;
    }
    for video in &videos {
        site.until(&api, *video, |it| it["state"] == "ready").await;
        let attempts = site.functions.catalog.attempts(*video).await.unwrap();
        let ready = attempts
            .iter()
            .filter(|it| it.outcome == Some(AttemptOutcome::Ready))
            .count();
        assert_eq!(ready, 1, "{attempts:#?}");
    }
    assert_eq!(site.functions.queue.depth().await.unwrap().dead, 0);
    assert!(worker.terminate().await.success());
}

async fn buckets(server: &LocalStack) -> S3StoreConfig {
    use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
    let client = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(server.endpoint())
        .region(Region::new(LocalStack::REGION))
        .credentials_provider(Credentials::new(
            LocalStack::KEY,
            LocalStack::KEY,
            None,
            None,
            "test",
        ))
        .force_path_style(true);
    let client = aws_sdk_s3::Client::from_conf(client.build());
    for bucket in ["private", "media"] {
        client
            .create_bucket()
            .bucket(bucket)
            .send()
            .await
            .expect("a bucket can be created");
    }
    S3StoreConfig {
        endpoint: server.endpoint(),
        public_endpoint: None,
        region: LocalStack::REGION.to_owned(),
        access_key_id: LocalStack::KEY.to_owned(),
        secret_access_key: Secret::new(LocalStack::KEY),
        private_bucket: "private".to_owned(),
        media_bucket: "media".to_owned(),
        force_path_style: true,
    }
}

/// Creates a queue with a dead-letter queue.
async fn queue(server: &LocalStack) -> SqsQueueConfig {
    use aws_sdk_sqs::config::{BehaviorVersion, Builder, Credentials, Region};
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(server.endpoint())
        .region(Region::new(LocalStack::REGION))
        .credentials_provider(Credentials::new(
            LocalStack::KEY,
            LocalStack::KEY,
            None,
            None,
            "test",
        ));
    let client = aws_sdk_sqs::Client::from_conf(config.build());
    let make = async |name: &str| {
        let made = client
            .create_queue()
            .queue_name(name)
            .send()
            .await
            .expect("a queue can be created");
        made.queue_url.expect("it has a URL")
    };
    let (dead, url) = (make("dead").await, make("jobs").await);
    let arn = QueueAttributeName::QueueArn;
    let answer = client
        .get_queue_attributes()
        .queue_url(dead)
        .attribute_names(arn.clone())
        .send()
        .await;
    let arn = answer
        .expect("a queue has attributes")
        .attributes
        .expect("as asked for")[&arn]
        .clone();
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"5"}}"#);
    let request = client
        .set_queue_attributes()
        .queue_url(&url)
        .attributes(QueueAttributeName::RedrivePolicy, policy);
    request.send().await.expect("a policy can be set");
    let keys = (LocalStack::KEY.to_owned(), Secret::new(LocalStack::KEY));
    SqsQueueConfig {
        queue_url: url,
        region: None,
        keys: Some(keys),
    }
}
