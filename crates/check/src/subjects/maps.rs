//! Checks EXT-X-MAP (RFC 8216, 4.3.2.5 and 3.3; Apple 8.20).

use hls::parse::KeyMethod;

use crate::place;
use crate::report::Findings;
use crate::rules::{RFC_3_3, RFC_4_3_2_5, RFC_6_2_1};
use crate::tree::{Failure, Tree};

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for rendition in &tree.renditions {
        let Some(said) = rendition.said() else {
            continue;
        };
        for map in &said.maps {
            let keys = map.keys.iter().filter_map(|it| said.keys.get(*it));
            for key in keys.filter(|it| it.method == KeyMethod::Aes128 && it.iv.is_none()) {
                findings.add(
                    &RFC_4_3_2_5,
                    rendition.document.at(map.line),
                    format!(
                        "the EXT-X-KEY in line {} covers the EXT-X-MAP and has no IV",
                        key.line
                    ),
                    "Give the key an IV, or write EXT-X-MAP before EXT-X-KEY and leave it clear.",
                );
            }
        }
        for map in &rendition.maps {
            let uri = place::written(&map.uri);
            let (rule, what) = match &map.outcome {
                Ok(()) | Err(Failure::NoKey) => continue,
                Err(Failure::Fetch(error)) => {
                    (&RFC_6_2_1, format!("`{uri}` cannot be read: {error}"))
                }
                Err(Failure::Padding) => (&RFC_3_3, format!("`{uri}` does not decrypt")),
                Err(Failure::Damaged(why)) => (
                    &RFC_3_3,
                    format!("`{uri}` is not an initialisation section: {why}"),
                ),
                Err(_) => (
                    &RFC_3_3,
                    format!("`{uri}` is not an initialisation section"),
                ),
            };
            findings.add(
                rule,
                rendition.document.at(map.line),
                what,
                "Publish the ftyp and moov of these segments there.",
            );
        }
    }
}
