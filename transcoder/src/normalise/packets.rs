//! The packets of the video, for what is read from them without decoding.

use super::{Normaliser, push};

impl Normaliser {
    /// Whether the packets of the source have presentation times. Those of an elementary stream do
    /// not.
    pub(crate) fn has_times(&self) -> bool {
        self.rate.is_none()
    }

    /// The arguments of a run that passes on the packets of the video, as they are, on the clock of
    /// the frames. `output` appends the output options of a stream.
    pub(crate) fn packets(
        &self,
        source: &str,
        output: impl FnOnce(&mut Vec<String>, &str),
    ) -> Vec<String> {
        let mut arguments = self.input(source);
        output(&mut arguments, &format!("0:{}", self.video));
        // Read as well, because the clocks are corrected together.
        for track in &self.audio {
            push(&mut arguments, &["-map", &format!("0:{}", track.index)]);
        }
        if !self.audio.is_empty() {
            push(&mut arguments, &["-c", "copy", "-f", "null", "-"]);
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::normaliser;
    use super::*;

    #[test]
    fn packets_keep_the_clock_of_the_frames() {
        let output = |arguments: &mut Vec<String>, stream: &str| {
            push(arguments, &["-map", stream, "OUT"]);
        };
        let normaliser = normaliser();
        assert!(normaliser.has_times());
        let text = normaliser.packets("SOURCE", output).join(" ");
        assert!(
            text.ends_with("-map 0:3 OUT -map 0:4 -c copy -f null -"),
            "{text}"
        );
        assert!(!text.contains("-copyts"), "{text}");
    }

    #[test]
    fn packets_of_an_elementary_stream_have_no_times() {
        let normaliser = Normaliser {
            rate: domain::probe::Ratio::new(30, 1),
            ..normaliser()
        };
        assert!(!normaliser.has_times());
    }
}
