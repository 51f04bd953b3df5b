//! Signs and sends requests.

use std::time::{Duration, SystemTime};

use aws_config::BehaviorVersion;
use aws_sdk_sqs::config::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::EcsError;
use super::message::Problem;

const SERVICE: &str = "ecs";
/// The version of the API, in the name of each operation.
const TARGET: &str = "AmazonEC2ContainerServiceV20141113";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// Time limits of opening a connection, and of a request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(4);
/// Pauses before the further attempts of a request. A repeated `RunTask` has the same token.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(600)];

/// A client that is set up at the first request.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// Instead of the environment.
    aws: Option<SdkConfig>,
    connected: OnceCell<Connected>,
}

#[derive(Debug)]
struct Connected {
    aws: SdkConfig,
    http: reqwest::Client,
    endpoint: String,
    region: String,
}

impl Client {
    /// A client with these settings.
    pub(super) fn with_aws(aws: SdkConfig) -> Self {
        Self {
            aws: Some(aws),
            connected: OnceCell::new(),
        }
    }

    /// Calls an operation, and repeats it while ECS has a problem of its own.
    pub(super) async fn call<A: DeserializeOwned>(
        &self,
        operation: &'static str,
        request: &impl Serialize,
    ) -> Result<A, EcsError> {
        let client = self
            .connected
            .get_or_try_init(|| Box::pin(Connected::new(self.aws.clone())))
            .await?;
        let unreadable = |error: serde_json::Error| EcsError::Unavailable {
            operation,
            detail: error.to_string(),
        };
        let body = serde_json::to_string(request).map_err(unreadable)?;
        let mut pauses = PAUSES.iter();
        let answer = loop {
            match (client.send(operation, &body).await, pauses.next()) {
                (Err(EcsError::Unavailable { .. }), Some(pause)) => {
                    tokio::time::sleep(*pause).await
                }
                (answer, _) => break answer?,
            }
        };
        serde_json::from_slice(&answer).map_err(unreadable)
    }
}

impl Connected {
    async fn new(aws: Option<SdkConfig>) -> Result<Self, EcsError> {
        let aws = match aws {
            Some(aws) => aws,
            None => aws_config::load_defaults(BehaviorVersion::latest()).await,
        };
        let region = aws
            .region()
            .ok_or(EcsError::Settings(
                "the region is not known: set AWS_REGION",
            ))?
            .to_string();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(|_| {
                EcsError::Settings("the client cannot read the certificate authorities")
            })?;
        Ok(Self {
            endpoint: configured_endpoint(&aws).unwrap_or_else(|| endpoint_of(&region)),
            aws,
            http,
            region,
        })
    }

    async fn send(&self, operation: &'static str, body: &str) -> Result<Vec<u8>, EcsError> {
        let target = format!("{TARGET}.{operation}");
        let headers = [("content-type", CONTENT_TYPE), ("x-amz-target", &target)];
        let mut request = self.http.post(&self.endpoint);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in self.signature(&headers, body).await? {
            request = request.header(name, value);
        }
        let unavailable = |error: reqwest::Error| EcsError::Unavailable {
            operation,
            detail: chain(error),
        };
        let response = request
            .body(body.to_owned())
            .send()
            .await
            .map_err(unavailable)?;
        let status = response.status().as_u16();
        let answer = response.bytes().await.map_err(unavailable)?;
        if status == 200 {
            return Ok(answer.to_vec());
        }
        let problem: Problem = serde_json::from_slice(&answer).unwrap_or_default();
        Err(problem.error(operation, status))
    }

    /// The headers that sign a request.
    async fn signature(
        &self,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Vec<(&'static str, String)>, EcsError> {
        let missing = EcsError::Settings("AWS credentials are missing");
        let Some(provider) = self.aws.credentials_provider() else {
            return Err(missing);
        };
        let Ok(credentials) = provider.provide_credentials().await else {
            return Err(missing);
        };
        let invalid = EcsError::Settings("the endpoint of ECS is not a URL");
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build();
        let signed = parameters.ok().and_then(|parameters| {
            let body = SignableBody::Bytes(body.as_bytes());
            let request =
                SignableRequest::new("POST", &self.endpoint, headers.iter().copied(), body).ok()?;
            sign(request, &parameters.into()).ok()
        });
        let (instructions, _) = signed.ok_or(invalid)?.into_parts();
        let (headers, _) = instructions.into_parts();
        let headers = headers.iter().map(|it| (it.name(), it.value().to_owned()));
        Ok(headers.collect())
    }
}

/// The endpoint that the environment or the profile names for ECS, or for all services.
fn configured_endpoint(aws: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id("ECS")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let of_service = aws.service_config().zip(key.ok());
    of_service
        .and_then(|(config, key)| config.load_config(key))
        .or_else(|| aws.endpoint_url().map(str::to_owned))
}

fn endpoint_of(region: &str) -> String {
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("https://{SERVICE}.{region}.{domain}/")
}

fn chain(error: reqwest::Error) -> String {
    format!("{:#}", anyhow::Error::from(error.without_url()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_of_regions() {
        assert_eq!(
            endpoint_of("eu-central-1"),
            "https://ecs.eu-central-1.amazonaws.com/"
        );
        assert_eq!(
            endpoint_of("cn-north-1"),
            "https://ecs.cn-north-1.amazonaws.com.cn/"
        );
    }
}
