//! Conformance of the object store on a third-party S3 implementation.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
use domain::ids::VideoId;
use domain::object_key::{FileName, ObjectKey, ObjectPrefix};
use platform::object_store::ObjectStoreExt as _;
use platform::object_store::s3::{S3Store, S3StoreConfig};
use platform::object_store::uploads::UploadSigner as _;
use platform::secret::Secret;
use testkit::{LocalStack, together};

async fn store(server: &LocalStack) -> S3Store {
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
    let client = Client::from_conf(client.build());
    for bucket in ["private", "media"] {
        client
            .create_bucket()
            .bucket(bucket)
            .send()
            .await
            .expect("a bucket can be made");
    }
    S3Store::new(&S3StoreConfig {
        endpoint: server.endpoint(),
        public_endpoint: None,
        region: LocalStack::REGION.to_owned(),
        access_key_id: LocalStack::KEY.to_owned(),
        secret_access_key: Secret::new(LocalStack::KEY),
        private_bucket: "private".to_owned(),
        media_bucket: "media".to_owned(),
        force_path_style: true,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_does_what_every_store_does() {
    let Some(server) = LocalStack::start() else {
        return;
    };
    let store = store(&server).await;
    together(
        platform::object_store_conformance!(together: (store.clone(), ())),
        4,
    )
    .await;
}

/// LocalStack verifies the signatures of presigned requests (only).
#[tokio::test]
async fn presigned_requests_bind_what_they_sign() {
    let Some(server) = LocalStack::start() else {
        return;
    };
    let store = store(&server).await;
    let video = VideoId::new(1_700_000_000_000, [1; 10]);
    let key = ObjectKey::Source {
        video,
        file_name: FileName::clean("my film (é).mp4"),
    };
    let signed = store
        .presign_put(&key, Some(4), "video/mp4", Duration::from_secs(60))
        .await
        .unwrap();
    let http = reqwest::Client::new();
    let put = async |url: &str, body: &'static str| {
        let request = signed
            .headers
            .iter()
            .filter(|(name, _)| name != "content-length")
            .fold(http.put(url), |it, (name, value)| it.header(name, value));
        request.body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(put(&signed.url, "longer").await, 403, "another size");
    assert_eq!(
        put(
            &signed.url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
            "film"
        )
        .await,
        403,
        "a longer life"
    );
    assert_eq!(
        put(&signed.url.replace(".mp4", ".mov"), "film").await,
        403,
        "another object"
    );
    assert_eq!(put(&signed.url, "film").await, 200);
    assert_eq!(put(&signed.url, "film").await, 412, "it is there already");

    let signed = store
        .presign_get(&key, None, Duration::from_secs(60))
        .await
        .unwrap();
    let got = http.get(&signed.url).send().await.unwrap();
    assert_eq!(got.text().await.unwrap(), "film");
    let other = signed.url.replace(".mp4", ".mov");
    assert_eq!(http.get(other).send().await.unwrap().status().as_u16(), 403);
}

/// A large upload: parts by presigned requests, requested again after an interruption.
#[tokio::test]
async fn an_upload_in_parts_arrives_whole() {
    let Some(server) = LocalStack::start() else {
        return;
    };
    let store = store(&server).await;
    let video = VideoId::new(1_700_000_000_000, [2; 10]);
    let key = ObjectKey::Source {
        video,
        file_name: FileName::clean("film.mp4"),
    };
    let upload = store.create_multipart(&key, "video/mp4").await.unwrap();
    let bodies = [vec![1_u8; 5 << 20], vec![2; 7]];
    for (number, body) in (1..).zip(&bodies) {
        let life = Duration::from_secs(60);
        let signed = store
            .presign_part(&key, &upload, number, Some(body.len() as u64), life)
            .await
            .unwrap();
        let answer = reqwest::Client::new()
            .put(&signed.url)
            .body(body.clone())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }
    assert_eq!(
        store
            .list_unfinished(&ObjectPrefix::Sources(video))
            .await
            .unwrap()
            .len(),
        1
    );
    let parts = store.list_parts(&key, &upload).await.unwrap();
    assert_eq!(
        parts.iter().map(|it| it.size).collect::<Vec<_>>(),
        [5 << 20, 7]
    );
    let etag = store
        .complete_multipart(&key, &upload, &parts)
        .await
        .unwrap();
    assert_eq!(
        store
            .complete_multipart(&key, &upload, &parts)
            .await
            .unwrap(),
        etag,
        "asked twice"
    );
    let object = store.read(&key, u64::MAX).await.unwrap();
    assert_eq!(object, bodies.concat());
    store.abort_multipart(&key, &upload).await.unwrap();
}
