//! The static metadata of HDR10 in the output of ffprobe.
//!
//! Containers may have it, and then ffprobe lists it with the stream. Otherwise it is in the
//! bitstream, and ffprobe lists it with the first frame.

use domain::probe::{HdrColors, LightLevels, MasteringDisplay, VideoStream};
use serde::Deserialize;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::probe::{Depth, ffprobe, input_arguments};

/// The metadata that a stream or a frame may have.
const ENTRIES: &str = "frame_side_data=red_x,red_y,green_x,green_y,blue_x,blue_y,white_point_x,\
     white_point_y,min_luminance,max_luminance,max_content,max_average";

/// Adds the metadata that is only in the bitstream to the colours of an HDR video.
///
/// # Errors
/// Those of ffprobe, but for problems of the source: the run that decodes it will find them.
pub(super) async fn complete(
    tools: &Tools,
    demuxer: &str,
    url: &str,
    depth: Option<Depth>,
    video: &mut VideoStream,
) -> Result<(), TranscodeError> {
    let colors = &mut video.hdr_colors;
    let is_complete = colors.mastering_display.is_some() && colors.light_levels.is_some();
    if video.hdr.is_none() || is_complete {
        return Ok(());
    }
    let mut arguments = input_arguments(demuxer);
    arguments.extend(depth.into_iter().flat_map(Depth::arguments));
    let stream = video.index.to_string();
    arguments.extend(["-select_streams", &stream, "-read_intervals", "%+#1"].map(str::to_owned));
    arguments.extend(["-show_entries", ENTRIES, "-of", "json"].map(str::to_owned));
    match ffprobe(tools, &arguments, url).await {
        Ok(answer) => {
            add_frames(&answer.output, colors);
            Ok(())
        }
        Err(TranscodeError::Source(_)) => Ok(()),
        Err(problem) => Err(problem),
    }
}

/// Adds the metadata of the first frame that has some.
fn add_frames(json: &str, colors: &mut HdrColors) {
    #[derive(Deserialize)]
    struct Frames {
        frames: Vec<Frame>,
    }
    #[derive(Deserialize)]
    struct Frame {
        #[serde(default)]
        side_data_list: Vec<HdrSideData>,
    }
    let Ok(Frames { frames }) = serde_json::from_str(json) else {
        return;
    };
    let all = frames.iter().flat_map(|it| &it.side_data_list);
    all.for_each(|it| it.add_to(colors));
}

/// Side data, as ffprobe describes it: fractions such as `34000/50000`, and numbers.
#[derive(Debug, Default, Deserialize)]
pub(super) struct HdrSideData {
    red_x: Option<String>,
    red_y: Option<String>,
    green_x: Option<String>,
    green_y: Option<String>,
    blue_x: Option<String>,
    blue_y: Option<String>,
    white_point_x: Option<String>,
    white_point_y: Option<String>,
    min_luminance: Option<String>,
    max_luminance: Option<String>,
    max_content: Option<u32>,
    max_average: Option<u32>,
}

impl HdrSideData {
    /// Adds what this describes to colours that lack it.
    pub(super) fn add_to(&self, colors: &mut HdrColors) {
        let display = || self.mastering_display();
        colors.mastering_display = colors.mastering_display.or_else(display);
        colors.light_levels = colors.light_levels.or_else(|| self.light_levels());
    }

    fn mastering_display(&self) -> Option<MasteringDisplay> {
        let point = |x: &Option<String>, y: &Option<String>| {
            let [x, y] = [x, y].map(|it| units(it.as_deref()?, 50_000.0));
            Some((u16::try_from(x?).ok()?, u16::try_from(y?).ok()?))
        };
        let luminance = |it: &Option<String>| {
            let units = units(it.as_deref()?, 10_000.0)?;
            u32::try_from(units).ok()
        };
        Some(MasteringDisplay {
            red: point(&self.red_x, &self.red_y)?,
            green: point(&self.green_x, &self.green_y)?,
            blue: point(&self.blue_x, &self.blue_y)?,
            white: point(&self.white_point_x, &self.white_point_y)?,
            min_luminance: luminance(&self.min_luminance)?,
            max_luminance: luminance(&self.max_luminance).filter(|it| *it > 0)?,
        })
    }

    /// Zero means unknown; metadata in which both are unknown is none.
    fn light_levels(&self) -> Option<LightLevels> {
        let level = |it: Option<u32>| u16::try_from(it?).ok();
        let levels = LightLevels {
            max_content: level(self.max_content)?,
            max_average: level(self.max_average)?,
        };
        (levels.max_content > 0 || levels.max_average > 0).then_some(levels)
    }
}

/// A fraction in units of `1 / scale`, rounded.
fn units(fraction: &str, scale: f64) -> Option<u64> {
    let (num, den) = fraction.split_once('/')?;
    let (num, den): (f64, f64) = (num.parse().ok()?, den.parse().ok()?);
    let units = (num / den * scale).round();
    (units.is_finite() && units >= 0.0).then_some(units as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output of FFmpeg 7.1 for the first frame of a film in HDR10.
    const FRAMES: &str = r#"{ "frames": [{ "side_data_list": [
        { "side_data_type": "H.26[45] User Data Unregistered SEI message" },
        { "side_data_type": "Mastering display metadata", "red_x": "34000/50000",
          "red_y": "16000/50000", "green_x": "13250/50000", "green_y": "34500/50000",
          "blue_x": "7500/50000", "blue_y": "3000/50000", "white_point_x": "15635/50000",
          "white_point_y": "16450/50000", "min_luminance": "1/10000",
          "max_luminance": "10000000/10000" },
        { "side_data_type": "Content light level metadata", "max_content": 1000,
          "max_average": 400 }
    ]}]}"#;

    fn colors(json: &str) -> HdrColors {
        let mut colors = HdrColors::default();
        add_frames(json, &mut colors);
        colors
    }

    #[test]
    fn a_frame_has_both() {
        let found = colors(FRAMES);
        let expected = MasteringDisplay {
            red: (34_000, 16_000),
            green: (13_250, 34_500),
            blue: (7_500, 3_000),
            white: (15_635, 16_450),
            min_luminance: 1,
            max_luminance: 10_000_000,
        };
        assert_eq!(found.mastering_display, Some(expected));
        let levels = LightLevels {
            max_content: 1000,
            max_average: 400,
        };
        assert_eq!(found.light_levels, Some(levels));
        // AV1 has other units.
        let av1 = FRAMES
            .replace("34000/50000", "44564/65536")
            .replace("10000000/10000", "256000/256");
        let display = colors(&av1).mastering_display.unwrap();
        assert_eq!((display.red.0, display.max_luminance), (34_000, 10_000_000));
    }

    #[test]
    fn nonsense_is_no_metadata() {
        for (old, new) in [
            ("34000/50000", "34000/0"),
            ("34000/50000", "-1/50000"),
            ("34000/50000", "99/1"),
            ("10000000/10000", "0/10000"),
            ("10000000/10000", "999999999/1"),
            ("\"red_x\": \"34000/50000\",", ""),
        ] {
            let found = colors(&FRAMES.replace(old, new));
            assert_eq!(found.mastering_display, None, "{new}");
            assert!(found.light_levels.is_some(), "{new}");
        }
        let unknown = FRAMES.replace("1000,", "0,").replace("400", "0");
        assert_eq!(colors(&unknown).light_levels, None);
        let negative = FRAMES.replace("1000,", "70000,");
        assert_eq!(colors(&negative).light_levels, None);
        for other in ["", "{}", "{\"frames\": [{}]}", "[1]"] {
            assert_eq!(colors(other), HdrColors::default(), "{other}");
        }
    }
}
