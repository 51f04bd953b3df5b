//! Command lines that create JPEG images.

use domain::plan::Size;

use super::graph::{JPEG_COLORS, scale_size};
use super::push;
use crate::ffmpeg::probe::input_arguments;

/// Arguments that turn I-frames into images, read by `demuxer` from `input`: each one of `size`, and
/// if columns and rows are given, all of them on one sheet.
pub(crate) fn images(
    input: &str,
    demuxer: &str,
    size: Size,
    sheet: Option<(u32, u32)>,
    output: &str,
) -> Vec<String> {
    let mut arguments = input_arguments(demuxer);
    // The same frame may be used twice in a row: times are counted, not taken from the stream.
    let mut filters = format!("setpts=N/TB,{}{JPEG_COLORS}", scale_size(size));
    if let Some((columns, rows)) = sheet {
        filters += &format!(",tile={columns}x{rows}");
    }
    push(
        &mut arguments,
        &[
            "-threads",
            "1",
            "-i",
            input,
            "-vf",
            &filters,
            "-fps_mode",
            "passthrough",
        ],
    );
    jpeg(&mut arguments, output);
    arguments
}

/// Arguments that create one JPEG from `input`: of its first frame, or of the frame that is shown
/// `offset` seconds later. It has `size`, or width and height exchanged, if FFmpeg turns it
/// upright.
pub(crate) fn still(
    input: &str,
    demuxer: &str,
    size: Size,
    offset: f64,
    output: &str,
) -> Vec<String> {
    let mut arguments = input_arguments(demuxer);
    let side = size.width.max(size.height);
    let filters = format!(
        "setpts=PTS-STARTPTS,trim=start={:.6},\
         scale={side}:{side}:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bicubic{JPEG_COLORS},setsar=1,\
         trim=end_frame=1",
        // The frame shown at that time began a little earlier: a hundredth of a second compensates
        // for rounding.
        (offset - 0.01).max(0.0)
    );
    push(
        &mut arguments,
        &[
            "-threads",
            "1",
            "-i",
            input,
            "-an",
            "-sn",
            "-dn",
            "-map_metadata",
            "-1",
        ],
    );
    push(
        &mut arguments,
        &[
            "-vf",
            &filters,
            "-frames:v",
            "1",
            "-fps_mode",
            "passthrough",
        ],
    );
    jpeg(&mut arguments, output);
    arguments
}

pub(crate) fn jpeg(arguments: &mut Vec<String>, output: &str) {
    push(
        arguments,
        &[
            "-c:v", "mjpeg", "-q:v", "4", "-pix_fmt", "yuvj420p", "-f", "image2", output,
        ],
    );
}
