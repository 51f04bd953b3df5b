//! Master playlists.

use std::fmt::Write as _;

use crate::Ratio;
use crate::attributes::Resolution;
use crate::bandwidth::Bandwidth;

use super::media::{START_AT_BEGINNING, one_line, quotable};

/// A master playlist. The writer orders the variants.
#[derive(Debug, Clone, PartialEq)]
pub struct MasterPlaylistSpec {
    /// Whether the media playlists grow: players start at the beginning nevertheless.
    pub growing: bool,
    /// Values for players that know their ids (EXT-X-SESSION-DATA, RFC 8216, 4.3.4.4).
    pub data: Vec<SessionValue>,
    /// The video rungs, or the rates of a presentation that has only audio.
    pub variants: Vec<VariantSpec>,
    /// The audio renditions.
    pub audio: Vec<AudioSpec>,
    /// The trick-play renditions.
    pub iframes: Vec<IFramesSpec>,
}

/// A value of a presentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionValue {
    /// Its id, in reverse DNS notation and unique in the playlist: `com.example.rating`.
    pub id: String,
    /// The value.
    pub value: String,
}

/// A video rung, or audio that is played by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantSpec {
    /// URI of its media playlist, relative to the master playlist.
    pub uri: String,
    /// Measured bandwidth without its audio group, which the writer adds.
    pub bandwidth: Bandwidth,
    /// Codec of its own media (RFC 6381): `avc1.640028`.
    pub codecs: String,
    /// Properties of the video; `None`: it has only audio.
    pub video: Option<VideoSpec>,
    /// Its audio group; `None`: it has none.
    pub audio: Option<String>,
}

/// The video of a variant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VideoSpec {
    /// Display size.
    pub size: Resolution,
    /// Frames per second.
    pub frame_rate: Ratio,
    /// Dynamic range.
    pub range: VideoRange,
}

/// The dynamic range of video (RFC 8216bis, 4.4.6.2, VIDEO-RANGE).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VideoRange {
    /// Standard dynamic range.
    #[default]
    Sdr,
    /// Hybrid log-gamma (ARIB STD-B67).
    Hlg,
    /// Perceptual quantiser (SMPTE ST 2084).
    Pq,
}

impl VideoRange {
    /// The word in the playlist.
    fn as_str(self) -> &'static str {
        match self {
            Self::Sdr => "SDR",
            Self::Hlg => "HLG",
            Self::Pq => "PQ",
        }
    }
}

/// An audio rendition.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioSpec {
    /// Group by which variants refer to it. A group has all tracks, at one rate or in surround.
    pub group: String,
    /// Display name of the track, unique in its group and the same in every group (RFC 8216,
    /// 4.3.4.1.1).
    pub name: String,
    /// Language (BCP 47); `None`: unknown.
    pub language: Option<String>,
    /// URI of its media playlist, relative to the master playlist.
    pub uri: String,
    /// Number of channels: 2, or 6 for 5.1.
    pub channels: u32,
    /// Whether to play it if the user has no preference.
    pub default: bool,
    /// Whether players may select it by the user's language.
    pub auto_select: bool,
    /// Media characteristic, such as `public.accessibility.describes-video`; `None`: none.
    pub characteristics: Option<String>,
    /// Measured bandwidth.
    pub bandwidth: Bandwidth,
    /// Codec (RFC 6381): `mp4a.40.2`.
    pub codecs: String,
}

/// A trick-play rendition.
#[derive(Debug, Clone, PartialEq)]
pub struct IFramesSpec {
    /// URI of its I-frame playlist, relative to the master playlist.
    pub uri: String,
    /// Measured bandwidth.
    pub bandwidth: Bandwidth,
    /// Codec (RFC 6381).
    pub codecs: String,
    /// Display size. Its dynamic range is SDR.
    pub size: Resolution,
}

/// The target bandwidth of the first variant, which players start with before any measurement, bit/s
/// (Apple HLS authoring specification, 1.32).
const DEFAULT_VARIANT_BPS: u64 = 2_000_000;

impl MasterPlaylistSpec {
    /// Writes the playlist.
    ///
    /// The variant nearest to 2,000 kbit/s comes first (Apple 1.32), the others follow by decreasing bandwidth.
    /// Variants with surround sound follow those in stereo: some players begin with the first variant
    /// without comparing its audio with their device. Where some are SDR, the first one is: players that know
    /// nothing of HDR start with it.
    /// BANDWIDTH and AVERAGE-BANDWIDTH cover video and audio together (Apple 9.13), CODECS is the union of both.
    pub fn render(&self) -> String {
        let mut out = String::with_capacity(2048);
        // Writing into a `String` cannot fail.
        let _ = self.write(&mut out);
        out
    }

    /// The bandwidth of a variant with its audio.
    pub fn bandwidth_of(&self, variant: &VariantSpec) -> Bandwidth {
        variant
            .bandwidth
            .with_any_of(self.sound_of(variant).map(|it| it.bandwidth))
    }

    fn sound_of<'a>(&'a self, variant: &'a VariantSpec) -> impl Iterator<Item = &'a AudioSpec> {
        self.audio
            .iter()
            .filter(|it| Some(&it.group) == variant.audio.as_ref())
    }

    fn ordered(&self) -> Vec<&VariantSpec> {
        let mut variants: Vec<&VariantSpec> = self.variants.iter().collect();
        let is_surround = |it: &VariantSpec| self.sound_of(it).any(|it| it.channels > 2);
        variants.sort_by_key(|it| {
            let peak = self.bandwidth_of(it).peak;
            (is_surround(it), std::cmp::Reverse(peak))
        });
        let distance = |it: &&VariantSpec| self.bandwidth_of(it).peak.abs_diff(DEFAULT_VARIANT_BPS);
        let is_hdr = |it: &&VariantSpec| it.video.is_some_and(|it| it.range != VideoRange::Sdr);
        let stereo = variants.partition_point(|it| !is_surround(it));
        let choice = if stereo > 0 { stereo } else { variants.len() };
        if let Some(first) = variants[..choice]
            .iter()
            .enumerate()
            .min_by_key(|(_, it)| (is_hdr(it), distance(it)))
            .map(|(at, _)| at)
        {
            variants[..=first].rotate_right(1);
        }
        variants
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        // Version 4: renditions and I-frame playlists.
        out.push_str("#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n");
        for SessionValue { id, value } in &self.data {
            let (id, value) = (quotable(id), quotable(value));
            writeln!(
                out,
                "#EXT-X-SESSION-DATA:DATA-ID=\"{id}\",VALUE=\"{value}\""
            )?;
        }
        for audio in &self.audio {
            write!(
                out,
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{}\",NAME=\"{}\"",
                quotable(&audio.group),
                quotable(&audio.name)
            )?;
            if let Some(language) = &audio.language {
                write!(out, ",LANGUAGE=\"{}\"", quotable(language))?;
            }
            if audio.default {
                out.push_str(",DEFAULT=YES");
            }
            if audio.auto_select {
                out.push_str(",AUTOSELECT=YES");
            }
            if let Some(characteristics) = &audio.characteristics {
                write!(out, ",CHARACTERISTICS=\"{}\"", quotable(characteristics))?;
            }
            writeln!(
                out,
                ",CHANNELS=\"{}\",URI=\"{}\"",
                audio.channels,
                quotable(&audio.uri)
            )?;
        }
        for variant in self.ordered() {
            let Bandwidth { peak, average } = self.bandwidth_of(variant);
            let mut codecs = vec![variant.codecs.as_str()];
            for audio in self.sound_of(variant) {
                if !codecs.contains(&audio.codecs.as_str()) {
                    codecs.push(&audio.codecs);
                }
            }
            write!(
                out,
                "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average}"
            )?;
            write!(out, ",CODECS=\"{}\"", quotable(&codecs.join(",")))?;
            if let Some(video) = variant.video {
                let VideoSpec {
                    size,
                    frame_rate,
                    range,
                } = video;
                write!(out, ",RESOLUTION={}x{}", size.width, size.height)?;
                write!(out, ",FRAME-RATE={:.3}", frame_rate.as_f64())?;
                write!(out, ",VIDEO-RANGE={}", range.as_str())?;
            }
            if let Some(group) = &variant.audio {
                write!(out, ",AUDIO=\"{}\"", quotable(group))?;
            }
            writeln!(out, ",CLOSED-CAPTIONS=NONE\n{}", one_line(&variant.uri))?;
        }
        for iframes in &self.iframes {
            let Bandwidth { peak, average } = iframes.bandwidth;
            write!(
                out,
                "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average}"
            )?;
            write!(out, ",CODECS=\"{}\"", quotable(&iframes.codecs))?;
            write!(
                out,
                ",RESOLUTION={}x{},VIDEO-RANGE=SDR",
                iframes.size.width, iframes.size.height
            )?;
            writeln!(out, ",URI=\"{}\"", quotable(&iframes.uri))?;
        }
        // Last: FFmpeg takes the tag for a variant, and checks the first variant to find out whether it can seek.
        if self.growing {
            out.push_str(START_AT_BEGINNING);
        }
        Ok(())
    }
}
