//! A browser's first upload to a bucket without CORS rules: the report of `edgereel doctor`, and
//! the rule that fixes it.

use std::time::Duration;

use e2e::cors::OperatedBucket;
use e2e::dev::{Dev, Home};
use e2e::program::{edgereel_run, text};
use serde_json::Value;

const PAGE: &str = "https://app.example";

/// Sets the rule of the private bucket.
async fn set(dev: &Dev, headers: &[&str], exposed: &[&str]) {
    let s3 = &dev.info["s3"];
    let said = |name: &str| s3[name].as_str().unwrap().to_owned();
    let bucket = OperatedBucket {
        endpoint: said("endpoint"),
        access_key_id: said("access_key_id"),
        secret_access_key: said("secret_access_key"),
        name: said("private_bucket"),
    };
    bucket.allow(PAGE, headers, exposed).await;
}

/// The doctor's report about the bucket.
async fn ask(home: &Home) -> (Option<i32>, Value) {
    let (data, temporary) = (text(&home.data()), home.temporary());
    let arguments = ["doctor", "--data", &data, "--origin", PAGE, "--json"];
    let answer = edgereel_run(&arguments, &temporary, Duration::from_secs(60)).await;
    let findings = answer.last()["findings"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    (
        answer.code,
        findings
            .into_iter()
            .find(|it| it["what"] == "bucket")
            .unwrap_or_default(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strict_bucket_is_opened_by_the_rule_of_the_docs() {
    let mut home = Home::new();
    home.options.push("--strict-cors".to_owned());
    let dev = home.start().await;
    let (code, closed) = ask(&home).await;
    assert_eq!(
        (code, &closed["state"]),
        (Some(1), &"error".into()),
        "{closed}"
    );

    set(&dev, &["content-type"], &["ETag"]).await;
    assert!(
        ask(&home).await.1["found"]
            .as_str()
            .unwrap()
            .contains("if-none-match")
    );
    set(&dev, &["content-type", "if-none-match"], &[]).await;
    assert!(
        ask(&home).await.1["found"]
            .as_str()
            .unwrap()
            .contains("does not expose `ETag`")
    );

    // The rule in docs/uploads.md.
    let page = include_str!("../../../docs/uploads.md");
    let rule = page
        .split("```json\n")
        .nth(1)
        .and_then(|it| it.split("```").next())
        .expect("a rule in JSON");
    let rule: Value = serde_json::from_str(rule).expect("it is JSON");
    let rule = &rule["rules"][0];
    let words = |it: &Value| -> Vec<String> { serde_json::from_value(it.clone()).expect("words") };
    assert_eq!(
        (
            words(&rule["allowed"]["origins"]),
            words(&rule["allowed"]["methods"])
        ),
        (vec![PAGE.to_owned()], vec!["PUT".to_owned()])
    );
    let (headers, exposed) = (
        words(&rule["allowed"]["headers"]),
        words(&rule["exposeHeaders"]),
    );
    let [headers, exposed] =
        [&headers, &exposed].map(|it| it.iter().map(String::as_str).collect::<Vec<_>>());
    set(&dev, &headers, &exposed).await;
    let (code, open) = ask(&home).await;
    assert_eq!((code, &open["state"]), (Some(0), &"ok".into()), "{open}");
}
