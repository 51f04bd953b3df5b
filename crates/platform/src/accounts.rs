//! The API keys of an installation.
//!
//! Implemented by `SqlAccounts`; every implementation must pass `accounts::conformance`. Of a key's
//! secret only its SHA-256 is kept: whoever reads the database can open nothing with it. A fast hash
//! will do, because a secret is 256 random bits and not a password.
//!
//! All times are Unix milliseconds, and `now_ms` is the caller's clock.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use domain::ids::{ApiKeyId, hex};
use domain::scope::Scopes;
use sha2::{Digest as _, Sha256};

use crate::secret::Secret;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod sql;

pub use sql::SqlAccounts;

/// Begins the subject of a caller with an API key; the id of the key follows.
pub const KEY_SUBJECT: &str = "api-key:";

/// The SHA-256 of a key's secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// Of a secret.
    pub fn of(secret: &Secret) -> Self {
        Self(Sha256::digest(secret.expose().as_bytes()).into())
    }

    pub(crate) fn to_hex(self) -> String {
        hex(&self.0)
    }
}

/// Prints nothing: it finds a key as well as the secret does.
impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(..)")
    }
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Chosen by the caller.
    pub id: ApiKeyId,
    /// Of its secret.
    pub digest: KeyDigest,
    /// For people.
    pub name: String,
    /// Whose videos it opens; `None`: those of everybody.
    pub owner: Option<String>,
    /// What it may do with them.
    pub scopes: Scopes,
    /// The subject of whoever made it.
    pub created_by: String,
    /// From then on it opens nothing; `None`: it does not end by itself.
    pub expires_ms: Option<u64>,
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Names it.
    pub id: ApiKeyId,
    /// For people.
    pub name: String,
    /// Whose videos it opens; `None`: those of everybody.
    pub owner: Option<String>,
    /// What it may do with them.
    pub scopes: Scopes,
    /// The subject of whoever made it.
    pub created_by: String,
    /// When it was made.
    pub created_ms: u64,
    /// From then on it opens nothing; `None`: it does not end by itself.
    pub expires_ms: Option<u64>,
    /// When it was last noted as used; `None`: never.
    pub used_ms: Option<u64>,
    /// When it was revoked; `None`: it was not.
    pub revoked_ms: Option<u64>,
}

impl ApiKey {
    /// Whether it opens anything at that time.
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.revoked_ms.is_none() && self.expires_ms.is_none_or(|it| now_ms < it)
    }
}

/// Which keys to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Only of this owner; `None`: of every owner, and of none.
    pub owner: Option<String>,
    /// The `next` of the page before.
    pub after: Option<ApiKeyId>,
    /// At most so many, 1 to 1,000; 0 means 100.
    pub limit: u32,
}

/// Some keys, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// At most as many as asked for.
    pub keys: Vec<ApiKey>,
    /// Pass it to get the next page; `None` on the last one.
    pub next: Option<ApiKeyId>,
}

/// Why the accounts did not do what they were asked.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// A row that this version cannot read: another attempt will not help.
    #[error("the accounts hold a row that cannot be read: {detail}")]
    Corrupt {
        /// Which, and what is wrong.
        detail: String,
    },
    /// The database could not be reached, is busy, or refused: another attempt may succeed.
    #[error("the accounts could not be reached")]
    Unavailable {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// All API keys of one installation.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Keeps a key. Asking again with the same id changes nothing, and gives the key as it is. One that is made by a
    /// revoked key is revoked from the beginning.
    async fn create_key(&self, new: &NewApiKey, now_ms: u64) -> Result<ApiKey, AccountsError>;

    /// The key of a secret, also one that has ended: ask [`ApiKey::is_live`].
    async fn find_key(&self, digest: &KeyDigest) -> Result<Option<ApiKey>, AccountsError>;

    /// The key of an id, also one that has ended.
    async fn get_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, AccountsError>;

    /// Reads a page of keys, newest first, without revoked ones.
    async fn list_keys(&self, filter: &KeyFilter) -> Result<KeyPage, AccountsError>;

    /// Ends a key for ever, and with it those that it made, and those that they made; again, or for a key that is not
    /// there, changes nothing.
    async fn revoke_key(&self, id: ApiKeyId, now_ms: u64) -> Result<(), AccountsError>;

    /// Notes that a key was used; the latest use counts.
    async fn note_use(&self, id: ApiKeyId, now_ms: u64) -> Result<(), AccountsError>;
}

/// Accounts that many parts of a program share.
pub type SharedAccounts = Arc<dyn Accounts>;
