//! The keys that sign grants and passes, and the names of keys.
//!
//! Several of each may be active, so that keys can rotate without interrupting playback: add the
//! new key everywhere, move it to first place, and remove the old one when everything that it
//! signed has expired.

mod grant_keys;
mod pass_keys;

pub(crate) use grant_keys::GrantKey;
pub use grant_keys::{Algorithm, GrantKeys};
pub use pass_keys::PassKeys;

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Base64Unpadded, Base64Url, Base64UrlUnpadded, Encoding as _};
use hmac::Hmac;
use sha2::Sha256;
use zeroize::Zeroizing;

/// All signing keys of one installation.
#[derive(Debug, Clone)]
pub struct Keyring {
    /// The keys that issue and verify grants.
    pub grants: GrantKeys,
    /// The keys with which the edge signs passes.
    pub passes: PassKeys,
}

/// The id of a key: 1 to 32 of `A-Z`, `a-z`, `0-9`, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyId {
    type Err = InvalidKeys;

    fn from_str(text: &str) -> Result<Self, InvalidKeys> {
        let legal = (1..=32).contains(&text.len())
            && text
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'));
        if legal {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidKeys::Id)
        }
    }
}

/// An invalid list of keys. `Display` never shows key material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// The list is empty.
    #[error("there is no key: expected {0}")]
    Empty(&'static str),
    /// A key does not have the expected form.
    #[error("key number {number} is not of the form {form}")]
    Form {
        /// Position of the key, from 1.
        number: usize,
        /// The expected form.
        form: &'static str,
    },
    /// A key id has an invalid form.
    #[error("a key id has 1 to 32 letters, digits, `-` or `_`")]
    Id,
    /// Two keys have the same id, so the choice between them would be ambiguous.
    #[error("the key id `{0}` is used twice")]
    Twice(KeyId),
    /// The key is not base64.
    #[error("key `{0}` is not base64")]
    Base64(KeyId),
    /// The key is too short, too long, or not a point on the curve.
    #[error("key `{id}` must be {expected}")]
    Material {
        /// Id of the key.
        id: KeyId,
        /// The expected key material.
        expected: &'static str,
    },
    /// The algorithm is unknown.
    #[error("key `{0}` has an unknown algorithm: expected HS256, ES256 or EdDSA")]
    Algorithm(KeyId),
}

/// An HMAC that is initialised with its key: cloning it is cheaper than initialising a new one.
pub(crate) type KeyedMac = Hmac<Sha256>;

/// Splits `id:...,id:...` at commas and white space; requires distinct ids, and at least one key.
pub(crate) fn entries<'a>(
    text: &'a str,
    form: &'static str,
) -> Result<Vec<(KeyId, &'a str)>, InvalidKeys> {
    let mut found: Vec<(KeyId, &'a str)> = vec![];
    let parts = text
        .split(|it: char| it == ',' || it.is_whitespace())
        .filter(|it| !it.is_empty());
    for (index, part) in parts.enumerate() {
        let (id, rest) = part.split_once(':').ok_or(InvalidKeys::Form {
            number: index + 1,
            form,
        })?;
        let id: KeyId = id.parse()?;
        if found.iter().any(|it| it.0 == id) {
            return Err(InvalidKeys::Twice(id));
        }
        found.push((id, rest));
    }
    if found.is_empty() {
        Err(InvalidKeys::Empty(form))
    } else {
        Ok(found)
    }
}

/// Decodes base64 of either alphabet, padded or not.
pub(crate) fn decode(id: &KeyId, text: &str) -> Result<Zeroizing<Vec<u8>>, InvalidKeys> {
    let decoded = Base64::decode_vec(text)
        .or_else(|_| Base64Unpadded::decode_vec(text))
        .or_else(|_| Base64Url::decode_vec(text))
        .or_else(|_| Base64UrlUnpadded::decode_vec(text));
    decoded
        .map(Zeroizing::new)
        .map_err(|_| InvalidKeys::Base64(id.clone()))
}

/// A key for HMAC-SHA256: at least as long as the hash (RFC 7518, 3.2).
pub(crate) fn keyed_mac(id: &KeyId, material: &[u8]) -> Result<KeyedMac, InvalidKeys> {
    use hmac::KeyInit as _;
    let bad = || InvalidKeys::Material {
        id: id.clone(),
        expected: "32 to 512 bytes",
    };
    if !(32..=512).contains(&material.len()) {
        return Err(bad());
    }
    KeyedMac::new_from_slice(material).map_err(|_| bad())
}

#[cfg(test)]
mod tests;
