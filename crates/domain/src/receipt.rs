//! Receipts: the measured resources that a video used, and their cost at given prices.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use crate::job::Stage;
use crate::loudness::TrackLoudness;
use crate::per_title::PerTitle;
use crate::plan::EncodePlan;
use crate::prices::Prices;

/// Wall time of one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageTime {
    /// The stage.
    pub stage: Stage,
    /// Wall time, milliseconds. Stages run in parallel, so these do not add up to the total.
    pub wall_ms: u64,
}

/// The resources that one generation of a video used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// CPU time of the worker for this video, all child processes included, milliseconds.
    pub cpu_ms: u64,
    /// From the claim to the end, milliseconds; time between attempts does not count.
    pub wall_ms: u64,
    /// Wall time per stage, in the order of the stages. Those of a newer version are left out, as in
    /// `missing`.
    #[serde(deserialize_with = "known_stages")]
    pub stages: Vec<StageTime>,
    /// Duration of the source, milliseconds.
    pub source_ms: u64,
    /// Bytes read from the store.
    pub bytes_in: u64,
    /// Bytes written to the store.
    pub bytes_out: u64,
    /// Requests that write, copy or list (class A of R2).
    pub store_writes: u64,
    /// Requests that read (class B of R2).
    pub store_reads: u64,
    /// Bytes that remain in the store: the outputs, and the source if it is kept.
    pub stored_bytes: u64,
    /// Extras that could not be produced. Those of a newer version are left out, so that an older
    /// program reads its receipts after a roll-back.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "known_extras"
    )]
    pub missing: Vec<Extra>,
    /// Loudness of the audio tracks, if the profile normalises it. Silent tracks have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loudness: Vec<TrackLoudness>,
    /// What is drawn over the video; `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Drawn>,
    /// The measurements of per-title encoding, if the profile has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_title: Option<PerTitle>,
}

/// What a generation has over the video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    /// Whether an image is in the frames.
    pub image: bool,
    /// Whether the web player draws the name of the viewer.
    pub viewer: bool,
}

impl Drawn {
    /// What a plan draws; `None`: nothing.
    pub fn of(plan: &EncodePlan) -> Option<Self> {
        let drawn = Self {
            image: plan.watermark.is_some(),
            viewer: !plan.viewer_text.is_off(),
        };
        (drawn.image || drawn.viewer).then_some(drawn)
    }
}

/// An optional output. A video plays without it, so a failure is a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Extra {
    /// Images for the seek bar, one object each.
    Thumbnails,
    /// Images for the seek bar, on one sheet.
    Storyboard,
    /// The image that is shown before playback.
    Poster,
    /// Captions of the source.
    Captions,
    /// Captions from subtitles of the source that are images, which cannot become text.
    ImageSubtitles,
    /// Audio tracks that have no decoder, or that are too many.
    AudioTracks,
}

fn known_extras<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Extra>, D::Error> {
    known(deserializer)
}

fn known_stages<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<StageTime>, D::Error> {
    known(deserializer)
}

/// The items of a list that this version knows.
fn known<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Named<T> {
        Known(T),
        Unknown(IgnoredAny),
    }
    let named = Vec::deserialize(deserializer)?.into_iter();
    Ok(named
        .filter_map(|it| match it {
            Named::Known(item) => Some(item),
            Named::Unknown(IgnoredAny) => None,
        })
        .collect())
}

impl Receipt {
    /// Adds the resources of another video, for totals. Loudness and scores do not add up.
    pub fn add(&mut self, other: &Self) {
        self.cpu_ms += other.cpu_ms;
        self.wall_ms += other.wall_ms;
        for &StageTime { stage, wall_ms } in &other.stages {
            self.add_stage(stage, wall_ms);
        }
        self.source_ms += other.source_ms;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.store_writes += other.store_writes;
        self.store_reads += other.store_reads;
        self.stored_bytes += other.stored_bytes;
        self.missing.extend(&other.missing);
    }

    /// Adds wall time (milliseconds) to a stage.
    pub fn add_stage(&mut self, stage: Stage, wall_ms: u64) {
        match self.stages.iter_mut().find(|it| it.stage == stage) {
            Some(time) => time.wall_ms += wall_ms,
            None => {
                self.stages.push(StageTime { stage, wall_ms });
                self.stages.sort_by_key(|it| it.stage);
            }
        }
    }

    /// The cost at these prices.
    pub fn cost(&self, prices: &Prices) -> Cost {
        let compute_usd = self.cpu_ms as f64 / MS_PER_HOUR * prices.cpu_hour_usd;
        let requests_usd = self.store_writes as f64 / 1e6 * prices.million_writes_usd
            + self.store_reads as f64 / 1e6 * prices.million_reads_usd;
        let egress_usd = self.bytes_out as f64 / 1e9 * prices.egress_gigabyte_usd;
        let storage_usd_per_month = self.stored_bytes as f64 / 1e9 * prices.gigabyte_month_usd;
        Cost {
            compute_usd,
            egress_usd,
            requests_usd,
            storage_usd_per_month,
        }
    }
}

const MS_PER_HOUR: f64 = 3_600_000.0;

/// An estimate, US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cost {
    /// One-time cost of the CPU time.
    pub compute_usd: f64,
    /// One-time cost of the traffic from the worker to the store. Older versions did not have it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub egress_usd: f64,
    /// One-time cost of the requests.
    pub requests_usd: f64,
    /// Monthly cost of the storage.
    pub storage_usd_per_month: f64,
}

impl Cost {
    /// The one-time cost, without storage.
    pub fn once_usd(&self) -> f64 {
        self.compute_usd + self.egress_usd + self.requests_usd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn an_hour() -> Receipt {
        Receipt {
            cpu_ms: 2 * 3_600_000,
            wall_ms: 3_600_000,
            stages: vec![StageTime {
                stage: Stage::Encode,
                wall_ms: 3_500_000,
            }],
            source_ms: 3_600_000,
            bytes_in: 4_000_000_000,
            bytes_out: 5_000_000_000,
            store_writes: 10_000,
            store_reads: 500,
            stored_bytes: 9_000_000_000,
            missing: vec![],
            loudness: vec![],
            watermark: None,
            per_title: None,
        }
    }

    #[test]
    fn costs_follow_from_amounts_and_prices() {
        let prices = Prices {
            cpu_hour_usd: 0.05,
            egress_gigabyte_usd: 0.08,
            gigabyte_month_usd: 0.015,
            million_writes_usd: 4.5,
            million_reads_usd: 0.36,
        };
        let cost = an_hour().cost(&prices);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(cost.compute_usd, 0.10), "{cost:?}");
        assert!(near(cost.egress_usd, 0.40), "{cost:?}");
        assert!(near(cost.requests_usd, 0.045 + 0.000_18), "{cost:?}");
        assert!(near(cost.storage_usd_per_month, 0.135), "{cost:?}");
        assert!(near(cost.once_usd(), 0.545_18), "{cost:?}");
    }

    #[test]
    fn words_of_a_newer_version_are_left_out() {
        let mut receipt = an_hour();
        receipt.missing = vec![Extra::Poster, Extra::Captions];
        let text = serde_json::to_string(&receipt).unwrap();
        let newer = text.replace("\"captions\"", "\"captions\",\"scents\"");
        let stage = "\"stages\":[{\"stage\":\"smell\",\"wall_ms\":1},";
        let newer = newer.replace("\"stages\":[", stage);
        assert!(newer.contains(stage));
        assert_ne!(newer, text);
        let read: Receipt = serde_json::from_str(&newer).unwrap();
        assert_eq!(read, receipt);
    }

    #[test]
    fn nothing_costs_nothing() {
        let cost = Receipt::default().cost(&Prices::default());
        assert_eq!((cost.once_usd(), cost.storage_usd_per_month), (0.0, 0.0));
    }

    #[test]
    fn totals_add_up() {
        let mut sum = an_hour();
        let mut second = an_hour();
        second.stages = vec![
            StageTime {
                stage: Stage::Encode,
                wall_ms: 1,
            },
            StageTime {
                stage: Stage::Probe,
                wall_ms: 5,
            },
        ];
        second.stored_bytes = 7;
        sum.add(&second);
        assert_eq!(
            (sum.cpu_ms, sum.store_writes, sum.stored_bytes),
            (4 * 3_600_000, 20_000, 9_000_000_007)
        );
        assert_eq!(
            sum.stages,
            [
                StageTime {
                    stage: Stage::Probe,
                    wall_ms: 5
                },
                StageTime {
                    stage: Stage::Encode,
                    wall_ms: 3_500_001
                }
            ]
        );
    }
}
