//! The JSON of ffprobe.

use serde::Deserialize;

use crate::ffmpeg::probe::hdr::HdrSideData;

#[derive(Deserialize)]
pub(super) struct RawProbe {
    #[serde(default)]
    pub(super) streams: Vec<RawStream>,
    #[serde(default)]
    pub(super) programs: Vec<RawProgram>,
    #[serde(default)]
    pub(super) chapters: Vec<RawChapter>,
    #[serde(default)]
    pub(super) format: RawFormat,
}

#[derive(Deserialize)]
pub(super) struct RawChapter {
    pub(super) start_time: Option<String>,
    #[serde(default)]
    pub(super) tags: Tags,
}

#[derive(Deserialize)]
pub(super) struct RawProgram {
    #[serde(default)]
    pub(super) streams: Vec<ProgramStream>,
}

#[derive(Deserialize)]
pub(super) struct ProgramStream {
    pub(super) index: u32,
}

#[derive(Deserialize, Default)]
pub(super) struct RawFormat {
    pub(super) duration: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RawStream {
    pub(super) index: u32,
    pub(super) codec_type: Option<String>,
    pub(super) codec_name: Option<String>,
    pub(super) codec_tag_string: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    pub(super) sample_aspect_ratio: Option<String>,
    pub(super) pix_fmt: Option<String>,
    pub(super) sample_fmt: Option<String>,
    pub(super) field_order: Option<String>,
    pub(super) color_range: Option<String>,
    pub(super) color_transfer: Option<String>,
    pub(super) color_space: Option<String>,
    pub(super) color_primaries: Option<String>,
    pub(super) r_frame_rate: Option<String>,
    pub(super) avg_frame_rate: Option<String>,
    pub(super) time_base: Option<String>,
    pub(super) start_pts: Option<i64>,
    pub(super) start_time: Option<String>,
    pub(super) duration: Option<String>,
    pub(super) bit_rate: Option<String>,
    pub(super) channels: Option<u32>,
    pub(super) sample_rate: Option<String>,
    #[serde(default)]
    pub(super) disposition: Disposition,
    #[serde(default)]
    pub(super) tags: Tags,
    #[serde(default)]
    pub(super) side_data_list: Vec<SideData>,
}

#[derive(Deserialize, Default)]
pub(super) struct Disposition {
    #[serde(default)]
    pub(super) default: u8,
    #[serde(default)]
    pub(super) attached_pic: u8,
    #[serde(default)]
    pub(super) forced: u8,
    #[serde(default)]
    pub(super) comment: u8,
    #[serde(default)]
    pub(super) visual_impaired: u8,
    #[serde(default)]
    pub(super) descriptions: u8,
    #[serde(default)]
    pub(super) hearing_impaired: u8,
}

#[derive(Deserialize, Default)]
pub(super) struct Tags {
    pub(super) language: Option<String>,
    pub(super) title: Option<String>,
}

#[derive(Deserialize, Default)]
pub(super) struct SideData {
    pub(super) displaymatrix: Option<String>,
    pub(super) rotation: Option<f64>,
    pub(super) dv_profile: Option<u32>,
    pub(super) dv_bl_signal_compatibility_id: Option<u32>,
    #[serde(flatten)]
    pub(super) hdr: HdrSideData,
}

impl RawStream {
    pub(super) fn is(&self, kind: &str) -> bool {
        self.codec_type.as_deref() == Some(kind) && self.disposition.attached_pic == 0
    }

    pub(super) fn codec(&self) -> Option<&str> {
        self.codec_name
            .as_deref()
            .filter(|it| !matches!(*it, "none" | "unknown"))
    }

    /// The name of the codec for people: FFmpeg's, or else that of the container.
    pub(super) fn name_of_codec(&self) -> String {
        let tag = self.codec_tag_string.as_deref();
        self.codec().or(tag).unwrap_or("unknown").to_owned()
    }

    pub(super) fn sample_rate(&self) -> Option<u32> {
        self.sample_rate
            .as_deref()?
            .parse()
            .ok()
            .filter(|it| *it > 0)
    }

    /// Whether packets of the stream were found: its headers declare a size or a sample rate.
    pub(super) fn is_there(&self) -> bool {
        match self.codec_type.as_deref() {
            Some("video") => {
                self.width.is_some_and(|it| it > 0) && self.height.is_some_and(|it| it > 0)
            }
            _ => self.channels.is_some_and(|it| it > 0) && self.sample_rate().is_some(),
        }
    }

    /// Whether FFmpeg has a decoder for the stream: it knows the decoder's output format.
    pub(super) fn is_decodable(&self) -> bool {
        let format = if self.is("video") {
            &self.pix_fmt
        } else {
            &self.sample_fmt
        };
        self.codec().is_some() && format.as_deref().is_some_and(|it| it != "unknown")
    }
}
