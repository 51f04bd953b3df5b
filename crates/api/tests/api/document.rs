//! The OpenAPI document, compared with the router and its responses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use api::route_table;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{Answer, TOKEN, World};

/// The served document.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(api::openapi::document()).unwrap());

/// A validator for a schema of the document.
fn validator(schema: &Value) -> jsonschema::Validator {
    let whole = json!({ "allOf": [schema], "components": DOCUMENT["components"] });
    jsonschema::options()
        .should_validate_formats(true)
        .build(&whole)
        .unwrap()
}

/// The path template of a path: the one with the most literal segments.
fn template_of(path: &str) -> Option<&'static String> {
    let words: Vec<_> = path.split('/').collect();
    let fits = |template: &&String| {
        let parts: Vec<_> = template.split('/').collect();
        parts.len() == words.len()
            && parts
                .iter()
                .zip(&words)
                .all(|(part, word)| part.starts_with('{') || part == word)
    };
    DOCUMENT["paths"]
        .as_object()
        .unwrap()
        .keys()
        .filter(fits)
        .min_by_key(|it| it.matches('{').count())
}

/// Validates a response against the document.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, answer: &Answer) {
    let Some(template) = template_of(path).filter(|_| *method != Method::OPTIONS) else {
        return;
    };
    let operation = &DOCUMENT["paths"][template][method.as_str().to_lowercase()];
    let Some(answers) = operation["responses"].as_object() else {
        assert_eq!(
            answer.status,
            StatusCode::METHOD_NOT_ALLOWED,
            "{method} {path} is in no document"
        );
        return;
    };
    let what = format!("{method} {path}: {} {}", answer.status, answer.body);
    let documented = answers
        .get(answer.status.as_str())
        .unwrap_or_else(|| panic!("not in the document: {what}"));
    let Some(content) = documented["content"].as_object() else {
        assert_eq!(answer.body, Value::Null, "{what}");
        return;
    };
    let kind = answer.headers["content-type"].to_str().unwrap();
    let schema = &content
        .get(kind)
        .unwrap_or_else(|| panic!("{kind} is not in the document: {what}"))["schema"];
    let wrong: Vec<_> = validator(schema)
        .iter_errors(&answer.body)
        .map(|it| it.to_string())
        .collect();
    assert!(wrong.is_empty(), "{what}: {wrong:?}");
    for name in documented["headers"]
        .as_object()
        .into_iter()
        .flat_map(|it| it.keys())
    {
        assert!(
            answer.headers.contains_key(name),
            "{name} is missing: {what}"
        );
    }
}

/// Every operation, with its path and method.
fn operations() -> impl Iterator<Item = (&'static String, &'static String, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, it)| (path, method, it))
    })
}

#[test]
fn the_document_has_every_route_once() {
    let (of_session, of_table): (Vec<_>, Vec<_>) = operations()
        .filter(|it| it.0.starts_with("/v1/"))
        .partition(|it| it.0 == "/v1/session");
    let of_session: BTreeSet<_> = of_session.iter().map(|it| it.1.as_str()).collect();
    assert_eq!(of_session, BTreeSet::from(["delete", "get", "post"]));
    let of_table = of_table.into_iter();
    let documented: BTreeSet<_> = of_table
        .map(|(path, method, _)| format!("{method} {path}"))
        .collect();
    let routes: BTreeSet<_> = route_table()
        .iter()
        .map(|it| format!("{} /v1{}", it.method.as_str().to_lowercase(), it.path))
        .collect();
    assert_eq!(documented, routes);
    assert_eq!(route_table().len(), routes.len());
    let mut ids = BTreeMap::<_, u32>::new();
    for (_, _, operation) in operations() {
        *ids.entry(operation["operationId"].as_str().unwrap())
            .or_default() += 1;
    }
    assert!(ids.values().all(|it| *it == 1), "{ids:?}");
}

/// The router supports exactly the methods of the document.
#[tokio::test]
async fn the_router_has_nothing_else() {
    let world = World::new().await;
    for path in DOCUMENT["paths"].as_object().unwrap().keys() {
        let documented: BTreeSet<_> = operations()
            .filter(|it| it.0 == path)
            .map(|it| it.1.to_uppercase())
            .collect();
        let answer = world.call(Method::TRACE, path, None).await;
        assert_eq!(answer.problem(), (405, "method-not-allowed"), "{path}");
        let allowed = answer.headers["allow"]
            .to_str()
            .unwrap()
            .split(',')
            .map(|it| it.trim().to_owned());
        let allowed: BTreeSet<_> = allowed.filter(|it| it != "HEAD").collect();
        assert_eq!(allowed, documented, "{path}");
    }
}

#[test]
fn every_example_is_valid() {
    let mut examples = 0;
    for (path, method, operation) in operations() {
        let bodies = std::iter::once(&operation["requestBody"]["content"]);
        let answers = operation["responses"]
            .as_object()
            .unwrap()
            .values()
            .map(|it| &it["content"]);
        for content in bodies
            .chain(answers)
            .filter_map(Value::as_object)
            .flat_map(|it| it.values())
        {
            // Binary bodies have no example.
            if content["schema"]["format"] == "binary" {
                continue;
            }
            let example = content
                .get("example")
                .unwrap_or_else(|| panic!("{method} {path} has an answer without one"));
            let wrong: Vec<_> = validator(&content["schema"])
                .iter_errors(example)
                .map(|it| it.to_string())
                .collect();
            assert!(wrong.is_empty(), "{method} {path}: {example}: {wrong:?}");
            examples += 1;
        }
        let (summary, description) = (&operation["summary"], &operation["description"]);
        assert!(
            !summary.as_str().unwrap().is_empty()
                && description.as_str().unwrap().contains("Requires ")
        );
    }
    assert!(examples > 100, "{examples}");
}

/// The client of the web app is generated from this file.
#[test]
fn the_web_app_has_this_document() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../web/src/api/openapi.json"
    );
    let copy: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(
        copy == *DOCUMENT,
        "run `npm run api:fetch` in web/, beside a running `edgereel dev`"
    );
}

/// The document and its page need no token.
#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let world = World::new().await;
    let request = |path: &str| {
        http::Request::get(path)
            .body(axum::body::Body::empty())
            .unwrap()
    };
    let served = world.send(request("/openapi.json")).await;
    assert_eq!((served.status.as_u16(), &served.body), (200, &*DOCUMENT));
    assert_eq!(served.body["openapi"], "3.1.0");
    for (path, kind) in [
        ("/docs/", "text/html"),
        ("/docs/swagger-ui-bundle.js", "javascript"),
    ] {
        let response = world.router.clone().oneshot(request(path)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert!(
            response.headers()["content-type"]
                .to_str()
                .unwrap()
                .contains(kind),
            "{path}"
        );
        let policy = response.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
    }
    let moved = world
        .router
        .clone()
        .oneshot(request("/docs"))
        .await
        .unwrap();
    assert_eq!(moved.headers()["location"], "/docs/");
}

/// Metrics are for the operator only, by route template instead of path.
#[tokio::test]
async fn metrics_are_for_the_operator() {
    let world = World::new().await;
    let id = world.upload_small().await;
    world.get(&format!("/v1/videos/{id}")).await;
    world.get("/v1/nothing").await;
    let ask = async |token: &str| {
        let request =
            http::Request::get("/metrics").header("authorization", format!("Bearer {token}"));
        let response = world
            .router
            .clone()
            .oneshot(request.body(axum::body::Body::empty()).unwrap())
            .await
            .unwrap();
        let status = response.status().as_u16();
        (
            status,
            String::from_utf8(
                response
                    .into_body()
                    .collect()
                    .await
                    .unwrap()
                    .to_bytes()
                    .to_vec(),
            )
            .unwrap(),
        )
    };
    let (_, key) = world.key(Some("ann"), &["read", "play"]).await;
    assert_eq!((ask("nobody").await.0, ask(&key).await.0), (401, 403));
    let (status, text) = ask(TOKEN).await;
    assert_eq!(status, 200);
    for line in [
        r#"edgereel_http_requests_total{method="GET",route="/videos/{video}",status="200"} 1"#,
        r#"edgereel_http_requests_total{method="other",route="other",status="404"} 1"#,
        r#"edgereel_http_request_duration_seconds_count{route="/uploads"} 1"#,
        r#"edgereel_jobs{state="ready"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    assert!(!text.contains(&id.to_string()));
}
