//! OpenAPI documentation of views.

use api_types::views::{ReadViews, VideoViews};
use http::StatusCode;
use serde_json::json;

use super::Doc;
use crate::problem::Problem::{InvalidField, NoSuchVideo};

pub(crate) fn read() -> Doc {
    let about = "What was watched, and how well, by day or hour in UTC. Edges that run over this database count it, and add \
        to it every few seconds; it is kept for 400 days. A period has at most 744 intervals. The edge worker on Cloudflare \
        counts in Analytics Engine instead.";
    let mut day = json!({
        "views": 12, "watched_seconds": 5_400.5, "average_bitrate": 2_800_000,
        "startup": { "sessions": 11, "p50_seconds": 0.6, "p95_seconds": 1.8 },
        "stalls": 3, "stalled_seconds": 4.2, "stall_ratio": 0.0008, "dropped_frames": 40,
        "refusals": { "grant-expired": 2 },
    });
    let total = day.clone();
    day["at"] = json!("2026-11-21T00:00:00Z");
    Doc::new("getViews", "Get the views of a video", about)
        .query::<ReadViews>("from=2026-11-01T00:00:00Z&interval=day")
        .response::<VideoViews>(
            StatusCode::OK,
            "The views.",
            json!({
                "from": "2026-11-01T00:00:00Z", "to": "2026-11-22T00:00:00Z", "interval": "day",
                "total": total, "series": [day],
            }),
        )
        .problems(&[NoSuchVideo, InvalidField])
}
