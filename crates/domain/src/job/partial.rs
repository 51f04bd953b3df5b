//! Re-encodes of single rungs.

use serde::{Deserialize, Serialize};

use crate::ids::Generation;
use crate::object_key::RenditionName;

/// Some rungs are re-encoded; everything else is reused from the published generation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Partial {
    /// The published generation. A job whose base is no longer published is obsolete.
    pub base: Generation,
    /// The rungs to re-encode, in alphabetical order, each once.
    pub rungs: Vec<RenditionName>,
    /// Whether the rungs take the place of the remuxed rung, which is removed. They may be none, if
    /// a rung of its size is encoded already.
    #[serde(default, skip_serializing_if = "is_false")]
    pub replace_copy: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Partial {
    /// Creates the request; the order in which rungs are named does not matter.
    pub fn new(base: Generation, rungs: impl IntoIterator<Item = RenditionName>) -> Self {
        let mut rungs: Vec<RenditionName> = rungs.into_iter().collect();
        rungs.sort();
        rungs.dedup();
        Self {
            base,
            rungs,
            replace_copy: false,
        }
    }

    /// Encodes rungs in place of the remuxed rung.
    pub fn replacing_copy(
        base: Generation,
        rungs: impl IntoIterator<Item = RenditionName>,
    ) -> Self {
        Self {
            replace_copy: true,
            ..Self::new(base, rungs)
        }
    }

    /// The part that identities depend on. No name of a rung contains a comma, and no profile a
    /// slash.
    pub(super) fn identity(&self) -> String {
        let rungs: Vec<&str> = self.rungs.iter().map(RenditionName::as_str).collect();
        let without_copy = if self.replace_copy {
            "/without-copy"
        } else {
            ""
        };
        format!("{}/{}{without_copy}", self.base, rungs.join(","))
    }
}
