//! Grey films, images of one colour, and what frames with such an image look like.

use std::path::{Path, PathBuf};

use e2e::media::{ffmpeg, probe, try_ffmpeg};
use e2e::pixels::{Part, alike, mean};
use e2e::program::text;

const GREY: [i32; 3] = [128, 128, 128];
/// Half of red, and half of the grey below it.
pub(super) const RED: [i32; 3] = [191, 64, 64];

/// An image of 200x100 pixels: its left half has this colour, its right half is transparent. The
/// transparent pixels are green, of which nothing may show.
pub(super) fn logo(path: &Path, red: u32, blue: u32) {
    let alpha = "if(lt(X\\,100)\\,255\\,0)";
    let channel = |value: u32, hidden: u32| format!("if(lt(X\\,100)\\,{value}\\,{hidden})");
    let graph = format!(
        "color=c=black:size=200x100:duration=1:rate=1,format=rgba,geq=r={}:g={}:b={}:a={alpha}",
        channel(red, 0),
        channel(0, 255),
        channel(blue, 0)
    );
    ffmpeg(&["-f", "lavfi", "-i", &graph, "-frames:v", "1", &text(path)]);
}

/// A grey film with a tone.
pub(super) fn film(path: &Path, size: &str, seconds: u32, more: &[&str]) -> PathBuf {
    let picture = format!("color=c=0x808080:size={size}:rate=25:duration={seconds}");
    let tone = format!("sine=frequency=440:sample_rate=48000:duration={seconds}");
    let target = text(path);
    let mut arguments = vec!["-f", "lavfi", "-i", &picture];
    if path.extension().is_some_and(|it| it == "mp4") {
        arguments.extend(["-f", "lavfi", "-i", &tone, "-c:a", "aac"]);
    }
    arguments.extend(["-c:v", "libx264", "-preset", "ultrafast", "-g", "50"]);
    arguments.extend(["-pix_fmt", "yuv420p"].iter().chain(more));
    arguments.push(&target);
    ffmpeg(&arguments);
    path.to_owned()
}

/// The parts of a frame of this size: the coloured half of the image, its transparent half, and the
/// other corners.
fn parts((width, height): (u32, u32)) -> (Part, Part, [Part; 3]) {
    let (mark, margin) = (width / 4, width / 20);
    let (x, y) = (width - margin - mark, height - margin - mark / 2);
    // Without the edges, which scaling and encoding soften.
    let half = |x: u32| (x + mark / 8, y + mark / 8, mark / 4, mark / 4);
    let corner = |x: u32, y: u32| (x, y, mark / 2, mark / 4);
    (
        half(x),
        half(x + mark / 2),
        [
            corner(margin, margin),
            corner(width - margin - mark, margin),
            corner(margin, y),
        ],
    )
}

/// Checks that a frame has the image in its corner, and nothing in the others.
#[track_caller]
pub(super) fn is_marked(target: &str, seconds: f64, size: (u32, u32), colour: [i32; 3]) {
    let (coloured, transparent, corners) = parts(size);
    let found = mean(target, seconds, coloured);
    assert!(alike(found, colour), "{target}: {found:?}");
    for part in corners.into_iter().chain([transparent]) {
        let found = mean(target, seconds, part);
        assert!(alike(found, GREY), "{target}: {found:?} at {part:?}");
    }
}

/// The display size of a playlist.
pub(super) fn size_of(target: &str) -> (u32, u32) {
    let found = probe(target);
    let video = found["streams"].as_array().unwrap().iter();
    let video = video
        .clone()
        .find(|it| it["codec_type"] == "video")
        .unwrap();
    let side = |name: &str| video[name].as_u64().unwrap() as u32;
    (side("width"), side("height"))
}

/// A file with a rotation by 90 degrees.
pub(super) fn turned(flat: &Path, target: &Path) -> PathBuf {
    let (flat, path) = (text(flat), text(target));
    let modern = ["-display_rotation", "90", "-i", &flat, "-c", "copy", &path];
    if !try_ffmpeg(&modern).status.success() {
        let older = [
            "-i",
            &flat,
            "-c",
            "copy",
            "-metadata:s:v:0",
            "rotate=90",
            &path,
        ];
        ffmpeg(&older);
    }
    target.to_owned()
}
