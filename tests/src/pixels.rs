//! Colours in frames of files and playlists.

use std::process::Command;

/// A part of a frame, pixels: left, top, width and height.
pub type Part = (u32, u32, u32, u32);

/// The mean colour (red, green, blue) of a part of a frame: of the last frame up to `seconds`, or of the
/// last one.
///
/// # Panics
/// If it cannot be decoded.
pub fn mean(target: &str, seconds: f64, (x, y, width, height): Part) -> [i32; 3] {
    // Images have one frame, on a clock of 25 ticks a second: a part of a tick would be none.
    let crop = format!(
        "setpts=PTS-STARTPTS,trim=end={:.3},crop={width}:{height}:{x}:{y}:exact=1,\
         scale=1:1:flags=area,format=rgb24",
        seconds + 0.03
    );
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error"]);
    if target.ends_with(".m3u8") {
        ffmpeg.args(["-allowed_extensions", "ALL"]);
    }
    let output = ffmpeg
        .args(["-i", target])
        .args(["-map", "0:v:0", "-vf", &crop, "-fps_mode", "passthrough"])
        .args(["-f", "rawvideo", "-"])
        .output()
        .expect("FFmpeg is missing");
    let log = String::from_utf8_lossy(&output.stderr);
    let last = output.stdout.rchunks_exact(3).next();
    let Some(&[red, green, blue]) = last else {
        panic!("{target} has no frame: {log}");
    };
    [red, green, blue].map(i32::from)
}

/// Whether two colours are equal, as far as codecs keep them.
pub fn alike(one: [i32; 3], other: [i32; 3]) -> bool {
    one.iter().zip(other).all(|(a, b)| (a - b).abs() <= 12)
}
