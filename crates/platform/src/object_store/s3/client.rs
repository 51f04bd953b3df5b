//! The client of an S3 endpoint: configuration, time limits and connections.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction, RetryConfig};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::{Builder as HttpClientBuilder, tls};
use aws_smithy_types::retry::ErrorKind;

use super::S3Store;
use super::clock::StoreClock;
use crate::secret::Secret;

/// Endpoint, buckets and credentials.
#[derive(Debug, Clone)]
pub struct S3StoreConfig {
    /// URL of the endpoint, for example `https://ACCOUNT.r2.cloudflarestorage.com` or
    /// `http://127.0.0.1:9000`.
    pub endpoint: String,
    /// Endpoint for presigned URLs, as browsers reach it; `None`: the same.
    pub public_endpoint: Option<String>,
    /// Region; `auto` for R2.
    pub region: String,
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: Secret,
    /// Bucket of sources, wrapped keys and manifests.
    pub private_bucket: String,
    /// Bucket of the objects that viewers request.
    pub media_bucket: String,
    /// Whether to use `endpoint/bucket/key` instead of `bucket.endpoint/key`. R2 and the embedded
    /// server require it.
    pub force_path_style: bool,
}

/// Maximum attempts at one request, the first included. If the last one fails, the queue retries
/// the job.
pub(super) const ATTEMPTS: u32 = 4;
/// Time limit for opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time from the start of a request to the first byte of its response; it includes sending the
/// body.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// A body that makes no progress for this long is a lost connection.
const STALL_GRACE: Duration = Duration::from_secs(20);
/// Maximum number of idle connections. The SDK's own pool keeps any number for 90 s: after a burst
/// of playback requests these are hundreds, each with a descriptor, on both sides if the store is
/// the embedded server.
const IDLE_CONNECTIONS: usize = 64;
/// How long idle connections stay open.
const IDLE_TIME: Duration = Duration::from_secs(20);
/// Pause before the second attempt; doubled before each further one.
pub(super) const BACKOFF: Duration = Duration::from_millis(200);
/// Pause after status 429. R2 accepts one write per second and name.
const WRITE_PAUSE: Duration = Duration::from_millis(1_100);

/// Repeats writes that R2 rejects because the name was written less than a second ago: by another
/// process, or by an earlier attempt at the same request whose response was lost. The SDK would not
/// repeat them, because it does not expect the code `ServiceUnavailable` with status 429.
#[derive(Debug)]
struct TooManyWrites;

impl ClassifyRetry for TooManyWrites {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().map(|it| it.status().as_u16()) {
            Some(429) => RetryAction::retryable_error_with_explicit_delay(
                ErrorKind::ThrottlingError,
                WRITE_PAUSE,
            ),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "writes of one name"
    }
}

impl S3Store {
    /// Creates the client; it connects at the first request.
    pub fn new(config: &S3StoreConfig) -> Self {
        Self::with_clock(config, StoreClock::default())
    }

    /// By how many seconds the clock of the store is ahead of this machine's, as its last responses said; 0 if by less
    /// than a minute.
    pub fn clock_ahead(&self) -> i64 {
        self.clock.ahead()
    }

    pub(super) fn with_clock(config: &S3StoreConfig, clock: StoreClock) -> Self {
        let http = HttpClientBuilder::new()
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_TIME)
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::AwsLc,
            ))
            .build_https();
        let client = |endpoint: &str| {
            let credentials = Credentials::new(
                &config.access_key_id,
                config.secret_access_key.expose(),
                None,
                None,
                "edgereel configuration",
            );
            let timeouts = TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(ANSWER_TIMEOUT)
                .build();
            let config = Builder::new()
                .behavior_version(BehaviorVersion::latest())
                .http_client(http.clone())
                .endpoint_url(endpoint)
                .region(Region::new(config.region.clone()))
                .credentials_provider(credentials)
                .force_path_style(config.force_path_style)
                // R2 does not support the checksums that the SDK would add by default.
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
                .retry_config(
                    RetryConfig::standard()
                        .with_max_attempts(ATTEMPTS)
                        .with_initial_backoff(BACKOFF),
                )
                .retry_classifier(TooManyWrites)
                .timeout_config(timeouts)
                .time_source(clock.clone())
                .interceptor(clock.clone())
                .stalled_stream_protection(
                    StalledStreamProtectionConfig::enabled()
                        .grace_period(STALL_GRACE)
                        .build(),
                )
                .build();
            Client::from_conf(config)
        };
        let public = config
            .public_endpoint
            .as_deref()
            .unwrap_or(&config.endpoint);
        Self {
            client: client(&config.endpoint),
            signer: client(public),
            clock,
            upload_origin: upload_origin(public, config),
            private_bucket: config.private_bucket.clone(),
            media_bucket: config.media_bucket.clone(),
        }
    }

    /// The origin of presigned uploads, for the policies of pages; empty if the endpoint is not a URL.
    pub fn upload_origin(&self) -> &str {
        &self.upload_origin
    }
}

fn upload_origin(endpoint: &str, config: &S3StoreConfig) -> String {
    let Ok(mut url) = url::Url::parse(endpoint) else {
        return String::new();
    };
    if !config.force_path_style
        && let Some(host) = url
            .host_str()
            .map(|it| format!("{}.{it}", config.private_bucket))
    {
        // A host that is an address has no subdomains; the SDK uses paths there.
        url.set_host(Some(&host)).ok();
    }
    url.origin().ascii_serialization()
}
