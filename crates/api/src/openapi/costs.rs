//! OpenAPI documentation of costs.

use api_types::costs::{CostList, ListCosts};
use http::StatusCode;
use serde_json::json;

use super::Doc;
use crate::problem::Problem::InvalidField;

pub(crate) fn list() -> Doc {
    let about = "The receipts of the videos that exist, summed up by owner or by month. Those of deleted videos, and of \
        versions that were replaced and removed, are not included. Callers with an owner get the costs of their own videos.";
    let sum = json!({
        "videos": 12, "cpu_ms": 5_400_000, "source_ms": 2_700_000, "bytes_in": 6_200_000_000_u64,
        "bytes_out": 2_400_000_000_u64, "store_writes": 4_900, "store_reads": 11_000,
        "stored_bytes": 4_300_000_000_u64, "cost": {
            "compute_usd": 0.074, "egress_usd": 0.216, "requests_usd": 0.026, "storage_usd_per_month": 0.0645,
        },
    });
    let mut month = sum.clone();
    month["month"] = json!("2026-11");
    month["owner"] = json!(null);
    Doc::new("listCosts", "Sum up costs", about)
        .query::<ListCosts>("by=month&since=2026-01")
        .response::<CostList>(
            StatusCode::OK,
            "The sums.",
            json!({ "groups": [month], "left_out": 0, "total": sum }),
        )
        .problems(&[InvalidField])
}
