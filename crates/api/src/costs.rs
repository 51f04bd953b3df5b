//! `GET /v1/costs`: what videos cost, by owner or by month.

use std::cmp::Reverse;

use api_types::costs::{CostGroup, CostList, CostSum, CostsBy, ListCosts};
use axum::Json;
use axum::extract::State;
use catalog::{Usage, UsageBy, UsageFilter, UsageGroup};
use domain::prices::Prices;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::QueryParams;
use crate::state::ApiState;

/// Most groups in a response.
const MOST: usize = 1_000;

/// The receipts that the caller may see, summed up.
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    QueryParams(params): QueryParams<ListCosts>,
) -> Result<Json<CostList>, ApiError> {
    let by = params.by.unwrap_or(CostsBy::Month);
    let filter = UsageFilter {
        owner: caller.owner_for(params.owner)?,
        since: params.since.map(|it| it.start()),
        before: params.until.map(|it| it.end()),
    };
    let found = state.catalog.usage(usage_by(by), &filter).await?;
    let prices = &state.config.prices;
    let mut total = Usage::default();
    let mut groups = Vec::with_capacity(found.len());
    for (group, usage) in found {
        total.videos += usage.videos;
        total.total.add(&usage.total);
        let (month, owner) = match group {
            UsageGroup::Month(month) => (Some(month), None),
            UsageGroup::Owner(owner) => (None, owner),
        };
        groups.push(CostGroup {
            month,
            owner,
            sum: sum(&usage, prices),
        });
    }
    if by == CostsBy::Owner {
        // Whole millionths of a dollar have an order.
        groups.sort_by_key(|it| Reverse((it.sum.cost.once_usd() * 1e6) as u64));
    }
    let left_out = groups.len().saturating_sub(MOST) as u64;
    groups.truncate(MOST);
    Ok(Json(CostList {
        groups,
        left_out,
        total: sum(&total, prices),
    }))
}

fn usage_by(by: CostsBy) -> UsageBy {
    match by {
        CostsBy::Owner => UsageBy::Owner,
        CostsBy::Month => UsageBy::Month,
    }
}

fn sum(usage: &Usage, prices: &Prices) -> CostSum {
    let total = &usage.total;
    CostSum {
        videos: usage.videos,
        cpu_ms: total.cpu_ms,
        source_ms: total.source_ms,
        bytes_in: total.bytes_in,
        bytes_out: total.bytes_out,
        store_writes: total.store_writes,
        store_reads: total.store_reads,
        stored_bytes: total.stored_bytes,
        cost: total.cost(prices),
    }
}
