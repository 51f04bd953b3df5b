//! The installation token, for the operator.

use platform::secret::Secret;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The token with access to the whole API. Stored as a hash, so comparisons reveal nothing by their duration.
#[derive(Clone)]
pub struct ApiToken {
    digest: [u8; 32],
}

impl ApiToken {
    /// Hashes the token.
    pub fn new(token: &Secret) -> Self {
        Self {
            digest: Sha256::digest(token.expose().as_bytes()).into(),
        }
    }

    /// Whether the presented text is the token.
    pub fn opens(&self, presented: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        digest.ct_eq(&self.digest).into()
    }

    /// Derives a key that is unique to this installation and purpose.
    pub(crate) fn derive_key(&self, purpose: &str) -> [u8; 32] {
        Sha256::new()
            .chain_update(purpose)
            .chain_update([0])
            .chain_update(self.digest)
            .finalize()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_accepted() {
        let token = ApiToken::new(&Secret::new("er_secret"));
        assert!(token.opens("er_secret"));
        for bad in ["er_secre", "er_secret2", "ER_SECRET", " er_secret", ""] {
            assert!(!token.opens(bad), "{bad}");
        }
        assert_ne!(token.derive_key("one"), token.derive_key("two"));
    }
}
