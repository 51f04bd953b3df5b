//! Counters and sums of viewing, which can be added up over sessions and hours.

use std::collections::BTreeMap;

use super::{Kind, Observation};
use crate::playback::Refusal;

/// Upper bounds of the classes of start-up times, milliseconds. A last class has all longer times.
pub const STARTUP_BOUNDS_MS: [u32; 10] = [
    250, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 30_000,
];

/// A histogram of start-up times: the number of sessions in each class of [`STARTUP_BOUNDS_MS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Startups([u64; STARTUP_BOUNDS_MS.len() + 1]);

impl Startups {
    /// Adds a session that started after `ms` milliseconds.
    pub fn add(&mut self, ms: u32) {
        let class = STARTUP_BOUNDS_MS.iter().take_while(|it| **it < ms).count();
        self.add_to(class, 1);
    }

    fn add_to(&mut self, class: usize, amount: u64) {
        if let Some(count) = self.0.get_mut(class) {
            *count = count.saturating_add(amount);
        }
    }

    /// The number of sessions.
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum, it| sum.saturating_add(*it))
    }

    /// The start-up time that a part of the sessions did not exceed, milliseconds: `0.5` for the median. Estimated by
    /// assuming equal distances within a class; never more than the last bound. `None`: no session.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let wanted = part.clamp(0.0, 1.0) * count as f64;
        let (mut below, mut from) = (0.0, 0.0);
        for (number, bound) in self.0.iter().zip(STARTUP_BOUNDS_MS) {
            let (number, to) = (*number as f64, f64::from(bound));
            if number > 0.0 && below + number >= wanted {
                return Some(from + (to - from) * (wanted - below) / number);
            }
            (below, from) = (below + number, to);
        }
        Some(from)
    }
}

/// Counters and sums. All of them saturate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// Sessions that took a playlist, and a key, a segment or a report.
    pub views: u64,
    /// Watched video, milliseconds.
    pub watched_ms: u64,
    /// The part of `watched_ms` whose bitrate is known.
    pub rated_ms: u64,
    /// Sum of bitrate (kbit/s) times duration (ms) over that part: bits.
    pub bits: u64,
    /// How often playback waited for data after it had started.
    pub stalls: u64,
    /// How long playback waited for data, milliseconds.
    pub stalled_ms: u64,
    /// Frames that were decoded and not shown.
    pub dropped_frames: u64,
    /// Times from the request to play to the first frame.
    pub startups: Startups,
    /// Refused requests, by the code of [`Refusal`].
    pub refusals: BTreeMap<&'static str, u64>,
}

impl Totals {
    /// Adds an observation. `is_new`: its session did not watch the video before.
    pub fn observe(&mut self, observation: &Observation, is_new: bool) {
        let measured = &observation.measured;
        if let Kind::Refused(refusal) = observation.kind {
            let count = self.refusals.entry(refusal.code()).or_default();
            *count = count.saturating_add(1);
            return;
        }
        let add = |sum: &mut u64, amount: u64| *sum = sum.saturating_add(amount);
        add(&mut self.views, u64::from(is_new));
        let watched = u64::from(observation.watched_ms());
        add(&mut self.watched_ms, watched);
        if let Some(kbps) = measured.bitrate_kbps
            && watched > 0
        {
            add(&mut self.rated_ms, watched);
            add(&mut self.bits, u64::from(kbps).saturating_mul(watched));
        }
        add(&mut self.stalls, measured.stalls.into());
        add(&mut self.stalled_ms, measured.stalled_ms.into());
        add(&mut self.dropped_frames, measured.dropped_frames.into());
        if let Some(ms) = measured.startup_ms {
            self.startups.add(ms);
        }
    }

    /// The counters that are not zero, by their stored names. [`add`](Self::add) is the inverse.
    pub fn counters(&self) -> Vec<(String, u64)> {
        let named = [
            ("views", self.views),
            ("watched_ms", self.watched_ms),
            ("rated_ms", self.rated_ms),
            ("bits", self.bits),
            ("stalls", self.stalls),
            ("stalled_ms", self.stalled_ms),
            ("dropped_frames", self.dropped_frames),
        ];
        let named = named.map(|(name, amount)| (name.to_owned(), amount));
        let startups = self.startups.0.iter().enumerate();
        let startups = startups.map(|(class, amount)| (format!("{STARTUP}{class}"), *amount));
        let refusals = self.refusals.iter();
        let refusals = refusals.map(|(code, amount)| (format!("{REFUSED}{code}"), *amount));
        named
            .into_iter()
            .chain(startups)
            .chain(refusals)
            .filter(|it| it.1 > 0)
            .collect()
    }

    /// Adds to a counter. A name of a newer version is passed over.
    pub fn add(&mut self, counter: &str, amount: u64) {
        let sum = match counter {
            "views" => &mut self.views,
            "watched_ms" => &mut self.watched_ms,
            "rated_ms" => &mut self.rated_ms,
            "bits" => &mut self.bits,
            "stalls" => &mut self.stalls,
            "stalled_ms" => &mut self.stalled_ms,
            "dropped_frames" => &mut self.dropped_frames,
            _ => {
                if let Some(class) = counter.strip_prefix(STARTUP) {
                    if let Ok(class) = class.parse() {
                        self.startups.add_to(class, amount);
                    }
                    return;
                }
                let code = counter.strip_prefix(REFUSED);
                let known = Refusal::ALL.iter().map(|it| it.code());
                match code.and_then(|code| known.into_iter().find(|it| *it == code)) {
                    Some(code) => self.refusals.entry(code).or_default(),
                    None => return,
                }
            }
        };
        *sum = sum.saturating_add(amount);
    }

    /// Adds all counters of others.
    pub fn merge(&mut self, others: &Self) {
        for (name, amount) in others.counters() {
            self.add(&name, amount);
        }
    }

    /// The average bitrate of the watched video, bits per second; `None`: unknown.
    pub fn average_bitrate(&self) -> Option<u64> {
        // Bits per millisecond are kilobits per second.
        let kbps = self.bits.checked_div(self.rated_ms)?;
        Some(kbps.saturating_mul(1_000))
    }

    /// The part of the time in which playback waited for data, 0 to 1; `None`: nothing was watched.
    pub fn stall_ratio(&self) -> Option<f64> {
        let all = self.watched_ms.saturating_add(self.stalled_ms);
        (self.watched_ms > 0).then(|| self.stalled_ms as f64 / all as f64)
    }
}

/// Before the number of a class.
const STARTUP: &str = "startup/";
/// Before the code of a refusal.
const REFUSED: &str = "refused/";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cmcd::Cmcd;
    use crate::ids::VideoId;

    fn observed(kind: Kind, data: &str) -> Observation {
        Observation {
            video: VideoId::new(1, [1; 10]),
            session: None,
            kind,
            measured: Cmcd::parse(data),
        }
    }

    fn totals(observations: &[(Kind, &str)]) -> Totals {
        let mut totals = Totals::default();
        for (kind, data) in observations {
            totals.observe(&observed(*kind, data), kind.is_view());
        }
        totals
    }

    #[test]
    fn reports_of_a_session_add_up() {
        let totals = totals(&[
            (Kind::Report, "msd=640,br=1000,edgereel-played=10000"),
            (
                Kind::Report,
                "br=4000,bsd=(700 300),edgereel-played=30000,edgereel-dropped=4",
            ),
            (Kind::Report, "edgereel-played=20000"),
        ]);
        assert_eq!((totals.watched_ms, totals.rated_ms), (60_000, 40_000));
        // (10 s × 1 Mbit/s + 30 s × 4 Mbit/s) / 40 s
        assert_eq!(totals.average_bitrate(), Some(3_250_000));
        assert_eq!(
            (totals.stalls, totals.stalled_ms, totals.dropped_frames),
            (2, 1_000, 4)
        );
        let ratio = totals.stall_ratio().unwrap();
        assert!((ratio - 1.0 / 61.0).abs() < 1e-9, "{ratio}");
        assert_eq!(totals.startups.count(), 1);
    }

    #[test]
    fn segments_with_data_of_other_players_count_their_duration() {
        let totals = totals(&[
            (Kind::Master, "ot=m,sid=\"a\""),
            (Kind::Segment, "br=800,d=6000,ot=v"),
            (Kind::Segment, "br=96,d=6000,ot=a"),
            (Kind::Segment, ""),
            (Kind::Segment, "br=800,d=6000,ot=v,bs"),
        ]);
        assert_eq!((totals.watched_ms, totals.stalls), (12_000, 1));
        assert_eq!(totals.average_bitrate(), Some(800_000));
    }

    #[test]
    fn a_refusal_counts_only_its_reason() {
        let totals = totals(&[
            (Kind::Refused(Refusal::PassExpired), "edgereel-played=10000"),
            (Kind::Refused(Refusal::PassExpired), ""),
            (Kind::Refused(Refusal::Country), ""),
        ]);
        let refusals: Vec<_> = totals.refusals.iter().map(|it| (*it.0, *it.1)).collect();
        assert_eq!(refusals, [("country-not-allowed", 1), ("pass-expired", 2)]);
        let none = Totals {
            refusals: BTreeMap::new(),
            ..totals
        };
        assert_eq!(none, Totals::default());
        assert_eq!((none.average_bitrate(), none.stall_ratio()), (None, None));
    }

    #[test]
    fn quantiles_are_within_their_class() {
        let mut startups = Startups::default();
        assert_eq!(startups.quantile(0.5), None);
        for ms in [100, 600, 700, 740, 751, 900, 1_600, 1_700, 2_000, 60_000] {
            startups.add(ms);
        }
        // Four of ten are at most 750 ms, six are at most 1,000 ms.
        assert_eq!(startups.quantile(0.5), Some(875.0));
        assert_eq!(startups.quantile(0.9), Some(2_000.0));
        assert_eq!(startups.quantile(0.95), Some(30_000.0));
        let mut one = Startups::default();
        one.add(0);
        assert_eq!(
            (one.quantile(0.0), one.quantile(1.0)),
            (Some(0.0), Some(250.0))
        );
    }

    #[test]
    fn unknown_counters_are_passed_over() {
        let mut totals = Totals::default();
        for name in [
            "",
            "viewers",
            "startup/11",
            "startup/a",
            "refused/by-mood",
            "refused/",
        ] {
            totals.add(name, 7);
        }
        assert_eq!(totals, Totals::default());
    }

    proptest! {
        #[test]
        fn stored_counters_restore_the_totals(
            data in "(br=[0-9]{1,4},|bsd=\\([0-9]{1,3} [0-9]{1,3}\\),|msd=[0-9]{1,5},|edgereel-played=[0-9]{1,6},){0,5}",
            refusal in prop::sample::select(&Refusal::ALL[..]),
            times in 0..4usize,
        ) {
            let mut all = vec![(Kind::Report, data.as_str()); times];
            all.push((Kind::Refused(refusal), ""));
            let totals = totals(&all);
            let mut restored = Totals::default();
            for (name, amount) in totals.counters() {
                prop_assert!(amount > 0);
                restored.add(&name, amount);
            }
            prop_assert_eq!(&restored, &totals);
            let mut twice = totals.clone();
            twice.merge(&totals);
            prop_assert_eq!(twice.watched_ms, 2 * totals.watched_ms);
            prop_assert_eq!(twice.startups.count(), 2 * totals.startups.count());
        }

        #[test]
        fn a_quantile_grows_with_its_part(times in prop::collection::vec(0..100_000u32, 1..40), a in 0.0..1.0, b in 0.0..1.0) {
            let mut startups = Startups::default();
            times.iter().for_each(|it| startups.add(*it));
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(startups.quantile(low) <= startups.quantile(high));
            prop_assert!(startups.quantile(high).is_some_and(|it| (0.0..=30_000.0).contains(&it)));
        }
    }
}
