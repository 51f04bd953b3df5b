//! Identifiers: newtypes with a visible prefix, readable in logs and impossible to confuse.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A text that does not have the format of an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a {kind}: expected {expected}")]
pub struct InvalidId {
    kind: &'static str,
    expected: &'static str,
    value: String,
}

impl InvalidId {
    pub(crate) fn new(kind: &'static str, expected: &'static str, value: &str) -> Self {
        // Identifiers come from URLs: a giant one must not fill a log line.
        let value = value.chars().take(64).collect();
        Self {
            kind,
            expected,
            value,
        }
    }
}

/// Defines an identifier: a prefix and the 32 lower-case hex digits of a UUIDv7, so that ids sort
/// by creation time.
macro_rules! uuid_id {
    ($(#[$docs:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$docs])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(u128);

        impl $name {
            /// Creates an id from the current time (Unix milliseconds) and 80 random bits (RFC
            /// 9562, 5.7).
            pub fn new(unix_ms: u64, random: [u8; 10]) -> Self {
                Self($crate::ids::uuid_v7(unix_ms, random))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "{:032x}"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ids::InvalidId;

            fn from_str(text: &str) -> Result<Self, $crate::ids::InvalidId> {
                text.strip_prefix($prefix)
                    .filter(|hex| $crate::ids::is_lower_hex(hex, 32))
                    .and_then(|hex| u128::from_str_radix(hex, 16).ok())
                    .map(Self)
                    .ok_or_else(|| {
                        $crate::ids::InvalidId::new($kind, concat!("`", $prefix, "` and 32 lower-case hex digits"), text)
                    })
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::ids::InvalidId;

            fn try_from(text: String) -> Result<Self, $crate::ids::InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}
pub(crate) use uuid_id;

uuid_id!(
    /// A video's id: `vid_` and a UUIDv7.
    VideoId, "vid_", "video id"
);
uuid_id!(
    /// An API key's id: `key_` and a UUIDv7. It is not a secret.
    ApiKeyId, "key_", "key id"
);
uuid_id!(
    /// A share link's id: `shr_` and a UUIDv7. It is not a secret.
    ShareId, "shr_", "share id"
);

impl VideoId {
    /// The 16 bytes of the UUID.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The id with these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// Creation time, Unix milliseconds.
    pub fn created_ms(self) -> u64 {
        (self.0 >> 80) as u64
    }
}

/// One encoding of one source: 16 hex digits of a hash of the source's ETag and the profile.
///
/// The same source encoded with the same settings is the same generation, so a repeated job finds
/// its own earlier work, and a changed one never mixes with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Generation(String);

impl Generation {
    /// Hashes the inputs of an encoding. `profile_fingerprint` covers every setting of the profile.
    pub fn of(source_etag: &str, profile_fingerprint: &str) -> Self {
        Self(digest_hex(
            &["generation", source_etag, profile_fingerprint],
            16,
        ))
    }

    /// The 16 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 8 bytes of the hash.
    pub fn to_bytes(&self) -> [u8; 8] {
        u64::from_str_radix(&self.0, 16)
            .unwrap_or_default()
            .to_be_bytes()
    }

    /// The generation with these bytes.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(hex(&bytes))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Generation {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if is_lower_hex(text, 16) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new(
                "generation",
                "16 lower-case hex digits",
                text,
            ))
        }
    }
}

/// An id that is a hash: `$digits` lower-case hex digits.
macro_rules! digest_id {
    ($(#[$about:meta])* $id:ident, $digits:literal, $name:literal) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $id(String);

        impl $id {
            const DIGITS: usize = $digits;

            /// The hex digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $id {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_lower_hex(text, $digits) {
                    Ok(Self(text.to_owned()))
                } else {
                    let expected = concat!($digits, " lower-case hex digits");
                    Err(InvalidId::new($name, expected, text))
                }
            }
        }
    };
}

digest_id! {
    /// A custom poster: 16 hex digits of a hash of the uploaded image, or of the moment in the
    /// video.
    PosterId, 16, "poster"
}

impl PosterId {
    /// The id of an uploaded image.
    pub fn from_image(bytes: &[u8]) -> Self {
        Self(digest_hex(
            &["picture", &hex(&Sha256::digest(bytes))],
            Self::DIGITS,
        ))
    }

    /// The id of a frame of the video at `at_ms`, milliseconds.
    pub fn from_timestamp(at_ms: u64) -> Self {
        Self(digest_hex(&["moment", &at_ms.to_string()], Self::DIGITS))
    }
}

digest_id! {
    /// One version of the captions of a video in one language: 16 hex digits of a hash of its
    /// language, content and time. A file that is uploaded again after it was replaced has another
    /// id, so no name of an object is used twice.
    CaptionId, 16, "captions id"
}

impl CaptionId {
    /// The id of captions that were stored at `now_ms`, Unix milliseconds. `content` is a digest of
    /// the text and of the settings.
    pub fn of(language: &str, content: &str, now_ms: u64) -> Self {
        Self(digest_hex(
            &["captions", language, content, &now_ms.to_string()],
            Self::DIGITS,
        ))
    }
}

digest_id! {
    /// A list of chapters: 16 hex digits of a hash of its JSON document.
    ChaptersId, 16, "chapters id"
}

impl ChaptersId {
    /// The id of the list with this document.
    pub fn of(json: &str) -> Self {
        Self(digest_hex(&["chapters", json], Self::DIGITS))
    }
}

digest_id! {
    /// The plan of an encoding: 32 hex digits, the first 16 bytes of the SHA-256 of its document.
    PlanId, 32, "plan id"
}

impl PlanId {
    /// The id of the plan with this document, byte for byte.
    pub fn of(document: &[u8]) -> Self {
        Self(hex(&Sha256::digest(document)[..Self::DIGITS / 2]))
    }
}

digest_id! {
    /// The identity of a job: a hash of bucket, key, ETag and profile.
    ///
    /// Repeated events have the same `JobId`, so they cause one run.
    JobId, 32, "job id"
}

impl JobId {
    /// Hashes the parts with their lengths, so that different lists cannot collide by
    /// concatenation.
    pub fn of(bucket: &str, key: &str, etag: &str, profile: &str) -> Self {
        Self(digest_hex(
            &["job", bucket, key, etag, profile],
            Self::DIGITS,
        ))
    }
}

macro_rules! string_conversions {
    ($($id:ty),*) => { $(
        impl TryFrom<String> for $id {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }
        impl From<$id> for String {
            fn from(id: $id) -> String {
                id.to_string()
            }
        }
    )* };
}
string_conversions!(Generation, PosterId, CaptionId, ChaptersId, PlanId, JobId);

/// Lower-case hex of the first `digits / 2` bytes of SHA-256 over the length-prefixed parts.
pub(crate) fn digest_hex(parts: &[&str], digits: usize) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize()[..digits / 2])
}

/// Lower-case hex of bytes.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A UUIDv7 of a time (Unix milliseconds) and 80 random bits, of which 6 are overwritten (RFC 9562,
/// 5.7).
pub(crate) fn uuid_v7(unix_ms: u64, random: [u8; 10]) -> u128 {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&unix_ms.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&random);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    u128::from_be_bytes(bytes)
}

pub(crate) fn is_lower_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
