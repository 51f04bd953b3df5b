//! The API keys of an installation.
//!
//! [`Accounts`] passes `accounts::conformance` in SQLite and in PostgreSQL. Only the SHA-256 of a
//! key's secret is stored, so a reader of the database cannot use any key. A fast hash is
//! sufficient, because a secret is 256 random bits and not a password.
//!
//! `now` is the caller's clock.

use std::fmt;

use domain::ids::{ApiKeyId, hex};
use domain::scope::Scopes;
use domain::time::UnixMillis;
use sha2::{Digest as _, Sha256};

use platform::secret::Secret;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod sql;

pub use sql::Accounts;

/// Prefix of the subject of a caller with an API key; the key's id follows.
pub const KEY_SUBJECT: &str = "api-key:";

/// The SHA-256 of a key's secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// Hashes a secret.
    pub fn of(secret: &Secret) -> Self {
        Self(Sha256::digest(secret.expose().as_bytes()).into())
    }

    pub(crate) fn to_hex(self) -> String {
        hex(&self.0)
    }
}

/// Prints nothing, because the digest finds a key just as the secret does.
impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(..)")
    }
}

/// An API key to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Id, chosen by the caller; it makes creation idempotent.
    pub id: ApiKeyId,
    /// SHA-256 of the key's secret.
    pub digest: KeyDigest,
    /// Display name.
    pub name: String,
    /// The owner whose videos the key can access; `None`: the videos of all owners.
    pub owner: Option<String>,
    /// Operations that the key permits.
    pub scopes: Scopes,
    /// Subject of the caller that created the key.
    pub created_by: String,
    /// Expiry time; `None`: the key does not expire.
    pub expires_ms: Option<UnixMillis>,
}

/// An API key without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Id of the key.
    pub id: ApiKeyId,
    /// Display name.
    pub name: String,
    /// The owner whose videos the key can access; `None`: the videos of all owners.
    pub owner: Option<String>,
    /// Operations that the key permits.
    pub scopes: Scopes,
    /// Subject of the caller that created the key.
    pub created_by: String,
    /// Creation time.
    pub created_ms: UnixMillis,
    /// Expiry time; `None`: the key does not expire.
    pub expires_ms: Option<UnixMillis>,
    /// Last recorded use; `None`: never used.
    pub used_ms: Option<UnixMillis>,
    /// Revocation time; `None`: not revoked.
    pub revoked_ms: Option<UnixMillis>,
}

impl ApiKey {
    /// Whether the key is valid at `now`: neither expired nor revoked.
    pub fn is_live(&self, now: UnixMillis) -> bool {
        self.revoked_ms.is_none() && self.expires_ms.is_none_or(|it| now < it)
    }
}

/// Filter and page of a key listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Only keys of this owner; `None`: all keys, with and without an owner.
    pub owner: Option<String>,
    /// The `next` cursor of the previous page.
    pub after: Option<ApiKeyId>,
    /// Page size, 1 to 1,000; 0 means 100.
    pub limit: u32,
}

/// A page of keys, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// At most `limit` keys.
    pub keys: Vec<ApiKey>,
    /// Cursor of the next page; `None` on the last page.
    pub next: Option<ApiKeyId>,
}

/// An error of the accounts store.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The database holds a row that this version cannot read. A retry does not help.
    #[error("the accounts store contains an invalid row: {detail}")]
    Corrupt {
        /// The row, and the field that is invalid.
        detail: String,
    },
    /// The database is unreachable or busy, or it rejected the statement. A retry may succeed.
    #[error("could not access the accounts store")]
    Unavailable {
        /// The database error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
