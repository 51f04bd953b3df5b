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
}

impl Partial {
    /// Creates the request; the order in which rungs are named does not matter.
    pub fn new(base: Generation, rungs: impl IntoIterator<Item = RenditionName>) -> Self {
        let mut rungs: Vec<RenditionName> = rungs.into_iter().collect();
        rungs.sort();
        rungs.dedup();
        Self { base, rungs }
    }

    /// The part that identities depend on. No name of a rung contains a comma, and no profile a
    /// slash.
    pub(super) fn identity(&self) -> String {
        let rungs: Vec<&str> = self.rungs.iter().map(RenditionName::as_str).collect();
        format!("{}/{}", self.base, rungs.join(","))
    }
}
