//! Required attributes of EXT-X-STREAM-INF and EXT-X-I-FRAME-STREAM-INF (Apple 9, 6.1), and the
//! choice of variants as a whole.

use hls::parse::{Media, Variant};

use crate::report::{Findings, Place};
use crate::rules::{
    APPLE_1_19, APPLE_1_32, APPLE_6_1, APPLE_9_1, APPLE_9_2, APPLE_9_3, APPLE_9_4, APPLE_9_5,
    APPLE_9_11, APPLE_9_14, APPLE_9_15, APPLE_9_16, APPLE_9_21, DUPLICATE_VARIANT, RFC_4_3_4_2,
};
use crate::tree::{Master, Tree};

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    let Some(master) = &tree.master else { return };
    for (index, variant) in master.playlist.variants.iter().enumerate() {
        let has_video = tree
            .renditions
            .iter()
            .find(|it| it.roles.contains(&crate::tree::Role::Variant(index)))
            .is_none_or(|it| it.has_video() || !it.has_audio());
        variant_attributes(
            &master.document.at(variant.line),
            variant,
            has_video,
            findings,
        );
    }
    for variant in &master.playlist.iframes {
        iframe_attributes(&master.document.at(variant.line), variant, findings);
    }
    independent_segments(tree, master, findings);
    choice(tree, master, findings);
    separate_audio(tree, master, findings);
}

fn variant_attributes(place: &Place, variant: &Variant, has_video: bool, findings: &mut Findings) {
    let mut missing = |rule, name: &str, fix: &str| {
        findings.add(
            rule,
            place.clone(),
            format!("EXT-X-STREAM-INF has no {name}"),
            fix,
        );
    };
    if variant.codecs.is_none() {
        missing(
            &APPLE_9_1,
            "CODECS",
            "Name the formats of all its media, such as avc1.64001f,mp4a.40.2.",
        );
    }
    if variant.average_bandwidth.is_none() {
        missing(
            &APPLE_9_14,
            "AVERAGE-BANDWIDTH",
            "Add the measured average bit rate.",
        );
    }
    if has_video && variant.resolution.is_none() {
        missing(&APPLE_9_2, "RESOLUTION", "Add width x height of the video.");
    }
    if has_video && variant.frame_rate.is_none() {
        missing(
            &APPLE_9_15,
            "FRAME-RATE",
            "Add the frames per second, with three decimals.",
        );
    }
    if variant.frame_rate.is_some_and(|it| it > 60.0) {
        let what = format!("FRAME-RATE is {}", variant.frame_rate.unwrap_or_default());
        findings.add(
            &APPLE_1_19,
            place.clone(),
            what,
            "Encode at most 60 frames per second.",
        );
    }
    if let (Some(average), Some(peak)) = (variant.average_bandwidth, variant.bandwidth)
        && average > peak
    {
        findings.add(
            &RFC_4_3_4_2,
            place.clone(),
            format!("AVERAGE-BANDWIDTH {average} exceeds BANDWIDTH {peak}"),
            "BANDWIDTH is the peak, AVERAGE-BANDWIDTH the average: exchange or measure them.",
        );
    }
    let codecs = variant.codecs.as_deref().unwrap_or_default();
    let may_be_hdr = ["hvc1.2.", "hev1.2.", "dvh1.", "dvhe."]
        .iter()
        .any(|it| codecs.contains(it));
    if may_be_hdr && variant.video_range.is_none() {
        findings.add(
            &APPLE_9_16,
            place.clone(),
            format!("CODECS {codecs} may be HDR and VIDEO-RANGE is missing"),
            "Add VIDEO-RANGE=SDR, HLG or PQ.",
        );
    }
}

fn iframe_attributes(place: &Place, variant: &Variant, findings: &mut Findings) {
    let mut missing = |rule, name: &str, fix: &str| {
        findings.add(
            rule,
            place.clone(),
            format!("EXT-X-I-FRAME-STREAM-INF has no {name}"),
            fix,
        );
    };
    if variant.codecs.is_none() {
        missing(&APPLE_9_3, "CODECS", "Name the format of its video.");
    }
    if variant.resolution.is_none() {
        missing(&APPLE_9_4, "RESOLUTION", "Add width x height of its video.");
    }
}

fn independent_segments(tree: &Tree, master: &Master, findings: &mut Findings) {
    if master.playlist.independent_segments.is_some() {
        return;
    }
    for (rendition, _) in tree.variants() {
        if rendition
            .said()
            .is_some_and(|it| it.independent_segments.is_none())
        {
            findings.add(
                &APPLE_9_11,
                rendition.document.at(None),
                "EXT-X-INDEPENDENT-SEGMENTS is neither here nor in the master playlist",
                "Write #EXT-X-INDEPENDENT-SEGMENTS into the master playlist.",
            );
        }
    }
}

/// Rules about the set of variants. They do not apply to a single-variant presentation.
fn choice(tree: &Tree, master: &Master, findings: &mut Findings) {
    let variants = &master.playlist.variants;
    let has_video = tree.variants().any(|(it, _)| it.has_video());
    if has_video
        && master.playlist.iframes.is_empty()
        && tree.variants().all(|(it, _)| it.has_ended())
    {
        findings.add(
            &APPLE_6_1,
            master.document.at(None),
            "there is no EXT-X-I-FRAME-STREAM-INF",
            "Publish an I-frame playlist: scrubbing and previews need it.",
        );
    }
    for (index, variant) in variants.iter().enumerate() {
        let twin = variants[..index].iter().find(|it| {
            (&it.uri, &it.audio, &it.subtitles, &it.video)
                == (
                    &variant.uri,
                    &variant.audio,
                    &variant.subtitles,
                    &variant.video,
                )
        });
        if let Some(twin) = twin {
            findings.add(
                &DUPLICATE_VARIANT,
                master.document.at(variant.line),
                format!("the same variant stands in line {}", twin.line),
                "List each variant once.",
            );
        }
    }
    let Some(first) = variants.first() else {
        return;
    };
    // The same rungs with surround sound stand beside those in stereo.
    let is_surround = |it: &&Variant| tree.audio_of(it).any(|(_, media)| is_surround(media));
    let stereo: Vec<&Variant> = variants.iter().filter(|it| !is_surround(it)).collect();
    let eligible = match stereo.is_empty() {
        true => variants.iter().collect(),
        false => stereo,
    };
    let rate = |it: &Variant| it.average_bandwidth.or(it.bandwidth).unwrap_or(0) / 1000;
    let chosen = rate(first).abs_diff(2000);
    // Where some are SDR, players that know nothing of HDR start with one of those.
    let sdr = |it: &&Variant| it.video_range.as_deref().is_none_or(|it| it == "SDR");
    let has_sdr = eligible.iter().any(sdr);
    let nearest = eligible
        .iter()
        .filter(|it| sdr(it) || !has_sdr)
        .map(|it| rate(it).abs_diff(2000))
        .min()
        .unwrap_or(chosen);
    if has_video && chosen > nearest {
        findings.add(
            &APPLE_1_32,
            master.document.at(first.line),
            format!(
                "the first variant has {} kbit/s, another is nearer to 2000 kbit/s",
                rate(first)
            ),
            "List the variant nearest to 2000 kbit/s first.",
        );
    }
    let lowest = variants
        .iter()
        .filter_map(|it| it.bandwidth)
        .min()
        .unwrap_or(0);
    if has_video && lowest > 192_000 {
        findings.add(
            &APPLE_9_21,
            master.document.at(None),
            format!("the lowest BANDWIDTH is {} kbit/s", lowest / 1000),
            "Only an app that iOS users watch over cellular networks needs such a variant.",
        );
    }
}

/// Whether a rendition declares more channels than stereo has.
fn is_surround(media: &Media) -> bool {
    let channels = media.channels.as_deref().unwrap_or_default();
    let count = channels.split('/').next().unwrap_or_default();
    count.parse::<u32>().is_ok_and(|it| it > 2)
}

fn separate_audio(tree: &Tree, master: &Master, findings: &mut Findings) {
    for (rendition, variant) in tree.variants() {
        if rendition.has_video() && rendition.has_audio() {
            findings.add(
                &APPLE_9_5,
                master.document.at(variant.line),
                format!("`{}` holds video and audio", rendition.document.place),
                "Publish the audio as a separate rendition.",
            );
        }
    }
}
