//! Checks EXT-X-SESSION-DATA (RFC 8216, 4.3.4.4), and the value by which Edgereel's player draws the
//! name of the viewer.

use std::collections::HashSet;

use crate::report::Findings;
use crate::rules::{RFC_4_3_4_4, VIEWER_TEXT};
use crate::tree::Tree;

/// DATA-ID of the viewer's name, and the values that the player knows.
const VIEWER_TEXT_ID: &str = "com.edgereel.viewer";
const VIEWER_TEXT_VALUES: [&str; 2] = ["corner", "moving"];

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    let Some(master) = &tree.master else { return };
    let mut seen = HashSet::new();
    for data in &master.playlist.session_data {
        let place = || master.document.at(data.line);
        match (&data.value, &data.uri) {
            (Some(_), None) | (None, Some(_)) => {}
            (Some(_), Some(_)) => findings.add(
                &RFC_4_3_4_4,
                place(),
                "EXT-X-SESSION-DATA has VALUE and URI",
                "Write one of them.",
            ),
            (None, None) => findings.add(
                &RFC_4_3_4_4,
                place(),
                "EXT-X-SESSION-DATA has neither VALUE nor URI",
                "Add the value, or the URI of a JSON document with it.",
            ),
        }
        // The parser reports a tag without DATA-ID.
        let Some(id) = &data.data_id else { continue };
        if !seen.insert((id, &data.language)) {
            findings.add(
                &RFC_4_3_4_4,
                place(),
                format!("EXT-X-SESSION-DATA {id} is there twice in one language"),
                "Remove one of them.",
            );
        }
        let value = data.value.as_deref().unwrap_or_default();
        if id == VIEWER_TEXT_ID && !VIEWER_TEXT_VALUES.contains(&value) {
            findings.add(
                &VIEWER_TEXT,
                place(),
                format!("{VIEWER_TEXT_ID} is `{value}`: the player draws no name"),
                "Write VALUE=\"corner\" or VALUE=\"moving\".",
            );
        }
    }
}
