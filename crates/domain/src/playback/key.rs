//! The release of a content key.

use crate::content_key::{ContentKey, KeyEncryptionKeys};
use crate::object_key::ObjectKey;

use super::{Headers, Refusal, Subject};

/// A wrapped key to read and to unwrap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlan {
    /// The object of the wrapped key.
    pub object: ObjectKey,
    /// The viewer and session of the request.
    pub subject: Subject,
    /// Headers of the response, whose body is the key's 16 bytes.
    pub headers: Headers,
}

impl KeyPlan {
    /// The clear key. The reason of a failure is not shown to the viewer: the operator finds it by unwrapping manually.
    pub fn release(
        &self,
        document: &[u8],
        keys: &KeyEncryptionKeys,
    ) -> Result<ContentKey, Refusal> {
        keys.unwrap(document, &self.object)
            .map_err(|_| Refusal::Key)
    }
}
