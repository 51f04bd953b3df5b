//! Loudness of audio (EBU R 128, ITU-R BS.1770), and the gain that brings it to a target.

use serde::{Deserialize, Serialize};

use crate::plan::AudioPlan;
use crate::probe::AudioStream;

/// A level (LUFS, dBTP), a difference of levels (LU) or a gain (dB), in tenths: as precise as meters
/// report them. Documents have numbers such as `-16.0`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "f64", into = "f64")]
pub struct Level {
    tenths: i32,
}

impl Level {
    /// A level in tenths of its unit.
    pub const fn of_tenths(tenths: i32) -> Self {
        Self { tenths }
    }

    /// The level in its unit.
    pub fn as_f64(self) -> f64 {
        f64::from(self.tenths) / 10.0
    }

    /// The amplitude of a level in dBFS: 1.0 is full scale.
    pub fn amplitude(self) -> f64 {
        10_f64.powf(self.as_f64() / 20.0)
    }
}

impl From<f64> for Level {
    /// Rounds; a value that is not a number becomes 0.
    fn from(value: f64) -> Self {
        Self::of_tenths((value * 10.0).round() as i32)
    }
}

impl From<Level> for f64 {
    fn from(level: Level) -> Self {
        level.as_f64()
    }
}

impl std::ops::Add for Level {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::of_tenths(self.tenths.saturating_add(other.tenths))
    }
}

impl std::ops::Sub for Level {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::of_tenths(self.tenths.saturating_sub(other.tenths))
    }
}

/// The measured loudness of a track, mixed down to what viewers hear: stereo, or mono on two
/// loudspeakers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Loudness {
    /// Integrated loudness, LUFS.
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub integrated_lufs: Level,
    /// Loudness range, LU.
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub range_lu: Level,
    /// Maximum true peak, dBTP.
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub true_peak_dbtp: Level,
}

/// The loudness of an audio track of a source, and the gain that it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrackLoudness {
    /// Position of the track, from 0.
    pub track: u32,
    /// Loudness of the source.
    #[serde(flatten)]
    pub measured: Loudness,
    /// Gain, dB; 0: the audio is as loud as in the source.
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub gain_db: Level,
}

/// A constant gain for a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gain {
    /// The gain, dB.
    pub db: Level,
    /// The level above which a limiter reduces peaks, dBFS; `None`: no peak is above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_dbfs: Option<Level>,
}

/// Normalisation of loudness, as a profile has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoudnessSettings {
    /// Whether audio is measured and brought to the target.
    pub normalise: bool,
    /// Integrated loudness of the result, LUFS.
    pub target_lufs: Level,
    /// Maximum peak of the result, dBTP.
    pub max_peak_dbtp: Level,
}

impl TrackLoudness {
    /// The measured tracks of a source, with the gains of its plan.
    pub fn list(streams: &[AudioStream], plans: &[AudioPlan]) -> Vec<Self> {
        let of = |(track, stream): (u32, &AudioStream)| {
            let stereo = |it: &&AudioPlan| it.track == track && !it.is_surround();
            let gain = plans.iter().filter(stereo).find_map(|it| it.gain);
            Some(Self {
                track,
                measured: stream.loudness?,
                gain_db: gain.map(|it| it.db).unwrap_or_default(),
            })
        };
        (0..).zip(streams).filter_map(of).collect()
    }
}

/// The largest gain. A recording that needs more is mostly noise.
const MAX_GAIN: Level = Level::of_tenths(200);

/// The distance from the target that viewers do not notice (EBU R 128 allows it live).
const TOLERANCE: Level = Level::of_tenths(10);

/// How far the limiter stays below the maximum peak: it sees samples, between which the signal is
/// higher, and an encoder adds to them.
const HEADROOM: Level = Level::of_tenths(10);

impl LoudnessSettings {
    /// Whether audio keeps its loudness.
    pub(crate) fn is_off(&self) -> bool {
        !self.normalise
    }

    /// Whether a track may stay as it is: normalisation is off, its loudness is unknown, as that of
    /// silence, or it is close to the target and its peaks are below their maximum.
    pub(crate) fn keep(&self, measured: Option<Loudness>) -> bool {
        let Some(measured) = measured.filter(|_| self.normalise) else {
            return true;
        };
        let distance = self.target_lufs - measured.integrated_lufs;
        distance.tenths.abs() <= TOLERANCE.tenths && measured.true_peak_dbtp <= self.max_peak_dbtp
    }

    /// The gain of a track that is encoded.
    pub(crate) fn gain(&self, measured: Option<Loudness>) -> Option<Gain> {
        let measured = measured.filter(|_| self.normalise)?;
        let db = (self.target_lufs - measured.integrated_lufs).min(MAX_GAIN);
        let is_above = measured.true_peak_dbtp + db > self.max_peak_dbtp;
        let gain = Gain {
            db,
            limit_dbfs: is_above.then(|| self.max_peak_dbtp - HEADROOM),
        };
        let is_needed = db != Level::default() || is_above;
        is_needed.then_some(gain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> LoudnessSettings {
        LoudnessSettings {
            normalise: true,
            target_lufs: Level::of_tenths(-160),
            max_peak_dbtp: Level::of_tenths(-10),
        }
    }

    fn measured(integrated: f64, peak: f64) -> Option<Loudness> {
        Some(Loudness {
            integrated_lufs: integrated.into(),
            range_lu: Level::default(),
            true_peak_dbtp: peak.into(),
        })
    }

    #[test]
    fn a_gain_leads_to_the_target_and_a_limiter_keeps_the_peaks() {
        for (integrated, peak, gain, limit, keeps) in [
            (-23.0, -9.0, Some(7.0), None, false),
            (-23.0, -8.0, Some(7.0), None, false),
            (-23.0, -7.9, Some(7.0), Some(-2.0), false),
            (-8.4, 1.2, Some(-7.6), None, false),
            (-16.0, -3.0, None, None, true),
            // Close to the target: it may be copied, and is exact if it is encoded.
            (-15.0, -1.0, Some(-1.0), None, true),
            (-17.0, -1.0, Some(1.0), Some(-2.0), true),
            (-17.1, -9.0, Some(1.1), None, false),
            // Loud enough, but clipped.
            (-16.0, 0.3, Some(0.0), Some(-2.0), false),
            // Mostly noise.
            (-62.0, -50.0, Some(20.0), None, false),
        ] {
            let (settings, measured) = (settings(), measured(integrated, peak));
            let expected = gain.map(|db: f64| Gain {
                db: db.into(),
                limit_dbfs: limit.map(Level::from),
            });
            assert_eq!(settings.gain(measured), expected, "{integrated} {peak}");
            assert_eq!(settings.keep(measured), keeps, "{integrated} {peak}");
        }
    }

    #[test]
    fn silence_and_profiles_without_normalisation_keep_the_audio() {
        let off = LoudnessSettings {
            normalise: false,
            ..settings()
        };
        for (settings, measured) in [(settings(), None), (off, measured(-40.0, -20.0))] {
            assert!(settings.keep(measured));
            assert_eq!(settings.gain(measured), None);
        }
    }

    #[test]
    fn levels_are_numbers_in_documents() {
        let gain = Gain {
            db: Level::of_tenths(-76),
            limit_dbfs: None,
        };
        let text = serde_json::to_string(&gain).unwrap();
        assert_eq!(text, r#"{"db":-7.6}"#);
        assert_eq!(serde_json::from_str::<Gain>(&text).unwrap(), gain);
        // An integer, as people write it.
        assert_eq!(
            serde_json::from_str::<Level>("-16").unwrap(),
            Level::of_tenths(-160)
        );
        assert_eq!(Level::from(f64::NAN), Level::default());
        assert!((Level::of_tenths(-60).amplitude() - 0.501).abs() < 0.001);
    }
}
