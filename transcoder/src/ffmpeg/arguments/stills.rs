//! Command lines that create images: JPEG, and animated WebP.

use domain::plan::Size;
use domain::preview::FRAME_RATE;

use super::graph::{IMAGE_COLORS, scale_size};
use super::push;
use crate::ffmpeg::PREVIEW_ENCODER;
use crate::ffmpeg::probe::input_arguments;

/// Quality of a JPEG: the scale of its quantisers, from 1 (best) to 31.
const QUALITY: u32 = 4;

/// Quality of a sheet for dense screens, on which artefacts show less.
const DENSE_QUALITY: u32 = 6;

/// Arguments that turn I-frames into images of `size`, read by `demuxer` from `input`.
pub(crate) fn images(input: &str, demuxer: &str, size: Size, output: &str) -> Vec<String> {
    let mut arguments = input_arguments(demuxer);
    let filters = counted(size);
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

/// Arguments that put I-frames on two sheets of `grid` columns and rows, read by `demuxer` from
/// `input`: the first sheet has images of the first, smaller size, the second one of the second
/// size. Each I-frame is decoded once, and the smaller image made from the larger one.
pub(crate) fn sheets(
    input: &str,
    demuxer: &str,
    [small, large]: [Size; 2],
    (columns, rows): (u32, u32),
    output: &str,
) -> Vec<String> {
    let mut arguments = input_arguments(demuxer);
    let graph = format!(
        "[0:v]{},split[large][copy];[large]tile={columns}x{rows}[second];\
         [copy]{},tile={columns}x{rows}[first]",
        counted(large),
        scale_size(small)
    );
    push(
        &mut arguments,
        &[
            "-threads",
            "1",
            "-i",
            input,
            "-filter_complex_threads",
            "1",
            "-filter_complex",
            &graph,
        ],
    );
    for (sheet, number, quality) in [("[first]", "1", QUALITY), ("[second]", "2", DENSE_QUALITY)] {
        push(
            &mut arguments,
            &[
                "-map",
                sheet,
                "-fps_mode",
                "passthrough",
                "-start_number",
                number,
            ],
        );
        jpeg_of(&mut arguments, quality, output);
    }
    arguments
}

/// Filters that scale I-frames to a size. The same frame may be used twice in a row: times are
/// counted, not taken from the stream.
fn counted(size: Size) -> String {
    format!("setpts=N/TB,{}{IMAGE_COLORS}", scale_size(size))
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
         scale={side}:{side}:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bicubic{IMAGE_COLORS},setsar=1,\
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

/// Quality of an animated WebP, of 100, and effort, of 6. Three seconds at 320 pixels take 30 to 250 kB.
const WEBP: [&str; 4] = ["-quality", "60", "-compression_level", "4"];

/// Arguments that create an animated WebP of `size` from `input`, of [`FRAME_RATE`] frames a second,
/// which repeats without end. `frames`: how many frames at that rate are skipped, and how many
/// follow. After its end, the input shows its last frame.
pub(crate) fn animation(
    input: &str,
    demuxer: &str,
    size: Size,
    frames: (u32, u32),
    output: &str,
) -> Vec<String> {
    let mut arguments = input_arguments(demuxer);
    let (first, end) = (frames.0, frames.0.saturating_add(frames.1));
    // Frames are counted: the number of those between two times depends on the times of the input.
    let filters = format!(
        "setpts=PTS-STARTPTS,fps={FRAME_RATE},tpad=stop_mode=clone:stop={end},\
         trim=start_frame={first}:end_frame={end},setpts=PTS-STARTPTS,{}{IMAGE_COLORS},setsar=1",
        scale_size(size)
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
            "-vf",
            &filters,
            "-fps_mode",
            "passthrough",
            "-c:v",
            PREVIEW_ENCODER,
        ],
    );
    push(&mut arguments, &WEBP);
    // The encoder makes the whole file as one packet. The muxer `webp` would have to go back in it.
    push(
        &mut arguments,
        &["-pix_fmt", "yuv420p", "-f", "image2", output],
    );
    arguments
}

pub(crate) fn jpeg(arguments: &mut Vec<String>, output: &str) {
    jpeg_of(arguments, QUALITY, output);
}

fn jpeg_of(arguments: &mut Vec<String>, quality: u32, output: &str) {
    let quality = quality.to_string();
    push(
        arguments,
        &[
            "-c:v", "mjpeg", "-q:v", &quality, "-pix_fmt", "yuvj420p", "-f", "image2", output,
        ],
    );
}
