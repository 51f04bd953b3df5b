//! Master playlists of every kind of plan.

use std::collections::HashMap;

use catalog::RenditionKind;
use domain::job::Mode;
use domain::plan::Codec;
use domain::probe::cases::sound;
use domain::probe::{AudioPurpose, AudioStream, HighDynamicRange, Probe};
use domain::profile::Profile;
use hls::MasterPlaylist;
use hls::write::VariantSpec;

use super::*;
use crate::testing::{foreign, generation, name, planned_records, video};

mod growing;

/// A kind of plan: its name, the source, the profile, and the mode.
fn kinds() -> Vec<(&'static str, Probe, Profile, Mode)> {
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
    let hdr = changed(|it| {
        let video = it.video_mut();
        (video.hdr, video.wide_gamut) = (Some(HighDynamicRange::Pq), true);
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
        ("hdr", hdr, newer_codecs(), Mode::Abr),
        (
            "viewer",
            standard(),
            Profile::parse("[watermark]\nviewer = \"moving\"").unwrap(),
            Mode::Abr,
        ),
    ]
}

/// H.264, HEVC and AV1 in two sizes.
fn newer_codecs() -> Profile {
    let rung = |codec: &str, height: u32| {
        format!(
            "[[rung]]\nname = \"{height}p-{codec}\"\ncodec = \"{codec}\"\nwidth = {}\nheight = {height}\n\
             video_kbps = {height}\naudio_kbps = 128\n",
            height * 16 / 9
        )
    };
    let rungs = ["h264", "hevc", "av1"].map(|it| rung(it, 720) + &rung(it, 360));
    Profile::parse(&format!("segment_format = \"fmp4\"\n{}", rungs.concat())).unwrap()
}

fn publisher(world: &World, probe: &Probe, plan: &EncodePlan) -> Publisher {
    let writer = GenerationWriter::new(Arc::clone(&world.store), video(), generation(), 1);
    Publisher::new(writer, plan, SourceFacts::new(plan, probe))
}

/// Everything of a plan, as it was measured.
fn finish(publisher: &mut Publisher, plan: &EncodePlan) {
    for record in planned_records(plan) {
        let rendition = plan.rendition(&record.rendition).unwrap();
        let codecs = match rendition.codec {
            Codec::Aac => "mp4a.40.2",
            Codec::Ac3 => "ac-3",
            Codec::Eac3 => "ec-3",
            Codec::Hevc => "hvc1.2.4.L93.90",
            Codec::Av1 => "av01.0.05M.10.0.110.09.16.09.0",
            Codec::H264 => "avc1.42c01f",
        };
        publisher
            .records_mut()
            .add_segment(record, codecs.to_owned());
    }
}

fn all_names(plan: &EncodePlan) -> HashSet<RenditionName> {
    plan.all_renditions()
        .into_iter()
        .map(|it| it.name.clone())
        .collect()
}

/// The generation in addresses has no meaning here.
fn readable(text: &str) -> String {
    text.replace(generation().as_str(), "GENERATION")
}

#[test]
fn every_kind_of_plan_has_its_master_playlist() {
    let world = World::new();
    for (kind, probe, profile, mode) in kinds() {
        let plan = EncodePlan::new(&probe, &profile, mode).unwrap();
        let mut publisher = publisher(&world, &probe, &plan);
        let planned = publisher
            .presentation()
            .master(&all_names(&plan), Rates::Planned)
            .render();
        finish(&mut publisher, &plan);
        let measured = publisher
            .presentation()
            .master(&all_names(&plan), Rates::Measured)
            .render();
        insta::assert_snapshot!(
            kind.replace(", ", "_").replace(' ', "_"),
            readable(&format!("{planned}\n-- measured --\n\n{measured}"))
        );
    }
}

#[test]
fn a_master_playlist_names_each_rendition_once_and_its_sound() {
    let world = World::new();
    for (kind, probe, profile, mode) in kinds() {
        let plan = EncodePlan::new(&probe, &profile, mode).unwrap();
        let mut publisher = publisher(&world, &probe, &plan);
        finish(&mut publisher, &plan);
        let names = all_names(&plan);
        let spec = publisher.presentation().master(&names, Rates::Measured);
        let has_surround = plan.surround_group().is_some();
        let is_alone = probe.video.is_none() && probe.audio.len() == 1 && !has_surround;
        // The surround group has its variants, and tracks of the stereo group.
        let surround = plan.surround_group().map(ToString::to_string);
        let is_beside = |it: &VariantSpec| it.audio.is_some() && it.audio == surround;
        // If there is only audio, the variant plays the first track of its group.
        let own = spec.variants.iter().filter(|it| !is_beside(it));
        let own = own.filter(|it| it.video.is_some() || it.audio.is_none());
        let mut addresses: Vec<_> = own.map(|it| it.uri.clone()).collect();
        let audio = spec.audio.iter();
        let audio = audio.filter(|it| Some(&it.group) != surround.as_ref() || it.channels > 2);
        addresses.extend(audio.map(|it| it.uri.clone()));
        addresses.extend(spec.iframes.iter().map(|it| it.uri.clone()));
        let named: HashSet<_> = addresses
            .iter()
            .filter_map(|it| it.split('/').nth(1)?.parse().ok())
            .collect();
        assert_eq!(named, names, "{kind}");
        assert_eq!(addresses.len(), names.len(), "{kind}: each once");
        let groups: HashSet<_> = spec.audio.iter().map(|it| it.group.clone()).collect();
        for variant in &spec.variants {
            assert_eq!(
                variant.audio.is_some(),
                !probe.audio.is_empty() && !is_alone,
                "{kind}: {variant:?}"
            );
            assert!(
                variant.audio.iter().all(|it| groups.contains(it)),
                "{kind}: {variant:?}"
            );
            assert!(
                variant.bandwidth.peak >= variant.bandwidth.average,
                "{kind}: {variant:?}"
            );
        }
        let parsed = MasterPlaylist::parse(&spec.render());
        assert_eq!(parsed.problems, [], "{kind}");
    }
}

#[test]
fn renditions_that_are_left_out_are_not_named() {
    let world = World::new();
    let plan = EncodePlan::new(&standard(), &Profile::default(), Mode::Abr).unwrap();
    let publisher = publisher(&world, &standard(), &plan);
    let text = publisher
        .presentation()
        .master(
            &HashSet::from([name("source"), name("audio-source")]),
            Rates::Planned,
        )
        .render();
    assert!(
        text.contains("/source/") && text.contains("/audio-source/"),
        "{text}"
    );
    for other in ["720p", "480p", "360p", "iframes"] {
        assert!(!text.contains(&format!("/{other}/")), "{other}: {text}");
    }
}

#[test]
fn records_of_renditions_tell_what_is_known() {
    let world = World::new();
    for (kind, probe, profile, mode) in kinds() {
        let plan = EncodePlan::new(&probe, &profile, mode).unwrap();
        let mut publisher = publisher(&world, &probe, &plan);
        let planned = publisher.planned_renditions();
        assert_eq!(planned.len(), all_names(&plan).len(), "{kind}");
        for it in &planned {
            assert_eq!(
                (it.state, &it.codecs, it.bandwidth),
                (RenditionState::Planned, &None, None),
                "{kind}: {it:?}"
            );
        }
        finish(&mut publisher, &plan);
        let complete = publisher
            .presentation()
            .rendition_records(&all_names(&plan), RenditionState::Complete);
        let by_name: HashMap<_, _> = planned.iter().map(|it| (it.name.clone(), it)).collect();
        for it in &complete {
            let before = by_name[&it.name];
            assert_eq!(
                (it.kind, it.width, it.height, it.copied),
                (before.kind, before.width, before.height, before.copied)
            );
            assert!(
                it.codecs.is_some()
                    && it.average_bandwidth <= it.bandwidth
                    && it.bandwidth > Some(0),
                "{it:?}"
            );
            let expected = match it.name.as_str() {
                "iframes" => RenditionKind::IFrames,
                name if name.starts_with("audio-") => RenditionKind::Audio,
                _ => RenditionKind::Video,
            };
            assert_eq!(it.kind, expected, "{kind}: {it:?}");
            assert_eq!(
                it.width.is_some(),
                expected != RenditionKind::Audio,
                "{it:?}"
            );
            assert_eq!(
                it.frame_rate.is_some(),
                expected == RenditionKind::Video,
                "{it:?}"
            );
            assert_eq!(it.copied, it.name.as_str().contains("source"), "{it:?}");
        }
    }
}

#[test]
fn media_playlists_name_what_is_there() {
    let world = World::new();
    for encrypt in [true, false] {
        let profile = Profile {
            encrypt,
            ..Profile::default()
        };
        let plan = EncodePlan::new(&standard(), &profile, Mode::Abr).unwrap();
        let mut publisher = publisher(&world, &standard(), &plan);
        finish(&mut publisher, &plan);
        let of = |rendition: &str, kind, count| {
            publisher
                .media_playlist(&name(rendition), kind, count)
                .render()
        };
        let sound = of("audio-source", MediaPlaylistKind::Vod, 2);
        let growing = of("720p", MediaPlaylistKind::Event, 3);
        let iframes = of("iframes", MediaPlaylistKind::Vod, 1);
        let text = [sound, growing, iframes].join("\n-- \n\n");
        insta::assert_snapshot!(
            if encrypt {
                "media_playlists_encrypted"
            } else {
                "media_playlists_in_clear"
            },
            text
        );
        assert_eq!(
            of("240p", MediaPlaylistKind::Vod, 9)
                .matches("#EXTINF")
                .count(),
            0,
            "nothing is there of it"
        );
    }
}
