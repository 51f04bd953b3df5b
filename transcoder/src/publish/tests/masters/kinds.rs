//! The kinds of plans.

use domain::job::Mode;
use domain::probe::cases::{sound, standard};
use domain::probe::{AudioPurpose, AudioStream, Probe};
use domain::profile::Profile;

use crate::testing::foreign;

/// A kind of plan: its name, the source, the profile, and the mode.
pub(super) fn kinds() -> Vec<(&'static str, Probe, Profile, Mode)> {
    let default = Profile::default;
    let changed = |change: fn(&mut Probe)| {
        let mut probe = standard();
        change(&mut probe);
        probe
    };
    let german = changed(|it| it.audio_mut().language = Some("deu".to_owned()));
    let silent = changed(|it| it.audio.clear());
    let upright = changed(|it| it.video_mut().rotation = 90);
    let small = changed(|it| {
        let video = it.video_mut();
        (video.width, video.height) = (320, 240);
        it.index.gop_bytes = vec![];
        it.index.video_bytes = None;
        it.size = 6_000_000;
    });
    let mut two_rates = default();
    two_rates
        .rungs
        .iter_mut()
        .for_each(|it| it.audio_kbps = if it.height > 360 { 128 } else { 64 });
    let mono = changed(|it| {
        let audio = it.audio_mut();
        (audio.channels, audio.codec) = (1, "opus".to_owned());
    });
    let tracks = |mut probe: Probe| {
        let first = probe.audio[0].clone();
        let track = |index, language: &str, purpose| AudioStream {
            index,
            language: Some(language.to_owned()),
            purpose,
            ..first.clone()
        };
        probe.audio = vec![
            track(1, "eng", AudioPurpose::Main),
            track(2, "deu", AudioPurpose::Main),
            track(3, "eng", AudioPurpose::Descriptions),
        ];
        probe
    };
    let surround = |settings: &str| {
        let text = format!("[surround]\nenabled = true\n{settings}");
        Profile::parse(&text).unwrap()
    };
    let second_in_surround = |mut probe: Probe| {
        probe.audio[1].channels = 6;
        probe
    };
    let in_surround = |mut probe: Probe| {
        probe.audio_mut().channels = 6;
        probe
    };
    vec![
        ("surround", in_surround(standard()), surround(""), Mode::Abr),
        (
            "surround of one track in three",
            second_in_surround(tracks(foreign())),
            surround("codec = \"ac-3\""),
            Mode::Abr,
        ),
        (
            "only audio in surround",
            in_surround(sound()),
            surround("codec = \"ec-3\""),
            Mode::Abr,
        ),
        (
            "three tracks",
            tracks(standard()),
            two_rates.clone(),
            Mode::Abr,
        ),
        (
            "three tracks encoded",
            tracks(foreign()),
            default(),
            Mode::Abr,
        ),
        ("only audio", sound(), two_rates.clone(), Mode::Abr),
        (
            "only audio in three tracks",
            tracks(sound()),
            default(),
            Mode::Abr,
        ),
        ("remuxed", german, default(), Mode::Abr),
        ("encoded", foreign(), default(), Mode::Abr),
        ("two sounds", standard(), two_rates, Mode::Abr),
        ("mono that is encoded", mono, default(), Mode::Abr),
        ("silent", silent, default(), Mode::Abr),
        ("upright", upright, default(), Mode::Abr),
        ("copy only", standard(), default(), Mode::Copy),
        ("copy only, refused", foreign(), default(), Mode::Copy),
        ("small, of unknown bytes", small, default(), Mode::Abr),
    ]
}
