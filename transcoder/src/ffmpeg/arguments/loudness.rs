//! The command line that measures loudness.

use super::{mixed_down, push};

/// Name of the meter of a track, by which FFmpeg's log refers to it.
pub(crate) fn meter(track: usize) -> String {
    format!("ebur128@track{track}")
}

/// The arguments that measure audio tracks, each mixed down as it is encoded. `input`: the input with
/// its options; `tracks`: stream index and number of channels.
///
/// Mono is measured as it is heard: from two loudspeakers.
pub(crate) fn loudness(input: Vec<String>, tracks: &[(u32, u32)]) -> Vec<String> {
    let mut arguments = input;
    let chain = |(track, (index, channels)): (usize, &(u32, u32))| {
        let layout = if *channels == 1 { "mono" } else { "stereo" };
        // Each frame would be a line of the log.
        format!(
            "[0:{index}]{}aformat=channel_layouts={layout},{}=peak=true:dualmono=true:framelog=verbose[{track}]",
            mixed_down(*channels),
            meter(track),
        )
    };
    let graph: Vec<String> = tracks.iter().enumerate().map(chain).collect();
    push(
        &mut arguments,
        &["-vn", "-filter_complex", &graph.join(";")],
    );
    for track in 0..tracks.len() {
        push(&mut arguments, &["-map", &format!("[{track}]")]);
    }
    push(&mut arguments, &["-f", "null", "-"]);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_track_has_a_meter() {
        let arguments = loudness(vec!["-i".to_owned(), "URL".to_owned()], &[(1, 6), (3, 1)]);
        insta::assert_snapshot!(arguments.join(" "), @"-i URL -vn -filter_complex [0:1]aformat=channel_layouts=stereo,ebur128@track0=peak=true:dualmono=true:framelog=verbose[0];[0:3]aformat=channel_layouts=mono,ebur128@track1=peak=true:dualmono=true:framelog=verbose[1] -map [0] -map [1] -f null -");
    }
}
