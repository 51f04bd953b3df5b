//! Interprets FFmpeg's log as a problem of the source.

use domain::failure::SourceProblem;

/// Messages of FFmpeg 5.1 to 9.0 for a missing decoder.
const NO_DECODER: [&str; 2] = ["Decoder (codec", "no decoder found for"];

/// Messages of FFmpeg 5.1 to 9.0 for data that its decoder rejects.
const UNDECODABLE: [&str; 4] = [
    "Invalid data found",
    "Error while decoding",
    "Error submitting packet to decoder",
    "could not find codec parameters",
];

/// The problem that the end of a log indicates for a source with the video codec `codec`; `None`:
/// none.
pub(crate) fn verdict(log: &str, codec: &str) -> Option<SourceProblem> {
    let any = |phrases: &[&str]| phrases.iter().any(|it| log.contains(it));
    if any(&NO_DECODER) {
        return Some(SourceProblem::UnsupportedCodec {
            codec: codec.to_owned(),
        });
    }
    any(&UNDECODABLE).then_some(SourceProblem::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_of_all_versions_are_understood() {
        let unsupported = Some(SourceProblem::UnsupportedCodec {
            codec: "png".to_owned(),
        });
        for (log, expected) in [
            // FFmpeg 5.1, and 8.1.
            (
                "Decoder (codec png) not found for input stream #0:0",
                unsupported.clone(),
            ),
            (
                "[vist#0:0/png @ 0x7f] [error] Decoding requested, but no decoder found for: png",
                unsupported,
            ),
            (
                "Error while decoding stream #0:0: Invalid data found when processing input",
                Some(SourceProblem::Damaged),
            ),
            (
                "[dec:h264 @ 0x55] Error submitting packet to decoder: Invalid data found",
                Some(SourceProblem::Damaged),
            ),
            ("Unrecognized option 'fps_mode'.", None),
            ("", None),
        ] {
            assert_eq!(verdict(log, "png"), expected, "{log}");
        }
    }
}
