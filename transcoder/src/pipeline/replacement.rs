//! Whether a later job encodes a rung in place of the remuxed one.

use std::collections::BTreeMap;

use domain::object_key::RenditionName;
use domain::plan::{CopyReplacement, EncodePlan, ReplacementCost};
use domain::probe::Probe;
use domain::receipt::Receipt;
use domain::segment::SegmentRecord;

use super::TranscodeRequest;

/// The replacement of the remuxed rung, if the profile wants one and it is cheaper than to keep the
/// remuxed rung.
pub(super) fn worthwhile(
    request: &TranscodeRequest,
    (plan, probe): (&EncodePlan, &Probe),
    records: &[SegmentRecord],
    receipt: &Receipt,
) -> Option<CopyReplacement> {
    let replacement = plan.copy_replacement(probe, &request.profile)?;
    let mut bytes: BTreeMap<RenditionName, u64> = BTreeMap::new();
    for it in records {
        *bytes.entry(it.rendition.clone()).or_default() += it.bytes;
    }
    let cost =
        ReplacementCost::estimate(&replacement, plan, &bytes, receipt.cpu_ms, &request.prices);
    let (once_usd, saved_usd) = (cost.once_usd, cost.saved_usd);
    if cost.is_worth_it() {
        tracing::info!(
            once_usd,
            saved_usd,
            "an encoded rung will replace the remuxed one"
        );
        return Some(replacement);
    }
    tracing::info!(
        once_usd,
        saved_usd,
        "the remuxed rung stays: to replace it costs more than it saves in a year"
    );
    None
}
