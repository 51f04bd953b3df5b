//! Captions in a file: text streams, and closed captions in the frames.

use e2e::media::{ffmpeg as run_ffmpeg, has_encoder};
use testkit::closed_captions::{Captions, Command, Pairs, insert, packet};

use super::*;

/// All tests of captions, each with its name.
pub(super) fn runs<'a>(ffmpeg: &'a FFmpeg) -> Vec<testkit::Case<'a>> {
    vec![
        (
            "subtitles of Matroska",
            subtitles_of_matroska(ffmpeg).boxed_local(),
        ),
        ("subtitles of MP4", subtitles_of_mp4(ffmpeg).boxed_local()),
        (
            "closed captions of H.264",
            closed_captions_of_h264(ffmpeg).boxed_local(),
        ),
        (
            "closed captions of HEVC",
            closed_captions_of_hevc(ffmpeg).boxed_local(),
        ),
        (
            "closed captions of MPEG-2",
            closed_captions_of_mpeg2(ffmpeg).boxed_local(),
        ),
        (
            "closed captions of joined streams",
            closed_captions_of_joined_streams(ffmpeg).boxed_local(),
        ),
        (
            "closed captions of a cut stream",
            closed_captions_of_a_cut_stream(ffmpeg).boxed_local(),
        ),
    ]
}

/// Text streams of any codec become captions, on the clock of the presentation.
async fn subtitles_of_matroska(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let texts = ["Hello", "Bonjour", "Sign", "Last"];
    let files: Vec<String> = texts
        .iter()
        .map(|it| {
            let path = work.path(&format!("{it}.srt"));
            let cue = format!("1\n00:00:01,000 --> 00:00:02,500\n<i>{it}</i>\n");
            std::fs::write(&path, cue).unwrap();
            text(&path)
        })
        .collect();
    let film = work.make(
        "film.mkv",
        &[&pictures(SIZE, 30, 3.0, 0), &tones(3.0, 1)],
        // AAC would begin a little before the video.
        &[&H264[..], &["-c:a", "flac"]].concat(),
    );
    let with_texts = work.path("texts.mkv");
    let mut arguments = vec!["-i".to_owned(), text(&film)];
    arguments.extend(files.iter().flat_map(|it| ["-i".to_owned(), it.clone()]));
    arguments.extend((1..6).flat_map(|it| ["-map".to_owned(), it.to_string()]));
    let options = "-map_chapters 0 -c copy -c:s:1 ass -c:s:2 srt -metadata:s:s:0 language=eng -metadata:s:s:1 language=fra \
        -metadata:s:s:2 language=eng -disposition:s:2 forced -metadata:s:s:3 language=eng";
    arguments.extend(options.split_whitespace().map(str::to_owned));
    let marks = work.path("marks.txt");
    let chapter = |start: u32, title: &str| {
        format!(
            "[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={}\ntitle={title}\n",
            start + 1
        )
    };
    let chapters = [chapter(5_000, "Beginning"), chapter(6_500, "Middle")].concat();
    std::fs::write(&marks, format!(";FFMETADATA1\n{chapters}")).unwrap();
    arguments.splice(0..0, ["-i".to_owned(), text(&marks)]);
    // The presentation begins five seconds into the container.
    arguments.extend([
        "-output_ts_offset".to_owned(),
        "5".to_owned(),
        text(&with_texts),
    ]);
    e2e::media::ffmpeg(&arguments);
    work.ready(&with_texts, 3.0).await;
    let master = std::fs::read_to_string(work.master()).unwrap();
    let named = |line: &str| {
        let of = |name: &str| line.split(&format!("{name}=\"")).nth(1)?.split('"').next();
        Some((of("LANGUAGE")?.to_owned(), of("NAME")?.to_owned()))
    };
    let subtitles = master.lines().filter(|it| it.contains("TYPE=SUBTITLES"));
    let found: Vec<(String, String)> = subtitles.filter_map(named).collect();
    let expected = [
        ("en", "English"),
        ("en", "English (forced)"),
        ("en-x-2", "English (x-2)"),
        ("fr", "Français"),
    ];
    assert_eq!(
        found,
        expected.map(|(language, name)| (language.to_owned(), name.to_owned()))
    );
    let segments = e2e::dev::files(&work.path("out")).into_iter();
    let cues: Vec<String> = segments
        .filter(|it| {
            it.extension().is_some_and(|it| it == "vtt") && text(it).contains("/captions-")
        })
        .map(|it| std::fs::read_to_string(work.path("out").join(it)).unwrap())
        .collect();
    assert_eq!(cues.len(), 4, "{cues:?}");
    for words in texts {
        let cue = format!("00:00:01.000 --> 00:00:02.500\n<i>{words}</i>\n");
        assert!(cues.iter().any(|it| it.ends_with(&cue)), "{cue}: {cues:?}");
    }
    assert_eq!(work.report["missing"], serde_json::json!([]));
    let uri = master.split("com.apple.hls.chapters\",URI=\"").nth(1);
    let uri = uri.and_then(|it| it.split('"').next()).unwrap();
    let document = work.path("out").join("hls").join(uri);
    let chapters: Value = serde_json::from_slice(&std::fs::read(document).unwrap()).unwrap();
    let starts = |it: &Value| (it["start-time"].clone(), it["titles"][0]["title"].clone());
    let chapters: Vec<_> = chapters.as_array().unwrap().iter().map(starts).collect();
    assert_eq!(
        serde_json::json!(chapters),
        serde_json::json!([[0.0, "Beginning"], [1.5, "Middle"]])
    );
}

/// MP4 has text in its own format.
async fn subtitles_of_mp4(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let texts = work.path("texts.srt");
    std::fs::write(
        &texts,
        "1\n00:00:00,500 --> 00:00:01,500\nHello & welcome\n",
    )
    .unwrap();
    let silent = work.make("silent.mp4", &[&pictures(SIZE, 30, 2.0, 0)], &H264);
    let film = work.path("film.mp4");
    let (inputs, output) = ([text(&silent), text(&texts)], text(&film));
    let options = "-c copy -c:s mov_text -metadata:s:s:0 language=ger";
    let mut arguments: Vec<String> = inputs
        .iter()
        .flat_map(|it| ["-i".to_owned(), it.clone()])
        .collect();
    arguments.extend(options.split_whitespace().map(str::to_owned));
    arguments.push(output);
    e2e::media::ffmpeg(&arguments);
    work.ready(&film, 2.0).await;
    let master = std::fs::read_to_string(work.master()).unwrap();
    assert!(master.contains("LANGUAGE=\"de\""), "{master}");
}

/// Frames per second of the files.
const RATE: u32 = 30;

/// A caption that pops on.
fn pops_on(text: &str) -> Pairs {
    Pairs::default()
        .command(Command::ResumeCaptionLoading)
        .command(Command::EraseHidden)
        .last_row()
        .text(text)
        .command(Command::EndOfCaption)
}

/// A line of captions of the second field that roll up.
fn rolls_up(text: &str) -> Pairs {
    Pairs::default()
        .code(0x15, Command::RollUp2 as u8)
        .code(0x15, Command::CarriageReturn as u8)
        .last_row()
        .text(text)
}

/// A raw stream of five seconds with captions in both fields, of H.264 or HEVC.
fn captioned(work: &Work<'_>, codec: &[&str], is_hevc: bool) -> PathBuf {
    let (name, path) = match is_hevc {
        true => ("plain.hevc", work.path("captioned.hevc")),
        false => ("plain.h264", work.path("captioned.h264")),
    };
    let plain = work.make(name, &[&pictures((320, 180), RATE, 5.0, 0)], codec);
    let captions = Captions::default()
        .send(0, 10, pops_on("Hello & welcome"))
        .send(0, 60, pops_on("second"))
        .send(0, 120, Pairs::default().command(Command::EraseDisplayed))
        .send(1, 30, rolls_up("uno"))
        .send(1, 90, rolls_up("dos"))
        // Service 1 has the text of the first channel.
        .send_packet(17, service(1, b"Hello & welcome"))
        .send_packet(45, service(2, b"a service"))
        .send_packet(105, packet(2, &[0x8c, 0xff]));
    let written = captions.write(&std::fs::read(plain).unwrap(), is_hevc);
    std::fs::write(&path, written).unwrap();
    path
}

/// A packet that shows a text in a window at the bottom of the picture (CTA-708-E, 8.10.5.2).
fn service(number: u8, text: &[u8]) -> Vec<u8> {
    packet(
        number,
        &[&[0x98, 0x38, 0xdf, 50, 0x70, 31, 0x11], text].concat(),
    )
}

/// Puts a raw stream into a file, encoded again or not. FFmpeg writes its captions again.
fn muxed(work: &Work<'_>, raw: &Path, name: &str, options: &[&str]) -> PathBuf {
    let (rate, source, path) = (RATE.to_string(), text(raw), work.path(name));
    let output = text(&path);
    let input = ["-r", &rate, "-i", &source];
    run_ffmpeg(&[&input[..], options, &[&output]].concat());
    path
}

/// A raw stream of H.264 with captions.
fn captioned_h264(work: &Work<'_>) -> PathBuf {
    let codec = [&H264[..], &["-bf", "0", "-g", "30"]].concat();
    captioned(work, &codec, false)
}

/// A transport stream with captions, whose frames are not in the order of presentation.
fn reordered(work: &Work<'_>, name: &str) -> PathBuf {
    let options = "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 30 -bf 3";
    let options: Vec<&str> = options.split(' ').collect();
    muxed(work, &captioned_h264(work), name, &options)
}

/// The published cues of a language: times in milliseconds, and text.
fn cues(work: &Work<'_>, language: &str) -> Vec<(u64, u64, String)> {
    let master = std::fs::read_to_string(work.master()).unwrap();
    let tag = format!("LANGUAGE=\"{language}\"");
    let mut media = master.lines().filter(|it| it.contains("TYPE=SUBTITLES"));
    let uri = media.find(|it| it.contains(&tag)).and_then(|it| {
        let uri = it.split("URI=\"").nth(1)?;
        uri.split('"').next()
    });
    let Some(folder) = uri.and_then(|it| it.rsplit('/').nth(1)) else {
        return vec![];
    };
    let segments = files(&work.path("out")).into_iter();
    let own =
        |it: &PathBuf| it.extension().is_some_and(|it| it == "vtt") && text(it).contains(folder);
    let texts: Vec<String> = segments
        .filter(own)
        .map(|it| std::fs::read_to_string(work.path("out").join(it)).unwrap())
        .collect();
    // One segment has up to thirty seconds.
    assert_eq!(texts.len(), 1, "{language}");
    cues_in(&texts[0])
}

/// The cues of a file in WebVTT or SRT.
fn cues_in(file: &str) -> Vec<(u64, u64, String)> {
    let ms = |time: &str| {
        let fields = time.trim().replace(',', ".");
        let seconds = fields.split(':').map(|it| it.parse::<f64>().unwrap());
        (seconds.fold(0.0, |sum, it| sum * 60.0 + it) * 1000.0).round() as u64
    };
    let blocks = file.split("\n\n").filter_map(|block| {
        let (times, words) = block.split_once(" --> ")?;
        let (end, words) = words.split_once('\n').unwrap_or((words, ""));
        let start = times.lines().last()?;
        let end = end.split(' ').next()?;
        Some((ms(start), ms(end), words.trim().to_owned()))
    });
    blocks.collect()
}

/// The text in the order of time, without markup.
fn words(cues: &[(u64, u64, String)]) -> Vec<String> {
    let plain = |it: &str| {
        let mut in_tag = false;
        let kept = it.chars().filter(|c| {
            in_tag = (in_tag || matches!(c, '<' | '{')) && !matches!(c, '>' | '}');
            !in_tag && !matches!(c, '>' | '}')
        });
        kept.collect::<String>()
            .replace("&amp;", "&")
            .replace("\\h", " ")
    };
    cues.iter()
        .map(|it| plain(&it.2).trim().to_owned())
        .collect()
}

/// The captions are those that FFmpeg's own decoder finds, with the same times.
async fn finds_what_ffmpeg_finds(work: &mut Work<'_>, film: &Path) {
    let (srt, movie) = (text(&work.path("oracle.srt")), text(film));
    let movie = format!("movie={movie}[out+subcc]");
    run_ffmpeg(&["-f", "lavfi", "-i", &movie, "-map", "0:s", &srt]);
    let oracle = cues_in(&std::fs::read_to_string(&srt).unwrap());
    work.ready(film, 5.0).await;
    let found = cues(work, "und");
    let together = format!("{movie}: {found:?}, FFmpeg: {oracle:?}");
    assert_eq!(words(&found), ["Hello & welcome", "second"], "{together}");
    assert_eq!(words(&oracle), words(&found), "{together}");
    // To the frame: the times of some frames of MPEG-2 are not in the file.
    let near = |a: u64, b: u64| a.abs_diff(b) <= 1000_u64.div_ceil(RATE.into());
    let mut times = found.iter().zip(&oracle);
    assert!(
        times.all(|(it, of)| near(it.0, of.0) && near(it.1, of.1)),
        "{together}"
    );
    // The second field: the line that was complete, and both.
    assert_eq!(words(&cues(work, "und-x-2")), ["uno", "uno\ndos"]);
    let services = cues(work, "und-x-3");
    assert_eq!(words(&services), ["a service"], "{movie}");
    let frames = |ms: u64| (ms as f64 * f64::from(RATE) / 1000.0).round() as u64;
    let times = frames(services[0].1 - services[0].0);
    assert!((59..=61).contains(&times), "{movie}: {services:?}");
    assert_eq!(work.report["missing"], serde_json::json!([]));
}

async fn closed_captions_of_h264(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let film = reordered(&work, "film.ts");
    finds_what_ffmpeg_finds(&mut work, &film).await;
}

async fn closed_captions_of_hevc(ffmpeg: &FFmpeg) {
    if !has_encoder("libx265") {
        testkit::missing("FFmpeg with libx265", "scripts/setup.sh");
        return;
    }
    let mut work = Work::new(ffmpeg);
    let codec =
        "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none:bframes=0";
    let codec: Vec<&str> = codec.split(' ').collect();
    let raw = captioned(&work, &codec, true);
    let film = muxed(&work, &raw, "film.mp4", &["-c", "copy", "-tag:v", "hvc1"]);
    finds_what_ffmpeg_finds(&mut work, &film).await;
}

async fn closed_captions_of_mpeg2(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let options = ["-c:v", "mpeg2video", "-g", "15", "-bf", "2", "-q:v", "4"];
    let film = muxed(&work, &captioned_h264(&work), "film.mpg", &options);
    finds_what_ffmpeg_finds(&mut work, &film).await;
}

/// The clock jumps back between the streams: the captions follow the frames.
async fn closed_captions_of_joined_streams(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let one = std::fs::read(reordered(&work, "one.ts")).unwrap();
    let film = work.path("film.ts");
    std::fs::write(&film, [&one[..], &one].concat()).unwrap();
    work.ready(&film, 10.0).await;
    let found = cues(&work, "und");
    let expected = ["Hello & welcome", "second"].repeat(2);
    assert_eq!(words(&found), expected, "{found:?}");
    let offset = found[2].0 - found[0].0;
    assert!((4_900..=5_100).contains(&offset), "{found:?}");
}

/// A stream that ends in the middle of a frame, with messages that are garbage.
async fn closed_captions_of_a_cut_stream(ffmpeg: &FFmpeg) {
    let mut work = Work::new(ffmpeg);
    let captioned = std::fs::read(captioned_h264(&work)).unwrap();
    let garbage = insert(&captioned, false, |frame| {
        let message = testkit::closed_captions::message(&[[0xfc, 0x94, 0x2c]; 3]);
        match frame % 4 {
            // Truncated, of a size that is not there, with a count that is too large.
            0 => message[..8].to_vec(),
            1 => [&[4, 255, 255, 9][..], &message].concat(),
            2 => [&message[..10], &[0xff], &message[11..]].concat(),
            _ => vec![4, 3, 0xb5, 0, 0x31, 255, 255, 255],
        }
    });
    let raw = work.path("raw.h264");
    std::fs::write(&raw, garbage).unwrap();
    let whole = muxed(&work, &raw, "whole.ts", &["-c", "copy"]);
    let bytes = std::fs::read(&whole).unwrap();
    let film = work.path("film.ts");
    std::fs::write(&film, &bytes[..bytes.len() * 7 / 10]).unwrap();
    work.ready(&film, 3.5).await;
    let found = cues(&work, "und");
    assert_eq!(words(&found), ["Hello & welcome", "second"]);
    assert!(found.is_sorted(), "{found:?}");
}
