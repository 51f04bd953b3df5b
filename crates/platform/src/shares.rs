//! Links that play a video without an account.
//!
//! Implemented by `SqlShares`; every implementation must pass `shares::conformance`. As with API keys, only
//! the SHA-256 of the secret in a link is kept.
//!
//! All times are Unix milliseconds, and `now_ms` is the caller's clock.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ids::{ShareId, VideoId};

use crate::accounts::KeyDigest;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod sql;

pub use sql::SqlShares;

/// Most links of one video that work: more is a mistake, or somebody's attempt to fill the database.
pub const MAX_SHARES: u32 = 1_000;

/// A link to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewShare {
    /// Chosen by the caller.
    pub id: ShareId,
    /// Of the secret in the link.
    pub digest: KeyDigest,
    /// What it plays; must exist.
    pub video: VideoId,
    /// For people.
    pub label: Option<String>,
    /// No rung taller than this: pixels of the shorter side.
    pub max_height: Option<u32>,
    /// The subject of whoever made it.
    pub created_by: String,
    /// From then on it plays nothing.
    pub expires_ms: u64,
}

/// A link, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Names it.
    pub id: ShareId,
    /// What it plays.
    pub video: VideoId,
    /// For people.
    pub label: Option<String>,
    /// No rung taller than this: pixels of the shorter side.
    pub max_height: Option<u32>,
    /// The subject of whoever made it.
    pub created_by: String,
    /// When it was made.
    pub created_ms: u64,
    /// From then on it plays nothing.
    pub expires_ms: u64,
    /// When it was last noted as used; `None`: never.
    pub used_ms: Option<u64>,
    /// When it was revoked; `None`: it was not.
    pub revoked_ms: Option<u64>,
}

impl Share {
    /// Whether it plays anything at that time.
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.revoked_ms.is_none() && now_ms < self.expires_ms
    }
}

/// Why the links did not do what they were asked.
#[derive(Debug, thiserror::Error)]
pub enum SharesError {
    /// The video has [`MAX_SHARES`] that work.
    #[error("the video has {MAX_SHARES} links already")]
    TooMany,
    /// A row that this version cannot read: another attempt will not help.
    #[error("the links hold a row that cannot be read: {detail}")]
    Corrupt {
        /// Which, and what is wrong.
        detail: String,
    },
    /// The database could not be reached, is busy, or refused: another attempt may succeed.
    #[error("the links could not be reached")]
    Unavailable {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// All links of one installation.
#[async_trait]
pub trait Shares: Send + Sync {
    /// Keeps a link.
    async fn create(&self, new: &NewShare, now_ms: u64) -> Result<Share, SharesError>;

    /// The link of a secret, also one that has ended: ask [`Share::is_live`].
    async fn find(&self, digest: &KeyDigest) -> Result<Option<Share>, SharesError>;

    /// The links of a video, newest first, without revoked ones and those that ended.
    async fn list(&self, video: VideoId, now_ms: u64) -> Result<Vec<Share>, SharesError>;

    /// Ends a link of that video for ever. Says whether there is such a link; again changes nothing.
    async fn revoke(&self, video: VideoId, id: ShareId, now_ms: u64) -> Result<bool, SharesError>;

    /// Notes that a link was used; the latest use counts.
    async fn note_use(&self, id: ShareId, now_ms: u64) -> Result<(), SharesError>;

    /// Forgets links that ended before that time, and says how many there were.
    async fn prune(&self, before_ms: u64) -> Result<u64, SharesError>;
}

/// Links that many parts of a program share.
pub type SharedShares = Arc<dyn Shares>;
