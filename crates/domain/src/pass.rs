//! Passes: the signed form of a grant in the paths of playlists, segments and keys.
//!
//! A pass is compact, since every request carries it: `base64url(payload || HMAC-SHA256(payload)[..16])`. It is bound to
//! one video, one generation, one session, one purpose, an expiry, and the limits of the grant. Under `max_height` it
//! names the renditions that it opens, selected by their sizes in the master playlist: names alone (`source`) do not
//! state a height.

mod codec;

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use hmac::Mac as _;
use sha2::{Digest as _, Sha256};

use crate::grant::{Fingerprint, Limits};
use crate::ids::{Generation, VideoId, hex};
use crate::keyring::PassKeys;
use crate::object_key::RenditionName;
use crate::playback::Refusal;

/// Maximum length of a pass, characters. Issued passes are never longer.
pub const MAX_PASS_LENGTH: usize = 8192;

/// 128 bits of the HMAC (RFC 2104, 5 requires at least half of it).
const TAG: usize = 16;

/// The objects that a pass opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Playlists, segments and images.
    Stream,
    /// One content key.
    Key,
}

/// The contents of a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// The objects that it opens.
    pub purpose: Purpose,
    /// The video that it opens.
    pub video: VideoId,
    /// The generation that it opens.
    pub generation: Generation,
    /// Fingerprint of the grant's session.
    pub session: Fingerprint,
    /// Fingerprint of the grant's viewer; all zero: no viewer.
    pub viewer: Fingerprint,
    /// Expiry, Unix seconds.
    pub expires: u64,
    /// The renditions that it opens, or for a key pass the key; `None`: all.
    pub renditions: Option<Vec<RenditionName>>,
    /// The limits of the grant. `renditions` replaces its `max_height`, which is kept only because a renewal must have
    /// the same one.
    pub limits: Limits,
}

/// The name under which a renewed session is stored: a fingerprint of the video, session, viewer and limits. A grant of
/// another viewer, or with wider or narrower limits, therefore renews nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionName([u8; 16]);

impl SessionName {
    /// `None`: the limits do not fit into a pass, so no pass can be renewed.
    pub fn of(
        video: VideoId,
        session: Fingerprint,
        viewer: Fingerprint,
        limits: &Limits,
    ) -> Option<Self> {
        let hash = Sha256::new()
            .chain_update(video.to_bytes())
            .chain_update(session.0)
            .chain_update(viewer.0);
        let digest = hash.chain_update(codec::limits(limits)?).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(digest.get(..16)?);
        Some(Self(bytes))
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// The pass would be too long for a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limits of the grant are too many for a pass")]
pub struct PassTooLong;

impl Pass {
    /// Signs a pass with the first key.
    pub fn sign(&self, keys: &PassKeys) -> Result<String, PassTooLong> {
        let (id, mac) = keys.current().ok_or(PassTooLong)?;
        let mut bytes = codec::encode(self, id).ok_or(PassTooLong)?;
        let tag = mac.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&tag[..TAG]);
        let text = Base64UrlUnpadded::encode_string(&bytes);
        if text.len() > MAX_PASS_LENGTH {
            Err(PassTooLong)
        } else {
            Ok(text)
        }
    }

    /// Verifies form, version, key, signature, purpose and expiry, in that order. `now` in Unix seconds.
    pub fn verify(
        text: &str,
        purpose: Purpose,
        keys: &PassKeys,
        now: u64,
    ) -> Result<Self, Refusal> {
        let pass = Self::read(text, purpose, keys)?;
        if now >= pass.expires {
            Err(Refusal::PassExpired)
        } else {
            Ok(pass)
        }
    }

    /// As [`verify`](Self::verify), without the expiry.
    pub fn read(text: &str, purpose: Purpose, keys: &PassKeys) -> Result<Self, Refusal> {
        if text.len() > MAX_PASS_LENGTH {
            return Err(Refusal::PassMalformed);
        }
        let bytes = Base64UrlUnpadded::decode_vec(text).map_err(|_| Refusal::PassMalformed)?;
        let (payload, tag) = bytes
            .len()
            .checked_sub(TAG)
            .and_then(|it| bytes.split_at_checked(it))
            .ok_or(Refusal::PassMalformed)?;
        let id = codec::key_id(payload)?;
        let mac = keys.get(id).ok_or(Refusal::PassKeyUnknown)?;
        // In constant time.
        mac.clone()
            .chain_update(payload)
            .verify_truncated_left(tag)
            .map_err(|_| Refusal::PassSignature)?;
        let pass = codec::decode(payload).ok_or(Refusal::PassMalformed)?;
        if pass.purpose != purpose {
            return Err(Refusal::PassPurpose);
        }
        Ok(pass)
    }

    /// The name under which a renewal of this pass is stored.
    pub fn session_name(&self) -> Option<SessionName> {
        SessionName::of(self.video, self.session, self.viewer, &self.limits)
    }

    /// Whether it opens this rendition, or for a key pass this key.
    pub fn opens(&self, name: &RenditionName) -> bool {
        self.renditions.as_ref().is_none_or(|it| it.contains(name))
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream => "stream",
            Self::Key => "key",
        })
    }
}

#[cfg(test)]
mod tests;
