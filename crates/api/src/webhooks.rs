//! Webhooks: their routes and the dispatcher.
//!
//! The routes manage endpoints and read their log. The [`Dispatcher`] sends messages: a loop calls it on a laptop, a
//! schedule in the cloud. `docs/webhooks.md` documents the guarantees for receivers.

pub(crate) mod deliveries;
mod dispatcher;
pub(crate) mod endpoints;
mod paths;
pub(crate) mod requests;
pub(crate) mod sealed_secret;
mod sender;
pub(crate) mod view;

use std::sync::Arc;

use axum::extract::FromRequestParts as _;
use catalog::database::Database;
use catalog::webhooks::{Endpoint, MAX_ENDPOINTS, WebhookError};
use domain::content_key::KeyEncryptionKeys;
use platform::net::{Guard, Policy};

pub use dispatcher::{DispatchSummary, Dispatcher, DispatcherConfig};
pub use requests::InvalidWebhook;
pub use sender::{Sender, SenderError, TIMEOUT};

use crate::auth::Caller;
use crate::error::ApiError;
use crate::problem::Problem;
use crate::state::ApiState;
use paths::WebhookId;

/// The state of the webhook routes.
#[derive(Clone)]
pub struct Webhooks {
    /// Endpoints and deliveries.
    pub store: catalog::webhooks::Webhooks,
    /// Encrypt the secrets of endpoints.
    pub keys: Arc<KeyEncryptionKeys>,
    /// Decides which URLs an endpoint may have.
    pub guard: Guard,
}

impl Webhooks {
    /// The webhooks in a database: `keys` encrypt the secrets of endpoints, `policy` decides about their URLs.
    pub fn new(database: &Database, keys: KeyEncryptionKeys, policy: Policy) -> Self {
        Self {
            store: catalog::webhooks::Webhooks::new(database),
            keys: Arc::new(keys),
            guard: Guard::new(policy),
        }
    }

    /// The service that sends the messages.
    ///
    /// # Errors
    /// If the HTTP client cannot be created.
    pub fn dispatcher(&self) -> Result<Dispatcher, SenderError> {
        let sender = Sender::new(self.guard.clone(), TIMEOUT)?;
        let (store, keys) = (self.store.clone(), self.keys.clone());
        Ok(Dispatcher {
            store,
            keys,
            sender,
            config: DispatcherConfig::default(),
        })
    }
}

/// The owner whose endpoints the caller manages; `None`: those of the whole installation.
async fn owner_of(parts: &mut http::request::Parts) -> Result<Option<String>, ApiError> {
    Ok(Caller::from_request_parts(parts, &()).await?.owner)
}

/// An endpoint that the caller may access: another owner's does not exist for the caller.
async fn visible(
    state: &ApiState,
    owner: Option<&str>,
    id: WebhookId,
) -> Result<Endpoint, ApiError> {
    let endpoint = state.webhooks.store.get(id.0).await?;
    match owner {
        Some(owner) if endpoint.owner.as_deref() != Some(owner) => {
            Err(WebhookError::NoSuchEndpoint(id.0).into())
        }
        _ => Ok(endpoint),
    }
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::NoSuchEndpoint(id) => Self::new(
                Problem::NoSuchWebhook,
                format!("there is no webhook `{id}`"),
            ),
            WebhookError::NoSuchDelivery(id) => {
                let detail =
                    format!("there is no delivery `{id}`: deliveries are kept for 30 days");
                Self::new(Problem::NoSuchDelivery, detail)
            }
            WebhookError::TooMany => {
                let detail =
                    format!("there are already {MAX_ENDPOINTS} webhooks: delete one first");
                Self::new(Problem::TooManyWebhooks, detail)
            }
            WebhookError::Disabled(_) => Self::new(
                Problem::WebhookDisabled,
                "the webhook is disabled: set `active` to true first",
            ),
            WebhookError::Unavailable { .. } => Self::unavailable(error),
            WebhookError::LeaseLost(_) | WebhookError::Corrupt { .. } => Self::internal(error),
        }
    }
}
