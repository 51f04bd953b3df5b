//! The encoders that a profile can choose, in software and in hardware.

use serde::{Deserialize, Serialize};

use super::{Profile, VideoCodec};

/// An encoder of H.264.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderName {
    /// The best encoder that is always available: x264. It never means hardware, whose quality and
    /// output differ from machine to machine.
    Auto,
    /// The encoder x264.
    X264,
    /// NVENC.
    Nvenc,
    /// VA-API.
    Vaapi,
    /// Quick Sync Video.
    Qsv,
    /// Apple's encoders.
    Videotoolbox,
}

/// An encoder of HEVC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HevcEncoder {
    /// x265. It never means hardware.
    #[default]
    Auto,
    /// The encoder x265.
    X265,
    /// NVENC.
    Nvenc,
    /// VA-API.
    Vaapi,
    /// Quick Sync Video.
    Qsv,
    /// Apple's encoders.
    Videotoolbox,
}

/// An encoder of AV1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Av1Encoder {
    /// SVT-AV1, or libaom where FFmpeg is older than 7. It never means hardware.
    #[default]
    Auto,
    /// NVENC.
    Nvenc,
    /// VA-API.
    Vaapi,
    /// Quick Sync Video.
    Qsv,
}

/// The interface to an encoder in hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hardware {
    /// NVENC, of NVIDIA's GPUs.
    Nvenc,
    /// VA-API, of the GPUs of AMD and Intel under Linux.
    Vaapi,
    /// Quick Sync Video, of Intel's GPUs.
    Qsv,
    /// Apple's encoders, which FFmpeg calls `videotoolbox`.
    Videotoolbox,
}

/// The smallest frame that the encoders of all vendors accept, pixels. NVENC needs 192x128 for AV1,
/// and AMD's encoders 256x128 for AV1.
const SMALLEST: (u32, u32) = (256, 128);

impl Hardware {
    /// Its name in profiles.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nvenc => "nvenc",
            Self::Vaapi => "vaapi",
            Self::Qsv => "qsv",
            Self::Videotoolbox => "videotoolbox",
        }
    }

    /// Whether it encodes frames of this size, pixels. Rungs of other sizes are encoded in software.
    /// Encoders of H.264 end at 4096 pixels, those of the other codecs at 8192.
    pub fn accepts(codec: VideoCodec, width: u32, height: u32) -> bool {
        let largest = match codec {
            VideoCodec::H264 => 4096,
            VideoCodec::Hevc | VideoCodec::Av1 => 8192,
        };
        width >= SMALLEST.0 && height >= SMALLEST.1 && width.max(height) <= largest
    }
}

impl EncoderName {
    /// The hardware; `None`: software.
    pub fn hardware(self) -> Option<Hardware> {
        match self {
            Self::Auto | Self::X264 => None,
            Self::Nvenc => Some(Hardware::Nvenc),
            Self::Vaapi => Some(Hardware::Vaapi),
            Self::Qsv => Some(Hardware::Qsv),
            Self::Videotoolbox => Some(Hardware::Videotoolbox),
        }
    }
}

impl HevcEncoder {
    /// The hardware; `None`: software.
    pub fn hardware(self) -> Option<Hardware> {
        match self {
            Self::Auto | Self::X265 => None,
            Self::Nvenc => Some(Hardware::Nvenc),
            Self::Vaapi => Some(Hardware::Vaapi),
            Self::Qsv => Some(Hardware::Qsv),
            Self::Videotoolbox => Some(Hardware::Videotoolbox),
        }
    }

    /// Whether it is the default.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Av1Encoder {
    /// The hardware; `None`: software.
    pub fn hardware(self) -> Option<Hardware> {
        match self {
            Self::Auto => None,
            Self::Nvenc => Some(Hardware::Nvenc),
            Self::Vaapi => Some(Hardware::Vaapi),
            Self::Qsv => Some(Hardware::Qsv),
        }
    }

    /// Whether it is the default.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Profile {
    /// The hardware that encodes a codec; `None`: software.
    pub fn hardware_of(&self, codec: VideoCodec) -> Option<Hardware> {
        match codec {
            VideoCodec::H264 => self.encoder.name.hardware(),
            VideoCodec::Hevc => self.hevc.name.hardware(),
            VideoCodec::Av1 => self.av1.name.hardware(),
        }
    }

    /// The hardware that the enabled rungs need, with the codec; each pair once.
    pub fn hardware(&self) -> Vec<(VideoCodec, Hardware)> {
        [VideoCodec::H264, VideoCodec::Hevc, VideoCodec::Av1]
            .into_iter()
            .filter(|codec| self.enabled_rungs().any(|it| it.codec == *codec))
            .filter_map(|codec| Some((codec, self.hardware_of(codec)?)))
            .collect()
    }
}
