//! Command lines that convert the text streams of a source.

use super::push;
use crate::ffmpeg::probe::{TextTrack, input_arguments};

/// Arguments that convert each text stream of the source at `input` to a WebVTT file, with the times
/// of the container. `output` is the URL of a file, from its number.
pub(crate) fn subtitles(
    input: &str,
    demuxer: &str,
    tracks: &[TextTrack],
    output: impl Fn(usize) -> String,
) -> Vec<String> {
    let mut arguments = vec!["-copyts".to_owned()];
    arguments.extend(input_arguments(demuxer));
    push(&mut arguments, &["-i", input]);
    for (number, track) in tracks.iter().enumerate() {
        let stream = format!("0:{}", track.index);
        push(
            &mut arguments,
            &[
                "-map",
                &stream,
                "-map_metadata",
                "-1",
                "-map_chapters",
                "-1",
            ],
        );
        push(
            &mut arguments,
            &[
                "-c:s",
                "webvtt",
                "-avoid_negative_ts",
                "disabled",
                "-f",
                "webvtt",
            ],
        );
        arguments.push(output(number));
    }
    arguments
}
