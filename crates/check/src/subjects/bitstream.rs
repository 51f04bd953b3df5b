//! Compares CODECS, RESOLUTION and FRAME-RATE with the bitstream (Apple 9.1, 9.2, 9.15).

use std::collections::HashSet;

use hls::parse::Variant;
use media::segment::StreamInfo;

use crate::report::{Findings, Place};
use crate::rules::{APPLE_1_19, APPLE_9_1, APPLE_9_2, APPLE_9_3, APPLE_9_4, APPLE_9_15, Rule};
use crate::tree::{Master, Rendition, Tree};

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    let Some(master) = &tree.master else { return };
    for (rendition, variant) in tree.variants() {
        let place = master.document.at(variant.line);
        let video = essence(rendition, |it| it.video.as_ref());
        let own = essence(rendition, |it| it.audio.as_ref());
        let group = tree.audio_of(variant);
        let group = group.filter_map(|(it, _)| essence(it, |it| it.audio.as_ref()));
        // The tracks of a group may have different codecs.
        let mut sounds: Vec<&StreamInfo> = own.into_iter().chain(group).collect();
        let mut known = HashSet::new();
        sounds.retain(|it| known.insert(it.codec.as_deref()));
        let audio = sounds.first().copied();
        if let Some(codecs) = &variant.codecs {
            codec(&APPLE_9_1, &place, codecs, "video", video, findings);
            for sound in sounds {
                codec(&APPLE_9_1, &place, codecs, "audio", Some(sound), findings);
            }
            unused_codecs(
                &place,
                codecs,
                rendition,
                video.is_some(),
                audio.is_some(),
                findings,
            );
        }
        size(&APPLE_9_2, master, rendition, variant, findings);
        if let Some(video) = video {
            frame_rate(&place, rendition, variant, video, findings);
        }
    }
    for (rendition, variant) in tree.iframes() {
        let place = master.document.at(variant.line);
        let video = essence(rendition, |it| it.video.as_ref());
        if let Some(codecs) = &variant.codecs {
            codec(&APPLE_9_3, &place, codecs, "video", video, findings);
        }
        size(&APPLE_9_4, master, rendition, variant, findings);
    }
}

fn essence(
    rendition: &Rendition,
    of: impl Fn(&media::segment::Measured) -> Option<&StreamInfo>,
) -> Option<&StreamInfo> {
    rendition.segments.iter().find_map(|it| of(it.measured()?))
}

fn codec(
    rule: &'static Rule,
    place: &Place,
    declared: &str,
    kind: &str,
    essence: Option<&StreamInfo>,
    findings: &mut Findings,
) {
    let Some(actual) = essence.and_then(|it| it.codec.as_deref()) else {
        return;
    };
    let matches = declared
        .split(',')
        .map(str::trim)
        .any(|it| covers(it, actual));
    if !matches {
        findings.add(
            rule,
            place.clone(),
            format!("the {kind} is {actual}, and CODECS is \"{declared}\""),
            format!("Name {actual} in CODECS."),
        );
    }
}

/// Whether a device that plays `declared` plays `actual`: the same codec, or H.264 of the same
/// profile at a level that is not higher.
fn covers(declared: &str, actual: &str) -> bool {
    if declared.eq_ignore_ascii_case(actual) {
        return true;
    }
    let h264 =
        |text: &str| u32::from_str_radix(text.to_ascii_lowercase().strip_prefix("avc1.")?, 16).ok();
    match (h264(declared), h264(actual)) {
        (Some(declared), Some(actual)) => {
            declared >> 16 == actual >> 16 && declared & 0xff >= actual & 0xff
        }
        _ => false,
    }
}

fn unused_codecs(
    place: &Place,
    declared: &str,
    rendition: &Rendition,
    video: bool,
    audio: bool,
    findings: &mut Findings,
) {
    // Missing media can only be detected if something was measured at all.
    if !video && !audio || rendition.segments.iter().all(|it| it.measured().is_none()) {
        return;
    }
    for codec in declared.split(',').map(str::trim) {
        let is_video = ["avc1", "avc3", "hvc1", "hev1", "av01", "vp09", "dvh1"]
            .iter()
            .any(|it| codec.starts_with(it));
        let is_audio = ["mp4a", "ac-3", "ec-3", "opus", "fLaC", "alac"]
            .iter()
            .any(|it| codec.starts_with(it));
        if is_video && !video || is_audio && !audio {
            let what = format!("CODECS names {codec}, and there is no such media");
            findings.add(
                &APPLE_9_1,
                place.clone(),
                what,
                "Name only what is there: players allocate decoders by it.",
            );
        }
    }
}

fn size(
    rule: &'static Rule,
    master: &Master,
    rendition: &Rendition,
    variant: &Variant,
    findings: &mut Findings,
) {
    let Some(declared) = variant.resolution else {
        return;
    };
    for segment in &rendition.segments {
        let Some((width, height)) = segment.measured().and_then(|it| it.video.as_ref()?.size)
        else {
            continue;
        };
        if (width, height) != (declared.width, declared.height) {
            findings.add(
                rule,
                master.document.at(variant.line),
                format!(
                    "RESOLUTION is {}x{}, and `{}` is {width}x{height}",
                    declared.width,
                    declared.height,
                    segment.name()
                ),
                format!("Write RESOLUTION={width}x{height}."),
            );
            return;
        }
    }
}

fn frame_rate(
    place: &Place,
    rendition: &Rendition,
    variant: &Variant,
    video: &StreamInfo,
    findings: &mut Findings,
) {
    let measured: Vec<&StreamInfo> = rendition
        .segments
        .iter()
        .filter_map(|it| it.measured()?.video.as_ref())
        .collect();
    let (mut frames, mut seconds) = (0, 0.0);
    for (place, it) in measured.iter().enumerate() {
        frames += it.frames;
        // The duration of the last frame follows only from the next segment; with a variable rate
        // that matters.
        let own = it.end - it.start;
        let until_next = measured.get(place + 1).map(|next| next.start - it.start);
        seconds += until_next
            .filter(|it| (own..own + 1.0).contains(it))
            .unwrap_or(own);
    }
    if frames < 2 || seconds <= 0.0 || video.frame <= 0.0 {
        return;
    }
    let actual = frames as f64 / seconds;
    // The maximum is declared (RFC 8216, 4.3.4.2); the average of a variable rate is lower.
    let motion = measured
        .iter()
        .filter_map(|it| it.motion)
        .max_by(f64::total_cmp);
    let fastest = (1.0 / video.frame).max(actual).max(motion.unwrap_or(0.0));
    if let Some(declared) = variant.frame_rate
        && (declared < actual * 0.99 || declared > fastest * 1.01)
    {
        findings.add(
            &APPLE_9_15,
            place.clone(),
            format!("FRAME-RATE is {declared}, the video has {actual:.3} frames per second"),
            format!("Write FRAME-RATE={actual:.3}."),
        );
    }
    if actual > 60.5 {
        let what = format!("the video has {actual:.3} frames per second");
        findings.add(
            &APPLE_1_19,
            place.clone(),
            what,
            "Encode at most 60 frames per second.",
        );
    }
}
