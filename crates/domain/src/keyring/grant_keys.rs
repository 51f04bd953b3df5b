//! The keys that sign and verify grants.

use std::fmt;

use hmac::Mac as _;

use super::{InvalidKeys, KeyId, KeyedMac, decode, entries, keyed_mac};

/// The signature algorithm of a grant (RFC 7518, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256: a holder of the key can both verify and issue.
    Hs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The value of `alg`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// The keys that verify grants. Each key has one algorithm, whatever a grant claims.
#[derive(Clone)]
pub struct GrantKeys {
    keys: Vec<(KeyId, GrantKey)>,
}

/// A key; its variant defines the algorithm.
#[derive(Clone)]
pub(crate) enum GrantKey {
    Hs256(KeyedMac),
    #[cfg(feature = "es256")]
    Es256(Box<p256::ecdsa::VerifyingKey>),
    #[cfg(feature = "eddsa")]
    EdDsa(Box<ed25519_dalek::VerifyingKey>),
    /// A raw public key whose signatures the holder of this value verifies.
    Delegated(Algorithm, Vec<u8>),
}

const FORM: &str = "`id:HS256:base64 of at least 32 bytes`, `id:ES256:base64 of the public key` or `id:EdDSA:base64 of the public key`";

impl GrantKeys {
    /// Parses `id:ALG:base64,id:ALG:base64`.
    ///
    /// HS256: a secret of at least 32 bytes. ES256 and `EdDSA`: the public key, as the body of a
    /// PEM file (`SubjectPublicKeyInfo`), or raw (a SEC1 point; 32 bytes). The first HS256 key
    /// issues.
    pub fn parse(text: &str) -> Result<Self, InvalidKeys> {
        Self::parse_with(text, GrantKey::read)
    }

    /// Parses the same format for callers that verify public-key signatures by other means, such as
    /// a runtime: see [`playback::delegated`](crate::playback::delegated).
    pub fn parse_delegating(text: &str) -> Result<Self, InvalidKeys> {
        Self::parse_with(text, GrantKey::read_delegated)
    }

    fn parse_with(
        text: &str,
        read: fn(&KeyId, &str, &[u8]) -> Result<GrantKey, InvalidKeys>,
    ) -> Result<Self, InvalidKeys> {
        let keys = entries(text, FORM)?
            .into_iter()
            .enumerate()
            .map(|(index, (id, rest))| {
                let (algorithm, material) = rest.split_once(':').ok_or(InvalidKeys::Form {
                    number: index + 1,
                    form: FORM,
                })?;
                let key = read(&id, algorithm, &decode(&id, material)?)?;
                Ok((id, key))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// The key with this id.
    pub(crate) fn get(&self, id: &str) -> Option<&GrantKey> {
        self.keys
            .iter()
            .find(|it| it.0.as_str() == id)
            .map(|it| &it.1)
    }

    /// The key that issues; `None`: all configured keys can only verify.
    pub(crate) fn issuer(&self) -> Option<(&KeyId, &KeyedMac)> {
        self.keys
            .iter()
            .find_map(|(id, key)| Some((id, key.secret()?)))
    }
}

impl fmt::Debug for GrantKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self
            .keys
            .iter()
            .map(|(id, key)| (id.as_str(), key.algorithm()));
        f.debug_map().entries(named).finish()
    }
}

/// The points of small order on Ed25519: all encodings, little-endian, but for the sign: orders 4,
/// 1, 8, 8, 2; and 4 and 1 not reduced.
#[rustfmt::skip] // A row for each.
pub(super) static WEAK_ED25519: [[u8; 32]; 7] = [
    [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
    [0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
    [0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05],
    [0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a],
    [0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    [0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    [0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
];

/// Whether a P-256 point has both coordinates: not every verifier can decompress points.
fn is_uncompressed(point: &[u8]) -> bool {
    point.len() == 65 && point.starts_with(&[4])
}

/// Whether an Ed25519 key is not a point of small order. For those, an attacker can forge
/// signatures by trying a few messages, and not every runtime rejects them.
fn is_strong(key: &[u8]) -> bool {
    let Ok(mut bytes) = <[u8; 32]>::try_from(key) else {
        return false;
    };
    bytes[31] &= 0x7f;
    !WEAK_ED25519.contains(&bytes)
}

impl GrantKey {
    fn read(id: &KeyId, algorithm: &str, material: &[u8]) -> Result<Self, InvalidKeys> {
        match algorithm {
            "HS256" => Ok(Self::Hs256(keyed_mac(id, material)?)),
            #[cfg(feature = "es256")]
            "ES256" => {
                let point = material.strip_prefix(&ES256_SPKI).unwrap_or(material);
                let bad = || InvalidKeys::Material {
                    id: id.clone(),
                    expected: ES256_EXPECTED,
                };
                let point = Some(point)
                    .filter(|it| is_uncompressed(it))
                    .ok_or_else(bad)?;
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| bad())?;
                Ok(Self::Es256(Box::new(key)))
            }
            #[cfg(feature = "eddsa")]
            "EdDSA" => {
                let bytes = material.strip_prefix(&ED25519_SPKI).unwrap_or(material);
                let key = ed25519_dalek::VerifyingKey::try_from(bytes)
                    .ok()
                    .filter(|it| !it.is_weak());
                let key = key.ok_or_else(|| InvalidKeys::Material {
                    id: id.clone(),
                    expected: ED25519_EXPECTED,
                })?;
                Ok(Self::EdDsa(Box::new(key)))
            }
            _ => Err(InvalidKeys::Algorithm(id.clone())),
        }
    }

    fn read_delegated(id: &KeyId, algorithm: &str, material: &[u8]) -> Result<Self, InvalidKeys> {
        let bare = |algorithm, head: &[u8], is_bare: fn(&[u8]) -> bool, expected| {
            let key = material.strip_prefix(head).unwrap_or(material);
            let bad = || InvalidKeys::Material {
                id: id.clone(),
                expected,
            };
            if is_bare(key) {
                Ok(Self::Delegated(algorithm, key.to_vec()))
            } else {
                Err(bad())
            }
        };
        match algorithm {
            "HS256" => Ok(Self::Hs256(keyed_mac(id, material)?)),
            "ES256" => bare(
                Algorithm::Es256,
                &ES256_SPKI,
                is_uncompressed,
                ES256_EXPECTED,
            ),
            "EdDSA" => bare(Algorithm::EdDsa, &ED25519_SPKI, is_strong, ED25519_EXPECTED),
            _ => Err(InvalidKeys::Algorithm(id.clone())),
        }
    }

    /// The signing secret; `None`: the key only verifies.
    fn secret(&self) -> Option<&KeyedMac> {
        match self {
            Self::Hs256(mac) => Some(mac),
            _ => None,
        }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Hs256(_) => Algorithm::Hs256,
            #[cfg(feature = "es256")]
            Self::Es256(_) => Algorithm::Es256,
            #[cfg(feature = "eddsa")]
            Self::EdDsa(_) => Algorithm::EdDsa,
            Self::Delegated(algorithm, _) => *algorithm,
        }
    }

    /// Whether `signature` is valid for `message`. In constant time if the key is secret.
    /// `delegated`: the result of the external verification; used only for delegated keys.
    pub(crate) fn is_valid_signature(
        &self,
        message: &[u8],
        signature: &[u8],
        delegated: Option<bool>,
    ) -> bool {
        match self {
            Self::Hs256(mac) => mac
                .clone()
                .chain_update(message)
                .verify_slice(signature)
                .is_ok(),
            #[cfg(feature = "es256")]
            Self::Es256(key) => {
                use p256::ecdsa::signature::Verifier as _;
                p256::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|it| key.verify(message, &it).is_ok())
            }
            #[cfg(feature = "eddsa")]
            Self::EdDsa(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|it| key.verify_strict(message, &it).is_ok()),
            Self::Delegated(..) => delegated == Some(true),
        }
    }
}

/// The bytes before the point in the `SubjectPublicKeyInfo` of an uncompressed P-256 key (RFC
/// 5480).
const ES256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The bytes before the key in the `SubjectPublicKeyInfo` of an Ed25519 key (RFC 8410).
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

const ES256_EXPECTED: &str =
    "a public key on P-256, uncompressed, as SubjectPublicKeyInfo or as a SEC1 point";
const ED25519_EXPECTED: &str = "an Ed25519 public key, as SubjectPublicKeyInfo or as 32 bytes";
