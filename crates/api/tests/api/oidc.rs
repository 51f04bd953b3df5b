//! Signing in with an OpenID Connect provider.

mod provider;

use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::world::{Answer, TOKEN, World};
use provider::Provider;

async fn open(world: &World, path: &str, cookie: &str) -> Answer {
    let request = Request::get(path)
        .header("cookie", cookie)
        .header("sec-fetch-site", "cross-site");
    world.send(request.body(Body::empty()).unwrap()).await
}

/// The cookie that a response sets, as a browser sends it, and its attributes.
fn cookie(answer: &Answer, purpose: &str) -> (String, String) {
    let prefix = format!("__Host-edgereel_{purpose}_");
    let set = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|it| it.to_str().unwrap());
    let set = set.filter(|it| it.starts_with(&prefix)).collect::<Vec<_>>();
    assert_eq!(set.len(), 1, "{purpose}: {:?}", answer.headers);
    let (pair, attributes) = set[0].split_once(';').unwrap();
    (pair.to_owned(), attributes.to_owned())
}

#[track_caller]
fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.headers["location"].to_str().unwrap()
}

/// Begins a sign-in: the cookie, and where the provider sends the browser back to.
async fn go_to_provider(world: &World, provider: &Provider, to: &str) -> (String, String) {
    let begun = open(world, &format!("/sign-in/oidc?to={to}"), "").await;
    let (pair, attributes) = cookie(&begun, "sign_in");
    assert_eq!(
        attributes,
        " Max-Age=600; Path=/; HttpOnly; SameSite=Lax; Secure"
    );
    assert!(begun.headers["cache-control"] == "no-store");
    let back = provider.authorize(location(&begun)).await;
    let path = back
        .strip_prefix("https://api.example")
        .expect("the registered address")
        .to_owned();
    (pair, path)
}

async fn failure(world: &World, path: &str, cookies: &str) -> String {
    let answer = open(world, path, cookies).await;
    let problem = location(&answer)
        .strip_prefix("/sign-in?problem=")
        .map(str::to_owned);
    assert!(cookie(&answer, "sign_in").1.starts_with(" Max-Age=0;"));
    assert_eq!(
        answer.headers.get_all("set-cookie").iter().count(),
        1,
        "no session began"
    );
    problem.unwrap_or_else(|| panic!("{path} signs in"))
}

#[tokio::test]
async fn a_user_signs_in_with_the_provider() {
    let provider = Provider::start().await;
    let world = World::new()
        .await
        .with_identity_provider(provider.settings());
    let out = open(&world, "/v1/session", "").await;
    assert_eq!(
        (out.problem().0, &out.body["methods"]),
        (401, &json!(["api-key", "oidc"]))
    );

    let (transaction, back) = go_to_provider(&world, &provider, "/upload").await;
    let answer = open(&world, &back, &transaction).await;
    assert_eq!(location(&answer), "/upload");
    let (session, attributes) = cookie(&answer, "session");
    assert_eq!(
        attributes,
        " Max-Age=43200; Path=/; HttpOnly; SameSite=Strict; Secure"
    );
    assert!(cookie(&answer, "sign_in").1.starts_with(" Max-Age=0;"));

    let shown = open(&world, "/v1/session", &session).await;
    let who = (
        &shown.body["subject"],
        &shown.body["owner"],
        &shown.body["scopes"],
    );
    assert_eq!(
        who,
        (
            &json!("user:ann"),
            &json!("ann"),
            &json!(["upload", "read"])
        )
    );
    assert_eq!(open(&world, "/v1/videos", &session).await.status, 200);
    assert_eq!(
        open(&world, "/v1/api-keys", &session).await.problem(),
        (403, "insufficient-scope")
    );
    // The session is one of this installation with this provider.
    let other = World::new()
        .await
        .with_identity_provider(Provider::start().await.settings());
    assert_eq!(open(&other, "/v1/session", &session).await.problem().0, 401);
    let renewed = world.with_token("er_other");
    assert_eq!(
        open(&renewed, "/v1/session", &session).await.problem().0,
        401
    );
}

#[tokio::test]
async fn a_callback_that_this_browser_did_not_begin_signs_no_one_in() {
    let provider = Provider::start().await;
    let world = World::new()
        .await
        .with_identity_provider(provider.settings());
    let (transaction, back) = go_to_provider(&world, &provider, "/").await;
    // An attacker's code and state, in the browser of a victim.
    assert_eq!(failure(&world, &back, "").await, "expired");
    let (other, _) = go_to_provider(&world, &provider, "/").await;
    assert_eq!(failure(&world, &back, &other).await, "expired");
    let state = back
        .split("state=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    for changed in [
        back.replace(state, "x"),
        back.replace(state, ""),
        back.replace("state=", "s="),
    ] {
        assert_eq!(
            failure(&world, &changed, &transaction).await,
            "expired",
            "{changed}"
        );
    }
    let foreign = back.replace("iss=", "iss=https%3A%2F%2Fevil.example&i=");
    assert_eq!(failure(&world, &foreign, &transaction).await, "provider");
    let session = transaction.replace("sign_in", "session");
    assert_eq!(open(&world, "/v1/session", &session).await.problem().0, 401);
    assert_eq!(location(&open(&world, &back, &transaction).await), "/");
    // The provider accepts a code once.
    assert_eq!(failure(&world, &back, &transaction).await, "not-allowed");
}

#[tokio::test]
async fn what_the_provider_declines_is_shown_on_the_page() {
    let provider = Provider::start().await;
    let world = World::new()
        .await
        .with_identity_provider(provider.settings());
    for (error, expected) in [("access_denied", "denied"), ("server_error", "provider")] {
        let (transaction, back) = go_to_provider(&world, &provider, "/").await;
        let declined = back.replace("code=", &format!("error={error}&c="));
        assert_eq!(failure(&world, &declined, &transaction).await, expected);
    }
    let (transaction, back) = go_to_provider(&world, &provider, "/").await;
    let without = back.replace("code=", "c=");
    assert_eq!(failure(&world, &without, &transaction).await, "provider");
    provider.stop();
    assert_eq!(failure(&world, &back, &transaction).await, "provider");
    let page = world
        .router_response(Request::get("/sign-in?problem=provider"))
        .await;
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
}

#[tokio::test]
async fn an_id_token_for_another_sign_in_or_client_is_not_accepted() {
    let provider = Provider::start().await;
    let world = World::new()
        .await
        .with_identity_provider(provider.settings());
    for changes in [
        json!({ "nonce": "other" }),
        json!({ "nonce": null }),
        json!({ "aud": "edgereel" }),
        json!({ "aud": ["web", "other"], "azp": "other" }),
        json!({ "iss": "https://evil.example" }),
        json!({ "exp": 1 }),
        json!({ "sub": "" }),
        json!({ "scope": "openid profile" }),
    ] {
        provider.change(changes.clone());
        let (transaction, back) = go_to_provider(&world, &provider, "/").await;
        assert_eq!(
            failure(&world, &back, &transaction).await,
            "not-allowed",
            "{changes}"
        );
    }
    provider.change(json!({ "aud": ["web", "other"], "azp": "web" }));
    let (transaction, back) = go_to_provider(&world, &provider, "/").await;
    assert_eq!(location(&open(&world, &back, &transaction).await), "/");
}

#[tokio::test]
async fn the_access_token_may_name_the_scopes() {
    let provider = Provider::start().await;
    let mut settings = provider.settings();
    let sign_in = settings.sign_in.as_mut().unwrap();
    sign_in.token = config::SignInToken::Access;
    // A public client.
    sign_in.client_secret = None;
    let world = World::new().await.with_identity_provider(settings);
    let (transaction, back) = go_to_provider(&world, &provider, "/").await;
    let answer = open(&world, &back, &transaction).await;
    let (session, _) = cookie(&answer, "session");
    let shown = open(&world, "/v1/session", &session).await;
    assert_eq!(
        shown.body["scopes"],
        json!(["read", "play"]),
        "{}",
        shown.body
    );
    provider.change(json!({ "sub": "bob" }));
    let (transaction, back) = go_to_provider(&world, &provider, "/").await;
    assert_eq!(failure(&world, &back, &transaction).await, "not-allowed");
}

#[tokio::test]
async fn a_sign_in_opens_pages_of_this_site_only() {
    let provider = Provider::start().await;
    let world = World::new()
        .await
        .with_identity_provider(provider.settings());
    for to in [
        "//evil.example",
        "https://evil.example",
        "/%5Cevil.example",
        "/a%0D%0Ab:%20c",
    ] {
        let (transaction, back) = go_to_provider(&world, &provider, to).await;
        assert_eq!(
            location(&open(&world, &back, &transaction).await),
            "/",
            "{to}"
        );
    }
}

#[tokio::test]
async fn without_a_client_there_is_no_sign_in() {
    let provider = Provider::start().await;
    let settings = config::IdentitySettings {
        sign_in: None,
        ..provider.settings()
    };
    let world = World::new().await.with_identity_provider(settings);
    for path in ["/sign-in/oidc", "/sign-in/oidc/callback?code=a&state=b"] {
        assert_eq!(
            open(&world, path, "").await.problem(),
            (404, "no-such-route"),
            "{path}"
        );
    }
    let head = Request::head("/sign-in?code=1").header("authorization", TOKEN);
    assert_eq!(world.router_response(head).await.status(), 405);
}

/// Each failed callback may cost a request to the provider.
#[tokio::test]
async fn failed_sign_ins_are_limited() {
    let provider = Provider::start().await;
    let rate = config::Rate {
        burst: 2,
        refill: std::time::Duration::from_secs(60),
    };
    let world = World::with(|config| config.limits.failures = Some(rate)).await;
    let world = world.with_identity_provider(provider.settings());
    for _ in 0..2 {
        assert_eq!(
            failure(&world, "/sign-in/oidc/callback?code=a&state=b", "").await,
            "expired"
        );
    }
    let limited = open(&world, "/sign-in/oidc/callback?code=a&state=b", "").await;
    assert_eq!(limited.problem(), (429, "too-many-requests"));
}
