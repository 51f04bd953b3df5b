//! The watermark: an image as the second input, which is drawn into the largest rung of a chain.
//!
//! The smaller rungs and the I-frames are scaled from that rung, so the image is scaled and blended
//! once, whatever the number of rungs is, and is in the same place in all of them.

use std::path::Path;

use domain::image::ImageKind;
use domain::plan::Size;
use domain::probe::VideoStream;
use domain::watermark::{Rectangle, Watermark};

use super::graph::{output_matrix, scale_matrix, tags};
use super::{CommandInputs, push};
use crate::ffmpeg::probe::image_arguments;

/// The image of a watermark as an input.
#[derive(Clone, Copy)]
pub(crate) struct WatermarkInput<'a> {
    /// The image file.
    pub path: &'a Path,
    /// Its format.
    pub kind: ImageKind,
}

impl<'a> CommandInputs<'a> {
    /// The image that the plan draws, with its place.
    fn watermark(&self) -> Option<(WatermarkInput<'a>, &'a Watermark)> {
        self.watermark.zip(self.plan.watermark.as_ref())
    }

    /// The image, right after the source.
    pub(super) fn watermark_input(&self, arguments: &mut Vec<String>) {
        if let Some((WatermarkInput { path, kind }, _)) = self.watermark() {
            arguments.extend(image_arguments(kind.demuxer()));
            push(arguments, &["-i", &path.display().to_string()]);
        }
    }

    /// Filters for frames of `size`, whose last filters are `frames`, that draw the image into them.
    pub(super) fn marked(&self, frames: String, video: &VideoStream, size: Size) -> String {
        let Some((_, watermark)) = self.watermark() else {
            return frames;
        };
        let Rectangle {
            x,
            y,
            width,
            height,
        } = watermark.place(size);
        let (opacity, matrix) = (watermark.opacity, output_matrix(video));
        // The colours of transparent pixels are arbitrary: multiplied by their opacity, they do not
        // appear at edges when the image is scaled. FFmpeg repeats the only frame of the input.
        format!(
            "{frames}[_bare];[1:v]format=rgba,colorchannelmixer=aa={opacity:.3},format=gbrap,premultiply=inplace=1,\
             scale={width}:{height}:flags=bicubic,unpremultiply=inplace=1,\
             scale=out_color_matrix={}:out_range=tv,format=yuva420p,setsar=1,{}[_mark];\
             [_bare][_mark]overlay=x={x}:y={y}",
            scale_matrix(matrix),
            tags(matrix)
        )
    }
}
