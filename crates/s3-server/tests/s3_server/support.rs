//! Shared helpers of the tests.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use platform::testing::{RunningServer, config};

/// The bucket that most tests use; it sends no events.
pub(crate) const BUCKET: &str = platform::testing::MEDIA;

/// A server over an empty directory, and a client of it.
pub(crate) struct World {
    pub(crate) server: RunningServer,
    pub(crate) client: Client,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = RunningServer::start_without_write_limit(folder.path()).await;
        let client = client(&server.endpoint, RequestChecksumCalculation::WhenRequired);
        Self {
            server,
            client,
            folder,
        }
    }

    pub(crate) async fn put(&self, key: &str, body: &'static [u8]) -> String {
        let put = self
            .client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(ByteStream::from_static(body));
        put.send().await.unwrap().e_tag.unwrap()
    }

    pub(crate) async fn get(&self, key: &str) -> Vec<u8> {
        let object = self
            .client
            .get_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        object.body.collect().await.unwrap().to_vec()
    }

    /// Waits until this many content files exist. Superseded ones are removed soon after the
    /// response, not before.
    #[track_caller]
    pub(crate) fn has_files(&self, count: usize) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            for _ in 0..300 {
                if self.files().len() == count {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            panic!(
                "{} files instead of {count}, at {caller}",
                self.files().len()
            );
        }
    }

    /// Names of the content files, finished or not.
    pub(crate) fn files(&self) -> Vec<String> {
        ["blobs", "tmp"]
            .iter()
            .flat_map(|it| std::fs::read_dir(self.folder.path().join(it)).unwrap())
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

pub(crate) fn client(endpoint: &str, checksums: RequestChecksumCalculation) -> Client {
    let config = config(std::path::Path::new(""));
    Client::from_conf(
        Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .region(Region::new("auto"))
            .credentials_provider(Credentials::new(
                config.access_key_id,
                config.secret_access_key.expose(),
                None,
                None,
                "test",
            ))
            .force_path_style(true)
            .request_checksum_calculation(checksums)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .retry_config(RetryConfig::disabled())
            .build(),
    )
}

pub(crate) fn minutes(minutes: u64) -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_secs(60 * minutes)).unwrap()
}

/// The S3 error code of an error response, or else its HTTP status (a HEAD response has no body).
#[track_caller]
pub(crate) fn code<T: std::fmt::Debug, E>(result: Result<T, SdkError<E>>) -> String
where
    E: ProvideErrorMetadata + std::fmt::Debug,
{
    let error = result.expect_err("it should have been refused");
    let Some(service) = error.as_service_error() else {
        panic!("no answer: {error:?}")
    };
    let status = error.raw_response().unwrap().status().as_u16();
    service
        .code()
        .map_or_else(|| status.to_string(), str::to_owned)
}

/// The S3 error code in the XML of a response.
pub(crate) fn xml_code(body: &str) -> &str {
    body.split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .map_or("", |(code, _)| code)
}
