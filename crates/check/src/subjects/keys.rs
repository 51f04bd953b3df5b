//! Checks keys and initialisation vectors (RFC 8216, 4.3.2.4 and 5).

use std::collections::HashMap;

use hls::parse::KeyMethod;

use crate::report::Findings;
use crate::rules::{RFC_4_3_2_4, RFC_5_1, RFC_5_2};
use crate::tree::{Rendition, Tree};

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for rendition in &tree.renditions {
        tags(rendition, findings);
        files(rendition, findings);
        vectors(rendition, findings);
    }
}

fn tags(rendition: &Rendition, findings: &mut Findings) {
    for key in rendition.said().map_or(&[][..], |it| &it.keys) {
        let extra = key.uri.is_some() || key.iv.is_some() || key.key_format.is_some();
        if key.method == KeyMethod::None && extra {
            findings.add(
                &RFC_4_3_2_4,
                rendition.document.at(key.line),
                "METHOD=NONE goes with no other attribute",
                "Write #EXT-X-KEY:METHOD=NONE alone.",
            );
        }
        if key.method != KeyMethod::None && key.uri.is_none() {
            findings.add(
                &RFC_4_3_2_4,
                rendition.document.at(key.line),
                "EXT-X-KEY has no URI",
                "Add the URI of the key.",
            );
        }
    }
}

fn files(rendition: &Rendition, findings: &mut Findings) {
    for key in &rendition.keys {
        match &key.outcome {
            Some(Ok(16)) | None => {}
            Some(Ok(octets)) => findings.add(
                &RFC_5_1,
                rendition.document.at(key.line),
                format!("the key file has {octets} octets"),
                "Serve the 16 raw octets of the key: no hexadecimal, no line end, no error page.",
            ),
            Some(Err(error)) => findings.add(
                &RFC_5_1,
                rendition.document.at(key.line),
                format!("the key cannot be read: {error}"),
                "Publish the key, or let this viewer read it.",
            ),
        }
    }
}

/// Finds different segments with the same key and vector.
fn vectors(rendition: &Rendition, findings: &mut Findings) {
    let Some(said) = rendition.said() else { return };
    let mut seen = HashMap::new();
    for (segment, facts) in said.segments.iter().zip(&rendition.segments) {
        let Some(key) = said
            .key_of(segment)
            .filter(|it| it.method == KeyMethod::Aes128)
        else {
            continue;
        };
        let iv = key.iv_at(segment.sequence);
        if let Some(line) = seen.insert((key.uri.as_deref(), iv), segment.line) {
            findings.add(
                &RFC_5_2,
                rendition.at_segment(facts),
                format!("key and IV are those of the segment in line {line}"),
                "Write an EXT-X-KEY with a unique IV before each segment, or omit IV.",
            );
        }
    }
}
