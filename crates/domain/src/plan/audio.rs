//! Selects the audio renditions of a presentation, and the audio of each rung.

use crate::object_key::RenditionName;
use crate::plan::{AudioPlan, Rendition, RungPlan};
use crate::probe::{AudioStream, Probe};
use crate::profile::Profile;
use crate::segment::seconds;

/// Maximum rate at which the source's own AAC is copied, bit/s.
const MAX_COPIED_BPS: u64 = 200_000;

/// Maximum offset between the starts of audio and video for copied audio, seconds: one access unit.
const MAX_OFFSET: f64 = 0.024;

/// How much earlier than the video copied audio may end, seconds.
const MAX_MISSING: f64 = 0.25;

/// The audio renditions, highest rate first, and the audio rendition of each rung.
///
/// There is one per distinct rate: rungs share them. The remuxed rung gets the first. If all rungs
/// have the same rate, and the source's own audio can be copied, it serves them all: a player that
/// switches between rungs with the same audio keeps what it has buffered.
pub(super) fn renditions(
    probe: &Probe,
    profile: &Profile,
    copied: bool,
    rungs: &mut [RungPlan],
) -> Vec<AudioPlan> {
    let Some(source) = &probe.audio else {
        return vec![];
    };
    let channels = source.channels.clamp(1, 2);
    // AAC supports up to 96 kHz, but every device plays 48 and 44.1 kHz.
    let sample_rate = if source.sample_rate == 44_100 {
        44_100
    } else {
        48_000
    };
    let encoded = |kbps: u32| {
        let rendition = Rendition::audio(rate_name(kbps));
        AudioPlan {
            rendition,
            kbps,
            channels,
            sample_rate,
            copied: false,
        }
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
    let mut rates: Vec<u32> = rungs.iter().map(&kbps_of).collect();
    rates.sort_unstable_by_key(|it| std::cmp::Reverse(*it));
    rates.dedup();
    let own = (copied && can_copy(source, probe)).then(|| AudioPlan {
        rendition: Rendition::audio(source_name()),
        kbps: (source.bit_rate.unwrap_or_default() / 1000) as u32,
        channels: source.channels,
        sample_rate: source.sample_rate,
        copied: true,
    });
    if let Some(own) = &own
        && rates.len() < 2
    {
        rungs
            .iter_mut()
            .for_each(|it| it.audio = Some(own.rendition.name.clone()));
        return vec![own.clone()];
    }
    for rung in rungs.iter_mut() {
        rung.audio = Some(rate_name(kbps_of(rung)));
    }
    if copied && own.is_none() {
        rates.push(profile.source_rung.audio_kbps);
        rates.sort_unstable_by_key(|it| std::cmp::Reverse(*it));
        rates.dedup();
    }
    own.into_iter()
        .chain(rates.into_iter().map(encoded))
        .collect()
}

fn source_name() -> RenditionName {
    "audio-source".parse().expect("a legal name")
}

fn rate_name(kbps: u32) -> RenditionName {
    format!("audio-{kbps}k")
        .parse()
        .expect("letters, digits and dashes")
}

/// Whether the source's audio can be copied: AAC-LC that begins and ends with the video.
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
