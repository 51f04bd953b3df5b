//! The command line that measures loudness.

use super::{mixed_down, push};

/// An audio track to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MeteredTrack {
    /// Stream index in the container.
    pub(crate) index: u32,
    /// Number of channels.
    pub(crate) channels: u32,
    /// Whether it is measured in 5.1, too.
    pub(crate) surround: bool,
}

/// Name of the meter of a track in stereo or mono, by which FFmpeg's log refers to it.
pub(crate) fn meter(track: usize) -> String {
    format!("ebur128@track{track}")
}

/// Name of the meter of a track in 5.1.
pub(crate) fn surround_meter(track: usize) -> String {
    format!("ebur128@surround{track}")
}

/// The arguments that measure audio tracks, each mixed as it is encoded. `input`: the input with its
/// options.
///
/// Mono is measured as it is heard: from two loudspeakers.
pub(crate) fn loudness(input: Vec<String>, tracks: &[MeteredTrack]) -> Vec<String> {
    let mut arguments = input;
    let mut chains: Vec<String> = vec![];
    let mut outputs = vec![];
    // Each frame would be a line of the log.
    let measured = |layout: &str, meter: &str| {
        format!("aformat=channel_layouts={layout},{meter}=peak=true:dualmono=true:framelog=verbose")
    };
    for (number, track) in tracks.iter().enumerate() {
        let MeteredTrack {
            index, channels, ..
        } = *track;
        let layout = if channels == 1 { "mono" } else { "stereo" };
        let own = measured(layout, &meter(number));
        outputs.push(number.to_string());
        if !track.surround {
            chains.push(format!(
                "[0:{index}]{}{own}[{number}]",
                mixed_down(channels)
            ));
            continue;
        }
        let surround = measured("5.1", &surround_meter(number));
        chains.push(format!(
            "[0:{index}]asplit=2[stereo{number}][surround{number}]"
        ));
        chains.push(format!("[stereo{number}]{own}[{number}]"));
        chains.push(format!("[surround{number}]{surround}[{number}s]"));
        outputs.push(format!("{number}s"));
    }
    push(
        &mut arguments,
        &["-vn", "-filter_complex", &chains.join(";")],
    );
    for output in outputs {
        push(&mut arguments, &["-map", &format!("[{output}]")]);
    }
    push(&mut arguments, &["-f", "null", "-"]);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(tracks: &[(u32, u32, bool)]) -> String {
        let track = |(index, channels, surround): &(u32, u32, bool)| MeteredTrack {
            index: *index,
            channels: *channels,
            surround: *surround,
        };
        let tracks: Vec<_> = tracks.iter().map(track).collect();
        loudness(vec!["-i".to_owned(), "URL".to_owned()], &tracks).join(" ")
    }

    #[test]
    fn each_track_has_a_meter() {
        insta::assert_snapshot!(arguments(&[(1, 6, false), (3, 1, false)]), @"-i URL -vn -filter_complex [0:1]aformat=channel_layouts=stereo,ebur128@track0=peak=true:dualmono=true:framelog=verbose[0];[0:3]aformat=channel_layouts=mono,ebur128@track1=peak=true:dualmono=true:framelog=verbose[1] -map [0] -map [1] -f null -");
    }

    #[test]
    fn a_track_in_surround_has_two_meters() {
        insta::assert_snapshot!(arguments(&[(1, 6, true), (2, 2, false)]), @"-i URL -vn -filter_complex [0:1]asplit=2[stereo0][surround0];[stereo0]aformat=channel_layouts=stereo,ebur128@track0=peak=true:dualmono=true:framelog=verbose[0];[surround0]aformat=channel_layouts=5.1,ebur128@surround0=peak=true:dualmono=true:framelog=verbose[0s];[0:2]aformat=channel_layouts=stereo,ebur128@track1=peak=true:dualmono=true:framelog=verbose[1] -map [0] -map [0s] -map [1] -f null -");
    }
}
