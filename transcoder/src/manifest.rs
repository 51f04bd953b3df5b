//! The manifest: every segment of a generation, for audits, migrations and repairs.

use domain::ids::{Generation, VideoId};
use domain::object_key::RenditionName;
use domain::plan::EncodePlan;
use domain::segment::{IFrameRecord, SegmentRecord};
use serde::{Deserialize, Serialize};

use crate::wire::{self, PlanV1, PlanV2};

#[derive(Serialize)]
struct Manifest<'a> {
    version: u32,
    video: VideoId,
    generation: &'a Generation,
    /// Duration, in ticks of 1/90000 s.
    duration_ticks: u64,
    plan: PlanV2,
    segments: Vec<Segment<'a>>,
}

/// A segment. Times are ticks of 1/90000 s, the hash is of the object as stored.
#[derive(Serialize)]
struct Segment<'a> {
    rendition: &'a RenditionName,
    index: u32,
    /// Part of the object's name, except for the first production.
    #[serde(skip_serializing_if = "is_first")]
    attempt: u32,
    start: u64,
    duration: u64,
    bytes: u64,
    sha256: &'a str,
    frames: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    iframes: Vec<IFrame>,
}

/// An I-frame, a byte range of its segment.
#[derive(Serialize)]
struct IFrame {
    sequence: u32,
    offset: u64,
    bytes: u64,
    start: u64,
    duration: u64,
}

impl<'a> From<&'a SegmentRecord> for Segment<'a> {
    fn from(record: &'a SegmentRecord) -> Self {
        let SegmentRecord {
            rendition,
            index,
            attempt,
            start,
            duration,
            bytes,
            sha256,
            frames,
            iframes,
        } = record;
        let iframes = iframes.iter().map(IFrame::from).collect();
        let (index, start, duration, bytes, frames) = (*index, *start, *duration, *bytes, *frames);
        Self {
            rendition,
            index,
            attempt: *attempt,
            start,
            duration,
            bytes,
            sha256,
            frames,
            iframes,
        }
    }
}

impl From<&IFrameRecord> for IFrame {
    fn from(record: &IFrameRecord) -> Self {
        let IFrameRecord {
            sequence,
            offset,
            bytes,
            start,
            duration,
        } = *record;
        Self {
            sequence,
            offset,
            bytes,
            start,
            duration,
        }
    }
}

fn is_first(attempt: &u32) -> bool {
    *attempt == 1
}

/// Rendition, index and number of the production of all segments in a manifest; empty: the document
/// is not a manifest.
pub(crate) fn segments_of(text: &[u8]) -> Vec<(RenditionName, u32, u32)> {
    #[derive(Deserialize)]
    struct Listed {
        segments: Vec<Name>,
    }
    #[derive(Deserialize)]
    struct Name {
        rendition: RenditionName,
        index: u32,
        #[serde(default = "first")]
        attempt: u32,
    }
    fn first() -> u32 {
        1
    }
    let listed = serde_json::from_slice(text).map_or(vec![], |it: Listed| it.segments);
    let names = listed.into_iter();
    names
        .map(|it| (it.rendition, it.index, it.attempt))
        .collect()
}

/// The plan in a manifest; `None`: the document is not a manifest of a known version.
pub(crate) fn plan_of(text: &[u8]) -> Option<EncodePlan> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    #[derive(Deserialize)]
    struct Planned<P> {
        plan: P,
    }
    let Versioned { version } = serde_json::from_slice(text).ok()?;
    match version {
        1 => serde_json::from_slice::<Planned<PlanV1>>(text)
            .ok()?
            .plan
            .try_into()
            .ok(),
        version if wire::is_known(version) => Some(
            serde_json::from_slice::<Planned<PlanV2>>(text)
                .ok()?
                .plan
                .into(),
        ),
        _ => None,
    }
}

/// The JSON document.
pub(crate) fn render(
    video: VideoId,
    generation: &Generation,
    plan: &EncodePlan,
    segments: &[SegmentRecord],
) -> Vec<u8> {
    let manifest = Manifest {
        version: wire::version(plan),
        video,
        generation,
        duration_ticks: plan.duration(),
        plan: plan.into(),
        segments: segments.iter().map(Segment::from).collect(),
    };
    serde_json::to_vec(&manifest).expect("numbers and strings always serialise")
}

#[cfg(test)]
mod tests {
    use domain::job::Mode;
    use domain::per_title::{Measure, PerTitle, RungChoice, Trial};
    use domain::plan::{CopyDecision, CopyRefusal};
    use domain::probe::HighDynamicRange;
    use domain::probe::cases::{sound, standard};
    use domain::profile::Profile;
    use domain::watermark::{Corner, ViewerText, Watermark};
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{encoded_plan, foreign, generation, planned_records, remuxed_plan, video};

    /// A short video: two segments.
    fn short(remuxed: bool) -> EncodePlan {
        let mut probe = if remuxed { standard() } else { foreign() };
        probe.index.keyframes.truncate(5);
        probe.index.gop_bytes.truncate(5);
        (
            probe.index.video_end,
            probe.index.end,
            probe.index.video_bytes,
        ) = (900_000, 900_000, Some(6_250_000));
        probe.audio_mut().duration_seconds = Some(10.0);
        let mut profile = Profile::default();
        profile.rungs.retain(|it| it.height == 360);
        EncodePlan::new(&probe, &profile, Mode::Abr).unwrap()
    }

    /// Two tracks without video.
    fn audio() -> EncodePlan {
        let mut probe = sound();
        (probe.index.video_end, probe.index.end) = (900_000, 900_000);
        probe.audio.push(probe.audio[0].clone());
        let mut profile = Profile::default();
        profile.rungs.retain(|it| it.height == 360);
        EncodePlan::new(&probe, &profile, Mode::Abr).unwrap()
    }

    /// A track in 5.1 and one in stereo.
    fn surround() -> EncodePlan {
        let mut probe = standard();
        let second = probe.audio[0].clone();
        probe.audio_mut().channels = 6;
        probe.audio.push(second);
        let settings = "[surround]\nenabled = true\ncodec = \"ac-3\"\n";
        EncodePlan::new(&probe, &Profile::parse(settings).unwrap(), Mode::Abr).unwrap()
    }

    /// A rung with a CRF of its own, and one that is left out.
    fn measured() -> EncodePlan {
        let choice = |name: &str, same_as: Option<&str>| RungChoice {
            name: name.parse().unwrap(),
            crf: 27,
            score: 0.985.into(),
            full_size_score: 0.98.into(),
            kbps: 400,
            profile_kbps: 600,
            same_as: same_as.map(|it| it.parse().unwrap()),
            trials: vec![Trial {
                crf: 26,
                score: 0.986.into(),
                kbps: 450,
            }],
        };
        let choices = PerTitle {
            measure: Some(Measure::Ssim),
            skipped: None,
            samples: 2,
            cpu_ms: 5,
            wall_ms: 4,
            rungs: vec![choice("480p", Some("360p")), choice("360p", None)],
        };
        let (probe, profile) = (foreign(), Profile::default());
        EncodePlan::with_choices(&probe, &profile, Mode::Abr, Some(&choices)).unwrap()
    }

    /// Manifests are read by later versions: what changes here needs a version of its own.
    #[test]
    fn the_format_is_written_down() {
        for (kind, plan) in [
            ("manifest_of_a_copy", short(true)),
            ("manifest_of_encodes", short(false)),
            ("manifest_of_audio", audio()),
        ] {
            let mut records = planned_records(&plan);
            records
                .iter_mut()
                .for_each(|it| it.sha256 = "ab".repeat(32));
            let text = render(video(), &generation(), &plan, &records);
            let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
            insta::assert_snapshot!(kind, serde_json::to_string_pretty(&value).unwrap());
        }
    }

    #[test]
    fn a_plan_comes_back_as_it_was() {
        let refused = EncodePlan {
            copy: CopyDecision::Encode(CopyRefusal::OpenGroups),
            ..encoded_plan()
        };
        for plan in [
            remuxed_plan(),
            encoded_plan(),
            short(true),
            refused,
            audio(),
            surround(),
            measured(),
        ] {
            let text = render(video(), &generation(), &plan, &planned_records(&plan));
            assert_eq!(plan_of(&text), Some(plan));
        }
    }

    /// Plans of before HDR was kept have no range.
    #[test]
    fn the_range_of_a_rung_comes_back() {
        let mut plan = short(false);
        let without = render(video(), &generation(), &plan, &[]);
        assert!(!String::from_utf8(without).unwrap().contains("hdr"));
        for hdr in [HighDynamicRange::Pq, HighDynamicRange::Hlg] {
            plan.rungs[0].hdr = Some(hdr);
            let text = render(video(), &generation(), &plan, &[]);
            assert_eq!(plan_of(&text), Some(plan.clone()));
        }
    }

    /// Earlier programs would use the first key for all segments, declare SDR, encode single rungs without
    /// the image of the others, and lose the choices of per-title encoding.
    #[test]
    fn plans_with_newer_fields_are_unknown_to_earlier_programs() {
        let plain = remuxed_plan();
        let several_keys = EncodePlan {
            segments_per_key: std::num::NonZeroU32::new(10),
            ..plain.clone()
        };
        let mut hdr = plain.clone();
        hdr.rungs[0].hdr = Some(HighDynamicRange::Pq);
        let marked = EncodePlan {
            copy: CopyDecision::Encode(CopyRefusal::Watermark),
            watermark: Some(Watermark {
                image_sha256: "ab".repeat(32),
                image_width: 400,
                image_height: 100,
                corner: Corner::TopLeft,
                width: 12.5,
                margin: 3.0,
                opacity: 0.7,
            }),
            ..encoded_plan()
        };
        let viewer = EncodePlan {
            viewer_text: ViewerText::Moving,
            ..plain.clone()
        };
        for (plan, version) in [
            (plain, 2),
            (several_keys, 3),
            (hdr, 3),
            (marked, 3),
            (viewer, 3),
            (measured(), 4),
        ] {
            let text = render(video(), &generation(), &plan, &[]);
            let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
            assert_eq!(json["version"], version);
            assert_eq!(plan_of(&text), Some(plan));
        }
    }

    /// Generations of an older version stay re-encodable rung by rung.
    #[test]
    fn version_1_is_still_read() {
        let remuxed = include_str!("wire/fixtures/manifest_v1_remuxed.json");
        let encoded = include_str!("wire/fixtures/manifest_v1_encoded.json");
        let plain = |plan: EncodePlan| EncodePlan {
            encrypt: false,
            ..plan
        };
        let early = |plan: EncodePlan| EncodePlan {
            video_end: 0,
            ..plan
        };
        let refused = |refusal| EncodePlan {
            copy: CopyDecision::Encode(refusal),
            ..short(false)
        };
        for (text, old, new, expected) in [
            (remuxed, "", "", Some(short(true))),
            (encoded, "", "", Some(short(false))),
            (
                remuxed,
                "\"encrypt\": true",
                "\"encrypt\": false",
                Some(plain(short(true))),
            ),
            (
                remuxed,
                "    \"picture_end\": 900000,\n",
                "",
                Some(early(short(true))),
            ),
            (
                encoded,
                "\"Err\": \"codec\"",
                "\"Err\": \"open-groups\"",
                Some(refused(CopyRefusal::OpenGroups)),
            ),
            (
                encoded,
                "\"Err\": \"codec\"",
                "\"Err\": \"sound-outside-picture\"",
                Some(refused(CopyRefusal::AudioOutsideVideo)),
            ),
            (encoded, "\"Err\": \"codec\"", "\"Err\": \"weather\"", None),
            (remuxed, "\"mpeg-ts\"", "\"ogg\"", None),
            (remuxed, "\"version\": 1", "\"version\": 2", None),
            (remuxed, "\"version\": 1", "\"version\": 3", None),
        ] {
            assert!(text.contains(old), "{old}");
            assert_eq!(
                plan_of(text.replace(old, new).as_bytes()),
                expected,
                "{old} -> {new}"
            );
        }
    }

    #[test]
    fn the_snapshot_of_version_2_is_read() {
        let path = "src/snapshots/transcoder__manifest__tests__manifest_of_a_copy.snap";
        let snapshot = std::fs::read_to_string(path).unwrap();
        let (_, text) = snapshot.split_once("\n---\n").unwrap();
        assert_eq!(plan_of(text.as_bytes()), Some(short(true)));
    }

    #[test]
    fn other_documents_are_no_manifests() {
        let text = String::from_utf8(render(video(), &generation(), &short(true), &[])).unwrap();
        for wrong in [
            String::new(),
            "{}".to_owned(),
            "[]".to_owned(),
            "null".to_owned(),
            text.replace("\"version\":2", "\"version\":1"),
            text.replace("\"version\":2", "\"version\":\"2\""),
            text.replace("\"version\":2,", ""),
            text.replace("\"plan\"", "\"plans\""),
            text.replace("\"mode\":\"abr\"", "\"mode\":\"quick\""),
            text.replace("\"boundaries\"", "\"borders\""),
            text[..text.len() - 1].to_owned(),
            format!("{text}{text}"),
        ] {
            assert_ne!(wrong, text);
            assert_eq!(plan_of(wrong.as_bytes()), None, "{wrong:.80}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(plan_of(&bytes), None);
        }
    }
}
