//! What is shown of a generation that grows.

use domain::segment::{ChunkRecord, Lane};

use super::*;

#[test]
fn a_gap_ends_what_can_be_shown() {
    let world = World::new();
    let plan = world.plan.clone();
    let mut publisher = publisher(&world, &foreign(), &plan);
    let growing = publisher.growing();
    for (missing, ready) in [(0, 0), (1, 1), (4, 4), (9, 9)] {
        finish(&mut publisher, &plan);
        assert_eq!(publisher.ready(), 10);
        for name in &growing {
            let kept = publisher.records_mut().remove_segment(name, missing);
            assert_eq!(
                (publisher.records().frontier(name), publisher.ready()),
                (ready, ready),
                "{name} without {missing}"
            );
            publisher.records_mut().add_segment(kept, String::new());
        }
    }
    assert_eq!(publisher.records().frontier(&name("144p")), 0);
    assert_eq!(
        publisher.records().all_segments().len(),
        planned_records(&plan).len()
    );
}

#[test]
fn what_grows_together_is_what_players_switch_between() {
    let world = World::new();
    for (kind, probe, profile, mode) in kinds() {
        let plan = EncodePlan::new(&probe, &profile, mode).unwrap();
        let growing = publisher(&world, &probe, &plan).growing();
        let expected: Vec<RenditionName> = match &plan.copy {
            CopyDecision::Remux(copy) => {
                let groups = copy.audio.iter().chain(plan.surround_group());
                let group = groups.flat_map(|it| plan.audio_of_group(it));
                let group = group.map(|it| &it.rendition.name);
                [&copy.rendition.name]
                    .into_iter()
                    .chain(group)
                    .cloned()
                    .collect()
            }
            CopyDecision::Encode(_) if let Some(first) = &plan.first => {
                let group = plan.audio.iter().map(|it| it.rendition.name.clone());
                [first.clone()].into_iter().chain(group).collect()
            }
            CopyDecision::Encode(_) => {
                let rungs = plan.rungs.iter().map(|it| &it.rendition);
                rungs
                    .chain(plan.audio.iter().map(|it| &it.rendition))
                    .map(|it| it.name.clone())
                    .collect()
            }
        };
        assert_eq!(growing, expected, "{kind}");
        assert!(!growing.contains(&name("iframes")), "{kind}");
    }
}

#[test]
fn the_first_chunk_that_names_a_codec_wins_until_the_chunk_is_whole() {
    let world = World::new();
    let mut publisher = publisher(&world, &foreign(), &world.plan);
    let records: Vec<_> = planned_records(&world.plan)
        .into_iter()
        .filter(|it| it.rendition.as_str() == "720p")
        .collect();
    publisher
        .records_mut()
        .add_segment(records[0].clone(), "avc1.first".to_owned());
    publisher
        .records_mut()
        .add_segment(records[1].clone(), "avc1.second".to_owned());
    assert_eq!(
        publisher.records().codecs(&name("720p")).unwrap(),
        "avc1.first"
    );
    let codecs = [(name("720p"), "avc1.chunk".to_owned())].into();
    let chunk = ChunkRecord {
        lane: Lane::Encode,
        index: 0,
        cpu_ms: 0,
        wall_ms: 0,
        segments: records,
        codecs,
        traffic: None,
    };
    publisher.records_mut().add(&chunk);
    let records = publisher.records();
    assert_eq!(records.codecs(&name("720p")).unwrap(), "avc1.chunk");
    assert_eq!(records.frontier(&name("720p")), 10);
}
