//! Opens a queue by its address, and reads its name and its dead-letter queue.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{Builder, Credentials, Region};
use aws_sdk_sqs::types::QueueAttributeName;
use serde::Deserialize;
use url::Url;

use super::errors::queue_error;
use super::{LONGEST_POLL, Redrive, SqsQueue};
use crate::job_queue::QueueError;
use crate::secret::Secret;

/// Maximum attempts at one request, the first included.
const ATTEMPTS: u32 = 4;
/// Time limit for opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit for a response, in addition to the longest poll.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Address and credentials of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqsQueueConfig {
    /// URL of the queue as the AWS console shows it:
    /// `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`. Requests go to its origin.
    pub queue_url: String,
    /// Region; `None`: the region in the URL, or else that of the environment.
    pub region: Option<String>,
    /// Access key id and secret; `None`: the default AWS credential chain (variables, files, the
    /// role of a container, function or machine).
    pub keys: Option<(String, Secret)>,
}

/// A queue cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenSqsError {
    /// The text is not the URL of a queue.
    #[error(
        "`{url}` is not the URL of a queue: it looks like https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"
    )]
    Url {
        /// The configured URL.
        url: String,
    },
    /// FIFO queues deliver messages of a group one after the other.
    #[error("the queue `{queue}` is a FIFO queue: use a standard one")]
    Fifo {
        /// Name of the queue.
        queue: String,
    },
    /// Requests cannot be signed without a region.
    #[error("the region of the queue `{queue}` is not known: set AWS_REGION")]
    NoRegion {
        /// Name of the queue.
        queue: String,
    },
    /// Without a dead-letter queue, a job that always fails would be delivered forever.
    #[error("the queue `{queue}` has no dead-letter queue: give it a redrive policy")]
    NoDeadLetterQueue {
        /// Name of the queue.
        queue: String,
    },
    /// Reading the attributes of the queue failed.
    #[error("could not read the settings of the queue `{queue}`")]
    Settings {
        /// Name of the queue.
        queue: String,
        /// The error of the request.
        #[source]
        source: QueueError,
    },
}

impl SqsQueue {
    /// Opens a queue; reads its attributes from SQS.
    ///
    /// # Errors
    /// [`OpenSqsError`]
    pub async fn open(config: &SqsQueueConfig) -> Result<Self, OpenSqsError> {
        let queue = Self::open_lazily(config).await?;
        match queue.redrive().await {
            Ok(_) => Ok(queue),
            Err(QueueError::NoDeadLetterQueue { queue }) => {
                Err(OpenSqsError::NoDeadLetterQueue { queue })
            }
            Err(source) => Err(OpenSqsError::Settings {
                queue: queue.name,
                source,
            }),
        }
    }

    /// Opens a queue without a request: a queue that does not exist is an error of the first use.
    ///
    /// # Errors
    /// [`OpenSqsError`]
    pub async fn open_lazily(config: &SqsQueueConfig) -> Result<Self, OpenSqsError> {
        let Address {
            endpoint,
            name,
            region,
        } = Address::parse(&config.queue_url)?;
        let region = config.region.clone().or(region);
        let client = client(config, endpoint, region)
            .await
            .ok_or(OpenSqsError::NoRegion {
                queue: name.clone(),
            })?;
        Ok(Self {
            url: config.queue_url.clone(),
            client,
            name,
            redrive: Default::default(),
            leases: Default::default(),
        })
    }

    /// The redrive policy, which is read once.
    pub(super) async fn redrive(&self) -> Result<&Redrive, QueueError> {
        self.redrive.get_or_try_init(|| self.read_redrive()).await
    }

    async fn read_redrive(&self) -> Result<Redrive, QueueError> {
        let missing = || QueueError::NoDeadLetterQueue {
            queue: self.name.clone(),
        };
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .attribute_names(QueueAttributeName::RedrivePolicy)
            .send()
            .await
            .map_err(|error| queue_error(&self.name, error))?;
        let attributes = answer.attributes.unwrap_or_default();
        let policy = attributes
            .get(&QueueAttributeName::RedrivePolicy)
            .and_then(|it| RedrivePolicy::parse(it))
            .ok_or_else(missing)?;
        // arn:aws:sqs:REGION:ACCOUNT:NAME
        let mut parts = policy.dead_arn.rsplit(':');
        let dead = self
            .client
            .get_queue_url()
            .set_queue_name(parts.next().map(str::to_owned))
            .set_queue_owner_aws_account_id(parts.next().map(str::to_owned))
            .send()
            .await
            .map_err(|error| queue_error(&self.name, error))?;
        Ok(Redrive {
            dead_url: dead.queue_url.ok_or_else(missing)?,
            max_receives: policy.max_receives.max(1),
        })
    }
}

/// Creates the client. `None`: no region is known.
async fn client(
    config: &SqsQueueConfig,
    endpoint: String,
    region: Option<String>,
) -> Option<Client> {
    let builder = match &config.keys {
        Some((id, secret)) => Builder::new().credentials_provider(Credentials::new(
            id,
            secret.expose(),
            None,
            None,
            "edgereel configuration",
        )),
        None => Builder::from(&aws_config::load_defaults(BehaviorVersion::latest()).await),
    };
    let region = match region {
        Some(region) => Region::new(region),
        None => {
            let provider =
                aws_config::default_provider::region::DefaultRegionChain::builder().build();
            provider.region().await?
        }
    };
    let answer = LONGEST_POLL + ANSWER_TIMEOUT;
    let config = builder
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(region)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(answer)
                .build(),
        )
        .build();
    Some(Client::from_conf(config))
}

/// The parts of a queue URL.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    endpoint: String,
    name: String,
    region: Option<String>,
}

impl Address {
    fn parse(text: &str) -> Result<Self, OpenSqsError> {
        let wrong = || OpenSqsError::Url {
            url: text.to_owned(),
        };
        let url = Url::parse(text).map_err(|_| wrong())?;
        let host = url
            .host_str()
            .filter(|_| matches!(url.scheme(), "https" | "http"))
            .ok_or_else(wrong)?;
        let path: Vec<&str> = url.path().split('/').filter(|it| !it.is_empty()).collect();
        let name = match path.as_slice() {
            [.., _account, name] => (*name).to_owned(),
            _ => return Err(wrong()),
        };
        if name.ends_with(".fifo") {
            return Err(OpenSqsError::Fifo { queue: name });
        }
        let mut labels = host
            .split('.')
            .skip_while(|it| !matches!(*it, "sqs" | "sqs-fips"))
            .skip(1);
        let region = labels.next().or(match path.as_slice() {
            // An emulator that uses one host name for all regions.
            ["queue", region, _, _] => Some(*region),
            _ => None,
        });
        Ok(Self {
            endpoint: url.origin().ascii_serialization(),
            name,
            region: region.map(str::to_owned),
        })
    }
}

/// The redrive policy: maximum deliveries, and the dead-letter queue.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct RedrivePolicy {
    #[serde(rename = "deadLetterTargetArn")]
    dead_arn: String,
    #[serde(rename = "maxReceiveCount", deserialize_with = "number_or_text")]
    max_receives: u32,
}

impl RedrivePolicy {
    fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// SQS returns the policy as it was written: `5` or `"5"`.
fn number_or_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u32),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, endpoint: &str, region: Option<&str>) {
        let region = region.map(str::to_owned);
        let expected = Address {
            endpoint: endpoint.to_owned(),
            name: "jobs".to_owned(),
            region,
        };
        assert_eq!(Address::parse(url).unwrap(), expected);
    }

    #[test]
    fn urls_of_queues() {
        let frankfurt = Some("eu-central-1");
        check(
            "https://sqs.eu-central-1.amazonaws.com/123456789012/jobs",
            "https://sqs.eu-central-1.amazonaws.com",
            frankfurt,
        );
        check(
            "https://vpce-0a-b.sqs.eu-central-1.vpce.amazonaws.com/123456789012/jobs",
            "https://vpce-0a-b.sqs.eu-central-1.vpce.amazonaws.com",
            frankfurt,
        );
        check(
            "http://127.0.0.1:4566/queue/eu-central-1/000000000000/jobs",
            "http://127.0.0.1:4566",
            frankfurt,
        );
        check(
            "http://127.0.0.1:9324/000000000000/jobs",
            "http://127.0.0.1:9324",
            None,
        );
    }

    #[test]
    fn invalid_queue_urls_are_refused() {
        for url in [
            "jobs",
            "arn:aws:sqs:eu-central-1:1:jobs",
            "https://sqs.eu-central-1.amazonaws.com/jobs",
            "ftp://a/1/jobs",
        ] {
            let refused = Address::parse(url);
            assert!(
                matches!(refused, Err(OpenSqsError::Url { .. })),
                "{refused:?}"
            );
        }
        let fifo = Address::parse("https://sqs.eu-central-1.amazonaws.com/1/jobs.fifo");
        assert!(matches!(fifo, Err(OpenSqsError::Fifo { .. })), "{fifo:?}");
    }

    #[test]
    fn redrive_policies() {
        for text in [
            r#"{"deadLetterTargetArn":"arn:aws:sqs:r:1:dead","maxReceiveCount":5}"#,
            r#"{"deadLetterTargetArn":"arn:aws:sqs:r:1:dead","maxReceiveCount":"5"}"#,
        ] {
            let expected = RedrivePolicy {
                dead_arn: "arn:aws:sqs:r:1:dead".to_owned(),
                max_receives: 5,
            };
            assert_eq!(RedrivePolicy::parse(text), Some(expected));
        }
        assert_eq!(RedrivePolicy::parse("{}"), None);
    }
}
