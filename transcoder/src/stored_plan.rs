//! `plan.json`: the plan of a generation, written as soon as planning is done.
//!
//! With the plan, the facts of the source and the recorded chunks, any process can compute the
//! playlists, the progress and the receipt of the generation. The digest of the probe shows whether
//! its own inspection of the source agrees.

use domain::ids::{Generation, VideoId, hex};
use domain::per_title::PerTitle;
use domain::plan::{AudioTrack, EncodePlan};
use domain::probe::{Probe, Ratio};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::publish::SourceFacts;
use crate::wire::{self, PlanV2};

#[derive(Debug, Serialize, Deserialize)]
struct StoredPlan {
    version: u32,
    video: VideoId,
    generation: Generation,
    plan: PlanV2,
    source: SourceWire,
}

#[derive(Debug, Serialize, Deserialize)]
struct SourceWire {
    /// SHA-256 of the probe as JSON, lower-case hex.
    probe_sha256: String,
    /// Language of the first audio track, if it is known.
    language: Option<String>,
    /// The audio tracks, if there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tracks: Vec<TrackWire>,
    frame_rate: Ratio,
    /// Bytes of the source in each segment; empty: unknown.
    segment_bytes: Vec<u64>,
}

/// An audio track, as players list it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct TrackWire {
    name: String,
    language: Option<String>,
    auto_select: bool,
    characteristics: Option<String>,
}

impl From<&AudioTrack> for TrackWire {
    fn from(track: &AudioTrack) -> Self {
        let AudioTrack {
            name,
            language,
            auto_select,
            characteristics,
        } = track.clone();
        Self {
            name,
            language,
            auto_select,
            characteristics,
        }
    }
}

/// The JSON document.
pub(crate) fn render(
    video: VideoId,
    generation: &Generation,
    plan: &EncodePlan,
    probe: &Probe,
    facts: &SourceFacts,
) -> Vec<u8> {
    let SourceFacts {
        tracks,
        frame_rate,
        segment_bytes,
    } = facts.clone();
    let source = SourceWire {
        probe_sha256: digest(probe),
        language: probe.audio.first().and_then(|it| it.language.clone()),
        tracks: match tracks.len() {
            0 | 1 => vec![],
            _ => tracks.iter().map(TrackWire::from).collect(),
        },
        frame_rate,
        segment_bytes,
    };
    let (version, generation, plan) = (wire::version(plan), generation.clone(), plan.into());
    let stored = StoredPlan {
        version,
        video,
        generation,
        plan,
        source,
    };
    serde_json::to_vec(&stored).expect("numbers and strings always serialise")
}

/// The measurements of per-title encoding in a stored plan; `None`: it has none, or a newer version
/// wrote it.
pub(crate) fn choices_of(text: &[u8]) -> Option<PerTitle> {
    let stored: StoredPlan = serde_json::from_slice(text).ok()?;
    let is_known = wire::is_known(stored.version);
    EncodePlan::from(stored.plan).per_title.filter(|_| is_known)
}

fn digest(probe: &Probe) -> String {
    hex(&Sha256::digest(
        serde_json::to_vec(probe).expect("numbers and strings always serialise"),
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use domain::job::Mode;
    use domain::probe::cases::{sound, standard};
    use domain::profile::Profile;
    use domain::segment::ChunkRecord;
    use hls::write::MediaPlaylistKind;

    use super::*;
    use crate::publish::ShownSegment;
    use crate::publish::{Presentation, Rates};
    use crate::records::Records;
    use crate::testing::{chunk_records, encoded_plan, foreign, generation, remuxed_plan, video};

    fn stored(plan: &EncodePlan, probe: &Probe) -> StoredPlan {
        let text = render(
            video(),
            &generation(),
            plan,
            probe,
            &SourceFacts::new(plan, probe),
        );
        serde_json::from_slice(&text).unwrap()
    }

    /// The facts of the source in a stored plan.
    fn facts(source: SourceWire) -> SourceFacts {
        let several = source.tracks.into_iter().map(|it| AudioTrack {
            name: it.name,
            language: it.language,
            auto_select: it.auto_select,
            characteristics: it.characteristics,
        });
        let several: Vec<_> = several.collect();
        let only = AudioTrack {
            language: source.language.or(AudioTrack::unknown().language),
            ..AudioTrack::unknown()
        };
        SourceFacts {
            tracks: if several.is_empty() {
                vec![only]
            } else {
                several
            },
            frame_rate: source.frame_rate,
            segment_bytes: source.segment_bytes,
        }
    }

    /// Two languages beside the video.
    fn bilingual() -> Probe {
        let mut probe = standard();
        let mut german = probe.audio[0].clone();
        (german.index, german.language) = (2, Some("deu".to_owned()));
        probe.audio.push(german);
        probe
    }

    fn planned(probe: Probe) -> (EncodePlan, Probe) {
        let plan = EncodePlan::new(&probe, &Profile::default(), Mode::Abr).unwrap();
        (plan, probe)
    }

    fn cases() -> Vec<(EncodePlan, Probe)> {
        let both = [(remuxed_plan(), standard()), (encoded_plan(), foreign())];
        both.into_iter()
            .chain([planned(bilingual()), planned(sound())])
            .collect()
    }

    #[test]
    fn the_plan_comes_back_with_the_facts_of_its_source() {
        for (plan, probe) in cases() {
            let StoredPlan {
                version,
                video: of,
                generation: made,
                plan: read,
                source,
            } = stored(&plan, &probe);
            assert_eq!((version, of, made), (2, video(), generation()));
            assert_eq!(source.probe_sha256, digest(&probe));
            assert_eq!(facts(source), SourceFacts::new(&plan, &probe));
            assert_eq!(EncodePlan::from(read), plan);
        }
    }

    #[test]
    fn another_probe_has_another_digest() {
        let mut other = standard();
        other.index.end += 1;
        assert_eq!(digest(&standard()).len(), 64);
        assert_ne!(digest(&standard()), digest(&other));
    }

    /// A process that has nothing but the stored plan and the recorded chunks, read back as JSON.
    #[test]
    fn another_process_computes_the_same_playlists() {
        for (plan, probe) in cases() {
            let chunks = chunk_records(&plan);
            let playlists = |plan: &EncodePlan, source: &SourceFacts, chunks: &[ChunkRecord]| {
                let mut records = Records::default();
                chunks.iter().for_each(|it| records.add(it));
                let (video, generation) = (video(), generation());
                let presentation = Presentation {
                    video,
                    generation: &generation,
                    plan,
                    source,
                    records: &records,
                };
                let names: HashSet<_> = records.renditions().cloned().collect();
                let master = presentation.master(&names, Rates::Measured).render();
                let media = records.renditions().map(|name| {
                    let count = records.frontier(name);
                    presentation
                        .media_playlist(name, MediaPlaylistKind::Vod, count, |it| {
                            ShownSegment::from(it)
                        })
                        .render()
                });
                (master, media.collect::<Vec<_>>(), records.receipt())
            };
            let StoredPlan {
                plan: read, source, ..
            } = stored(&plan, &probe);
            let facts = facts(source);
            let recorded: Vec<ChunkRecord> =
                serde_json::from_slice(&serde_json::to_vec(&chunks).unwrap()).unwrap();
            let elsewhere = playlists(&read.into(), &facts, &recorded);
            assert_eq!(
                elsewhere,
                playlists(&plan, &SourceFacts::new(&plan, &probe), &chunks)
            );
            assert_eq!(elsewhere.1.len(), plan.all_renditions().len());
        }
    }
}
