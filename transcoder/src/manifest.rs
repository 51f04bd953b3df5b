//! The manifest: every segment of a generation, for audits, migrations and repairs.

use domain::ids::{Generation, VideoId};
use domain::plan::EncodePlan;
use domain::segment::SegmentRecord;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Manifest<'a> {
    version: u32,
    video: VideoId,
    generation: &'a Generation,
    /// Duration, in ticks of 1/90000 s.
    duration_ticks: u64,
    plan: &'a EncodePlan,
    segments: &'a [SegmentRecord],
}

/// The plan in a manifest; `None`: the manifest has another version.
pub fn plan_of(text: &[u8]) -> Option<EncodePlan> {
    #[derive(Deserialize)]
    struct Planned {
        version: u32,
        plan: EncodePlan,
    }
    let planned: Planned = serde_json::from_slice(text).ok()?;
    (planned.version == 1).then_some(planned.plan)
}

/// The JSON document. Times are ticks of 1/90000 s, hashes are of the objects as stored.
pub fn render(video: VideoId, generation: &Generation, plan: &EncodePlan, segments: &[SegmentRecord]) -> Vec<u8> {
    let manifest = Manifest { version: 1, video, generation, duration_ticks: plan.duration(), plan, segments };
    serde_json::to_vec(&manifest).expect("numbers and strings always serialise")
}

#[cfg(test)]
mod tests {
    use domain::job::Mode;
    use domain::plan::CopyRefusal;
    use domain::probe::cases::standard;
    use domain::profile::Profile;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{encoded_plan, foreign, generation, planned_records, remuxed_plan, video};

    /// A short video: two segments.
    fn short(remuxed: bool) -> EncodePlan {
        let mut probe = if remuxed { standard() } else { foreign() };
        probe.index.keyframes.truncate(5);
        probe.index.gop_bytes.truncate(5);
        (probe.index.picture_end, probe.index.end, probe.index.video_bytes) = (900_000, 900_000, Some(6_250_000));
        probe.audio.as_mut().unwrap().duration_seconds = Some(10.0);
        let mut profile = Profile::default();
        profile.rungs.retain(|it| it.height == 360);
        EncodePlan::new(&probe, &profile, Mode::Abr).unwrap()
    }

    /// Manifests are read by later versions: what changes here needs a version of its own.
    #[test]
    fn the_format_is_written_down() {
        for (kind, plan) in [("manifest_of_a_copy", short(true)), ("manifest_of_encodes", short(false))] {
            let mut records = planned_records(&plan);
            records.iter_mut().for_each(|it| it.sha256 = "ab".repeat(32));
            let text = render(video(), &generation(), &plan, &records);
            let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
            insta::assert_snapshot!(kind, serde_json::to_string_pretty(&value).unwrap());
        }
    }

    #[test]
    fn a_plan_comes_back_as_it_was() {
        let refused = EncodePlan { copy: Err(CopyRefusal::OpenGroups), ..encoded_plan() };
        for plan in [remuxed_plan(), encoded_plan(), short(true), refused] {
            let text = render(video(), &generation(), &plan, &planned_records(&plan));
            assert_eq!(plan_of(&text), Some(plan));
        }
    }

    #[test]
    fn the_snapshot_of_today_is_still_read() {
        let path = "src/snapshots/transcoder__manifest__tests__manifest_of_a_copy.snap";
        let snapshot = std::fs::read_to_string(path).unwrap();
        let (_, text) = snapshot.split_once("\n---\n").unwrap();
        assert_eq!(plan_of(text.as_bytes()), Some(short(true)));
    }

    #[test]
    fn a_manifest_without_the_end_of_the_picture_is_older() {
        let text = render(video(), &generation(), &remuxed_plan(), &[]);
        let mut value: serde_json::Value = serde_json::from_slice(&text).unwrap();
        value["plan"].as_object_mut().unwrap().remove("picture_end").unwrap();
        let plan = plan_of(value.to_string().as_bytes()).unwrap();
        assert_eq!(plan, EncodePlan { picture_end: 0, ..remuxed_plan() });
    }

    #[test]
    fn other_documents_are_no_manifests() {
        let text = String::from_utf8(render(video(), &generation(), &short(true), &[])).unwrap();
        for wrong in [
            String::new(),
            "{}".to_owned(),
            "[]".to_owned(),
            "null".to_owned(),
            text.replace("\"version\":1", "\"version\":2"),
            text.replace("\"version\":1", "\"version\":\"1\""),
            text.replace("\"version\":1,", ""),
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
