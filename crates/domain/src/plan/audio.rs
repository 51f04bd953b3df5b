//! Selects the stereo renditions of a presentation, and the audio of each rung.

use crate::object_key::RenditionName;
use crate::plan::{AudioPlan, Codec, Rendition, RungPlan};
use crate::probe::{AudioStream, Probe, Seeking};
use crate::profile::Profile;
use crate::segment::seconds;

/// Maximum rate at which the source's own AAC is copied, bit/s.
const MAX_COPIED_BPS: u64 = 200_000;

/// Maximum offset between the starts of audio and video for copied audio, seconds: one access unit.
const MAX_OFFSET: f64 = 0.024;

/// How much earlier than the video copied audio may end, seconds.
const MAX_MISSING: f64 = 0.25;

/// The stereo renditions, highest rate first, and the audio group of each rung.
///
/// There is one group per distinct rate, with one rendition of each track: rungs share them. The
/// remuxed rung gets the first group. If all rungs have the same rate, and the source's own audio can
/// be copied, it serves them all: a player that switches between rungs with the same audio keeps what
/// it has buffered. If there is only audio, the rates are those of all rungs of the profile.
pub(super) fn renditions(
    probe: &Probe,
    profile: &Profile,
    copied: bool,
    rungs: &mut [RungPlan],
) -> Vec<AudioPlan> {
    let tracks = &probe.audio;
    if tracks.is_empty() {
        return vec![];
    }
    // AAC supports up to 96 kHz, but every device plays 48 and 44.1 kHz. All tracks have one rate, so
    // that their access units lie on one grid.
    let sample_rate = if tracks.iter().all(|it| it.sample_rate == 44_100) {
        44_100
    } else {
        48_000
    };
    let group = |name: RenditionName, plan: &dyn Fn(&AudioStream, Rendition) -> AudioPlan| {
        let number = |track: u32, stream: &AudioStream| AudioPlan {
            track,
            group: name.clone(),
            ..plan(
                stream,
                Rendition::audio(track_name(&name, track), Codec::Aac, profile.segment_format),
            )
        };
        let tracks = (0..).zip(tracks);
        tracks
            .map(|(track, stream)| number(track, stream))
            .collect::<Vec<_>>()
    };
    let plan = |rendition: Rendition, stream: &AudioStream, copied| AudioPlan {
        track: 0,
        group: rendition.name.clone(),
        rendition,
        kbps: (stream.bit_rate.unwrap_or_default() / 1000) as u32,
        channels: stream.channels.clamp(1, 2),
        sample_rate: if copied {
            stream.sample_rate
        } else {
            sample_rate
        },
        copied,
        gain: None,
    };
    let encoded = |kbps: u32| {
        group(rate_name(kbps), &|stream, rendition| AudioPlan {
            kbps,
            gain: profile.loudness.gain(stream.loudness),
            ..plan(rendition, stream, false)
        })
    };
    let kbps_of = |rung: &RungPlan| {
        let asked = profile
            .rungs
            .iter()
            .find(|it| it.name == rung.rendition.name);
        asked
            .or(profile.rungs.last())
            .map_or(64, |it| it.audio_kbps)
    };
    let mut rates: Vec<u32> = match probe.video {
        Some(_) => rungs.iter().map(&kbps_of).collect(),
        None => {
            let enabled = profile.enabled_rungs();
            enabled.map(|it| it.audio_kbps).collect()
        }
    };
    rates.sort_unstable_by_key(|it| std::cmp::Reverse(*it));
    rates.dedup();
    let keeps = |it: &AudioStream| can_copy(it, probe) && profile.loudness.keep(it.loudness);
    let copies = (copied || is_copied_alone(probe)) && tracks.iter().all(keeps);
    let own = copies.then(|| {
        group(source_name(), &|stream, rendition| {
            plan(rendition, stream, true)
        })
    });
    if let Some(own) = &own
        && rates.len() < 2
    {
        rungs
            .iter_mut()
            .for_each(|it| it.audio = Some(source_name()));
        return own.clone();
    }
    for rung in rungs.iter_mut() {
        rung.audio = Some(rate_name(kbps_of(rung)));
    }
    if copied && own.is_none() {
        rates.push(profile.source_rung.audio_kbps);
        rates.sort_unstable_by_key(|it| std::cmp::Reverse(*it));
        rates.dedup();
    }
    let own = own.into_iter().flatten();
    own.chain(rates.into_iter().flat_map(encoded)).collect()
}

/// Whether a source that has only audio may be copied: an index says where its access units are. A
/// source whose copy failed has open groups.
fn is_copied_alone(probe: &Probe) -> bool {
    probe.video.is_none() && probe.index.seeking == Seeking::Indexed && probe.index.closed_gops
}

fn source_name() -> RenditionName {
    "audio-source".parse().expect("a legal name")
}

fn rate_name(kbps: u32) -> RenditionName {
    format!("audio-{kbps}k")
        .parse()
        .expect("letters, digits and dashes")
}

/// The name of a track's rendition. The first track has the name of the group.
pub(super) fn track_name(group: &RenditionName, track: u32) -> RenditionName {
    match track {
        0 => group.clone(),
        _ => format!("{group}-{}", track + 1)
            .parse()
            .expect("letters, digits and dashes"),
    }
}

/// Whether the source's audio can be copied: AAC-LC that begins and ends with the video, or with the
/// first track if there is only audio.
fn can_copy(audio: &AudioStream, probe: &Probe) -> bool {
    let offset = audio.start_seconds - probe.origin_seconds();
    let missing = audio
        .duration_seconds
        .map(|it| seconds(probe.index.video_end) - (offset + it));
    audio.codec == "aac"
        && audio.profile.as_deref() == Some("LC")
        && audio.channels <= 2
        && matches!(audio.sample_rate, 44_100 | 48_000)
        && audio.bit_rate.is_some_and(|it| it <= MAX_COPIED_BPS)
        && offset.abs() <= MAX_OFFSET
        && missing.is_some_and(|it| it <= MAX_MISSING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::SourceProblem;
    use crate::job::Mode;
    use crate::loudness::Loudness;
    use crate::plan::{CopyDecision, CopyRefusal, EncodePlan};
    use crate::probe::cases::{sound, standard};
    use crate::segment::{Lane, TICKS_PER_SECOND};

    fn plan(probe: &Probe, profile: &Profile) -> EncodePlan {
        EncodePlan::new(probe, profile, Mode::Abr).unwrap()
    }

    /// The groups with their renditions, and the chunks of the lanes.
    fn describe(plan: &EncodePlan) -> String {
        let one = |it: &AudioPlan| {
            let copied = if it.copied { "*" } else { "" };
            format!(
                "{}/{}{copied} {} ch {} Hz\n",
                it.group, it.rendition.name, it.channels, it.sample_rate
            )
        };
        let audio: String = plan.audio.iter().map(one).collect();
        let lanes = Lane::ALL.map(|lane| format!("{} {}", lane.as_str(), plan.chunks(lane).len()));
        format!("{audio}{}", lanes.join(" "))
    }

    /// AAC in an MP4 without video.
    fn podcast() -> Probe {
        let mut probe = standard();
        probe.video = None;
        probe.audio_mut().index = 0;
        probe.index.keyframes.clear();
        probe.index.gop_bytes.clear();
        probe
    }

    fn two_rates() -> Profile {
        let mut profile = Profile::default();
        let rungs = profile.rungs.iter_mut();
        rungs.for_each(|it| it.audio_kbps = if it.height > 360 { 128 } else { 64 });
        profile
    }

    #[test]
    fn audio_alone_has_the_rates_of_all_rungs() {
        insta::assert_snapshot!(describe(&plan(&sound(), &two_rates())), @"
        audio-128k/audio-128k 2 ch 48000 Hz
        audio-64k/audio-64k 2 ch 48000 Hz
        copy 0 first 0 encode 0 audio 2
        ");
        let profile = Profile::default();
        let alone = plan(&sound(), &profile);
        insta::assert_snapshot!(describe(&alone), @"
        audio-128k/audio-128k 2 ch 48000 Hz
        copy 0 first 0 encode 0 audio 2
        ");
        assert_eq!(alone.copy, CopyDecision::Encode(CopyRefusal::NoVideo));
        assert!(alone.rungs.is_empty() && alone.iframes.is_none() && alone.first.is_none());
        let copy_mode = EncodePlan::new(&sound(), &profile, Mode::Copy).unwrap();
        assert_eq!(copy_mode.audio, alone.audio);
    }

    #[test]
    fn audio_alone_is_copied_if_an_index_shows_its_units() {
        insta::assert_snapshot!(describe(&plan(&podcast(), &Profile::default())), @"
        audio-source/audio-source* 2 ch 48000 Hz
        copy 2 first 0 encode 0 audio 0
        ");
        insta::assert_snapshot!(describe(&plan(&podcast(), &two_rates())), @"
        audio-source/audio-source* 2 ch 48000 Hz
        audio-128k/audio-128k 2 ch 48000 Hz
        audio-64k/audio-64k 2 ch 48000 Hz
        copy 2 first 0 encode 0 audio 2
        ");
        let is_copied = |change: fn(&mut Probe)| {
            let mut probe = podcast();
            change(&mut probe);
            plan(&probe, &Profile::default()).audio[0].copied
        };
        assert!(is_copied(|_| ()));
        // Its copy failed before.
        assert!(!is_copied(|it| it.index.closed_gops = false));
        assert!(!is_copied(|it| it.index.seeking = Seeking::Sequential));
        assert!(!is_copied(
            |it| it.audio_mut().profile = Some("HE-AAC".to_owned())
        ));
    }

    #[test]
    fn audio_gets_the_gain_to_the_loudness_of_the_profile() {
        let normalising = Profile::parse("[loudness]\nnormalise = true").unwrap();
        let gains = |profile: &Profile, lufs: f64| {
            let mut probe = standard();
            let mut second = probe.audio[0].clone();
            second.index = 2;
            probe.audio.push(second);
            probe.audio[0].loudness = Some(Loudness {
                integrated_lufs: lufs.into(),
                range_lu: 5.0.into(),
                true_peak_dbtp: (-9.0).into(),
            });
            let plan = plan(&probe, profile);
            let one = |it: &AudioPlan| (it.copied, it.gain.map(|it| it.db.as_f64()));
            plan.audio.iter().map(one).collect::<Vec<_>>()
        };
        // The second track is silent.
        assert_eq!(
            gains(&normalising, -19.5),
            [(false, Some(3.5)), (false, None)]
        );
        let copied = [(true, None), (true, None)];
        assert_eq!(gains(&normalising, -16.4), copied, "close to the target");
        assert_eq!(gains(&Profile::default(), -19.5), copied);
    }

    #[test]
    fn segments_of_audio_are_equal() {
        for (end_ms, expected) in [
            (300, vec![300]),
            (6_000, vec![6_000]),
            (13_000, vec![6_000, 12_000, 13_000]),
            // A remainder is added to the last segment.
            (12_250, vec![6_000, 12_250]),
            (12_251, vec![6_000, 12_000, 12_251]),
        ] {
            let mut probe = sound();
            probe.index.end = end_ms * TICKS_PER_SECOND / 1000;
            probe.index.video_end = probe.index.end;
            let plan = plan(&probe, &Profile::default());
            let ends = plan.boundaries.iter().skip(1);
            let ends: Vec<_> = ends.map(|it| it.ticks * 1000 / TICKS_PER_SECOND).collect();
            assert_eq!(ends, expected);
            assert_eq!(plan.target_duration, 6);
        }
    }

    /// Every rendition but the remuxed rung continues to the end of the audio.
    #[test]
    fn audio_that_outlasts_the_video_is_kept() {
        for (tail_ms, is_remuxed) in [
            (0, true),
            (120, true),
            (250, true),
            (251, false),
            (30_000, false),
        ] {
            let mut probe = standard();
            probe.index.end += tail_ms * TICKS_PER_SECOND / 1000;
            for mode in [Mode::Abr, Mode::Copy] {
                let plan = EncodePlan::new(&probe, &Profile::default(), mode).unwrap();
                assert_eq!(plan.copy.is_remux(), is_remuxed, "{tail_ms} {mode:?}");
                assert!(
                    plan.duration().abs_diff(probe.index.end) <= 1_500,
                    "{tail_ms} {mode:?}"
                );
                assert_eq!(plan.video_end, 60 * TICKS_PER_SECOND);
            }
        }
    }

    #[test]
    fn limits_hold_for_audio() {
        let mut profile = Profile::default();
        profile.limits.max_duration_seconds = 59;
        let refused = EncodePlan::new(&sound(), &profile, Mode::Abr);
        assert!(matches!(
            refused,
            Err(SourceProblem::TooLong { seconds: 60, .. })
        ));
        let mut empty = sound();
        empty.audio.clear();
        let refused = EncodePlan::new(&empty, &Profile::default(), Mode::Abr);
        assert_eq!(refused, Err(SourceProblem::Damaged));
    }

    #[test]
    fn each_group_has_every_track() {
        let mut probe = standard();
        let second = AudioStream {
            index: 2,
            channels: 6,
            ..probe.audio[0].clone()
        };
        probe.audio.push(second);
        // One of them cannot be copied, so none is.
        let plan_of = |probe: &Probe| plan(probe, &Profile::default());
        insta::assert_snapshot!(describe(&plan_of(&probe)), @"
        audio-128k/audio-128k 2 ch 48000 Hz
        audio-128k/audio-128k-2 2 ch 48000 Hz
        copy 2 first 0 encode 4 audio 2
        ");
        probe.audio[1].channels = 2;
        let copied = plan_of(&probe);
        insta::assert_snapshot!(describe(&copied), @"
        audio-source/audio-source* 2 ch 48000 Hz
        audio-source/audio-source-2* 2 ch 48000 Hz
        copy 2 first 0 encode 4 audio 0
        ");
        assert_eq!(copied.copy.rung().unwrap().audio, Some(source_name()));
        assert!(
            copied
                .rungs
                .iter()
                .all(|it| it.audio == Some(source_name()))
        );
        // One rate for all of them.
        probe.audio[1].sample_rate = 44_100;
        probe.audio[1].codec = "mp3".to_owned();
        insta::assert_snapshot!(describe(&plan(&probe, &two_rates())), @"
        audio-128k/audio-128k 2 ch 48000 Hz
        audio-128k/audio-128k-2 2 ch 48000 Hz
        audio-64k/audio-64k 2 ch 48000 Hz
        audio-64k/audio-64k-2 2 ch 48000 Hz
        copy 2 first 0 encode 4 audio 2
        ");
    }
}
