//! Presigned URLs restrict their holder to what was signed. Tested with a plain HTTP client.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresigningConfig;
use domain::ids::VideoId;
use domain::object_key::{FileName, ObjectKey};
use platform::object_store::uploads::{PresignedRequest, UploadSigner as _};
use reqwest::{Client, Method, RequestBuilder, Response};

use crate::support::{BUCKET, World, minutes, xml_code};

pub(super) const LIFE: Duration = Duration::from_secs(600);

pub(super) fn source() -> ObjectKey {
    let file_name = FileName::clean("a b+é.mp4");
    ObjectKey::Source {
        video: VideoId::new(1_700_000_000_000, [1; 10]),
        file_name,
    }
}

pub(super) fn request(signed: &PresignedRequest) -> RequestBuilder {
    let mut request = Client::new().request(signed.method.parse().unwrap(), &signed.url);
    for (name, value) in &signed.headers {
        request = request.header(name, value);
    }
    request
}

async fn refusal(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    (status, xml_code(&response.text().await.unwrap()).to_owned())
}

#[tokio::test]
async fn a_put_is_bound_to_size_type_and_absence() {
    let world = World::new().await;
    let signed = world
        .server
        .store()
        .presign_put(&source(), Some(5), "video/mp4", LIFE)
        .await
        .unwrap();
    let names: Vec<&str> = signed
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    for name in ["content-length", "content-type", "if-none-match"] {
        assert!(names.contains(&name), "{name} is signed: {names:?}");
    }
    let put = || Client::new().put(&signed.url);
    let refused = |response| async { refusal(response).await };
    let with = |kind: &str, once: bool, body: &'static str| {
        let request = put().header("content-type", kind).body(body);
        if once {
            request.header("if-none-match", "*")
        } else {
            request
        }
    };
    let mismatch = (403, "SignatureDoesNotMatch".to_owned());
    assert_eq!(
        refused(with("text/html", true, "hello").send().await.unwrap()).await,
        mismatch
    );
    assert_eq!(
        refused(
            with("video/mp4", true, "hello, longer")
                .send()
                .await
                .unwrap()
        )
        .await,
        mismatch
    );
    assert_eq!(
        refused(with("video/mp4", true, "hell").send().await.unwrap()).await,
        mismatch
    );
    assert_eq!(
        refused(with("video/mp4", false, "hello").send().await.unwrap()).await,
        mismatch
    );
    assert_eq!(
        refused(Client::new().get(&signed.url).send().await.unwrap()).await,
        mismatch
    );
    assert_eq!(
        refused(Client::new().delete(&signed.url).send().await.unwrap()).await,
        mismatch
    );
    let extra = with("video/mp4", true, "hello")
        .header("x-amz-meta-evil", "1")
        .send()
        .await
        .unwrap();
    assert_eq!(refused(extra).await, (403, "AccessDenied".to_owned()));
    let extra = with("video/mp4", true, "hello")
        .header("x-amz-copy-source", "private/other")
        .send()
        .await
        .unwrap();
    assert_eq!(refused(extra).await, (403, "AccessDenied".to_owned()));
    world.has_files(0).await;

    let stored = with("video/mp4", true, "hello").send().await.unwrap();
    assert_eq!(stored.status(), 200);
    assert_eq!(
        stored.headers()["etag"],
        "\"5d41402abc4b2a76b9719d911017c592\""
    );
    let again = refused(with("video/mp4", true, "HELLO").send().await.unwrap()).await;
    assert_eq!(again, (412, "PreconditionFailed".to_owned()));
    world.has_files(1).await;
}

#[tokio::test]
async fn a_get_is_good_for_ranges_and_nothing_else() {
    let world = World::new().await;
    let store = world.server.store();
    let put = store
        .presign_put(&source(), Some(5), "video/mp4", LIFE)
        .await
        .unwrap();
    request(&put)
        .body("hello")
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    let get = store.presign_get(&source(), None, LIFE).await.unwrap();
    assert_eq!(
        request(&get).send().await.unwrap().text().await.unwrap(),
        "hello"
    );
    let part = request(&get)
        .header("range", "bytes=1-2")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (
            part.status().as_u16(),
            part.headers()["content-range"].to_str().unwrap()
        ),
        (206, "bytes 1-2/5")
    );
    assert_eq!(part.text().await.unwrap(), "el");
    assert_eq!(
        Client::new()
            .put(&get.url)
            .body("x")
            .send()
            .await
            .unwrap()
            .status(),
        403
    );
    let other = get.url.replace("a_b", "c_d");
    assert_eq!(Client::new().get(other).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_url_that_was_touched_or_has_expired_is_refused() {
    let world = World::new().await;
    world.put("a", b"x").await;
    let get = |config| {
        world
            .client
            .get_object()
            .bucket(BUCKET)
            .key("a")
            .presigned(config)
    };
    let url = get(minutes(10)).await.unwrap().uri().to_owned();
    assert_eq!(Client::new().get(&url).send().await.unwrap().status(), 200);
    let at = url.find("X-Amz-Signature=").unwrap() + "X-Amz-Signature=".len();
    let mut forged = url.clone();
    let digit = if &url[at..=at] == "0" { "1" } else { "0" };
    forged.replace_range(at..=at, digit);
    let past = |ago, life| {
        let start = SystemTime::now() - Duration::from_secs(ago);
        PresigningConfig::builder()
            .start_time(start)
            .expires_in(Duration::from_secs(life))
            .build()
            .unwrap()
    };
    let expired = get(past(120, 60)).await.unwrap().uri().to_owned();
    for (what, url, code) in [
        ("forged", forged, "SignatureDoesNotMatch"),
        (
            "longer",
            url.replace("X-Amz-Expires=600", "X-Amz-Expires=601"),
            "SignatureDoesNotMatch",
        ),
        (
            "too long",
            url.replace("X-Amz-Expires=600", "X-Amz-Expires=604801"),
            "AuthorizationQueryParametersError",
        ),
        (
            "without expiry",
            url.replace("X-Amz-Expires=600&", ""),
            "AuthorizationQueryParametersError",
        ),
        ("expired", expired, "AccessDenied"),
        (
            "stranger",
            url.replace("AKTEST", "AKOTHER"),
            "InvalidAccessKeyId",
        ),
        (
            "unsigned",
            format!("{}/{BUCKET}/a", world.server.endpoint),
            "AccessDenied",
        ),
        (
            "version 2",
            format!(
                "{}/{BUCKET}/a?AWSAccessKeyId=AKTEST&Signature=x&Expires=9999999999",
                world.server.endpoint
            ),
            "InvalidRequest",
        ),
    ] {
        let (status, found) = refusal(Client::new().get(url).send().await.unwrap()).await;
        assert_eq!(found, code, "{what}");
        assert!(status == 403 || status == 400, "{what}: {status}");
    }
    assert_eq!(
        Client::new()
            .get(get(past(50, 60)).await.unwrap().uri())
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn anonymous_requests_are_refused() {
    let world = World::new().await;
    world.put("a", b"x").await;
    let url = format!("{}/{BUCKET}/a", world.server.endpoint);
    for method in [
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::DELETE,
        Method::POST,
    ] {
        let response = Client::new()
            .request(method.clone(), &url)
            .body("")
            .send()
            .await
            .unwrap();
        assert!(
            [403, 400, 501].contains(&response.status().as_u16()),
            "{method}: {}",
            response.status()
        );
    }
    let list = Client::new()
        .get(format!("{}/{BUCKET}?list-type=2", world.server.endpoint))
        .send()
        .await
        .unwrap();
    assert_eq!(list.status(), 403);
    assert_eq!(world.get("a").await, b"x");
}

/// A browser saves the file under the name that its owner gave it.
#[tokio::test]
async fn a_get_answers_with_the_name_that_was_signed() {
    let world = World::new().await;
    let store = world.server.store();
    let put = store
        .presign_put(&source(), Some(5), "video/mp4", LIFE)
        .await
        .unwrap();
    request(&put)
        .body("hello")
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    let get = store
        .presign_get(&source(), Some("Über uns.mp4"), LIFE)
        .await
        .unwrap();
    let answer = request(&get).send().await.unwrap();
    let expected = "attachment; filename=\"_ber uns.mp4\"; filename*=UTF-8''%C3%9Cber%20uns.mp4";
    assert_eq!(answer.headers()["content-disposition"], expected);
    assert_eq!(answer.headers()["content-type"], "video/mp4");
    assert_eq!(answer.text().await.unwrap(), "hello");
    let other = get.url.replace("uns.mp4", "sie.mp4");
    assert_ne!(other, get.url);
    assert_eq!(
        Client::new().get(&other).send().await.unwrap().status(),
        403,
        "it is signed"
    );
}

#[tokio::test]
async fn expiries_are_one_second_to_seven_days() {
    let world = World::new().await;
    let store = world.server.store();
    assert!(
        store
            .presign_get(&source(), None, Duration::from_secs(604_800))
            .await
            .is_ok()
    );
    let error = store
        .presign_get(&source(), None, Duration::from_secs(604_801))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the store refused `{}`: an expiry must be 1 second to 7 days",
            source().path()
        )
    );
}

#[tokio::test]
async fn presigned_urls_name_the_public_endpoint() {
    let world = World::new().await;
    let config = platform::object_store::s3::S3StoreConfig {
        public_endpoint: Some("https://store.example".to_owned()),
        ..world.server.store_config()
    };
    let store = platform::object_store::s3::S3Store::new(&config);
    let signed = store.presign_get(&source(), None, LIFE).await.unwrap();
    assert!(
        signed
            .url
            .starts_with("https://store.example/private/uploads/"),
        "{signed:?}"
    );
    assert!(
        !format!("{signed:?}").contains("X-Amz-Signature"),
        "the signature is not printed"
    );
}
