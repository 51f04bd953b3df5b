//! Key wrapping: AES-256-GCM under a key-encryption key, bound to the path of the stored document.

use std::fmt;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::keyring::{InvalidKeys, KeyId, decode, entries};
use crate::object_key::ObjectKey;

use super::ContentKey;

/// The keys that wrap content keys. The first one wraps; all unwrap.
///
/// To rotate: add the new key in first place everywhere, rewrap the stored keys, then remove the
/// old one.
#[derive(Clone)]
pub struct KeyEncryptionKeys {
    keys: Vec<(KeyId, Aes256Gcm)>,
}

/// A wrapped content key, as it is stored (JSON) at [`ObjectKey::ContentKey`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "version", deny_unknown_fields)]
pub enum WrappedKey {
    /// AES-256-GCM; the associated data is the path of this document.
    #[serde(rename = "1")]
    V1 {
        /// Id of the key-encryption key.
        kek: String,
        /// 12 bytes, base64; never used twice with one key-encryption key.
        nonce: String,
        /// 16 bytes of key and 16 bytes of tag, base64.
        wrapped: String,
    },
}

/// A content key cannot be unwrapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// The document is not the JSON of a wrapped key, or has an unknown version.
    #[error("the document is not a wrapped content key")]
    Document,
    /// The key-encryption key is not configured.
    #[error("the key-encryption key `{0}` is not known")]
    UnknownKey(String),
    /// Damaged, forged, moved from another path, or wrapped with another key of the same id.
    #[error("the wrapped content key is not authentic")]
    NotAuthentic,
}

impl KeyEncryptionKeys {
    /// Parses `id:base64,id:base64`, each key of 32 bytes; the first one wraps, all unwrap.
    pub fn parse(text: &str) -> Result<Self, InvalidKeys> {
        let keys = entries(text, "`id:base64 of 32 bytes`")?
            .into_iter()
            .map(|(id, material)| {
                let material = decode(&id, material)?;
                let cipher =
                    Aes256Gcm::new_from_slice(&material).map_err(|_| InvalidKeys::Material {
                        id: id.clone(),
                        expected: "32 bytes",
                    })?;
                Ok((id, cipher))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// Id of the key that wraps.
    pub fn current(&self) -> Option<&KeyId> {
        self.keys.first().map(|it| &it.0)
    }

    /// Wraps a key that will be stored at `at`. `nonce` must be random and unique. Returns the
    /// document's bytes.
    pub fn wrap(&self, key: &ContentKey, at: &ObjectKey, nonce: [u8; 12]) -> Vec<u8> {
        self.seal(key.expose(), &at.path(), nonce)
    }

    /// Wraps any short secret that will be stored at `place`, a unique name: the path of an object,
    /// or the id of a row. `nonce` must be random and unique. Returns the document's bytes.
    pub fn seal(&self, secret: &[u8], place: &str, nonce: [u8; 12]) -> Vec<u8> {
        let (id, cipher) = self.keys.first().expect("`parse` refuses an empty list");
        let payload = Payload {
            msg: secret,
            aad: place.as_bytes(),
        };
        let wrapped = cipher
            .encrypt(&nonce.into(), payload)
            .expect("a short secret is never too long for GCM");
        let document = WrappedKey::V1 {
            kek: id.to_string(),
            nonce: Base64::encode_string(&nonce),
            wrapped: Base64::encode_string(&wrapped),
        };
        serde_json::to_vec(&document).expect("strings always serialise")
    }

    /// Unwraps the document that is stored at `at`.
    pub fn unwrap(&self, document: &[u8], at: &ObjectKey) -> Result<ContentKey, UnwrapError> {
        let clear = self.open(document, &at.path())?;
        let bytes = <[u8; 16]>::try_from(clear.as_slice()).map_err(|_| UnwrapError::Document)?;
        Ok(ContentKey::new(bytes))
    }

    /// Unwraps a document that [`seal`](Self::seal) created for this place.
    pub fn open(&self, document: &[u8], place: &str) -> Result<Zeroizing<Vec<u8>>, UnwrapError> {
        let WrappedKey::V1 {
            kek,
            nonce,
            wrapped,
        } = serde_json::from_slice(document).map_err(|_| UnwrapError::Document)?;
        let (_, cipher) = self
            .keys
            .iter()
            .find(|it| it.0.as_str() == kek)
            .ok_or_else(|| UnwrapError::UnknownKey(kek.clone()))?;
        let nonce = Base64::decode_vec(&nonce).map_err(|_| UnwrapError::Document)?;
        let nonce: [u8; 12] = nonce.try_into().map_err(|_| UnwrapError::Document)?;
        let wrapped = Base64::decode_vec(&wrapped).map_err(|_| UnwrapError::Document)?;
        cipher
            .decrypt(
                &nonce.into(),
                Payload {
                    msg: &wrapped,
                    aad: place.as_bytes(),
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| UnwrapError::NotAuthentic)
    }

    /// Rewraps a stored content key with the first key. `None`: it is wrapped with that key already.
    pub fn rewrap(
        &self,
        document: &[u8],
        at: &ObjectKey,
        nonce: [u8; 12],
    ) -> Result<Option<Vec<u8>>, UnwrapError> {
        self.unwrap(document, at)?;
        self.reseal(document, &at.path(), nonce)
    }

    /// Seals a document of [`seal`](Self::seal) again, with the first key. `None`: it is sealed with that key already.
    pub fn reseal(
        &self,
        document: &[u8],
        place: &str,
        nonce: [u8; 12],
    ) -> Result<Option<Vec<u8>>, UnwrapError> {
        let clear = self.open(document, place)?;
        let WrappedKey::V1 { kek, .. } =
            serde_json::from_slice(document).map_err(|_| UnwrapError::Document)?;
        let is_current = self.current().is_some_and(|it| it.as_str() == kek);
        Ok(if is_current {
            None
        } else {
            Some(self.seal(&clear, place, nonce))
        })
    }
}

impl fmt::Debug for KeyEncryptionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|it| it.0.as_str()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{Generation, VideoId};

    const OLD: &str = "old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const NEW: &str = "new:HxAREhMUFRYXGBkaGxwdHgABAgMEBQYHCAkKCwwNDg8";

    fn keys(text: &str) -> KeyEncryptionKeys {
        KeyEncryptionKeys::parse(text).unwrap()
    }

    fn place(rendition: &str) -> ObjectKey {
        let video = VideoId::new(1_700_000_000_000, [7; 10]);
        ObjectKey::ContentKey {
            video,
            generation: Generation::of("e", "p"),
            key: rendition.parse().unwrap(),
        }
    }

    #[test]
    fn the_stored_form_is_frozen() {
        let document = keys(OLD).wrap(&ContentKey::new([3; 16]), &place("720p"), [5; 12]);
        insta::assert_snapshot!(String::from_utf8(document).unwrap(), @r#"{"version":"1","kek":"old","nonce":"BQUFBQUFBQUFBQUF","wrapped":"TzXbcqM+mek8jQjjChAF1u9xH+T+c8j62q4QMm+tAi0="}"#);
    }

    /// The Galois/Counter Mode of Operation (`McGrew`, Viega), test case 16: 256 bits, with
    /// associated data.
    #[test]
    fn gcm_is_the_standard_one() {
        let bytes = |text: &str| -> Vec<u8> {
            (0..text.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
                .collect()
        };
        let key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let nonce: [u8; 12] = bytes("cafebabefacedbaddecaf888").try_into().unwrap();
        let clear = bytes(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let aad = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let expected = bytes(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
        );
        let cipher = Aes256Gcm::new_from_slice(&key).unwrap();
        assert_eq!(
            cipher
                .encrypt(
                    &nonce.into(),
                    Payload {
                        msg: &clear,
                        aad: &aad
                    }
                )
                .unwrap(),
            expected
        );
    }

    #[test]
    fn a_wrapped_key_opens_only_where_it_was_stored() {
        let key = ContentKey::new([3; 16]);
        let document = keys(OLD).wrap(&key, &place("720p"), [5; 12]);
        assert_eq!(keys(OLD).unwrap(&document, &place("720p")), Ok(key));
        assert_eq!(
            keys(OLD).unwrap(&document, &place("480p")),
            Err(UnwrapError::NotAuthentic)
        );
        assert_eq!(
            keys(NEW).unwrap(&document, &place("720p")),
            Err(UnwrapError::UnknownKey("old".to_owned()))
        );
        let forged = String::from_utf8(document)
            .unwrap()
            .replace("\"old\"", "\"new\"");
        assert_eq!(
            keys(NEW).unwrap(forged.as_bytes(), &place("720p")),
            Err(UnwrapError::NotAuthentic)
        );
    }

    #[test]
    fn keys_rotate_with_an_overlap() {
        let key = ContentKey::new([3; 16]);
        let old = keys(OLD).wrap(&key, &place("720p"), [5; 12]);
        let both = keys(&format!("{NEW},{OLD}"));
        let new = both
            .rewrap(&old, &place("720p"), [6; 12])
            .unwrap()
            .expect("it was wrapped with the old key");
        assert_eq!(both.rewrap(&new, &place("720p"), [7; 12]), Ok(None));
        assert_eq!(keys(NEW).unwrap(&new, &place("720p")), Ok(key));
    }

    #[test]
    fn a_sealed_secret_opens_only_in_its_place() {
        let document = keys(OLD).seal(b"any secret", "webhooks/1", [5; 12]);
        let both = keys(&format!("{NEW},{OLD}"));
        assert_eq!(
            both.open(&document, "webhooks/1").unwrap().as_slice(),
            b"any secret"
        );
        assert_eq!(
            both.open(&document, "webhooks/2"),
            Err(UnwrapError::NotAuthentic)
        );
    }

    #[test]
    fn nothing_secret_is_printed() {
        assert_eq!(
            format!("{:?} {:?}", keys(OLD), ContentKey::new([3; 16])),
            "[\"old\"] ContentKey(..)"
        );
    }

    proptest! {
        #[test]
        fn any_document_is_an_error_or_a_key(bytes in prop::collection::vec(any::<u8>(), 0..80), field in "[A-Za-z0-9+/=]{0,50}") {
            prop_assert!(keys(OLD).unwrap(&bytes, &place("720p")).is_err());
            let document = format!("{{\"version\":\"1\",\"kek\":\"old\",\"nonce\":\"{field}\",\"wrapped\":\"{field}\"}}");
            prop_assert!(keys(OLD).unwrap(document.as_bytes(), &place("720p")).is_err());
        }
    }
}
