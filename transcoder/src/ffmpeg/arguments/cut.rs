//! The segmentation of an output, and the time stamps of its segments.
//!
//! Up to FFmpeg 5.1, `-segment_times` are times on the clock of the output; since 6.0 they count
//! from its first packet. The first packet of every run is therefore put at 0, where both agree,
//! and `-initial_offset` adds the rest after the cut.

use domain::plan::{AudioPlan, Codec};
use domain::segment::TICKS_PER_SECOND;

use super::push;
use crate::sink::PRESENTATION_START;

/// The muxer adds twice its delay to every time stamp; the rest of [`PRESENTATION_START`] is an offset.
const MUX_DELAY: f64 = 0.35;

/// Writes tables once, at the start of every segment. FFmpeg would repeat them ten times a second,
/// for receivers that tune in: a third of the bytes of a low-rate audio rendition.
///
/// Every segment counts its packets from 0 and signals that, since no run knows where the previous
/// one ended (ISO/IEC 13818-1, 2.4.3.5: `discontinuity_indicator`): otherwise a player that counts
/// takes the join for a loss.
const SEGMENT_MUXER: &str = "pat_period=3600:sdt_period=3600:mpegts_flags=+initial_discontinuity";

/// The segmentation of an output. Times are seconds from the start of the presentation.
pub(super) struct Cut {
    /// Number of the first segment.
    pub(super) number: u32,
    /// Presentation time of the first packet.
    pub(super) first: f64,
    /// Start times of the other segments.
    pub(super) times: Vec<f64>,
    /// How much before its time a segment may start.
    pub(super) early: f64,
    /// Start of the presentation on the clock of the packets that reach the muxer.
    pub(super) origin: f64,
}

impl Cut {
    /// The output options that cut into transport stream segments at `url`.
    pub(super) fn arguments(&self, arguments: &mut Vec<String>, url: String) {
        push(
            arguments,
            &[
                "-f",
                "segment",
                "-segment_format",
                "mpegts",
                "-segment_format_options",
                SEGMENT_MUXER,
            ],
        );
        if self.times.is_empty() {
            push(arguments, &["-segment_time", "1000000"]);
        } else {
            let times: Vec<String> = self
                .times
                .iter()
                .map(|it| format!("{:.6}", it - self.first - self.early))
                .collect();
            push(arguments, &["-segment_times", &times.join(",")]);
        }
        push(
            arguments,
            &["-segment_start_number", &self.number.to_string()],
        );
        let origin = PRESENTATION_START as f64 / TICKS_PER_SECOND as f64 - 2.0 * MUX_DELAY;
        push(
            arguments,
            &[
                "-output_ts_offset",
                &format!("{:.6}", -self.origin - self.first),
            ],
        );
        push(
            arguments,
            &[
                "-initial_offset",
                &format!("{:.6}", origin + self.first),
                "-avoid_negative_ts",
                "disabled",
            ],
        );
        push(
            arguments,
            &["-muxdelay", &MUX_DELAY.to_string(), "-muxpreload", "0"],
        );
        arguments.push(url);
    }
}

/// The access units of an audio rendition: 1,024 samples each in AAC, 1,536 in AC-3.
#[derive(Clone, Copy)]
pub(super) struct Units {
    /// Start of unit 0, seconds from the start of the presentation.
    start: f64,
    /// Duration of a unit, seconds.
    length: f64,
    samples: u32,
    /// Samples of silence that the encoder puts before the audio.
    priming: u32,
}

impl Units {
    /// A grid whose unit 0 starts at `start`.
    pub(super) fn new(audio: &AudioPlan, start: f64) -> Self {
        let (samples, priming) = match audio.rendition.codec {
            // An audio block.
            Codec::Ac3 | Codec::Eac3 => (1536, 256),
            Codec::Aac | Codec::H264 | Codec::Hevc | Codec::Av1 => (1024, 1024),
        };
        Self {
            start,
            length: f64::from(samples) / f64::from(audio.sample_rate),
            samples,
            priming,
        }
    }

    /// The grid on which an encoder puts its units. What it puts before the audio is a whole unit of AAC,
    /// which is dropped, or a part of a unit of AC-3, which begins that much earlier.
    pub(super) fn encoded(audio: &AudioPlan) -> Self {
        let units = Self::new(audio, 0.0);
        let part = units.priming % units.samples;
        Self {
            start: -f64::from(part) / f64::from(audio.sample_rate),
            ..units
        }
    }

    /// Number of samples in a unit.
    pub(super) fn samples(self) -> u64 {
        u64::from(self.samples)
    }

    /// Number of whole units of silence that an encoder begins with.
    pub(super) fn silent(self) -> u64 {
        u64::from(self.priming / self.samples)
    }

    /// The unit that starts nearest to a boundary: the first one of its segment.
    pub(super) fn nearest(self, boundary: f64) -> u64 {
        ((boundary - self.start) / self.length - 0.5)
            .ceil()
            .max(0.0) as u64
    }

    /// Start time of a unit.
    pub(super) fn time(self, unit: u64) -> f64 {
        self.start + unit as f64 * self.length
    }

    /// How much before its boundary a segment may start.
    pub(super) fn early(self) -> f64 {
        self.length / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_unit_begins_a_segment() {
        let audio = crate::testing::encoded_plan().audio.remove(0);
        let units = Units::new(&audio, 0.0);
        for (boundary, unit) in [
            (0.0, 0),
            (0.0106, 0),
            (0.0108, 1),
            (6.0, 281),
            (12.0, 562),
            (12.01, 563),
        ] {
            assert_eq!(units.nearest(boundary), unit, "{boundary}");
            assert!(
                (units.time(unit) - boundary).abs() <= units.early() + 1e-9,
                "{boundary}"
            );
        }
        assert_eq!(
            Units::new(&audio, 0.02).nearest(0.0),
            0,
            "there is none before the first"
        );
        assert_eq!((units.samples(), units.silent()), (1024, 1));
    }

    #[test]
    fn units_of_ac3_begin_a_block_early() {
        let mut audio = crate::testing::encoded_plan().audio.remove(0);
        audio.rendition.codec = Codec::Ac3;
        let units = Units::encoded(&audio);
        assert_eq!((units.samples(), units.silent()), (1536, 0));
        for (boundary, unit) in [(0.0, 0), (0.0106, 0), (0.0107, 1), (6.0, 188)] {
            assert_eq!(units.nearest(boundary), unit, "{boundary}");
            assert!((units.time(unit) - boundary).abs() <= units.early() + 1e-9);
        }
        assert!((units.time(0) + 256.0 / 48_000.0).abs() < 1e-9);
    }
}
