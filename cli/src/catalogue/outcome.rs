//! What the API says about videos: what became of them, and what they cost.

use api_types::receipts::VideoReceipt;
use api_types::videos::{ListVideos, VideoFailure, VideoSummary};
use domain::estimate::Measured;
use domain::job::Mode;
use domain::state::StateName;
use futures::{StreamExt as _, TryStreamExt as _};

use super::{AT_ONCE, ItemState};
use crate::api::{Api, ApiError};

/// Newest videos among which examples for the estimate are searched.
const SAMPLED: u32 = 50;
/// Examples for the estimate.
const EXAMPLES: usize = 20;

/// What became of a source whose video is in this state.
pub(crate) fn outcome(
    state: StateName,
    failure: Option<&VideoFailure>,
) -> (ItemState, Option<String>) {
    let gone = |what: &str| (ItemState::Failed, Some(what.to_owned()));
    match state {
        StateName::Created
        | StateName::Uploading
        | StateName::Queued
        | StateName::Processing
        | StateName::Playable => (ItemState::InFlight, None),
        StateName::Stored => (ItemState::Stored, None),
        StateName::Ready => (ItemState::Ready, None),
        StateName::Failed => {
            let why = failure.map(|it| format!("{}: {}", it.code, it.message));
            (ItemState::Failed, why)
        }
        StateName::Cancelled => gone("the video was cancelled: retry it, or delete it"),
        StateName::Deleted => gone("the video was deleted"),
    }
}

/// The receipts of the newest videos with the same settings.
///
/// # Errors
/// Those of the API.
pub(crate) async fn receipts(
    api: &Api,
    profile: Option<&str>,
    mode: Option<Mode>,
) -> Result<Measured, ApiError> {
    let newest = ListVideos {
        state: Some(StateName::Ready.as_str().to_owned()),
        limit: Some(SAMPLED),
        ..ListVideos::default()
    };
    let is_alike = |it: &VideoSummary| {
        mode.is_none_or(|mode| it.mode == mode.into())
            && profile.is_none_or(|name| it.profile == name)
    };
    let videos = api.videos(&newest).await?.videos;
    let ids: Vec<_> = videos
        .iter()
        .filter(|it| is_alike(it))
        .map(|it| it.id)
        .collect();
    let examples = futures::stream::iter(ids.into_iter().take(EXAMPLES).map(|it| api.video(it)));
    let examples: Vec<_> = examples.buffered(AT_ONCE).try_collect().await?;
    let mut measured = Measured::default();
    for video in examples {
        let (summary, receipt) = (video.summary, video.receipt);
        if let (Some(size), Some(seconds), Some(receipt)) =
            (summary.source.size, summary.duration_seconds, receipt)
            && is_measurement(&receipt)
        {
            measured.add(size, seconds, receipt.cost.once_usd());
        }
    }
    Ok(measured)
}

/// Whether a receipt has measurements. Those of videos that were found again after the database was lost are empty.
fn is_measurement(receipt: &VideoReceipt) -> bool {
    receipt.receipt.cpu_ms > 0 || receipt.cost.once_usd() > 0.0
}

#[cfg(test)]
mod tests {
    use domain::prices::Prices;
    use domain::receipt::Receipt;

    use super::*;

    #[test]
    fn empty_receipts_are_not_measurements() {
        let measures = |receipt: Receipt, prices: &Prices| {
            is_measurement(&VideoReceipt {
                cost: receipt.cost(prices),
                receipt: receipt.into(),
            })
        };
        let free = Prices {
            cpu_hour_usd: 0.0,
            ..Prices::default()
        };
        let of_cpu = |cpu_ms: u64| Receipt {
            cpu_ms,
            ..Receipt::default()
        };
        let of_bytes = Receipt {
            bytes_out: 1_000,
            store_writes: 1,
            ..Receipt::default()
        };
        assert!(!measures(of_cpu(0), &Prices::default()));
        assert!(measures(of_cpu(1), &Prices::default()));
        assert!(measures(of_cpu(1), &free));
        assert!(measures(of_bytes, &Prices::default()));
    }
}
