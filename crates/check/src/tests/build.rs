//! A valid tree: two video rungs, separate audio, an I-frame playlist; all encrypted, generated
//! once per test run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use aes::cipher::{BlockModeEncrypt as _, KeyIvInit as _, block_padding::Pkcs7};
use hls::bandwidth::Bandwidth;
use tempfile::TempDir;

/// Duration of the whole and of a segment, seconds.
const LENGTH: u32 = 18;
const SEGMENT: u32 = 6;

/// Renditions and their encryption keys.
pub(super) const KEYS: [(&str, [u8; 16]); 4] = [
    ("180p", [1; 16]),
    ("90p", [2; 16]),
    ("audio-64k", [3; 16]),
    ("iframes", [4; 16]),
];

/// The directory of the valid tree. Copy it, never change it.
pub(super) fn good() -> &'static Path {
    static TREE: OnceLock<TempDir> = OnceLock::new();
    TREE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        build(folder.path());
        folder
    })
    .path()
}

/// A copy of a tree that may be changed.
pub(super) fn copy_of(tree: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(tree, copy.path());
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(super) fn ffmpeg(folder: &Path, args: &[&str]) {
    let output = Command::new("ffmpeg")
        .current_dir(folder)
        .args(["-v", "error", "-y"])
        .args(args)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

pub(super) fn encrypt(plain: &[u8], key: &[u8; 16], iv: u128) -> Vec<u8> {
    let cipher = cbc::Encryptor::<aes::Aes128>::new(key.into(), &iv.to_be_bytes().into());
    cipher.encrypt_padded_vec::<Pkcs7>(plain)
}

struct Made {
    playlist: String,
    bandwidth: Bandwidth,
}

fn build(folder: &Path) {
    let raw = tempfile::tempdir().unwrap();
    let length = LENGTH.to_string();
    let video = |size: &str, level: &str, rate: &str, output: &str| {
        let source = format!("testsrc2=s={size}:r=25");
        let bound = format!("vbv-maxrate={rate}:vbv-bufsize={rate}:scenecut=0");
        let head = [
            "-f", "lavfi", "-i", &source, "-t", &length, "-c:v", "libx264", "-preset", "veryfast",
        ];
        let tail = [
            "-profile:v",
            "main",
            "-level",
            level,
            "-pix_fmt",
            "yuv420p",
            "-g",
            "50",
            "-bf",
            "0",
            "-x264-params",
            &bound,
        ];
        let hls = ["-f", "hls", "-hls_time", "6", "-hls_list_size", "0", output];
        ffmpeg(raw.path(), &[&head[..], &tail, &hls].concat());
    };
    video("320x180", "1.2", "300", "180p.m3u8");
    video("160x90", "1.1", "120", "90p.m3u8");
    let sound = [
        "-f",
        "lavfi",
        "-i",
        "aevalsrc=sin(440*t)|sin(550*t):s=48000",
        "-t",
        &length,
        "-c:a",
        "aac",
        "-b:a",
        "64k",
    ];
    let hls = [
        "-f",
        "hls",
        "-hls_time",
        "6",
        "-hls_list_size",
        "0",
        "audio-64k.m3u8",
    ];
    ffmpeg(raw.path(), &[&sound[..], &hls].concat());
    let stills = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=160x90:r=25",
        "-t",
        &length,
        "-vf",
        "fps=1",
        "-c:v",
        "libx264",
    ];
    let intra = [
        "-pix_fmt",
        "yuv420p",
        "-profile:v",
        "main",
        "-level",
        "1.1",
        "-g",
        "1",
        "-bf",
        "0",
        "iframes.ts",
    ];
    ffmpeg(raw.path(), &[&stills[..], &intra].concat());

    std::fs::create_dir_all(folder.join("keys")).unwrap();
    for (name, key) in KEYS {
        std::fs::write(folder.join(format!("keys/{name}.key")), key).unwrap();
    }
    let audio = segments(raw.path(), folder, "audio-64k");
    let rungs = ["180p", "90p"].map(|it| (it, segments(raw.path(), folder, it)));
    let iframes = iframes(raw.path(), folder);
    let mut master = "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n".to_owned();
    master += "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,";
    writeln!(master, "CHANNELS=\"2\",URI=\"{}\"", audio.playlist).unwrap();
    for (name, rung) in rungs {
        let total = rung.bandwidth.with_any_of([audio.bandwidth]);
        let (size, codec) = if name == "180p" {
            ("320x180", "avc1.4d400c")
        } else {
            ("160x90", "avc1.4d400b")
        };
        writeln!(
            master,
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{codec},mp4a.40.2\",RESOLUTION={size},FRAME-RATE=25.000,AUDIO=\"audio\"\n{}",
            total.peak, total.average, rung.playlist
        )
        .unwrap();
    }
    writeln!(
        master,
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={},CODECS=\"avc1.4d400b\",RESOLUTION=160x90,URI=\"{}\"",
        iframes.bandwidth.peak, iframes.playlist
    )
    .unwrap();
    std::fs::write(folder.join("master.m3u8"), master).unwrap();
}

fn head(version: u32, extra: &str) -> String {
    format!(
        "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n{extra}"
    )
}

fn key_line(name: &str, sequence: usize) -> String {
    format!("#EXT-X-KEY:METHOD=AES-128,URI=\"../../keys/{name}.key\",IV=0x{sequence:032x}\n")
}

fn key_of(name: &str) -> [u8; 16] {
    KEYS.iter().find(|it| it.0 == name).unwrap().1
}

fn rendition_folder(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join("gen").join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn segments(raw: &Path, folder: &Path, name: &str) -> Made {
    let target = rendition_folder(folder, name);
    let mut text = head(3, "");
    let plain: Vec<Vec<u8>> = (0..LENGTH / SEGMENT)
        .map(|it| std::fs::read(raw.join(format!("{name}{it}.ts"))).unwrap())
        .collect();
    let spans: Vec<(i64, i64)> = plain.iter().map(|it| span(it)).collect();
    let mut sizes = vec![];
    for (index, plain) in plain.iter().enumerate() {
        let (start, end) = spans[index];
        let ticks = spans.get(index + 1).map_or(end, |it| it.0) - start;
        let cipher = encrypt(plain, &key_of(name), index as u128);
        sizes.push((ticks as u64, cipher.len() as u64));
        std::fs::write(target.join(format!("{name}_{index:05}.ts")), cipher).unwrap();
        text += &key_line(name, index);
        write!(
            text,
            "#EXTINF:{:.6},\n{name}_{index:05}.ts\n",
            ticks as f64 / 90_000.0
        )
        .unwrap();
    }
    text += "#EXT-X-ENDLIST\n";
    std::fs::write(target.join(format!("{name}.m3u8")), text).unwrap();
    Made {
        playlist: format!("gen/{name}/{name}.m3u8"),
        bandwidth: Bandwidth::measure(&sizes, SEGMENT),
    }
}

/// First presentation time and end, ticks.
fn span(plain: &[u8]) -> (i64, i64) {
    let report = media::ts::scan(plain);
    let stream = report.video().or(report.audio()).unwrap();
    let start = stream.min_pts.unwrap();
    (start, start + stream.duration_ticks(None).unwrap())
}

/// One object per six I-frames, each frame encrypted separately.
fn iframes(raw: &Path, folder: &Path) -> Made {
    let target = rendition_folder(folder, "iframes");
    let cuts = media::ts::cut_iframes(&std::fs::read(raw.join("iframes.ts")).unwrap()).unwrap();
    assert_eq!(cuts.len(), LENGTH as usize);
    let mut text = head(4, "#EXT-X-I-FRAMES-ONLY\n");
    let mut sizes = vec![];
    for (chunk, cuts) in cuts.chunks(SEGMENT as usize).enumerate() {
        let mut object = vec![];
        for (index, cut) in cuts.iter().enumerate() {
            let sequence = chunk * SEGMENT as usize + index;
            let cipher = encrypt(&cut.bytes, &key_of("iframes"), sequence as u128);
            text += &key_line("iframes", sequence);
            let (length, offset) = (cipher.len(), object.len());
            write!(
                text,
                "#EXTINF:1.000000,\n#EXT-X-BYTERANGE:{length}@{offset}\niframes_{chunk:05}.ts\n"
            )
            .unwrap();
            sizes.push((90_000, cipher.len() as u64));
            object.extend(cipher);
        }
        std::fs::write(target.join(format!("iframes_{chunk:05}.ts")), object).unwrap();
    }
    text += "#EXT-X-ENDLIST\n";
    std::fs::write(target.join("iframes.m3u8"), text).unwrap();
    Made {
        playlist: "gen/iframes/iframes.m3u8".to_owned(),
        bandwidth: Bandwidth::measure(&sizes, SEGMENT),
    }
}
