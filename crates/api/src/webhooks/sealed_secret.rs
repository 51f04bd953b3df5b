//! Encryption of stored webhook secrets, with the key that also wraps content keys.

use catalog::webhooks::Endpoint;
use domain::content_key::{KeyEncryptionKeys, UnwrapError};
use domain::time::UnixMillis;
use domain::webhook::{EndpointId, InvalidSecret, SigningSecret};

/// A stored secret cannot be decrypted: it was encrypted with other keys, or its row was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SealedSecretError {
    #[error("cannot decrypt a webhook secret")]
    Sealed(#[from] UnwrapError),
    #[error("the decrypted value is not a webhook secret")]
    Secret(#[from] InvalidSecret),
}

/// Creates a secret of an endpoint: in clear, for the response, and encrypted, for the database.
pub(super) fn make(
    keys: &KeyEncryptionKeys,
    endpoint: EndpointId,
) -> Result<(SigningSecret, String), getrandom::Error> {
    let (mut bytes, mut nonce) = ([0; 32], [0; 12]);
    getrandom::fill(&mut bytes)?;
    getrandom::fill(&mut nonce)?;
    let secret = SigningSecret::new(bytes);
    let sealed = keys.seal(secret.expose().as_bytes(), &place(endpoint), nonce);
    Ok((secret, String::from_utf8_lossy(&sealed).into_owned()))
}

/// The currently valid secrets of an endpoint, newest first.
pub(super) fn open(
    keys: &KeyEncryptionKeys,
    endpoint: &Endpoint,
    now: UnixMillis,
) -> Result<Vec<SigningSecret>, SealedSecretError> {
    let good = endpoint
        .secrets
        .iter()
        .filter(|it| it.until_ms.is_none_or(|end| end > now));
    good.map(|secret| {
        let clear = keys.open(secret.sealed.as_bytes(), &place(endpoint.id))?;
        let text = std::str::from_utf8(&clear).map_err(|_| InvalidSecret)?;
        Ok(text.parse()?)
    })
    .collect()
}

/// Encrypts a secret again with the first key. `None`: it is encrypted with that key already.
pub(crate) fn rewrap(
    keys: &KeyEncryptionKeys,
    endpoint: EndpointId,
    sealed: &str,
    nonce: [u8; 12],
) -> Result<Option<String>, UnwrapError> {
    let new = keys.reseal(sealed.as_bytes(), &place(endpoint), nonce)?;
    Ok(new.map(|it| String::from_utf8_lossy(&it).into_owned()))
}

/// The associated data: a secret that is moved to another endpoint cannot be decrypted.
fn place(endpoint: EndpointId) -> String {
    format!("webhooks/{endpoint}")
}

#[cfg(test)]
mod tests {
    use catalog::webhooks::EndpointSecret;

    use super::*;

    fn endpoint(id: u8, secrets: &[(&str, Option<UnixMillis>)]) -> Endpoint {
        let secret = |it: &(&str, Option<UnixMillis>)| EndpointSecret {
            sealed: it.0.to_owned(),
            until_ms: it.1,
        };
        Endpoint {
            id: EndpointId::new(0, [id; 10]),
            owner: None,
            url: String::new(),
            types: None,
            description: None,
            secrets: secrets.iter().map(secret).collect(),
            disabled: None,
            failing_since_ms: None,
            paused_until_ms: UnixMillis::default(),
            created_ms: UnixMillis::default(),
            updated_ms: UnixMillis::default(),
        }
    }

    #[test]
    fn a_secret_opens_for_its_endpoint_until_it_ends() {
        let keys =
            KeyEncryptionKeys::parse("a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let (old, sealed_old) = make(&keys, EndpointId::new(0, [1; 10])).unwrap();
        let (new, sealed_new) = make(&keys, EndpointId::new(0, [1; 10])).unwrap();
        assert!(!sealed_new.contains(new.expose().as_str()));
        let secrets = [
            (sealed_new.as_str(), None),
            (sealed_old.as_str(), Some(UnixMillis::new(100))),
        ];
        let shown = |endpoint: &Endpoint, now| {
            let opened = open(&keys, endpoint, UnixMillis::new(now)).unwrap();
            opened
                .iter()
                .map(|it| it.expose().to_string())
                .collect::<Vec<_>>()
        };
        let (new, old) = (new.expose().to_string(), old.expose().to_string());
        assert_eq!(shown(&endpoint(1, &secrets), 99), [new.clone(), old]);
        assert_eq!(shown(&endpoint(1, &secrets), 100), [new]);
        assert!(
            open(&keys, &endpoint(2, &secrets), UnixMillis::new(99)).is_err(),
            "of another endpoint"
        );
    }
}
