//! Encryption of stored responses: AES-256-GCM, with a key derived from the installation token. Reading the database or
//! moving a row reveals nothing. When the token changes, stored responses are lost, and their requests are rejected
//! instead of being executed again.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64ct::{Base64, Encoding as _};

use crate::auth::ApiToken;

/// Encrypts and decrypts.
pub(super) struct Seal {
    cipher: Aes256Gcm,
}

const NONCE_BYTES: usize = 12;

impl Seal {
    pub(super) fn new(token: &ApiToken) -> Self {
        Self {
            cipher: Aes256Gcm::new(&token.derive_key("edgereel answers 1").into()),
        }
    }

    /// Encrypts bytes for one row.
    pub(super) fn close(&self, place: &str, clear: &[u8]) -> anyhow::Result<String> {
        let mut nonce = [0; NONCE_BYTES];
        crate::random::fill(&mut nonce)?;
        let sealed = self.cipher.encrypt(
            &nonce.into(),
            Payload {
                msg: clear,
                aad: place.as_bytes(),
            },
        );
        let sealed = sealed.map_err(|_| anyhow::anyhow!("cannot encrypt a response"))?;
        Ok(Base64::encode_string(&[&nonce[..], &sealed].concat()))
    }

    /// Decrypts the bytes of a row; `None` if they belong to another row or key.
    pub(super) fn open(&self, place: &str, sealed: &str) -> Option<Vec<u8>> {
        let sealed = Base64::decode_vec(sealed).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        self.cipher
            .decrypt(
                &(*nonce).into(),
                Payload {
                    msg: sealed,
                    aad: place.as_bytes(),
                },
            )
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use platform::secret::Secret;

    use super::*;

    #[test]
    fn only_the_same_installation_opens_at_the_same_place() {
        let seal = |token: &str| Seal::new(&ApiToken::new(&Secret::new(token)));
        let sealed = seal("one").close("here", b"the answer").unwrap();
        assert_eq!(
            seal("one").open("here", &sealed).as_deref(),
            Some(&b"the answer"[..])
        );
        assert_eq!(seal("one").open("there", &sealed), None);
        assert_eq!(seal("two").open("here", &sealed), None);
        for odd in ["", "AAAA", "no base64!", &sealed[4..]] {
            assert_eq!(seal("one").open("here", odd), None, "{odd}");
        }
        let again = seal("one").close("here", b"the answer").unwrap();
        assert_ne!(sealed, again, "no nonce is used twice");
    }
}
