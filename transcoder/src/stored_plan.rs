//! `plan.json`: the plan of a generation, written as soon as planning is done.
//!
//! With the plan, the facts of the source and the recorded chunks, any process can compute the
//! playlists, the progress and the receipt of the generation. The digest of the probe shows whether
//! its own inspection of the source agrees.

use domain::ids::{Generation, VideoId, hex};
use domain::plan::EncodePlan;
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
    language: Option<String>,
    frame_rate: Ratio,
    /// Bytes of the source in each segment; empty: unknown.
    segment_bytes: Vec<u64>,
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
        language,
        frame_rate,
        segment_bytes,
    } = facts.clone();
    let source = SourceWire {
        probe_sha256: digest(probe),
        language,
        frame_rate,
        segment_bytes,
    };
    let (version, generation, plan) = (wire::VERSION, generation.clone(), plan.into());
    let stored = StoredPlan {
        version,
        video,
        generation,
        plan,
        source,
    };
    serde_json::to_vec(&stored).expect("numbers and strings always serialise")
}

fn digest(probe: &Probe) -> String {
    hex(&Sha256::digest(
        serde_json::to_vec(probe).expect("numbers and strings always serialise"),
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use domain::probe::cases::standard;
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

    #[test]
    fn the_plan_comes_back_with_the_facts_of_its_source() {
        for (plan, probe) in [(remuxed_plan(), standard()), (encoded_plan(), foreign())] {
            let StoredPlan {
                version,
                video: of,
                generation: made,
                plan: read,
                source,
            } = stored(&plan, &probe);
            assert_eq!((version, of, made), (2, video(), generation()));
            assert_eq!(source.probe_sha256, digest(&probe));
            let SourceWire {
                language,
                frame_rate,
                segment_bytes,
                ..
            } = source;
            assert_eq!(
                SourceFacts {
                    language,
                    frame_rate,
                    segment_bytes
                },
                SourceFacts::new(&plan, &probe)
            );
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
        for (plan, probe) in [(remuxed_plan(), standard()), (encoded_plan(), foreign())] {
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
            let SourceWire {
                language,
                frame_rate,
                segment_bytes,
                ..
            } = source;
            let facts = SourceFacts {
                language,
                frame_rate,
                segment_bytes,
            };
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
