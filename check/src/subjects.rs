//! The rules, one module per subject: pure functions from the facts to findings.

use crate::report::{Findings, Report};
use crate::tree::Tree;

/// Applies all rules.
pub(crate) fn judge(tree: &Tree) -> Report {
    Findings::default().into_report(tree.target.clone(), tree.counts)
}
