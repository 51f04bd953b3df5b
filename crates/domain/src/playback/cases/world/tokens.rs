//! Grants and passes of the installation, and forged ones.

use super::*;

/// A grant for the video, valid for ten minutes.
pub(in crate::playback) fn grant(now: u64) -> Grant {
    Grant {
        video: video(),
        viewer: Some("anna".to_owned()),
        id: Some("session-1".to_owned()),
        expires: now + 600,
        not_before: None,
        limits: Limits::default(),
    }
}

/// A grant as the customer's backend issues it.
pub(in crate::playback) fn token(grant: &Grant) -> String {
    grant.issue(&keyring().grants).expect("there is a secret")
}

/// Any header and claims, signed with the first grant key.
pub(in crate::playback) fn sign(header: &str, claims: &str) -> String {
    let encode = Base64UrlUnpadded::encode_string;
    let signed = format!(
        "{}.{}",
        encode(header.as_bytes()),
        encode(claims.as_bytes())
    );
    let keys = keyring();
    let mac = keys.grants.issuer().expect("there is a secret").1.clone();
    format!(
        "{signed}.{}",
        encode(&mac.chain_update(signed.as_bytes()).finalize().into_bytes())
    )
}

/// Any claims, signed with the private half of `ed`.
pub(in crate::playback) fn sign_eddsa(claims: &str) -> String {
    use ed25519_dalek::{Signer as _, SigningKey};
    let secret: [u8; 32] = decoded(ED_PRIVATE).try_into().expect("32 bytes");
    let signed = unsigned(r#"{"alg":"EdDSA","kid":"ed"}"#, claims);
    let signature = SigningKey::from_bytes(&secret)
        .sign(signed.as_bytes())
        .to_bytes();
    format!("{signed}.{}", Base64UrlUnpadded::encode_string(&signature))
}

/// Any claims, signed with the private half of `ec`.
pub(in crate::playback) fn sign_es256(claims: &str) -> String {
    use p256::ecdsa::signature::Signer as _;
    use p256::ecdsa::{Signature, SigningKey};
    let key = SigningKey::from_slice(&decoded(EC_PRIVATE)).expect("a private key");
    let signed = unsigned(r#"{"alg":"ES256","kid":"ec"}"#, claims);
    let signature: Signature = key.sign(signed.as_bytes());
    format!(
        "{signed}.{}",
        Base64UrlUnpadded::encode_string(&signature.to_bytes())
    )
}

fn unsigned(header: &str, claims: &str) -> String {
    let encode = Base64UrlUnpadded::encode_string;
    format!(
        "{}.{}",
        encode(header.as_bytes()),
        encode(claims.as_bytes())
    )
}

fn decoded(text: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(text).expect("base64url")
}

/// A pass for all objects of the video, valid for ten minutes.
pub(in crate::playback) fn pass(now: u64) -> Pass {
    Pass {
        purpose: Purpose::Stream,
        video: video(),
        generation: generation(),
        session: Fingerprint::of("session-1"),
        viewer: Fingerprint::of("anna"),
        expires: now + 600,
        renditions: None,
        limits: Limits::default(),
    }
}

/// A pass for one key.
pub(in crate::playback) fn key_pass(now: u64, name: &str) -> Pass {
    Pass {
        purpose: Purpose::Key,
        renditions: Some(vec![rendition(name)]),
        ..pass(now)
    }
}

/// A pass, signed with the current key.
pub(in crate::playback) fn signed(pass: &Pass) -> String {
    pass.sign(&keyring().passes).expect("short enough")
}
