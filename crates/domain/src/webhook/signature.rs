//! Signing secrets and signatures of messages.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A secret that Edgereel shares with one endpoint: 24 to 64 bytes, written as `whsec_` and base64.
/// Prints as `SigningSecret(..)`.
#[derive(Clone)]
pub struct SigningSecret(Zeroizing<Vec<u8>>);

const PREFIX: &str = "whsec_";

/// A text that is not a valid secret. `Display` never shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret is `whsec_` and the base64 of 24 to 64 bytes")]
pub struct InvalidSecret;

impl SigningSecret {
    /// Creates a secret from 32 random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(Zeroizing::new(random.to_vec()))
    }

    /// The secret in its text form. Every call deserves attention in a review.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}", Base64::encode_string(&self.0)))
    }

    /// The value of `webhook-signature`: HMAC-SHA256 of id, time and body, joined by dots.
    pub fn sign(&self, id: &str, unix_seconds: u64, body: &[u8]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(unix_seconds.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        format!("v1,{}", Base64::encode_string(&mac.finalize().into_bytes()))
    }
}

impl FromStr for SigningSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let bytes = text
            .strip_prefix(PREFIX)
            .and_then(|it| Base64::decode_vec(it).ok())
            .map(Zeroizing::new);
        bytes
            .filter(|it| (24..=64).contains(&it.len()))
            .map(Self)
            .ok_or(InvalidSecret)
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example from the standard's own libraries.
    #[test]
    fn the_signature_is_the_standard_one() {
        let secret: SigningSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse().unwrap();
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let signature = secret.sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body);
        assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn secrets_are_read_back_and_never_printed() {
        let secret = SigningSecret::new([7; 32]);
        let read: SigningSecret = secret.expose().parse().unwrap();
        assert_eq!(read.sign("id", 1, b"body"), secret.sign("id", 1, b"body"));
        assert_eq!(format!("{secret:?}"), "SigningSecret(..)");
        let of = |bytes: usize| {
            format!("whsec_{}", Base64::encode_string(&vec![1; bytes])).parse::<SigningSecret>()
        };
        for bytes in [24, 64] {
            assert!(of(bytes).is_ok(), "{bytes}");
        }
        for bytes in [0, 23, 65] {
            assert_eq!(of(bytes).unwrap_err(), InvalidSecret, "{bytes}");
        }
        assert!(
            "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"
                .parse::<SigningSecret>()
                .is_err(),
            "no prefix"
        );
        assert!(
            "whsec_not base64, though long enough"
                .parse::<SigningSecret>()
                .is_err()
        );
    }
}
