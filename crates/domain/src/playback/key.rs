//! Handing out a content key.

use crate::content_key::{ContentKey, KeyEncryptionKeys};
use crate::object_key::ObjectKey;

use super::{Headers, Refusal, Subject};

/// A wrapped key to read and to unwrap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlan {
    /// Which.
    pub object: ObjectKey,
    /// For whom.
    pub subject: Subject,
    /// Of the answer, whose body is the key's 16 bytes.
    pub headers: Headers,
}

impl KeyPlan {
    /// The key in clear. Why it cannot be had is not for the viewer: the operator finds it by unwrapping by hand.
    pub fn release(&self, document: &[u8], keys: &KeyEncryptionKeys) -> Result<ContentKey, Refusal> {
        keys.unwrap(document, &self.object).map_err(|_| Refusal::Key)
    }
}
