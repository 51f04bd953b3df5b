//! Properties that only decoded frames have.

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::probe::{ffprobe, input_arguments};

/// Properties of a decoded frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FrameFacts {
    /// Coded width and height, pixels.
    pub size: (u32, u32),
    /// Whether it consists of two fields.
    pub interlaced: bool,
}

/// Decodes keyframes: the first one, and those after each of `moments` (seconds on the clock of the
/// container). Without moments, all of them.
pub(crate) async fn key_frames(
    tools: &Tools,
    demuxer: &str,
    url: &str,
    stream: u32,
    moments: &[f64],
) -> Result<Vec<FrameFacts>, TranscodeError> {
    let mut arguments = vec!["-skip_frame".to_owned(), "nokey".to_owned()];
    arguments.extend(input_arguments(demuxer));
    arguments.extend(["-select_streams".to_owned(), stream.to_string()]);
    if !moments.is_empty() {
        let intervals: Vec<String> = moments.iter().map(|it| format!("{it:.3}%+#1")).collect();
        arguments.extend([
            "-read_intervals".to_owned(),
            format!("%+#1,{}", intervals.join(",")),
        ]);
    }
    let entries = "frame=width,height,interlaced_frame";
    arguments.extend(["-show_entries", entries, "-of", "compact=p=0"].map(str::to_owned));
    let answer = ffprobe(tools, &arguments, url).await?;
    Ok(answer.output.lines().filter_map(facts).collect())
}

/// Parses `width=320|height=180|interlaced_frame=0`, in any order.
fn facts(line: &str) -> Option<FrameFacts> {
    let field = |name: &str| {
        line.split('|')
            .find_map(|it| it.split_once('=').filter(|(key, _)| *key == name))
            .and_then(|it| it.1.parse().ok())
    };
    let size = (field("width")?, field("height")?);
    Some(FrameFacts {
        size,
        interlaced: field("interlaced_frame") == Some(1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_whatever_their_order() {
        let expected = Some(FrameFacts {
            size: (320, 180),
            interlaced: true,
        });
        assert_eq!(facts("width=320|height=180|interlaced_frame=1"), expected);
        assert_eq!(
            facts("interlaced_frame=1|width=320|height=180|side_data_type=x"),
            expected
        );
        assert_eq!(facts("width=320|height=N/A"), None);
        assert_eq!(facts(""), None);
    }
}
