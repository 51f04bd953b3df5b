//! `GET /v1/videos/{id}/views`: what was watched, and how well.

use std::collections::BTreeMap;

use api_types::views::{ReadViews, StartupTimes, VideoViews, ViewInterval, Views, ViewsAt};
use axum::Json;
use axum::extract::State;
use domain::time::UnixMillis;
use domain::viewing::{Hour, Totals};
use platform::clock;

use super::existing;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{QueryParams, Video as PathVideo};
use crate::state::ApiState;

/// Most elements of a series: hours of 31 days, or days of two years.
const MOST: u64 = 744;

/// The views of a video in a period.
pub(crate) async fn read(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
    QueryParams(params): QueryParams<ReadViews>,
) -> Result<Json<VideoViews>, ApiError> {
    existing(&state, &caller, id).await?;
    let period = Period::of(&params, clock::now())?;
    let hours = state.catalog.views(id, period.from, period.until).await?;
    Ok(Json(period.sum(&hours)))
}

/// Whole intervals in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Period {
    from: Hour,
    until: Hour,
    interval: ViewInterval,
}

impl Period {
    fn of(params: &ReadViews, now: UnixMillis) -> Result<Self, ApiError> {
        let interval = params.interval.unwrap_or(ViewInterval::Day);
        let (length, default) = match interval {
            ViewInterval::Hour => (1, 48),
            ViewInterval::Day => (24, 30 * 24),
        };
        // The interval of the last moment before the end is the last one.
        let end = params.to.map_or(now, UnixMillis::from).get();
        let last = Hour::of(UnixMillis::new(end.saturating_sub(1))).0;
        let until = (last / length + 1) * length;
        let from = match params.from {
            Some(from) => Hour::of(from.into()).0 / length * length,
            None => until.saturating_sub(default),
        };
        if from >= until {
            return Err(ApiError::invalid("`from` must be before `to`"));
        }
        if (until - from) / length > MOST {
            return Err(ApiError::invalid(format!(
                "the period has more than {MOST} intervals: choose a later `from`, or `interval=day`"
            )));
        }
        Ok(Self {
            from: Hour(from),
            until: Hour(until),
            interval,
        })
    }

    /// The beginning of the interval of an hour.
    fn start(&self, hour: Hour) -> Hour {
        match self.interval {
            ViewInterval::Hour => hour,
            ViewInterval::Day => Hour(hour.0 / 24 * 24),
        }
    }

    fn sum(&self, hours: &[(Hour, Totals)]) -> VideoViews {
        let mut total = Totals::default();
        let mut series: BTreeMap<Hour, Totals> = BTreeMap::new();
        for (hour, totals) in hours {
            total.merge(totals);
            series.entry(self.start(*hour)).or_default().merge(totals);
        }
        VideoViews {
            from: self.from.start().into(),
            to: self.until.start().into(),
            interval: self.interval.into(),
            total: view(&total),
            series: series
                .iter()
                .map(|(at, totals)| ViewsAt {
                    at: at.start().into(),
                    views: view(totals),
                })
                .collect(),
        }
    }
}

fn view(totals: &Totals) -> Views {
    let seconds = |ms: u64| ms as f64 / 1_000.0;
    let startups = &totals.startups;
    let startup = startups.quantile(0.5).zip(startups.quantile(0.95));
    Views {
        views: totals.views,
        watched_seconds: seconds(totals.watched_ms),
        average_bitrate: totals.average_bitrate(),
        startup: startup.map(|(p50, p95)| StartupTimes {
            sessions: startups.count(),
            p50_seconds: p50.round() / 1_000.0,
            p95_seconds: p95.round() / 1_000.0,
        }),
        stalls: totals.stalls,
        stalled_seconds: seconds(totals.stalled_ms),
        stall_ratio: totals.stall_ratio(),
        dropped_frames: totals.dropped_frames,
        refusals: totals
            .refusals
            .iter()
            .map(|(code, amount)| ((*code).to_owned(), *amount))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use api_types::Timestamp;

    use super::*;

    /// 2026-11-21T18:27:05Z
    const NOW: u64 = 1_795_285_625_000;

    fn time(text: &str) -> Option<Timestamp> {
        Some(serde_json::from_str(&format!("\"{text}\"")).unwrap())
    }

    fn period(
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        interval: Option<ViewInterval>,
    ) -> String {
        let params = ReadViews { from, to, interval };
        match Period::of(&params, UnixMillis::new(NOW)) {
            Ok(it) => {
                let [from, until] = [it.from, it.until].map(|it| Timestamp::from(it.start()));
                format!("{from} {until}")
            }
            Err(_) => "refused".to_owned(),
        }
    }

    #[test]
    fn periods_are_whole_intervals() {
        let (hour, day) = (Some(ViewInterval::Hour), Some(ViewInterval::Day));
        for (from, to, interval, expected) in [
            (
                None,
                None,
                None,
                "2026-10-23T00:00:00Z 2026-11-22T00:00:00Z",
            ),
            (
                None,
                None,
                hour,
                "2026-11-19T19:00:00Z 2026-11-21T19:00:00Z",
            ),
            (
                time("2026-11-20T23:59:59Z"),
                None,
                day,
                "2026-11-20T00:00:00Z 2026-11-22T00:00:00Z",
            ),
            // The end of a day belongs to that day.
            (
                time("2026-11-01T00:00:00Z"),
                time("2026-11-03T00:00:00Z"),
                None,
                "2026-11-01T00:00:00Z 2026-11-03T00:00:00Z",
            ),
            (
                time("2026-11-01T05:30:00Z"),
                time("2026-11-01T05:30:01Z"),
                hour,
                "2026-11-01T05:00:00Z 2026-11-01T06:00:00Z",
            ),
            (time("2026-11-22T00:00:00Z"), None, None, "refused"),
            (time("1970-01-01T00:00:00Z"), None, None, "refused"),
            (time("2026-10-21T18:00:00Z"), None, hour, "refused"),
            (
                None,
                time("1970-01-01T00:00:00Z"),
                None,
                "1970-01-01T00:00:00Z 1970-01-02T00:00:00Z",
            ),
        ] {
            assert_eq!(
                period(from, to, interval),
                expected,
                "{from:?} {to:?} {interval:?}"
            );
        }
    }

    #[test]
    fn hours_are_summed_up_to_days() {
        let params = ReadViews::default();
        let period = Period::of(&params, UnixMillis::new(NOW)).unwrap();
        let totals = |counters: &[(&str, u64)]| {
            let mut totals = Totals::default();
            counters.iter().for_each(|it| totals.add(it.0, it.1));
            totals
        };
        let first = period.until.0 - 24;
        let hours = [
            (
                Hour(first - 1),
                totals(&[("views", 1), ("refused/revoked", 2)]),
            ),
            (
                Hour(first),
                totals(&[("views", 2), ("watched_ms", 3_000), ("startup/2", 2)]),
            ),
            (
                Hour(first + 3),
                totals(&[("views", 4), ("stalled_ms", 1_000), ("stalls", 1)]),
            ),
        ];
        let sum = serde_json::to_value(period.sum(&hours)).unwrap();
        let days: Vec<_> = sum["series"].as_array().unwrap().iter().collect();
        assert_eq!(days.len(), 2);
        assert_eq!(
            (&days[0]["at"], &days[0]["views"]),
            (&"2026-11-20T00:00:00Z".into(), &1.into())
        );
        let second = serde_json::json!({
            "at": "2026-11-21T00:00:00Z", "views": 6, "watched_seconds": 3.0, "average_bitrate": null,
            "startup": { "sessions": 2, "p50_seconds": 0.625, "p95_seconds": 0.738 },
            "stalls": 1, "stalled_seconds": 1.0, "stall_ratio": 0.25, "dropped_frames": 0, "refusals": {},
        });
        assert_eq!(*days[1], second);
        assert_eq!(
            (&sum["total"]["views"], &sum["total"]["refusals"]["revoked"]),
            (&7.into(), &2.into())
        );
    }
}
