//! Costs of videos, summed up.

use domain::month::Month;
use domain::receipt::Cost;
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::schemas;

/// Parameters of the sums.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListCosts {
    /// By what the receipts are summed up. Default: `month`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(inline))]
    pub by: Option<CostsBy>,
    /// Only versions that became ready in this month or later, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(value_type = Option<schemas::Month>))]
    pub since: Option<Month>,
    /// Only versions that became ready in this month or earlier, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(value_type = Option<schemas::Month>))]
    pub until: Option<Month>,
    /// Only videos of this owner; only admins may name another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// By what receipts are summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CostsBy {
    Owner,
    Month,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CostList {
    /// Months in their order; owners with the highest one-time cost first, at most 1,000.
    pub groups: Vec<CostGroup>,
    /// The number of groups that are not listed.
    pub left_out: u64,
    /// The sum of all groups, also of those that are not listed.
    pub total: CostSum,
}

/// A month, or an owner.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CostGroup {
    /// The month, in UTC; `null` with `by=owner`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::Month>))]
    pub month: Option<Month>,
    /// The owner; `null`: the installation itself, or with `by=month`.
    pub owner: Option<String>,
    #[serde(flatten)]
    pub sum: CostSum,
}

/// The sum of receipts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CostSum {
    /// Number of videos. The total counts a video once for each month in which a version of it became ready.
    pub videos: u64,
    /// CPU time of the workers, milliseconds.
    pub cpu_ms: u64,
    /// Duration of the sources, milliseconds, once for each version.
    pub source_ms: u64,
    /// Bytes read from the store.
    pub bytes_in: u64,
    /// Bytes written to the store.
    pub bytes_out: u64,
    /// Requests that write, copy or list (class A of R2).
    pub store_writes: u64,
    /// Requests that read (class B of R2).
    pub store_reads: u64,
    /// Bytes that remain in the store.
    pub stored_bytes: u64,
    /// Estimated from list prices.
    pub cost: Cost,
}
