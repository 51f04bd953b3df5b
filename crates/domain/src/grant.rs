//! Grants: permission for a viewer to play a video until an expiry, within limits. Short JWTs (RFC
//! 7519), issued offline by the customer's backend with any JWT library, or by the API.
//!
//! | claim | meaning |
//! |---|---|
//! | header `alg`, `kid` | `HS256`, `ES256` or `EdDSA`; the id of one of the grant keys, which must be of that algorithm |
//! | `aud` | `edgereel/playback` |
//! | `vid` | the video |
//! | `exp`, `nbf` | Unix seconds; `exp` is required, and no pass outlives it by more than the clock skew |
//! | `sub` | the viewer, for revocation |
//! | `jti` | the session, for revocation and renewal; without it, the grant itself is the session |
//! | `max_height` | pixels of the shorter side, the number in `720p` |
//! | `ip` | an address or a prefix, or a list of them |
//! | `geo` | `{"allow": ["DE"]}` or `{"deny": ["US"]}`, ISO 3166-1 alpha-2 |
//! | `origins` | origins of the web pages that may play the video: `["https://example.com"]` |
//! | `check_segments` | `true`: a revocation also stops running playback, at the cost of a look-up
//! per segment |

mod claims;
mod limits;
mod names;

pub use limits::{ClientLocation, Country, FixedLocation, Geo, IpPrefix, Limits, Origin};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use hmac::Mac as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::ids::VideoId;
use crate::keyring::{Algorithm, GrantKey, GrantKeys};
use crate::playback::Refusal;

/// Maximum length of a grant, characters.
pub const MAX_GRANT_LENGTH: usize = 4096;

/// The required `aud` of a grant.
pub const AUDIENCE: &str = "edgereel/playback";

/// A verified grant, or one to issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The video that may be played.
    pub video: VideoId,
    /// Id of the viewer, the claim `sub`.
    pub viewer: Option<String>,
    /// Id of the session, the claim `jti`.
    pub id: Option<String>,
    /// Expiry, Unix seconds.
    pub expires: u64,
    /// Start of validity, Unix seconds.
    pub not_before: Option<u64>,
    /// Restrictions on quality, location and pages.
    pub limits: Limits,
}

/// A short fingerprint of a viewer or session, for revocation lists: the first 8 bytes of a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Fingerprint(pub [u8; 8]);

impl Fingerprint {
    /// The fingerprint of a viewer's `sub` or a session's `jti`.
    pub fn of(text: &str) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        Self(bytes)
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::ids::hex(&self.0))
    }
}

/// A verified grant with the fingerprints that identify it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedGrant {
    /// The claims of the grant.
    pub grant: Grant,
    /// Fingerprint of its `jti`, or of the whole token.
    pub session: Fingerprint,
    /// Fingerprint of its `sub`; all zero: it names no viewer.
    pub viewer: Fingerprint,
}

/// A signature that other code has to verify, such as the runtime of a Worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegatedSignature<'a> {
    /// `ES256` or `EdDSA`.
    pub algorithm: Algorithm,
    /// A SEC1 point, or the 32 bytes of an Ed25519 key.
    pub public_key: &'a [u8],
    /// The signed text.
    pub message: &'a str,
    /// r and s, or R and S, of 32 bytes each; the length is not checked.
    pub signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "claims::said")]
    crit: Option<serde::de::IgnoredAny>,
}

/// A parsed token with its key; nothing is verified yet.
struct Parts<'a> {
    signed: &'a str,
    claims: &'a str,
    signature: Vec<u8>,
    key: &'a GrantKey,
}

/// Splits a token into the signed part, its header and claims, and the signature.
fn split(token: &str) -> Result<(&str, &str, &str, &str), Refusal> {
    if token.len() > MAX_GRANT_LENGTH {
        return Err(Refusal::GrantTooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::GrantMalformed)?;
    let (header, claims) = signed.split_once('.').ok_or(Refusal::GrantMalformed)?;
    if claims.contains('.') {
        Err(Refusal::GrantMalformed)
    } else {
        Ok((signed, header, claims, signature))
    }
}

impl<'a> Parts<'a> {
    fn read(token: &'a str, keys: &'a GrantKeys) -> Result<Self, Refusal> {
        let (signed, header, claims, signature) = split(token)?;
        let header: Header =
            serde_json::from_slice(&decode(header)?).map_err(|_| Refusal::GrantMalformed)?;
        if header.crit.is_some() || header.typ.is_some_and(|it| !it.eq_ignore_ascii_case("JWT")) {
            return Err(Refusal::GrantMalformed);
        }
        // The key decides the algorithm; `alg` must agree with it (RFC 8725, 3.1).
        let Some(algorithm) = ["HS256", "ES256", "EdDSA"]
            .into_iter()
            .find(|it| *it == header.alg)
        else {
            return Err(Refusal::GrantAlgorithm);
        };
        let key = header
            .kid
            .as_deref()
            .and_then(|it| keys.get(it))
            .ok_or(Refusal::GrantKeyUnknown)?;
        if key.algorithm().as_str() != algorithm {
            return Err(Refusal::GrantAlgorithm);
        }
        Ok(Self {
            signed,
            claims,
            signature: decode(signature)?,
            key,
        })
    }
}

fn decode(part: &str) -> Result<Vec<u8>, Refusal> {
    Base64UrlUnpadded::decode_vec(part).map_err(|_| Refusal::GrantMalformed)
}

/// Verifies form, key, algorithm and signature of a token that a grant key signed; returns the
/// signed text, and the claims as JSON. `delegated` as for [`Grant::verify_delegating`].
pub(crate) fn verified_claims<'a>(
    token: &'a str,
    keys: &'a GrantKeys,
    delegated: Option<bool>,
) -> Result<(&'a str, Vec<u8>), Refusal> {
    let Parts {
        signed,
        claims,
        signature,
        key,
    } = Parts::read(token, keys)?;
    if !key.is_valid_signature(signed.as_bytes(), &signature, delegated) {
        return Err(Refusal::GrantSignature);
    }
    Ok((signed, decode(claims)?))
}

/// Signs claims (JSON) with the first HS256 key; `None`: all configured keys can only verify.
pub(crate) fn sign_claims(claims: &str, keys: &GrantKeys) -> Option<String> {
    let (id, mac) = keys.issuer()?;
    let header = format!("{{\"alg\":\"HS256\",\"kid\":\"{id}\",\"typ\":\"JWT\"}}");
    let encode = Base64UrlUnpadded::encode_string;
    let signed = format!(
        "{}.{}",
        encode(header.as_bytes()),
        encode(claims.as_bytes())
    );
    let signature = mac
        .clone()
        .chain_update(signed.as_bytes())
        .finalize()
        .into_bytes();
    Some(format!("{signed}.{}", encode(&signature)))
}

impl VerifiedGrant {
    fn of(grant: Grant, signed: &str) -> Self {
        // Without the signature: anyone who has an ECDSA signature can derive another valid one.
        let session = Fingerprint::of(grant.id.as_deref().unwrap_or(signed));
        let viewer = grant
            .viewer
            .as_deref()
            .map(Fingerprint::of)
            .unwrap_or_default();
        Self {
            grant,
            session,
            viewer,
        }
    }
}

impl Grant {
    /// Verifies form, key, algorithm, signature, audience and times, in that order. `now` and
    /// `skew` (the tolerated clock error of the issuer) in seconds.
    ///
    /// It does not check the limits: see [`Limits::check`].
    pub fn verify(
        token: &str,
        keys: &GrantKeys,
        now: u64,
        skew: u64,
    ) -> Result<VerifiedGrant, Refusal> {
        Self::verify_delegating(token, keys, now, skew, None)
    }

    /// As [`verify`](Self::verify), for keys of [`GrantKeys::parse_delegating`]. `delegated`:
    /// whether the signature that [`delegated`](Self::delegated) returned for this token is valid.
    pub fn verify_delegating(
        token: &str,
        keys: &GrantKeys,
        now: u64,
        skew: u64,
        delegated: Option<bool>,
    ) -> Result<VerifiedGrant, Refusal> {
        let (signed, claims) = verified_claims(token, keys, delegated)?;
        let claims = claims::read(&claims)?;
        if !claims.audiences.iter().any(|it| it == AUDIENCE) {
            return Err(Refusal::GrantAudience);
        }
        let grant = claims.grant;
        if now >= grant.expires.saturating_add(skew) {
            return Err(Refusal::GrantExpired);
        }
        if grant
            .not_before
            .is_some_and(|it| now.saturating_add(skew) < it)
        {
            return Err(Refusal::GrantNotYetValid);
        }
        Ok(VerifiedGrant::of(grant, signed))
    }

    /// The claims of a token, without any verification: they must not be trusted.
    pub fn unverified(token: &str) -> Result<VerifiedGrant, Refusal> {
        let (signed, _, claims, _) = split(token)?;
        Ok(VerifiedGrant::of(
            claims::read(&decode(claims)?)?.grant,
            signed,
        ))
    }

    /// The signature of a token that has to be verified elsewhere; `None`: there is none, or it is
    /// verified here.
    pub fn delegated<'a>(token: &'a str, keys: &'a GrantKeys) -> Option<DelegatedSignature<'a>> {
        let Parts {
            signed,
            signature,
            key,
            ..
        } = Parts::read(token, keys).ok()?;
        match key {
            GrantKey::Delegated(algorithm, public_key) => Some(DelegatedSignature {
                algorithm: *algorithm,
                public_key,
                message: signed,
                signature,
            }),
            _ => None,
        }
    }

    /// Signs a grant with the first HS256 key; `None`: all configured keys can only verify.
    pub fn issue(&self, keys: &GrantKeys) -> Option<String> {
        sign_claims(&claims::write(self), keys)
    }
}

#[cfg(test)]
mod tests;
