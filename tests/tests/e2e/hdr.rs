//! HDR sources: rungs of HEVC and AV1 keep the dynamic range, those of H.264 are SDR.

use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::ffmpegs::FFmpeg;
use e2e::media::{complaints_of_decoding, ffmpeg, film, has_encoder};
use e2e::program::{check, text, transcode_with};
use serde_json::{Value, json};

/// One rung of each codec, and one of HEVC that is tone-mapped.
const PROFILE: &str = r#"
name = "hdr"
segment_seconds = 2.0
segment_format = "fmp4"
thumbnails = 1

[encoder]
preset = "ultrafast"

[hevc]
preset = "ultrafast"

[av1]
preset = 12

[[rung]]
name = "180p"
width = 320
height = 180
video_kbps = 300
audio_kbps = 64

[[rung]]
name = "180p-hevc"
codec = "hevc"
width = 320
height = 180
video_kbps = 300
audio_kbps = 64

[[rung]]
name = "120p-sdr"
codec = "hevc"
hdr = "tone_map"
width = 214
height = 120
video_kbps = 200
audio_kbps = 64

[[rung]]
name = "120p-av1"
codec = "av1"
width = 214
height = 120
video_kbps = 200
audio_kbps = 64
"#;

const DISPLAY: &str =
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)";

/// Three seconds of HDR in HEVC with this transfer function, in 10 bits.
fn hdr_film(path: &Path, transfer: &str, more: &str) -> PathBuf {
    let tags = format!(
        "log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:range=limited{more}"
    );
    let mut arguments = film("320x180", "25", 3.0);
    let options = [
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p10le",
    ];
    arguments.extend(options.map(str::to_owned));
    let target = text(path);
    let colors = [
        "-color_primaries",
        "bt2020",
        "-color_trc",
        transfer,
        "-colorspace",
        "bt2020nc",
    ];
    let last = [
        "-x265-params",
        &tags,
        "-tag:v",
        "hvc1",
        "-c:a",
        "aac",
        &target,
    ];
    arguments.extend(colors.iter().chain(&last).map(|it| (*it).to_owned()));
    ffmpeg(&arguments);
    path.to_owned()
}

/// What ffprobe finds in the first frame of a rung: the properties of the stream, and side data.
fn first_frame(playlist: &Path) -> (Value, Vec<Value>) {
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-allowed_extensions",
            "ALL",
            "-read_intervals",
            "%+#1",
        ])
        .args(["-show_streams", "-show_frames", "-of", "json"])
        .arg(playlist)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {log}", playlist.display());
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let side_data = found["frames"][0]["side_data_list"].as_array().cloned();
    (found["streams"][0].clone(), side_data.unwrap_or_default())
}

fn colors(stream: &Value) -> [&str; 5] {
    [
        "pix_fmt",
        "color_transfer",
        "color_primaries",
        "color_space",
        "color_range",
    ]
    .map(|it| stream[it].as_str().unwrap_or("missing"))
}

/// Whether its x265 knows 10 bits.
fn has_ten_bits(version: &FFmpeg) -> bool {
    let program = version.folder.as_ref().map(|it| it.join("ffmpeg"));
    let mut ffmpeg = Command::new(program.unwrap_or_else(|| "ffmpeg".into()));
    let help = ffmpeg
        .args(["-hide_banner", "-h", "encoder=libx265"])
        .output();
    String::from_utf8_lossy(&help.unwrap().stdout).contains("yuv420p10le")
}

/// Transcodes a film, and checks every rung; `display`: the film has static metadata.
async fn keeps(version: &FFmpeg, film: &Path, transfer: &str, display: bool) {
    let folder = tempfile::tempdir().unwrap();
    let (out, temporary) = (folder.path().join("out"), folder.path().join("tmp"));
    std::fs::create_dir(&temporary).unwrap();
    let profile = folder.path().join("hdr.toml");
    let options = ["--encrypt", "--profile", &text(&profile)];
    let context = format!("FFmpeg {}, {transfer}", version.name);
    let keeps_hevc = has_ten_bits(version);
    std::fs::write(&profile, PROFILE).unwrap();
    if !keeps_hevc {
        // It is refused; without the rung, the others keep HDR.
        let answer = transcode_with(&version.environment(), film, &out, &temporary, &options).await;
        let error = &answer.last()["error"];
        assert_eq!(
            error["code"], "missing-capability",
            "{context}: {}",
            answer.stderr
        );
        assert!(
            error
                .to_string()
                .contains("10 bits in the encoder `libx265`"),
            "{error}"
        );
        let mapped = "name = \"180p-hevc\"\nhdr = \"tone_map\"";
        std::fs::write(&profile, PROFILE.replace("name = \"180p-hevc\"", mapped)).unwrap();
    }
    let answer = transcode_with(&version.environment(), film, &out, &temporary, &options).await;
    assert_eq!(answer.code, Some(0), "{context}: {}", answer.stderr);
    let hdr = if transfer == "smpte2084" { "pq" } else { "hlg" };
    let rungs = answer.last()["rungs"].as_array().unwrap();
    let kept: Vec<_> = rungs.iter().map(|it| (&it["name"], &it["hdr"])).collect();
    assert_eq!(
        kept,
        [
            (&json!("180p"), &json!(null)),
            (&json!("180p-hevc"), &json!(keeps_hevc.then_some(hdr))),
            (&json!("120p-sdr"), &json!(null)),
            (&json!("120p-av1"), &json!(hdr)),
        ],
        "{context}"
    );
    // Encrypted, and without a fault: VIDEO-RANGE, CODECS and sizes are those of the segments.
    check(&text(&out), &temporary).await;
    let master = out.join("hls/master.m3u8");
    assert_eq!(complaints_of_decoding(&text(&master)), "", "{context}");

    let written = std::fs::read_to_string(&master).unwrap();
    let variants = written
        .lines()
        .filter(|it| it.starts_with("#EXT-X-STREAM-INF"));
    let variants: Vec<_> = variants.collect();
    let range = hdr.to_uppercase();
    let of = |codecs: &str| {
        let mut own = variants.iter().filter(|it| it.contains(codecs));
        own.next()
            .unwrap_or_else(|| panic!("{context}: {codecs}\n{written}"))
    };
    if keeps_hevc {
        assert!(
            of("hvc1.2.4.L").contains(&format!("VIDEO-RANGE={range},")),
            "{written}"
        );
    }
    assert!(
        of("av01.0.00M.10.0.110.09.").contains(&format!("VIDEO-RANGE={range},")),
        "{written}"
    );
    assert!(of("hvc1.1.6.L").contains("VIDEO-RANGE=SDR,"), "{written}");
    assert!(variants[0].contains("VIDEO-RANGE=SDR,"), "{written}");

    for (name, depth, is_hdr) in [
        ("180p", "yuv420p", false),
        (
            "180p-hevc",
            if keeps_hevc { "yuv420p10le" } else { "yuv420p" },
            keeps_hevc,
        ),
        ("120p-sdr", "yuv420p", false),
        ("120p-av1", "yuv420p10le", true),
        ("iframes", "yuv420p", false),
    ] {
        let playlist = find(&out.join("hls"), &format!("{name}.m3u8"));
        let (stream, side_data) = first_frame(&playlist);
        let expected = match is_hdr {
            true => [depth, transfer, "bt2020", "bt2020nc", "tv"],
            false => [depth, "bt709", "bt709", "bt709", "tv"],
        };
        assert_eq!(colors(&stream), expected, "{context}, {name}");
        let kinds: Vec<_> = side_data.iter().map(|it| &it["side_data_type"]).collect();
        let has = |kind: &str| kinds.iter().any(|it| **it == kind);
        let has_metadata = [
            has("Mastering display metadata"),
            has("Content light level metadata"),
        ];
        // libaom, the encoder of AV1 with older versions, takes none.
        let is_lost = name == "120p-av1" && version.folder.is_none();
        let expected = [display && is_hdr && !is_lost; 2];
        assert_eq!(has_metadata, expected, "{context}, {name}: {kinds:?}");
        if expected[0] {
            check_metadata(&side_data, &format!("{context}, {name}"));
        }
    }
}

fn find(folder: &Path, name: &str) -> PathBuf {
    let mut files = e2e::dev::files(folder).into_iter();
    let found = files.find(|it| it.file_name().is_some_and(|it| it == name));
    folder.join(found.unwrap_or_else(|| panic!("no {name} below {}", folder.display())))
}

/// The display and the levels of the film, in whatever units.
fn check_metadata(side_data: &[Value], context: &str) {
    let number = |name: &str| {
        let value = side_data.iter().find_map(|it| it.get(name));
        let value = value.unwrap_or_else(|| panic!("{context}: {name}"));
        match value.as_str().and_then(|it| it.split_once('/')) {
            Some((num, den)) => num.parse::<f64>().unwrap() / den.parse::<f64>().unwrap(),
            None => value.as_f64().unwrap(),
        }
    };
    for (name, expected) in [
        ("red_x", 0.68),
        ("green_y", 0.69),
        ("blue_y", 0.06),
        ("white_point_x", 0.3127),
        ("max_luminance", 1000.0),
        ("min_luminance", 0.005),
        ("max_content", 1000.0),
        ("max_average", 400.0),
    ] {
        let found = number(name);
        let off = (found - expected).abs();
        assert!(off < 0.0002, "{context}: {name} is {found}");
    }
}

/// Every version of FFmpeg that has the encoders, for HDR10 and HLG.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rungs_keep_the_dynamic_range() {
    if !has_encoder("libx265") {
        testkit::missing("FFmpeg with libx265", "scripts/setup.sh");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let metadata = format!(":hdr10=1:max-cll=1000,400:{DISPLAY}");
    let hdr10 = hdr_film(&path("hdr10.mp4"), "smpte2084", &metadata);
    let hlg = hdr_film(&path("hlg.mp4"), "arib-std-b67", "");
    for version in [
        Some(FFmpeg::on_path()),
        FFmpeg::installed("8.1"),
        FFmpeg::installed("9.0"),
    ] {
        let Some(version) = version else { continue };
        keeps(&version, &hdr10, "smpte2084", true).await;
        keeps(&version, &hlg, "arib-std-b67", false).await;
    }
}

/// A transport stream is read through the normaliser if its frames change their size: its frames
/// carry neither tags nor metadata.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_read_once_keeps_it_too() {
    if !has_encoder("libx265") {
        testkit::missing("FFmpeg with libx265", "scripts/setup.sh");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let metadata = format!(":hdr10=1:max-cll=1000,400:{DISPLAY}");
    let film = hdr_film(&folder.path().join("a.mp4"), "smpte2084", &metadata);
    let stream = folder.path().join("a.h265");
    ffmpeg(&[
        "-i",
        &text(&film),
        "-map",
        "0:v",
        "-c",
        "copy",
        &text(&stream),
    ]);
    keeps(&FFmpeg::on_path(), &stream, "smpte2084", true).await;
}
