//! Rewraps all stored secrets with the first key-encryption key: content keys in the private
//! bucket, and signing secrets of webhooks in the database. Afterwards, the other keys can be
//! removed.
//!
//! Safe at any time: each document is replaced separately, and only if it did not change since it
//! was read. Readers accept both forms while both keys are configured. A second run changes
//! nothing.

use catalog::webhooks::{EndpointFilter, WebhookError, Webhooks};
use domain::content_key::KeyEncryptionKeys;
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix};
use futures::{StreamExt as _, TryStreamExt as _};
use platform::object_store::{PutCondition, SharedStore, StoreError};

use crate::webhooks::sealed_secret;

/// The largest wrapped key, bytes: it has a few hundred.
const MAX_DOCUMENT_BYTES: u64 = 16 << 10;

/// Number of documents that are rewrapped in parallel.
const AT_ONCE: usize = 16;

/// Endpoints per page.
const PAGE: u32 = 100;

/// The numbers of rewrapped and other documents.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Summary {
    /// Documents that are wrapped with the first key now.
    pub rewrapped: u64,
    /// Documents that were wrapped with it already.
    pub current: u64,
    /// Documents that none of the keys opens, by name, with the reason.
    pub unreadable: Vec<String>,
}

impl Summary {
    /// Number of documents that were checked.
    pub fn total(&self) -> u64 {
        self.rewrapped + self.current + self.unreadable.len() as u64
    }

    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Rewrapped => self.rewrapped += 1,
            Outcome::Current => self.current += 1,
            Outcome::Gone => {}
            Outcome::Unreadable(reason) => self.unreadable.push(reason),
        }
    }
}

/// The reason why rewrapping stopped.
#[derive(Debug, thiserror::Error)]
pub enum RewrapError {
    /// The bucket cannot be read or written.
    #[error("cannot rewrap the content keys")]
    Store(#[from] StoreError),
    /// The database cannot be read or written.
    #[error("cannot rewrap the webhook secrets")]
    Webhooks(#[from] WebhookError),
    /// The system has no random numbers.
    #[error("the random number generator of the system failed: {0}")]
    Random(getrandom::Error),
}

enum Outcome {
    Rewrapped,
    Current,
    /// It was deleted, or replaced by another writer, in the meantime.
    Gone,
    Unreadable(String),
}

/// Rewraps all content keys. `progress` is called after each page of the listing.
///
/// # Errors
/// The first error of the store; what was rewrapped before stays so.
pub async fn content_keys(
    store: &SharedStore,
    keys: &KeyEncryptionKeys,
    mut progress: impl FnMut(&Summary),
) -> Result<Summary, RewrapError> {
    let (mut summary, mut after) = (Summary::default(), None);
    loop {
        let page = store
            .list(&ObjectPrefix::AllContentKeys, after.as_deref())
            .await?;
        let parsed = page
            .entries
            .iter()
            .filter_map(|it| ObjectKey::parse(Bucket::Private, &it.path));
        let objects = parsed.filter(|it| matches!(it, ObjectKey::ContentKey { .. }));
        let mut outcomes = futures::stream::iter(objects)
            .map(|object| async move { content_key(store, keys, &object).await })
            .buffer_unordered(AT_ONCE);
        while let Some(outcome) = outcomes.next().await {
            summary.count(outcome?);
        }
        progress(&summary);
        after = page.next;
        if after.is_none() {
            summary.unreadable.sort();
            return Ok(summary);
        }
    }
}

async fn content_key(
    store: &SharedStore,
    keys: &KeyEncryptionKeys,
    object: &ObjectKey,
) -> Result<Outcome, RewrapError> {
    let body = match store.get(object, None, None).await {
        Ok(body) if body.meta.size <= MAX_DOCUMENT_BYTES => body,
        Ok(_) => {
            return Ok(Outcome::Unreadable(format!(
                "{}: it is too large for a key",
                object.path()
            )));
        }
        Err(StoreError::NotFound { .. }) => return Ok(Outcome::Gone),
        Err(error) => return Err(error.into()),
    };
    let etag = body.meta.etag.clone();
    let document = body.stream.try_collect::<Vec<_>>().await?.concat();
    match keys.rewrap(&document, object, nonce()?) {
        Ok(None) => Ok(Outcome::Current),
        Err(error) => Ok(Outcome::Unreadable(format!("{}: {error}", object.path()))),
        Ok(Some(new)) => match store
            .put(object, new.into(), PutCondition::Matches(&etag))
            .await
        {
            Ok(_) => Ok(Outcome::Rewrapped),
            Err(StoreError::ConditionFailed { .. } | StoreError::NotFound { .. }) => {
                Ok(Outcome::Gone)
            }
            Err(error) => Err(error.into()),
        },
    }
}

/// Rewraps the signing secrets of all webhooks.
///
/// # Errors
/// The first error of the database; what was rewrapped before stays so.
pub async fn webhook_secrets(
    webhooks: &Webhooks,
    keys: &KeyEncryptionKeys,
) -> Result<Summary, RewrapError> {
    let (mut summary, mut after) = (Summary::default(), None);
    loop {
        let page = webhooks
            .list(&EndpointFilter {
                owner: None,
                after,
                limit: PAGE,
            })
            .await?;
        for endpoint in page.endpoints {
            for secret in endpoint.secrets {
                let outcome =
                    match sealed_secret::rewrap(keys, endpoint.id, &secret.sealed, nonce()?) {
                        Ok(None) => Outcome::Current,
                        Err(error) => {
                            Outcome::Unreadable(format!("webhook {}: {error}", endpoint.id))
                        }
                        Ok(Some(new)) => match webhooks
                            .replace_secret(endpoint.id, &secret.sealed, &new)
                            .await
                        {
                            Ok(true) => Outcome::Rewrapped,
                            Ok(false) | Err(WebhookError::NoSuchEndpoint(_)) => Outcome::Gone,
                            Err(error) => return Err(error.into()),
                        },
                    };
                summary.count(outcome);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(summary);
        }
    }
}

fn nonce() -> Result<[u8; 12], RewrapError> {
    let mut nonce = [0; 12];
    getrandom::fill(&mut nonce).map_err(RewrapError::Random)?;
    Ok(nonce)
}
