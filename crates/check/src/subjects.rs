//! The rules, one module per subject: pure functions from the facts to findings.

mod alignment;
mod attributes;
mod bandwidth;
mod bitstream;
mod captions;
mod durations;
mod groups;
mod http;
mod iframes;
mod keys;
mod maps;
mod members;
mod segments;
mod session_data;
mod structure;
mod syntax;
mod timeline;
mod uris;
mod versions;
mod video_range;

use crate::report::{Findings, Report};
use crate::tree::Tree;

/// The function of a subject.
type Subject = fn(&Tree, &mut Findings);

const SUBJECTS: [Subject; 20] = [
    syntax::check,
    versions::check,
    structure::check,
    attributes::check,
    groups::check,
    members::check,
    session_data::check,
    uris::check,
    http::check,
    keys::check,
    maps::check,
    segments::check,
    captions::check,
    durations::check,
    timeline::check,
    alignment::check,
    bandwidth::check,
    bitstream::check,
    video_range::check,
    iframes::check,
];

/// Applies all rules.
pub(crate) fn judge(tree: &Tree) -> Report {
    let mut findings = Findings::default();
    for subject in SUBJECTS {
        subject(tree, &mut findings);
    }
    findings.into_report(tree.target.clone(), tree.counts)
}
