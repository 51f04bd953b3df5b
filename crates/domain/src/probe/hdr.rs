//! The colours of HDR video, which HDR rungs keep.

use serde::{Deserialize, Serialize};

/// The transfer function of HDR video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum HighDynamicRange {
    /// SMPTE ST 2084 (HDR10, Dolby Vision).
    Pq,
    /// ARIB STD-B67.
    Hlg,
}

impl HighDynamicRange {
    /// FFmpeg's name of the transfer function.
    pub fn transfer(self) -> &'static str {
        match self {
            Self::Pq => "smpte2084",
            Self::Hlg => "arib-std-b67",
        }
    }

    /// The HDR transfer function with this number (ISO/IEC 23091-2, `TransferCharacteristics`);
    /// `None`: SDR.
    pub fn of_code_point(transfer: u8) -> Option<Self> {
        match transfer {
            16 => Some(Self::Pq),
            18 => Some(Self::Hlg),
            _ => None,
        }
    }
}

/// The colour description of HDR video, beside its transfer function. The default is that of HDR10
/// and HLG broadcasts, without metadata.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HdrColors {
    /// The colour primaries.
    pub primaries: HdrPrimaries,
    /// The colour matrix.
    pub matrix: HdrMatrix,
    /// Whether samples use the full range.
    pub full_range: bool,
    /// Static metadata of HDR10: the display on which the video was mastered (SMPTE ST 2086).
    pub mastering_display: Option<MasteringDisplay>,
    /// Static metadata of HDR10: the content light level (CTA-861.3).
    pub light_levels: Option<LightLevels>,
}

impl HdrColors {
    /// Whether they are the defaults.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The colour primaries of HDR video.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HdrPrimaries {
    /// ITU-R BT.2020.
    #[default]
    Bt2020,
    /// DCI-P3 with the white of theatres (SMPTE RP 431-2).
    TheatreP3,
    /// DCI-P3 with the white of displays (SMPTE EG 432-1).
    DisplayP3,
    /// ITU-R BT.709.
    Bt709,
}

impl HdrPrimaries {
    const ALL: [Self; 4] = [Self::Bt2020, Self::TheatreP3, Self::DisplayP3, Self::Bt709];

    /// FFmpeg's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bt2020 => "bt2020",
            Self::TheatreP3 => "smpte431",
            Self::DisplayP3 => "smpte432",
            Self::Bt709 => "bt709",
        }
    }

    /// The primaries with FFmpeg's name; BT.2020 for all others.
    pub fn of_name(name: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|it| it.as_str() == name).unwrap_or_default()
    }
}

/// The colour matrix of HDR video.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HdrMatrix {
    /// ITU-R BT.2020, non-constant luminance.
    #[default]
    Bt2020,
    /// ITU-R BT.2020, constant luminance.
    Bt2020Constant,
    /// ITU-R BT.709.
    Bt709,
}

impl HdrMatrix {
    const ALL: [Self; 3] = [Self::Bt2020, Self::Bt2020Constant, Self::Bt709];

    /// FFmpeg's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bt2020 => "bt2020nc",
            Self::Bt2020Constant => "bt2020c",
            Self::Bt709 => "bt709",
        }
    }

    /// The matrix with FFmpeg's name; that of BT.2020 for all others.
    pub fn of_name(name: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|it| it.as_str() == name).unwrap_or_default()
    }
}

/// A mastering display (SMPTE ST 2086). Chromaticities x and y are in units of 0.00002, luminances
/// in units of 0.0001 cd/m².
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasteringDisplay {
    /// The red primary.
    pub red: (u16, u16),
    /// The green primary.
    pub green: (u16, u16),
    /// The blue primary.
    pub blue: (u16, u16),
    /// The white point.
    pub white: (u16, u16),
    /// Minimum luminance.
    pub min_luminance: u32,
    /// Maximum luminance.
    pub max_luminance: u32,
}

/// Content light levels (CTA-861.3), cd/m².
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LightLevels {
    /// Maximum of any pixel (`MaxCLL`).
    pub max_content: u16,
    /// Maximum of the average of a frame (`MaxFALL`).
    pub max_average: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ffmpeg() {
        for (name, primaries) in [
            ("bt2020", HdrPrimaries::Bt2020),
            ("smpte432", HdrPrimaries::DisplayP3),
            ("bt709", HdrPrimaries::Bt709),
            ("unknown", HdrPrimaries::Bt2020),
        ] {
            assert_eq!(HdrPrimaries::of_name(name), primaries, "{name}");
        }
        for (name, matrix) in [
            ("bt2020nc", HdrMatrix::Bt2020),
            ("bt2020c", HdrMatrix::Bt2020Constant),
            ("bt709", HdrMatrix::Bt709),
            ("gbr", HdrMatrix::Bt2020),
        ] {
            assert_eq!(HdrMatrix::of_name(name), matrix, "{name}");
        }
        assert!(
            HdrPrimaries::ALL
                .iter()
                .all(|it| HdrPrimaries::of_name(it.as_str()) == *it)
        );
        assert!(
            HdrMatrix::ALL
                .iter()
                .all(|it| HdrMatrix::of_name(it.as_str()) == *it)
        );
    }

    #[test]
    fn code_points() {
        for (number, transfer) in [
            (1, None),
            (14, None),
            (16, Some(HighDynamicRange::Pq)),
            (18, Some(HighDynamicRange::Hlg)),
        ] {
            assert_eq!(HighDynamicRange::of_code_point(number), transfer);
        }
    }
}
