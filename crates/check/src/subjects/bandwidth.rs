//! Compares declared and measured bit rates (Apple 1.26, 1.27, 1.30, 2.9, 9.13). Only for complete
//! playlists that were read completely: the rates of a growing playlist are not known yet.

use hls::TICKS_PER_SECOND;
use hls::bandwidth::Bandwidth;
use hls::parse::{MediaType, Variant};

use crate::report::Findings;
use crate::rules::{APPLE_1_26, APPLE_1_27, APPLE_1_30, APPLE_2_9, RFC_4_3_4_3};
use crate::tree::{Master, Rendition, Tree};

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    let Some(master) = &tree.master else { return };
    for (rendition, variant) in tree.variants() {
        if let Some(measured) = of_variant(tree, rendition, variant) {
            compare(master, variant, measured, findings);
        }
    }
    for (rendition, variant) in tree.iframes() {
        iframes(master, rendition, variant, findings);
    }
    for (rendition, media) in tree.media() {
        if media.media_type == Some(MediaType::Audio) {
            stereo(rendition, findings);
        }
    }
}

/// The largest sum of peaks, and of averages, with any audio of its group. A variant that is itself a
/// member of its group is played alone.
fn of_variant(tree: &Tree, rendition: &Rendition, variant: &Variant) -> Option<Bandwidth> {
    let is_member = tree
        .audio_of(variant)
        .any(|(it, _)| std::ptr::eq(it, rendition));
    let own = match is_member {
        true => Bandwidth::default(),
        false => measure(rendition)?,
    };
    let audio: Option<Vec<Bandwidth>> = tree.audio_of(variant).map(|(it, _)| measure(it)).collect();
    Some(own.with_any_of(audio?))
}

fn measure(rendition: &Rendition) -> Option<Bandwidth> {
    if !rendition.has_ended() {
        return None;
    }
    let segments = rendition.all_received()?;
    let sizes: Option<Vec<_>> = segments
        .iter()
        .map(|(segment, measured)| {
            Some((
                (segment.extinf? * TICKS_PER_SECOND as f64) as u64,
                measured.bytes,
            ))
        })
        .collect();
    let sizes = sizes.filter(|it| !it.is_empty())?;
    Some(Bandwidth::measure(
        &sizes,
        u32::try_from(rendition.target_duration()?).ok()?,
    ))
}

fn compare(master: &Master, variant: &Variant, measured: Bandwidth, findings: &mut Findings) {
    let peak = (
        &APPLE_1_27,
        "BANDWIDTH",
        variant.bandwidth,
        measured.peak,
        "peak",
    );
    let average = (
        &APPLE_1_26,
        "AVERAGE-BANDWIDTH",
        variant.average_bandwidth,
        measured.average,
        "average",
    );
    for (rule, name, declared, measured, kind) in [peak, average] {
        let Some(declared) = declared else { continue };
        let percent = off_percent(declared, measured);
        if percent.abs() > 10.0 {
            findings.add(
                rule,
                master.document.at(variant.line),
                format!(
                    "{name} is {declared}, the measured {kind} is {measured} bit/s: {percent:+.0} %"
                ),
                format!("Write {name}={measured}."),
            );
        }
    }
    if measured.peak > 2 * measured.average {
        findings.add(
            &APPLE_1_30,
            master.document.at(variant.line),
            format!(
                "the peak is {} bit/s, the average {} bit/s",
                measured.peak, measured.average
            ),
            "Bound the encoder's rate more tightly.",
        );
    }
}

fn off_percent(declared: u64, measured: u64) -> f64 {
    if measured == 0 {
        return 0.0;
    }
    (declared as f64 / measured as f64 - 1.0) * 100.0
}

/// For I-frames, only a declaration that is too low does harm.
fn iframes(master: &Master, rendition: &Rendition, variant: &Variant, findings: &mut Findings) {
    let (Some(declared), Some(measured)) = (variant.bandwidth, measure(rendition)) else {
        return;
    };
    let percent = off_percent(declared, measured.peak);
    if percent < -10.0 {
        findings.add(
            &RFC_4_3_4_3,
            master.document.at(variant.line),
            format!(
                "BANDWIDTH is {declared}, the measured peak is {} bit/s: {percent:+.0} %",
                measured.peak
            ),
            format!("Write BANDWIDTH={}.", measured.peak),
        );
    }
}

fn stereo(rendition: &Rendition, findings: &mut Findings) {
    let Some(essence) = rendition.first_essence() else {
        return;
    };
    let aac = essence
        .codec
        .as_deref()
        .is_some_and(|it| it.starts_with("mp4a.40."));
    if !aac || essence.channels != Some(2) {
        return;
    }
    let Some(measured) = measure(rendition) else {
        return;
    };
    // The container and the padding are not part of the rate that the rule means.
    let kbit = measured.average / 1000;
    if !(32..=192).contains(&kbit) {
        findings.add(
            &APPLE_2_9,
            rendition.document.at(None),
            format!("stereo AAC has {kbit} kbit/s with its container"),
            "Encode stereo with 32 to 160 kbit/s.",
        );
    }
}
