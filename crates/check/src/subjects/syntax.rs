//! Reports problems of the playlist parser (RFC 8216, 4.1 to 4.3), and playlists that could not be
//! read at all.

use hls::Problem;

use crate::report::Findings;
use crate::rules::{self, RFC_4, RFC_6_2_1};
use crate::tree::{Document, Tree};

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    if let Some(master) = &tree.master {
        check_document(&master.document, findings);
    }
    for rendition in &tree.renditions {
        match &rendition.playlist {
            Ok(_) => check_document(&rendition.document, findings),
            Err(error) => findings.add(
                &RFC_6_2_1,
                rendition.named_at.clone(),
                format!(
                    "the playlist `{}` cannot be read: {error}",
                    rendition.document.place
                ),
                "Publish it before the playlist that names it, or remove it.",
            ),
        }
    }
}

fn check_document(document: &Document, findings: &mut Findings) {
    if document.not_utf8 {
        findings.add(
            &RFC_4,
            document.at(None),
            "the playlist is not UTF-8",
            "Write playlists in UTF-8.",
        );
    }
    for Problem { line, column, kind } in &document.problems {
        let place = document.at((*line > 0).then_some(*line));
        findings.add(
            rules::of_problem(kind),
            place,
            kind.to_string(),
            format!("Correct it at column {column}."),
        );
    }
}
