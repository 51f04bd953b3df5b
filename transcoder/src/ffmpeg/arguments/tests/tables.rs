//! Properties of command lines that hold for whatever is planned.

use domain::loudness::Loudness;
use domain::plan::Boundary;
use domain::probe::{ColorMatrix, Ratio};
use domain::profile::{Preset, RateControl};
use proptest::prelude::*;

use super::*;
use crate::testing::foreign;

mod surround;

/// The values of an option, in order.
fn values<'a>(arguments: &'a [String], option: &str) -> Vec<&'a str> {
    let pairs = arguments.windows(2).filter(|it| it[0] == option);
    pairs.map(|it| it[1].as_str()).collect()
}

impl Paper {
    fn raw(&self, of: impl Fn(&CommandInputs<'_>) -> Vec<String>) -> Vec<String> {
        let output = |name: &str, file: &str| format!("OUT/{name}/{file}");
        of(&CommandInputs {
            plan: &self.plan,
            probe: &self.probe,
            encoder: &self.profile.encoder,
            newer: &self.newer,
            device: Path::new("/dev/dri/renderD128"),
            deinterlacer: "bwdif",
            tone_map: None,
            watermark: None,
            source: "SOURCE",
            output: &output,
        })
    }
}

#[test]
fn a_run_seeks_to_its_first_segment() {
    let mut paper = Paper::new(standard());
    let seek = |paper: &Paper, chunk: usize| {
        let chunks = paper.plan.encode_chunks.clone();
        let arguments = paper.raw(|it| it.encode(Lane::Encode, &chunks[chunk..=chunk], 1));
        values(&arguments, "-ss").first().map(|it| (*it).to_owned())
    };
    assert_eq!(seek(&paper, 0), None, "from the beginning");
    assert_eq!(seek(&paper, 1).as_deref(), Some("6.000000"));
    // On the clock of the container.
    paper.probe.video_mut().start_pts = 15_360 * 3;
    assert_eq!(seek(&paper, 1).as_deref(), Some("9.000000"));
    // Sound begins a second before the picture.
    paper.probe.index.video_start = 90_000;
    assert_eq!(seek(&paper, 1).as_deref(), Some("8.000000"));
    (
        paper.probe.video_mut().start_pts,
        paper.probe.index.video_start,
    ) = (0, 0);
    paper.probe.index.seeking = Seeking::Approximate;
    assert_eq!(
        seek(&paper, 1).as_deref(),
        Some("5.000000"),
        "a second before the keyframe"
    );
    paper.probe.index.keyframes = vec![0];
    assert_eq!(seek(&paper, 1), None, "there is no keyframe to go to");
    paper.probe.index.seeking = Seeking::Sequential;
    assert_eq!(seek(&paper, 1), None);
}

/// The chain of one track, whose peaks a limiter keeps.
#[test]
fn audio_is_brought_to_a_loudness() {
    let mut probe = foreign();
    probe.audio_mut().loudness = Some(Loudness {
        integrated_lufs: (-20.5).into(),
        range_lu: 5.0.into(),
        true_peak_dbtp: (-3.0).into(),
    });
    let profile = Profile::parse("[loudness]\nnormalise = true").unwrap();
    let paper = Paper::by(profile, probe);
    let arguments = paper.raw(|it| it.audio(&it.plan.audio_chunks[0]));
    let graph = values(&arguments, "-filter_complex")[0];
    let chain = graph.split(',').skip_while(|it| !it.starts_with("aformat"));
    let chain: Vec<_> = chain.take_while(|it| *it != "apad").collect();
    insta::assert_snapshot!(chain.join(","), @"aformat=sample_fmts=fltp:channel_layouts=stereo,volume=4.5dB,alimiter=limit=0.7943:attack=5:release=50:level=disabled:latency=1,aformat=sample_fmts=fltp");
}

/// The options of the encoders, from `-c:v` to the keyframes, which are the same for all.
#[test]
fn every_codec_has_an_encoder() {
    let rung = |codec: &str| {
        let rung = "width = 640\nheight = 360\nvideo_kbps = 400\naudio_kbps = 128";
        format!("[[rung]]\nname = \"{codec}\"\ncodec = \"{codec}\"\n{rung}\n")
    };
    let mut table = String::new();
    for (control, codecs, library) in [
        ("capped-crf", &["h264", "hevc", "av1"][..], Av1Library::Svt),
        ("capped-crf", &["h264", "av1"], Av1Library::Aom),
        ("cbr", &["h264", "hevc"], Av1Library::Svt),
    ] {
        let rungs: String = codecs.iter().copied().map(rung).collect();
        let head = format!("segment_format = \"fmp4\"\n[encoder]\nrate_control = \"{control}\"\n");
        let profile = Profile::parse(&(head + &rungs)).unwrap();
        let mut paper = Paper::by(profile, foreign());
        paper.newer.av1_library = library;
        let arguments = [Lane::First, Lane::Encode].map(|lane| {
            let chunk: Vec<_> = paper.plan.chunks(lane).iter().take(1).cloned().collect();
            match chunk.is_empty() {
                true => vec![],
                false => paper.raw(|it| it.encode(lane, &chunk, 2)),
            }
        });
        let arguments = arguments.concat().join(" ");
        for encoder in arguments.split("-c:v ").skip(1) {
            let options = encoder.split(" -g ").next().unwrap_or_default();
            table += &format!("{control}: {options}\n");
        }
    }
    insta::assert_snapshot!(table, @"
    capped-crf: libx264 -preset veryfast -threads 2 -sc_threshold 0 -crf 23 -maxrate 400k -bufsize 600k -x264-params vbv-init=0.5
    capped-crf: libx265 -preset fast -crf 26 -maxrate 400k -bufsize 600k -forced-idr 1 -x265-params log-level=error:open-gop=0:scenecut=0:pools=2:frame-threads=2:vbv-init=0.5
    capped-crf: libsvtav1 -preset 8 -crf 35 -svtav1-params lp=2:mbr=400:scd=0
    capped-crf: libx264 -preset veryfast -threads 1 -crf 26
    capped-crf: libx264 -preset veryfast -threads 2 -sc_threshold 0 -crf 23 -maxrate 400k -bufsize 600k -x264-params vbv-init=0.5
    capped-crf: libaom-av1 -cpu-used 8 -threads 2 -crf 35 -b:v 400k
    capped-crf: libx264 -preset veryfast -threads 1 -crf 26
    cbr: libx264 -preset veryfast -threads 2 -sc_threshold 0 -b:v 400k -minrate 400k -maxrate 400k -bufsize 400k -x264-params nal-hrd=cbr
    cbr: libx265 -preset fast -b:v 400k -minrate 400k -maxrate 400k -bufsize 400k -forced-idr 1 -x265-params log-level=error:open-gop=0:scenecut=0:pools=2:frame-threads=2:strict-cbr=1
    cbr: libx264 -preset veryfast -threads 1 -crf 26
    ");
}

#[test]
fn the_encoder_does_what_the_profile_says() {
    let mut paper = Paper::new(foreign());
    paper.profile.encoder.preset = Preset::Slow;
    paper.profile.encoder.crf = 19;
    let chunks = paper.plan.encode_chunks.clone();
    let arguments = paper.raw(|it| it.encode(Lane::Encode, &chunks[1..=1], 3));
    let others: Vec<_> = paper.plan.rungs_of(Lane::Encode).collect();
    let rungs = others.len();
    assert_eq!(values(&arguments, "-preset"), vec!["slow"; rungs + 1]);
    assert_eq!(
        values(&arguments, "-crf"),
        [vec!["19"; rungs], vec!["26"]].concat()
    );
    // Before the input, of the decoder; then of each encoder, and one for the I-frames.
    assert_eq!(
        values(&arguments, "-threads"),
        [vec!["3"; rungs + 1], vec!["1"]].concat()
    );
    let caps: Vec<String> = others
        .iter()
        .map(|it| format!("{}k", it.video_kbps))
        .collect();
    assert_eq!(values(&arguments, "-maxrate"), caps);
    let buffers: Vec<String> = others
        .iter()
        .map(|it| format!("{}k", it.video_kbps * 3 / 2))
        .collect();
    assert_eq!(values(&arguments, "-bufsize"), buffers);
    paper.profile.encoder.rate_control = RateControl::Cbr;
    let arguments = paper.raw(|it| it.encode(Lane::Encode, &chunks[1..=1], 1));
    for option in ["-b:v", "-minrate", "-maxrate", "-bufsize"] {
        assert_eq!(values(&arguments, option), caps, "{option}");
    }
    assert_eq!(values(&arguments, "-crf"), ["26"], "only the I-frames");
}

#[test]
fn each_output_is_named_once_and_numbered_by_its_first_segment() {
    let paper = Paper::new(foreign());
    for chunk in &paper.plan.encode_chunks {
        let arguments = paper.raw(|it| it.encode(Lane::Encode, std::slice::from_ref(chunk), 1));
        let outputs: Vec<_> = arguments
            .iter()
            .filter(|it| it.starts_with("OUT/"))
            .map(String::as_str)
            .collect();
        let names = ["1080p", "720p", "360p", "iframes"].map(|it| format!("OUT/{it}/%d.ts"));
        assert_eq!(outputs, names);
        let mut numbers = vec![chunk.segments.start; 3];
        numbers.push(chunk.index);
        let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
        assert_eq!(values(&arguments, "-segment_start_number"), numbers);
        let cuts = values(&arguments, "-segment_times");
        assert!(
            cuts.iter()
                .all(|it| it.split(',').count() + 1 == chunk.segments.len()),
            "{arguments:?}"
        );
    }
}

#[test]
fn sound_is_made_for_its_plan() {
    let mut paper = Paper::with_two_audio_rates(foreign());
    paper.probe.audio_mut().channels = 12;
    let first = paper.plan.audio_chunks[0].clone();
    let arguments = paper.raw(|it| it.audio(&first));
    assert_eq!(values(&arguments, "-b:a"), ["96k", "64k"]);
    assert_eq!(values(&arguments, "-ac"), ["2", "2"]);
    let graph = values(&arguments, "-filter_complex")[0];
    assert!(
        graph.contains("pan=stereo|") && graph.ends_with("asplit=2[audio-96k][audio-64k]"),
        "{graph}"
    );
    assert!(
        graph.contains("atrim=end_pts=2880000"),
        "60 s at 48 kHz: {graph}"
    );
    for audio in &mut paper.plan.audio {
        (audio.channels, audio.sample_rate) = (1, 44_100);
    }
    paper.probe.audio_mut().channels = 1;
    let arguments = paper.raw(|it| it.audio(&first));
    let graph = values(&arguments, "-filter_complex")[0];
    assert!(
        graph.contains("aresample=44100,") && graph.contains("channel_layouts=mono"),
        "{graph}"
    );
    assert!(
        graph.contains("atrim=end_pts=2646000") && !graph.contains("pan="),
        "{graph}"
    );
}

#[test]
fn colours_that_are_not_tagged_are_said() {
    let of = |change: fn(&mut domain::probe::VideoStream)| {
        let mut probe = standard();
        change(probe.video_mut());
        let paper = Paper::new(probe);
        let chunks = copied(&paper);
        let copy = paper.raw(|it| it.copy(&chunks[0]));
        let encode = paper.raw(|it| it.encode(Lane::Encode, &paper.plan.encode_chunks[0..=0], 1));
        let filter = values(&copy, "-bsf:v").first().map(|it| (*it).to_owned());
        (filter, values(&encode, "-filter_complex")[0].to_owned())
    };
    let (filter, graph) = of(|_| ());
    assert_eq!(filter, None, "the source says it itself");
    assert!(
        !graph.contains("in_color_matrix") && graph.contains("colorspace=bt709"),
        "{graph}"
    );
    let (filter, graph) = of(|it| it.tagged = false);
    assert!(filter.unwrap().contains("matrix_coefficients=1:"));
    assert!(
        graph.contains("in_color_matrix=bt709:out_color_matrix=bt709"),
        "{graph}"
    );
    for matrix in [ColorMatrix::Smpte170m, ColorMatrix::Bt470bg] {
        let mut probe = standard();
        let video = probe.video_mut();
        (video.tagged, video.matrix) = (false, Some(matrix));
        let paper = Paper::new(probe);
        let chunks = copied(&paper);
        let copy = paper.raw(|it| it.copy(&chunks[0]));
        assert!(
            values(&copy, "-bsf:v")[0].contains("matrix_coefficients=6:"),
            "{matrix:?}"
        );
        let encode = paper.raw(|it| it.encode(Lane::Encode, &paper.plan.encode_chunks[0..=0], 1));
        let graph = values(&encode, "-filter_complex")[0];
        assert!(
            graph.contains("in_color_matrix=bt601:out_color_matrix=bt601"),
            "{matrix:?}: {graph}"
        );
        assert!(
            graph.contains("color_primaries=smpte170m"),
            "{matrix:?}: {graph}"
        );
    }
}

#[test]
fn copied_sound_begins_with_its_own_unit() {
    let mut probe = standard();
    probe.audio_mut().start_seconds = 0.01;
    let paper = Paper::new(probe);
    let chunks = copied(&paper);
    let arguments = paper.raw(|it| it.copy(&chunks[1]));
    let offsets = values(&arguments, "-output_ts_offset");
    // Units of 1024 samples, counted from 0.01 s: the one nearest to 12 s.
    let unit = ((12.0_f64 - 0.01) * 48_000.0 / 1_024.0 - 0.5).ceil() * 1_024.0 / 48_000.0 + 0.01;
    assert_eq!(offsets, ["-12.000000".to_owned(), format!("{:.6}", -unit)]);
}

#[test]
fn a_sheet_of_pictures_is_tiled() {
    let size = Size {
        width: 160,
        height: 90,
    };
    let large = Size {
        width: 320,
        height: 180,
    };
    let single = super::super::images("IN", "mpegts", size, "OUT").join(" ");
    let sheet = super::super::sheets("IN", "mpegts", [size, large], (10, 3), "OUT").join(" ");
    assert!(!single.contains("tile="), "{single}");
    insta::assert_snapshot!(sheet, @"-max_pixels 67108864 -max_streams 256 -protocol_whitelist http,tcp -format_whitelist mpegts -f mpegts -threads 1 -i IN -filter_complex_threads 1 -filter_complex [0:v]setpts=N/TB,scale=320:180:flags=bicubic:out_color_matrix=bt601:out_range=tv,format=yuv420p,setparams=range=tv:colorspace=bt470bg,split[large][copy];[large]tile=10x3[second];[copy]scale=160:90:flags=bicubic,tile=10x3[first] -map [first] -fps_mode passthrough -start_number 1 -c:v mjpeg -q:v 4 -pix_fmt yuvj420p -f image2 OUT -map [second] -fps_mode passthrough -start_number 2 -c:v mjpeg -q:v 6 -pix_fmt yuvj420p -f image2 OUT");
    assert!(
        single.contains("setpts=N/TB,scale=160:90:flags=bicubic"),
        "{single}"
    );
}

/// A still lies a little before its moment: the frame that is shown then began earlier.
#[test]
fn a_still_is_never_before_the_beginning() {
    let size = Size {
        width: 90,
        height: 160,
    };
    for (offset, start) in [
        (0.0, "0.000000"),
        (0.005, "0.000000"),
        (0.01, "0.000000"),
        (2.0, "1.990000"),
    ] {
        let text = super::super::still("IN", "mpegts", size, offset, "OUT").join(" ");
        assert!(
            text.contains(&format!("trim=start={start},")),
            "{offset}: {text}"
        );
        assert!(
            text.contains("scale=160:160:force_original_aspect_ratio=decrease"),
            "it may lie on its side: {text}"
        );
    }
}

/// The frame of its chunk that `frame_in_chunk` gives for frame `n` of a run.
fn evaluate(expression: &str, n: u64) -> u64 {
    if let Some(rest) = expression.strip_prefix("if(lt(n\\,") {
        let (before, rest) = rest.split_once(")\\,").unwrap();
        let (first, rest) = rest.split_once(")\\,").unwrap();
        let is_first = n < before.parse().unwrap();
        let then = rest.strip_suffix(')').unwrap();
        return match is_first {
            true => evaluate(&format!("{first})"), n),
            false => evaluate(then, n),
        };
    }
    let numbers: Vec<u64> = expression
        .split(|it: char| !it.is_ascii_digit())
        .filter_map(|it| it.parse().ok())
        .collect();
    match numbers[..] {
        [] => n,
        [length] => n % length,
        [start, length] => (n - start) % length,
        _ => panic!("{expression}"),
    }
}

proptest! {
    /// In a run of several chunks, each chunk begins with an I-frame of its own, and they lie a second apart.
    #[test]
    fn chunks_of_one_run_begin_with_an_iframe(
        rate in prop::sample::select(vec![(24_000, 1_001), (25, 2), (25, 1), (30_000, 1_001), (30, 1), (50, 1)]),
        lengths in prop::sample::select(vec![(6.0, 2.0), (2.0, 1.5), (2.0, 2.0), (3.0, 3.0), (4.0, 1.9), (10.0, 2.0)]),
        seconds in 1_u64..200,
        millis in 0_u64..1_000,
        first in 0_usize..4,
    ) {
        let mut probe = foreign();
        probe.index.seeking = Seeking::Sequential;
        probe.video_mut().frame_rate = Ratio { num: rate.0, den: rate.1 };
        probe.index.end = seconds * 90_000 + millis * 90;
        probe.index.video_end = probe.index.end;
        let profile = Profile {
            segment_seconds: lengths.0,
            keyframe_seconds: lengths.1,
            ..Profile::default()
        };
        let plan = EncodePlan::new(&probe, &profile, Mode::Abr).unwrap();
        let chunks = &plan.encode_chunks[first.min(plan.encode_chunks.len() - 1)..];
        let expression = super::graph::frame_in_chunk(&plan, chunks);
        let start = plan.boundaries[chunks[0].segments.start as usize].frame;
        let every = iframe_interval(&plan);
        for chunk in chunks {
            let span = plan.span(&chunk.segments);
            for frame in span.start.frame..span.end.frame {
                let is_due = (frame - span.start.frame).is_multiple_of(every);
                let is_made = evaluate(&expression, frame - start).is_multiple_of(every);
                prop_assert_eq!(is_made, is_due, "frame {} of chunk {:?}: {}", frame, chunk, expression);
            }
        }
    }

    /// Every run cuts where the plan does, a little before each boundary.
    #[test]
    fn cuts_lie_before_boundaries(first in 0_usize..2, lane in 0..3_u8) {
        let remuxed = Paper::new(standard());
        let encoded = Paper::with_two_audio_rates(foreign());
        let (paper, chunks) = match lane {
            0 => (&remuxed, &remuxed.plan.copy_chunks),
            1 => (&encoded, &encoded.plan.audio_chunks),
            _ => (&encoded, &encoded.plan.encode_chunks),
        };
        let chunk = &chunks[first];
        let arguments = match lane {
            0 => paper.raw(|it| it.copy(chunk)),
            1 => paper.raw(|it| it.audio(chunk)),
            _ => paper.raw(|it| it.encode(Lane::Encode, std::slice::from_ref(chunk), 1)),
        };
        let end = if lane == 2 { chunk.segments.end } else { paper.plan.segments() };
        let boundaries: &[Boundary] = &paper.plan.boundaries[chunk.segments.start as usize..end as usize];
        let offsets = values(&arguments, "-output_ts_offset");
        for (times, offset) in values(&arguments, "-segment_times").iter().zip(offsets) {
            let times: Vec<f64> = times.split(',').map(|it| it.parse().unwrap()).collect();
            prop_assert_eq!(times.len(), boundaries.len() - 1);
            // Times count from the first packet, which may lie half an access unit before its boundary.
            let first = -offset.parse::<f64>().unwrap();
            prop_assert!((seconds(boundaries[0].ticks) - first).abs() < 0.011, "{offset}");
            for (time, boundary) in times.iter().zip(&boundaries[1..]) {
                let early = seconds(boundary.ticks) - first - time;
                prop_assert!(early > 0.01 && early < 0.017, "{early}: half of a frame, or of an access unit");
            }
        }
    }
}
