//! Re-encodes of some rungs only.

use serde::{Deserialize, Serialize};

use crate::ids::Generation;
use crate::object_key::RenditionName;

/// Some rungs are made anew; everything else is taken over from the generation that plays.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Partial {
    /// What plays. A job whose base plays no longer has been overtaken.
    pub base: Generation,
    /// What is made anew, in the order of the letters, each once.
    pub rungs: Vec<RenditionName>,
}

impl Partial {
    /// Whatever the order in which the rungs are named, it is the same wish.
    pub fn new(base: Generation, rungs: impl IntoIterator<Item = RenditionName>) -> Self {
        let mut rungs: Vec<RenditionName> = rungs.into_iter().collect();
        rungs.sort();
        rungs.dedup();
        Self { base, rungs }
    }

    /// What identities depend on. No name of a rung contains a comma, and no profile a slash.
    pub(super) fn identity(&self) -> String {
        let rungs: Vec<&str> = self.rungs.iter().map(RenditionName::as_str).collect();
        format!("{}/{}", self.base, rungs.join(","))
    }
}
