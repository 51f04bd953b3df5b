//! Share links: they play a video without an account.
//!
//! [`Shares`] passes `shares::conformance` in SQLite and in PostgreSQL. As with API keys, only the
//! SHA-256 of the secret in a link is stored.
//!
//! `now` is the caller's clock.

use domain::ids::{ShareId, VideoId};
use domain::time::UnixMillis;

use crate::accounts::KeyDigest;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod sql;

pub use sql::Shares;

/// Maximum number of active links per video: more are a mistake, or an attempt to fill the
/// database.
pub const MAX_SHARES: u32 = 1_000;

/// A share link to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewShare {
    /// Id, chosen by the caller; it makes creation idempotent.
    pub id: ShareId,
    /// SHA-256 of the secret in the link.
    pub digest: KeyDigest,
    /// The video that it plays; must exist.
    pub video: VideoId,
    /// Display label.
    pub label: Option<String>,
    /// Maximum height of a rung: pixels of the shorter side.
    pub max_height: Option<u32>,
    /// Subject of the caller that created the link.
    pub created_by: String,
    /// Expiry time.
    pub expires_ms: UnixMillis,
}

/// A share link without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Id of the link.
    pub id: ShareId,
    /// The video that it plays.
    pub video: VideoId,
    /// Display label.
    pub label: Option<String>,
    /// Maximum height of a rung: pixels of the shorter side.
    pub max_height: Option<u32>,
    /// Subject of the caller that created the link.
    pub created_by: String,
    /// Creation time.
    pub created_ms: UnixMillis,
    /// Expiry time.
    pub expires_ms: UnixMillis,
    /// Last recorded use; `None`: never used.
    pub used_ms: Option<UnixMillis>,
    /// Revocation time; `None`: not revoked.
    pub revoked_ms: Option<UnixMillis>,
}

impl Share {
    /// Whether the link is valid at `now`: neither expired nor revoked.
    pub fn is_live(&self, now: UnixMillis) -> bool {
        self.revoked_ms.is_none() && now < self.expires_ms
    }
}

/// An error of the store of share links.
#[derive(Debug, thiserror::Error)]
pub enum SharesError {
    /// The video has [`MAX_SHARES`] active links.
    #[error("the video has {MAX_SHARES} links already")]
    TooMany,
    /// The database holds a row that this version cannot read. A retry does not help.
    #[error("the store of share links contains an invalid row: {detail}")]
    Corrupt {
        /// The row, and the field that is invalid.
        detail: String,
    },
    /// The database is unreachable or busy, or it rejected the statement. A retry may succeed.
    #[error("could not access the store of share links")]
    Unavailable {
        /// The database error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
