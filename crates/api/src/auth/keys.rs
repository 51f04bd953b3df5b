//! Callers with an API key.

use std::time::Duration;

use catalog::accounts::{Accounts, ApiKey, KeyDigest};
use domain::ids::hex;
use domain::time::UnixMillis;
use platform::secret::Secret;

use super::{API_KEY, BadCredentials, Caller};
use crate::error::ApiError;

/// Prefix of the 64 hex digits, so that scanners recognise a key in a log or a commit.
const PREFIX: &str = "er_";

/// Minimum interval between two updates of the last use: requests must not cause one write each.
const USE_UPDATE_INTERVAL: Duration = Duration::from_secs(60);

/// A new secret of 256 random bits.
pub(crate) fn new_secret() -> Result<Secret, ApiError> {
    let mut random = [0; 32];
    crate::random::fill(&mut random)?;
    Ok(Secret::new(format!("{PREFIX}{}", hex(&random))))
}

/// Whether a token has the format of a key.
pub(super) fn is_key(presented: &str) -> bool {
    presented
        .strip_prefix(PREFIX)
        .is_some_and(|it| it.len() == 64 && it.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The caller of a key.
pub(super) async fn caller_of(
    accounts: &Accounts,
    presented: &str,
    now: UnixMillis,
) -> Result<Caller, ApiError> {
    // Looked up by hash: timing reveals nothing about the secret.
    let key = accounts
        .find_key(&KeyDigest::of(&Secret::new(presented)))
        .await?;
    let key = key
        .filter(|it| it.revoked_ms.is_none())
        .ok_or(BadCredentials::Invalid)?;
    if !key.is_live(now) {
        return Err(BadCredentials::Expired.into());
    }
    if key.used_ms.is_none_or(|it| it + USE_UPDATE_INTERVAL <= now)
        && let Err(error) = accounts.note_use(key.id, now).await
    {
        // The last use is informational, so the request goes on.
        tracing::warn!(key.id = %key.id, "cannot record the use of an API key: {:#}", anyhow::Error::from(error));
    }
    let ApiKey {
        id, owner, scopes, ..
    } = key;
    Ok(Caller {
        subject: format!("{API_KEY}{id}"),
        owner,
        scopes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_new() {
        let (one, other) = (new_secret().unwrap(), new_secret().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.expose().len(), 3 + 64);
        assert!(is_key(one.expose()));
        let short = "er_0123";
        for odd in [
            "",
            "er_",
            short,
            "a.b.c",
            &one.expose()[3..],
            &format!("{}0", one.expose()),
        ] {
            assert!(!is_key(odd), "{odd}");
        }
    }
}
