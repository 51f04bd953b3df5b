//! Command lines that deliver the video stream of a source as it is, for the captions in its frames.

use domain::segment::TICKS_PER_SECOND;

use super::push;
use crate::ffmpeg::probe::input_arguments;
use crate::sink::PRESENTATION_START;

/// Arguments that deliver the stream `index` of the source at `input` to the URL `output`.
/// `origin`: start of the presentation, seconds on the clock of the container.
pub(crate) fn video_stream(
    (input, demuxer): (&str, &str),
    index: u32,
    origin: f64,
    output: &str,
) -> Vec<String> {
    let mut arguments = vec!["-copyts".to_owned()];
    arguments.extend(input_arguments(demuxer));
    push(&mut arguments, &["-i", input]);
    transport_stream(&mut arguments, &format!("0:{index}"), origin, output);
    arguments
}

/// Arguments that deliver some seconds of the stream `index`, from each of `starts` on, seconds
/// after the beginning of the file. `output` is the URL of a file, from its number. The times in the
/// files have no meaning.
pub(crate) fn glimpses(
    (input, demuxer): (&str, &str),
    index: u32,
    (starts, seconds): (&[f64], f64),
    output: impl Fn(usize) -> String,
) -> Vec<String> {
    let mut arguments = vec![];
    for start in starts {
        if *start > 0.0 {
            push(&mut arguments, &["-ss", &format!("{start:.3}")]);
        }
        push(&mut arguments, &["-t", &format!("{seconds:.3}")]);
        arguments.extend(input_arguments(demuxer));
        push(&mut arguments, &["-i", input]);
    }
    for number in 0..starts.len() {
        let stream = format!("{number}:{index}");
        transport_stream(&mut arguments, &stream, 0.0, &output(number));
    }
    arguments
}

/// Appends an output of the packets of a stream: a transport stream in which the presentation
/// begins at [`PRESENTATION_START`]. `origin`: its start on the clock of the packets, seconds.
pub(crate) fn transport_stream(
    arguments: &mut Vec<String>,
    stream: &str,
    origin: f64,
    output: &str,
) {
    let offset = PRESENTATION_START as f64 / TICKS_PER_SECOND as f64 - origin;
    push(arguments, &["-map", stream, "-c:v", "copy"]);
    push(
        arguments,
        &["-map_metadata", "-1", "-map_chapters", "-1", "-f", "mpegts"],
    );
    push(
        arguments,
        &[
            "-output_ts_offset",
            &format!("{offset:.6}"),
            "-avoid_negative_ts",
            "disabled",
        ],
    );
    push(arguments, &["-muxdelay", "0", "-muxpreload", "0", output]);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: (&str, &str) = ("SOURCE", "mpegts");

    #[test]
    fn all_of_a_stream_is_delivered_on_the_clock_of_the_presentation() {
        insta::assert_snapshot!(
            video_stream(SOURCE, 2, 1.4, "OUT").join(" ").replace(" -map 0", "\n-map 0"),
            @"
        -copyts -max_pixels 67108864 -max_streams 256 -protocol_whitelist http,tcp -format_whitelist mpegts -f mpegts -i SOURCE
        -map 0:2 -c:v copy -map_metadata -1 -map_chapters -1 -f mpegts -output_ts_offset 8.600000 -avoid_negative_ts disabled -muxdelay 0 -muxpreload 0 OUT
        "
        );
    }

    #[test]
    fn glimpses_are_inputs_of_their_own() {
        let arguments = glimpses(SOURCE, 2, (&[0.0, 60.0], 10.0), |it| format!("OUT{it}"));
        let text = arguments.join(" ");
        assert!(text.starts_with("-t 10.000 -max_pixels"), "{text}");
        assert!(
            text.contains("-i SOURCE -ss 60.000 -t 10.000 -max_pixels"),
            "{text}"
        );
        assert!(text.contains("-i SOURCE -map 0:2 -c:v copy"), "{text}");
        assert!(
            text.contains("OUT0 -map 1:2 -c:v copy") && text.ends_with("OUT1"),
            "{text}"
        );
    }
}
