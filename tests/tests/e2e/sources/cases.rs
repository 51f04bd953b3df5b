//! The sources, and what is expected of their videos.

use super::*;

/// A file and its expected outcome.
pub(super) struct Case {
    pub(super) file: &'static str,
    pub(super) outcome: Outcome,
}

pub(super) enum Outcome {
    /// Refused with this code.
    Refused(&'static str),
    /// Audio without any rung.
    Audio,
    Ready(Ready),
}

pub(super) struct Ready {
    pub(super) seconds: Vec<f64>,
    /// Number of distinct frames.
    pub(super) pictures: RangeInclusive<u64>,
    /// Numbers of the first and the last frame.
    pub(super) numbers: Option<(u64, u64)>,
    pub(super) tones: RangeInclusive<u64>,
    /// Delay of the source's tones after its flashes, milliseconds.
    pub(super) av_ms: i64,
    /// `FRAME-RATE` of every rung.
    pub(super) rate: &'static str,
    /// Size of the largest rung.
    pub(super) size: Option<(u64, u64)>,
    pub(super) encoded: bool,
    /// Whether the counts and colours hold for each rung separately.
    pub(super) each_rung: bool,
    pub(super) colours: bool,
    /// A lavfi source with the same motion: there are no bars, but there must be no combing.
    pub(super) moving: Option<&'static str>,
    /// Filters that make the bars readable, each with the number of distinct frames after it.
    pub(super) views: &'static [(&'static str, u64)],
    /// Without this decoder, the expected outcome is `unsupported-codec`.
    pub(super) decoder: Option<&'static str>,
}

pub(super) fn refused(file: &'static str, code: &'static str) -> Case {
    Case {
        file,
        outcome: Outcome::Refused(code),
    }
}

fn only_audio(file: &'static str) -> Case {
    Case {
        file,
        outcome: Outcome::Audio,
    }
}

fn ready(file: &'static str, seconds: f64, pictures: u64, tones: u64) -> Case {
    let (pictures, tones, seconds) = (pictures..=pictures, tones..=tones, vec![seconds]);
    let ready = Ready {
        seconds,
        pictures,
        tones,
        numbers: None,
        av_ms: 0,
        rate: "",
        size: None,
        encoded: false,
        each_rung: false,
        colours: false,
        moving: None,
        views: &[],
        decoder: None,
    };
    Case {
        file,
        outcome: Outcome::Ready(ready),
    }
}

impl Case {
    fn but(mut self, change: impl FnOnce(&mut Ready)) -> Self {
        if let Outcome::Ready(ready) = &mut self.outcome {
            change(ready);
        }
        self
    }

    /// The number of frames that may be lost.
    fn loses(self, pictures: u64) -> Self {
        self.but(|it| it.pictures = it.pictures.start() - pictures..=*it.pictures.end())
    }

    pub(super) fn numbers(self, first: u64, last: u64) -> Self {
        self.but(|it| it.numbers = Some((first, last)))
    }

    pub(super) fn rate(self, rate: &'static str) -> Self {
        self.but(|it| it.rate = rate)
    }

    pub(super) fn size(self, width: u64, height: u64) -> Self {
        self.but(|it| it.size = Some((width, height)))
    }

    fn av(self, own_ms: i64) -> Self {
        self.but(|it| it.av_ms = own_ms)
    }

    pub(super) fn each_rung(self) -> Self {
        self.but(|it| it.each_rung = true)
    }

    pub(super) fn views(self, views: &'static [(&'static str, u64)]) -> Self {
        self.but(|it| it.views = views)
    }

    pub(super) fn moving(self) -> Self {
        self.but(|it| (it.moving, it.encoded) = (Some(MOVING), true))
    }
}

/// The content of the files `fields-moving-*`, one frame for every two fields.
const MOVING: &str = "color=c=gray:s=720x480:r=60000/1001:d=3[bg];color=c=white:s=120x300:r=60000/1001:d=3[b];\
                      [bg][b]overlay=x='mod(t*500\\,600)':y=100,framestep=2";

pub(super) const PATCHES: [[i64; 3]; 4] =
    [[200, 40, 40], [40, 180, 40], [40, 40, 200], [128, 128, 128]];

/// The tables of the test sources' README.
pub(super) fn cases() -> Vec<Case> {
    vec![
        ready("av-sound-outlasts-picture.mp4", 12.0, 90, 12).numbers(0, 89),
        ready("av-sound-outlasts-picture.webm", 12.0, 90, 12).numbers(0, 89),
        ready("av-one-picture-and-a-song.mp4", 12.0, 1, 12),
        ready("av-one-picture-and-a-song.mkv", 12.0, 1, 12),
        ready("av-sound-0.5s-longer.mp4", 6.5, 180, 7).numbers(0, 179),
        ready("av-last-slide-stays.mp4", 10.0, 120, 10).numbers(0, 119),
        ready("av-picture-starts-2s-late.mp4", 6.0, 120, 6).numbers(60, 179),
        ready("sound-starts-before-picture.ts", 7.0, 120, 7).numbers(90, 209),
        ready("ts-two-files-joined.ts", 8.0, 240, 8).numbers(0, 239),
        // FFmpeg 8.1 and 9.0 drop a frame at the join.
        ready("old-two-vobs-joined.vob", 8.0, 200, 8)
            .numbers(0, 199)
            .loses(1),
        ready("ts-jump-back.ts", 10.0, 300, 10).numbers(0, 299),
        ready("ts-jump-of-100s.ts", 8.0, 240, 8).numbers(0, 239),
        ready("ts-jump-of-20h.ts", 8.0, 240, 8).numbers(0, 239),
        ready("rate-screen-burst-then-still.mp4", 15.0, 102, 15)
            .loses(2)
            .rate("30.000"),
        ready("rate-screen-burst-short-gop.mp4", 14.0, 102, 15)
            .rate("30.000")
            .each_rung(),
        ready("rate-screen-60-bursts.webm", 15.0, 192, 15)
            .loses(4)
            .rate("60.000"),
        ready("rate-meeting-mostly-still.webm", 90.0, 132, 90)
            .loses(2)
            .rate("30.000"),
        ready("rate-hole-of-100s.mp4", 104.0, 120, 0).numbers(0, 119),
        ready("rate-phone-60.1-shaky.mp4", 6.0, 360, 6)
            .loses(36)
            .rate("60.000")
            .av(-13),
        ready("rate-phone-30.05-shaky.mp4", 6.56, 197, 7)
            .loses(19)
            .rate("30.000")
            .av(-32)
            .each_rung(),
        ready("rate-slides-1fps-60s.mp4", 60.0, 60, 60),
        ready("rate-slides-every-30s.mp4", 121.0, 5, 121),
        ready("edit-pieces-in-order.mov", 4.0, 120, 0).numbers(0, 239),
        ready("edit-slow-motion-dwell.mov", 6.0, 150, 0).numbers(0, 179),
        ready("turn-vflip.mp4", 3.0, 0, 3).views(&[("vflip", 90)]),
        ready("ts-sound-appears-after-12s.ts", 16.0, 480, 4),
        ready("old-vob-sound-late.vob", 12.0, 300, 4),
        ready("ts-two-sounds-second-only.ts", 6.0, 180, 6),
        ready("sound-spatial-first-aac-second.mov", 4.0, 120, 4),
        ready("ts-first-program-empty.ts", 6.0, 180, 6),
        ready("sound-12-channels.mov", 4.0, 120, 4),
        ready("browser-window-resized.webm", 9.0, 180, 9)
            .size(640, 480)
            .views(WINDOW_IN_THREE_SIZES),
        ready("browser-resolution-ramps-up.webm", 6.0, 180, 6)
            .size(640, 360)
            .numbers(0, 179),
        ready("browser-h264-window-resized.mkv", 6.0, 90, 6)
            .size(640, 360)
            .views(NARROWER_AFTER_90),
        ready("ts-picture-changes-size.ts", 8.0, 120, 8)
            .size(640, 360)
            .views(NARROWER_AFTER_120),
        ready("ts-sound-changes-layout.ts", 8.0, 240, 8),
        ready("mp4-intra-refresh.mp4", 16.0, 480, 16).numbers(0, 479),
        ready("mkv-intra-refresh.mkv", 30.0, 900, 30).numbers(0, 899),
        ready("mp4-holes-of-zeros.mp4", 12.0, 360, 12)
            .loses(75)
            .but(|it| it.tones = 10..=12),
        ready("mp4-garbage-in-sound.mp4", 10.0, 300, 10)
            .loses(10)
            .but(|it| it.tones = 8..=10),
        ready("mp4-first-keyframe-missing.mp4", 8.0, 210, 8).but(|it| it.pictures = 180..=240),
        refused("mp4-encrypted-cbcs.mp4", "encrypted-source"),
        ready("edit-png-codec.mov", 3.0, 90, 3).but(|it| it.decoder = Some("png")),
        only_audio("only-sound.m4a"),
        only_audio("only-sound.wav"),
        only_audio("only-sound.webm"),
        only_audio("only-sound-with-cover.mp3"),
        // Its headers declare no rate: ffprobe from 6.0 on assumes 25 frames per second.
        ready("raw-camera.h264", 4.0, 120, 0).but(|it| it.seconds.push(4.8)),
        ready("raw-mpeg2.m2v", 4.0, 100, 0),
        ready("raw-vp8.ivf", 20.0, 600, 0),
        ready("old-flv-silent-short.flv", 4.0, 120, 0),
        ready("ts-junk-in-front.ts", 4.0, 120, 4),
        ready("sar-nonsense.mkv", 2.0, 50, 2).size(640, 360),
        ready("short-silent-1s.mp4", 1.2, 36, 0),
        ready("fields-moving-dv.dv", 3.0, 0, 0).moving(),
        ready("fields-moving-says-progressive.mkv", 3.0, 0, 0).moving(),
        ready("colour-hd-untagged.mp4", 2.0, 60, 2)
            .each_rung()
            .but(|it| it.colours = true),
        ready("colour-rgb-h264-hd.mp4", 2.0, 60, 2)
            .each_rung()
            .but(|it| it.colours = true),
    ]
}

const WINDOW_IN_THREE_SIZES: &[(&str, u64)] = &[
    ("trim=end_frame=90,crop=iw:ih*3/4:0:ih/8", 90),
    (
        "trim=start_frame=90:end_frame=180,crop=iw*2/3:ih:iw/6:0",
        90,
    ),
    ("trim=start_frame=180", 90),
];
const NARROWER_AFTER_90: &[(&str, u64)] = &[
    ("trim=end_frame=90", 90),
    ("trim=start_frame=90,crop=iw*3/4:ih:iw/8:0", 90),
];
const NARROWER_AFTER_120: &[(&str, u64)] = &[
    ("trim=end_frame=120", 120),
    ("trim=start_frame=120,crop=iw*3/4:ih:iw/8:0", 120),
];

/// The output of one case.
pub(super) struct Made<'a> {
    pub(super) sources: &'a Sources,
    pub(super) out: PathBuf,
    pub(super) folder: &'a Path,
    pub(super) report: &'a Value,
}
