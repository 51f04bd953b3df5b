//! The CORS rules of a bucket, as `aws s3api put-bucket-cors` and `wrangler r2 bucket cors set`
//! write them.

use std::time::Duration;

use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::types::{CorsConfiguration, CorsRule};
use domain::ids::VideoId;
use domain::object_key::{FileName, ObjectKey};
use platform::object_store::uploads::UploadSigner as _;
use platform::testing::{ORIGIN, PRIVATE, RunningServer, config};
use reqwest::{Client, Method, Response};
use s3_server::S3Server;

use crate::support::{World, code};

fn rule(origin: &str, headers: &[&str]) -> CorsConfiguration {
    let mut rule = CorsRule::builder()
        .allowed_origins(origin)
        .allowed_methods("PUT")
        .expose_headers("ETag");
    for name in headers {
        rule = rule.allowed_headers(*name);
    }
    let rule = rule.max_age_seconds(600).build().unwrap();
    CorsConfiguration::builder()
        .cors_rules(rule)
        .build()
        .unwrap()
}

async fn set(world: &World, rules: CorsConfiguration) {
    world
        .client
        .put_bucket_cors()
        .bucket(PRIVATE)
        .cors_configuration(rules)
        .send()
        .await
        .unwrap();
}

async fn preflight(url: &str, origin: &str, method: &str, headers: &str) -> Response {
    Client::new()
        .request(Method::OPTIONS, url)
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", headers)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_rule_that_is_set_decides() {
    let world = World::new().await;
    let file_name = FileName::clean("a.mp4");
    let key = ObjectKey::Source {
        video: VideoId::new(1, [1; 10]),
        file_name,
    };
    let store = world.server.store();
    let signed = store
        .presign_put(&key, Some(5), "video/mp4", Duration::from_secs(60))
        .await
        .unwrap();
    let page = "https://app.example";
    assert_eq!(
        preflight(&signed.url, page, "PUT", "content-type")
            .await
            .status(),
        403
    );

    // The rule lacks the header that makes an upload write once: a common mistake in a first
    // set-up.
    set(&world, rule(page, &["content-type"])).await;
    let asked = "content-type,if-none-match";
    assert_eq!(
        preflight(&signed.url, page, "PUT", asked).await.status(),
        403
    );
    set(&world, rule(page, &["content-type", "if-none-match"])).await;
    let allowed = preflight(&signed.url, page, "PUT", asked).await;
    assert_eq!(allowed.status(), 204);
    let header = |name: &str| allowed.headers()[name].to_str().unwrap();
    assert_eq!(header("access-control-allow-origin"), page);
    assert_eq!(header("access-control-allow-methods"), "PUT");
    assert_eq!(header("access-control-allow-headers"), asked);
    assert_eq!(header("access-control-max-age"), "600");
    // It replaced the configured origins of the bucket.
    for (origin, method, headers) in [
        (ORIGIN, "PUT", asked),
        (page, "DELETE", asked),
        (page, "PUT", "x-other"),
    ] {
        assert_eq!(
            preflight(&signed.url, origin, method, headers)
                .await
                .status(),
            403,
            "{origin} {method} {headers}"
        );
    }
    let mut put = Client::new()
        .put(&signed.url)
        .header("origin", page)
        .body("hello");
    for (name, value) in signed.headers.iter().filter(|it| it.0 != "content-length") {
        put = put.header(name, value);
    }
    let stored = put.send().await.unwrap();
    assert_eq!(stored.status(), 200);
    assert_eq!(stored.headers()["access-control-expose-headers"], "ETag");
    let read = Client::new()
        .get(&signed.url)
        .header("origin", page)
        .send()
        .await
        .unwrap();
    assert!(
        !read.headers().contains_key("access-control-allow-origin"),
        "the rule is of PUT alone"
    );
}

#[tokio::test]
async fn rules_are_read_removed_and_survive() {
    let world = World::new().await;
    let opened = world
        .client
        .get_bucket_cors()
        .bucket(PRIVATE)
        .send()
        .await
        .unwrap();
    assert_eq!(opened.cors_rules()[0].allowed_origins(), [ORIGIN]);
    set(&world, rule("https://*.example", &["content-type"])).await;
    let read = world
        .client
        .get_bucket_cors()
        .bucket(PRIVATE)
        .send()
        .await
        .unwrap();
    assert_eq!(
        read.cors_rules(),
        rule("https://*.example", &["content-type"]).cors_rules()
    );

    let World { server, folder, .. } = world;
    server.stop().await;
    let server = RunningServer::start(folder.path()).await;
    let client = crate::support::client(&server.endpoint, RequestChecksumCalculation::WhenRequired);
    let read = client
        .get_bucket_cors()
        .bucket(PRIVATE)
        .send()
        .await
        .unwrap();
    assert_eq!(
        read.cors_rules()[0].allowed_origins(),
        ["https://*.example"]
    );
    client
        .delete_bucket_cors()
        .bucket(PRIVATE)
        .send()
        .await
        .unwrap();
    assert_eq!(
        code(client.get_bucket_cors().bucket(PRIVATE).send().await),
        "NoSuchCORSConfiguration"
    );
    assert_eq!(
        code(client.get_bucket_cors().bucket("nowhere").send().await),
        "NoSuchBucket"
    );
}

#[tokio::test]
async fn rules_that_mean_nothing_are_refused() {
    let world = World::new().await;
    let with = |rule: aws_sdk_s3::types::builders::CorsRuleBuilder| {
        let rules = CorsConfiguration::builder()
            .cors_rules(rule.build().unwrap())
            .build()
            .unwrap();
        world
            .client
            .put_bucket_cors()
            .bucket(PRIVATE)
            .cors_configuration(rules)
            .send()
    };
    let rule = || CorsRule::builder().allowed_origins("https://a.example");
    assert_eq!(
        code(with(rule().allowed_methods("OPTIONS")).await),
        "InvalidRequest"
    );
    assert_eq!(
        code(with(rule().allowed_methods("PUT").allowed_headers("x-*-*")).await),
        "InvalidRequest"
    );
    assert_eq!(
        code(with(rule().allowed_methods("PUT").expose_headers("*")).await),
        "InvalidRequest"
    );
}

/// A directory written by an older version has no table of rules.
#[tokio::test]
async fn an_older_folder_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    drop(S3Server::open(config(folder.path())).unwrap());
    let index = rusqlite::Connection::open(folder.path().join("index.db")).unwrap();
    index
        .execute_batch("DROP TABLE cors; PRAGMA user_version = 1")
        .unwrap();
    drop(index);
    assert!(S3Server::open(config(folder.path())).is_ok());
}
