//! The command line that decodes audio for a transcriber.

use std::time::Duration;

use super::push;
use crate::ffmpeg::probe::input_arguments;
use crate::transcriber::{AudioFormat, SAMPLE_RATE};

/// The samples alone: the receiver writes the header of the file, which has their number.
const SAMPLES: [&str; 4] = ["-c:a", "pcm_s16le", "-f", "s16le"];

/// Speech in one channel needs no more.
const MP4: [&str; 8] = [
    "-c:a",
    "aac",
    "-b:a",
    "48k",
    "-movflags",
    "+empty_moov+frag_keyframe+default_base_moof",
    "-f",
    "mp4",
];

/// Arguments that decode the audio of `input`, read by `demuxer`, in one channel. It begins `delay` after
/// the presentation, and the output with silence of that length.
pub(crate) fn speech(
    input: &str,
    demuxer: &str,
    delay: Duration,
    format: AudioFormat,
    output: &str,
) -> Vec<String> {
    let mut arguments = input_arguments(demuxer);
    push(
        &mut arguments,
        &["-i", input, "-map", "0:a:0", "-map_metadata", "-1"],
    );
    if !delay.is_zero() {
        let filter = format!("adelay=delays={}:all=1", delay.as_millis());
        push(&mut arguments, &["-af", &filter]);
    }
    let rate = SAMPLE_RATE.to_string();
    push(&mut arguments, &["-ac", "1", "-ar", &rate]);
    push(
        &mut arguments,
        match format {
            AudioFormat::Wav => &SAMPLES,
            AudioFormat::Mp4 => &MP4,
        },
    );
    push(&mut arguments, &[output]);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_begins_with_the_presentation() {
        let wav = speech("IN", "mpegts", Duration::ZERO, AudioFormat::Wav, "OUT");
        let delay = Duration::from_millis(1_500);
        let mp4 = speech("IN", "mov", delay, AudioFormat::Mp4, "OUT");
        let shown = [wav, mp4].map(|it| it.join(" ")).join("\n");
        insta::assert_snapshot!(shown, @r"
        -max_pixels 67108864 -max_streams 256 -protocol_whitelist http,tcp -format_whitelist mpegts -f mpegts -i IN -map 0:a:0 -map_metadata -1 -ac 1 -ar 16000 -c:a pcm_s16le -f s16le OUT
        -max_pixels 67108864 -max_streams 256 -protocol_whitelist http,tcp -format_whitelist mov -f mov -i IN -map 0:a:0 -map_metadata -1 -af adelay=delays=1500:all=1 -ac 1 -ar 16000 -c:a aac -b:a 48k -movflags +empty_moov+frag_keyframe+default_base_moof -f mp4 OUT
        ");
    }
}
