//! Video whose frames carry their number, with a tone at every full second, and tools that read
//! both back.

use crate::media::{ffmpeg, try_ffmpeg};
use crate::program::text;

/// Columns of a frame: bits of the number, the lowest first, then a black and a white one.
const COLUMNS: usize = 16;

/// A lavfi source of frames with numbers from `first` on.
pub fn pictures(size: (u32, u32), rate: u32, seconds: f64, first: u32) -> String {
    let (width, height) = size;
    let bits = COLUMNS - 2;
    let column = format!(
        "if(lt(X\\,{bits})\\,255*mod(floor((N+{first})/pow(2\\,X))\\,2)\\,255*gt(X\\,{bits}))"
    );
    // One pixel per column, scaled up, because the expression is slow.
    format!(
        "color=c=black:s={COLUMNS}x9:r={rate}:d={seconds},format=gray,geq=lum='{column}',\
         scale={width}:{height}:flags=neighbor,setsar=1,format=yuv420p"
    )
}

/// A lavfi source of tones of a tenth of a second, one at each full second.
pub fn tones(seconds: f64, channels: usize) -> String {
    let tone = "0.5*sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.1)";
    format!(
        "aevalsrc=exprs='{}':s=48000:d={seconds}",
        vec![tone; channels].join("|")
    )
}

/// The numbers of the frames of a file, in order, after `filter`; `None`: unreadable.
///
/// # Panics
/// If it cannot be decoded.
pub fn numbers(target: &str, filter: &str) -> Vec<Option<u32>> {
    let chain = format!("{filter},scale={COLUMNS}:9:flags=area,format=gray");
    let data = decoded(
        target,
        &[
            "-map",
            "0:v:0",
            "-vf",
            &chain,
            "-fps_mode",
            "passthrough",
            "-f",
            "rawvideo",
        ],
    );
    data.chunks_exact(COLUMNS * 9)
        .map(|frame| number(&frame[4 * COLUMNS..5 * COLUMNS]))
        .collect()
}

fn number(row: &[u8]) -> Option<u32> {
    let bits: Vec<bool> = row.iter().map(|it| *it > 127).collect();
    let (black, white) = (bits[COLUMNS - 2], bits[COLUMNS - 1]);
    let value = bits[..COLUMNS - 2]
        .iter()
        .rev()
        .fold(0, |sum, bit| sum << 1 | u32::from(*bit));
    (!black && white).then_some(value)
}

/// The start times of the tones of a file, seconds.
///
/// # Panics
/// If it cannot be decoded.
pub fn onsets(target: &str) -> Vec<f64> {
    const RATE: usize = 16_000;
    let chain = format!(
        "aformat=channel_layouts=mono,aresample={RATE}:async=1:first_pts=0,aformat=sample_fmts=s16"
    );
    let data = decoded(target, &["-map", "0:a:0", "-af", &chain, "-f", "s16le"]);
    let samples: Vec<i16> = data
        .chunks_exact(2)
        .map(|it| i16::from_le_bytes([it[0], it[1]]))
        .collect();
    let (mut found, mut last_loud) = (vec![], f64::MIN);
    for (place, block) in samples.chunks(8).enumerate() {
        let at = (place * 8) as f64 / RATE as f64;
        if block.iter().any(|it| it.unsigned_abs() > 3000) {
            if at - last_loud > 0.3 {
                found.push(at);
            }
            last_loud = at;
        }
    }
    found
}

/// Red, green and blue in the middle of the first frame, as a browser shows them: if the stream
/// does not declare its matrix, BT.709 from 720 lines on, BT.601 below.
///
/// # Panics
/// If it cannot be decoded.
pub fn colour(target: &str) -> [u8; 3] {
    let found = crate::media::probe(target);
    let stream = &found["streams"][0];
    let matrix = match stream["color_space"].as_str() {
        Some("bt709") => "bt709",
        None | Some("unknown") if stream["height"].as_u64() >= Some(720) => "bt709",
        _ => "bt601",
    };
    let chain = format!(
        "scale=16:16:in_color_matrix={matrix}:flags=area+accurate_rnd+full_chroma_int,format=rgb24"
    );
    let data = decoded(
        target,
        &[
            "-map",
            "0:v:0",
            "-vf",
            &chain,
            "-frames:v",
            "1",
            "-f",
            "rawvideo",
        ],
    );
    let middle = (8 * 16 + 8) * 3;
    [data[middle], data[middle + 1], data[middle + 2]]
}

fn decoded(target: &str, options: &[&str]) -> Vec<u8> {
    let mut arguments = vec!["-allowed_extensions", "ALL", "-i", target];
    if !target.ends_with(".m3u8") {
        arguments.drain(..2);
    }
    arguments.extend(options);
    arguments.push("-");
    let output = try_ffmpeg(&arguments);
    assert!(
        output.status.success(),
        "{target}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Generates a file of frames and tones: lavfi sources, then options of FFmpeg.
///
/// # Panics
/// If FFmpeg fails.
pub fn make(path: &std::path::Path, inputs: &[&str], options: &[&str]) {
    let mut arguments: Vec<&str> = inputs
        .iter()
        .flat_map(|it| ["-f", "lavfi", "-i", it])
        .collect();
    arguments.extend(options);
    let path = text(path);
    arguments.push(&path);
    ffmpeg(&arguments);
}
