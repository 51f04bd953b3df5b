//! Which values of the settings are accepted.

use std::ops::RangeInclusive;

use super::{HdrOutput, InvalidProfile, Profile, RateControl, Rung, VideoCodec};
use crate::loudness::Level;
use crate::object_key::SegmentFormat;
use crate::plan::can_have_several;

/// Targets from those of broadcasts for night-time to those of loud music, LUFS.
const LOUDNESS: RangeInclusive<Level> = Level::of_tenths(-310)..=Level::of_tenths(-100);

/// Maximum peaks, dBTP.
const PEAK: RangeInclusive<Level> = Level::of_tenths(-90)..=Level::of_tenths(0);

/// Targets from visible artefacts to those that no measure can tell from the source, VMAF.
const VMAF_TARGET: RangeInclusive<f64> = 60.0..=99.0;

/// Differences between rungs, VMAF. With 0, only rungs that are worse than a smaller one are left out.
const VMAF_DIFFERENCE: RangeInclusive<f64> = 0.0..=20.0;

/// Smallest distance of the lowest and the highest CRF: three values between them are measured.
const LEAST_CRF_RANGE: u8 = 4;

/// Fewest segments of a key. The edge signs the URL of each key in a playlist.
const LEAST_SEGMENTS_PER_KEY: u32 = 10;

/// Names of renditions that are not rungs of the ladder.
const RESERVED_NAMES: [&str; 2] = ["iframes", "source"];

impl Profile {
    /// Checks the values.
    ///
    /// # Errors
    /// `Value` with the first setting that is out of range.
    pub(super) fn validate(&self) -> Result<(), InvalidProfile> {
        let require = |holds: bool, setting: &str, problem: &'static str| {
            if holds {
                Ok(())
            } else {
                Err(InvalidProfile::Value {
                    setting: setting.to_owned(),
                    problem,
                })
            }
        };
        require(
            (2.0..=10.0).contains(&self.segment_seconds),
            "segment_seconds",
            "must be 2 to 10",
        )?;
        require(
            (0.5..=10.0).contains(&self.keyframe_seconds),
            "keyframe_seconds",
            "must be 0.5 to 10",
        )?;
        require(
            self.keyframe_seconds <= self.segment_seconds,
            "keyframe_seconds",
            "must not be longer than a segment: every segment begins with a keyframe",
        )?;
        require(
            self.segments_per_key == 0 || self.segments_per_key >= LEAST_SEGMENTS_PER_KEY,
            "segments_per_key",
            "must be 0, or at least 10: players load every key by itself",
        )?;
        require(
            (10.0..=120.0).contains(&self.max_frame_rate),
            "max_frame_rate",
            "must be 10 to 120",
        )?;
        require(self.thumbnails <= 100, "thumbnails", "must be at most 100")?;
        require(self.encoder.crf <= 51, "encoder.crf", "must be 0 to 51")?;
        require(
            (2.0..=20.0).contains(&self.source_rung.max_keyframe_gap_seconds),
            "source_rung.max_keyframe_gap_seconds",
            "must be 2 to 20",
        )?;
        require(
            (32..=320).contains(&self.source_rung.audio_kbps),
            "source_rung.audio_kbps",
            "must be 32 to 320",
        )?;
        require(
            self.enabled_rungs().any(|it| it.codec == VideoCodec::H264),
            "rung",
            "needs at least one with H.264 that is enabled: every player plays it",
        )?;
        require(self.hevc.crf <= 51, "hevc.crf", "must be 0 to 51")?;
        require(self.av1.crf <= 63, "av1.crf", "must be 0 to 63")?;
        require(
            (1..=13).contains(&self.av1.preset),
            "av1.preset",
            "must be 1 to 13",
        )?;
        let encodes_av1 = self.enabled_rungs().any(|it| it.codec == VideoCodec::Av1);
        require(
            self.encoder.rate_control == RateControl::CappedCrf || !encodes_av1,
            "encoder.rate_control",
            "must be \"capped-crf\" with rungs of AV1: SVT-AV1 has a constant rate for live video only",
        )?;
        let per_title = &self.per_title;
        require(
            self.encoder.rate_control == RateControl::CappedCrf || !per_title.enabled,
            "encoder.rate_control",
            "must be \"capped-crf\" with per_title.enabled, which chooses the CRF",
        )?;
        require(
            !per_title.enabled || self.hardware().is_empty(),
            "per_title.enabled",
            "needs encoders in software: the others have no CRF",
        )?;
        require(
            VMAF_TARGET.contains(&per_title.target_vmaf),
            "per_title.target_vmaf",
            "must be 60 to 99",
        )?;
        require(
            VMAF_DIFFERENCE.contains(&per_title.least_difference),
            "per_title.least_difference",
            "must be 0 to 20",
        )?;
        require(
            per_title.max_crf <= 51,
            "per_title.max_crf",
            "must be 0 to 51",
        )?;
        require(
            per_title.max_crf >= per_title.min_crf.saturating_add(LEAST_CRF_RANGE),
            "per_title.max_crf",
            "must be at least 4 above per_title.min_crf",
        )?;
        let loudness = &self.loudness;
        require(
            LOUDNESS.contains(&loudness.target_lufs),
            "loudness.target_lufs",
            "must be -31 to -10",
        )?;
        require(
            PEAK.contains(&loudness.max_peak_dbtp),
            "loudness.max_peak_dbtp",
            "must be -9 to 0",
        )?;
        let surround = self.surround.validate();
        require(
            surround.is_ok(),
            "surround.kbps",
            surround.err().unwrap_or_default(),
        )?;
        let watermark = self.watermark.validate().err();
        let (setting, problem) = watermark.unwrap_or_default();
        require(watermark.is_none(), setting, problem)?;
        require(
            !self.watermark.names_image() || !self.enabled_rungs().any(Rung::keeps_hdr),
            "watermark.image",
            "needs `hdr = \"tone_map\"` in every rung with \"hevc\" and \"av1\": the image is SDR",
        )?;
        for rung in &self.rungs {
            let at = |field: &str| format!("rung {}: {field}", rung.name);
            require(
                (16..=8192).contains(&rung.width),
                &at("width"),
                "must be 16 to 8192",
            )?;
            require(
                (16..=8192).contains(&rung.height),
                &at("height"),
                "must be 16 to 8192",
            )?;
            require(
                (50..=100_000).contains(&rung.video_kbps),
                &at("video_kbps"),
                "must be 50 to 100000",
            )?;
            require(
                (32..=320).contains(&rung.audio_kbps),
                &at("audio_kbps"),
                "must be 32 to 320",
            )?;
            require(
                !RESERVED_NAMES.contains(&rung.name.as_str())
                    && !rung.name.as_str().starts_with("audio-"),
                &at("name"),
                "is taken by another rendition",
            )?;
            require(
                rung.codec == VideoCodec::H264
                    || !rung.enabled
                    || self.segment_format == SegmentFormat::Fmp4,
                &at("codec"),
                "needs segment_format = \"fmp4\", unless it is \"h264\"",
            )?;
            require(
                rung.codec != VideoCodec::H264 || rung.hdr != Some(HdrOutput::Keep),
                &at("hdr"),
                "cannot be \"keep\" with codec = \"h264\", which is always SDR",
            )?;
            require(
                !rung.enabled || !rung.keeps_hdr() || self.hardware_of(rung.codec).is_none(),
                &at("hdr"),
                "must be \"tone_map\" with an encoder in hardware, which does not write the metadata of HDR",
            )?;
            require(
                self.segments_per_key == 0 || can_have_several(&rung.name),
                &at("name"),
                "must have at most 26 characters and not end in -k and a number, because of segments_per_key",
            )?;
            let twins = self.rungs.iter().filter(|it| it.name == rung.name).count();
            require(twins == 1, &at("name"), "is used twice")?;
        }
        Ok(())
    }
}
