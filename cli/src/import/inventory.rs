//! The assets of an import, and what is known about them.

use domain::estimate::Measured;
use domain::time::UnixMillis;
use futures::{StreamExt as _, TryStreamExt as _};

use super::existing::{Existing, existing, of_video};
use super::{ImportSettings, Listed, Service};
use crate::api::{Api, ApiError};
use crate::catalogue::{AT_ONCE, Item, ItemState, Reason, receipts};

/// The assets of an import, in the order in which the service lists them.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The assets that were created since the time that the caller names.
    pub items: Vec<Item>,
    /// Receipts of other videos of the installation, if none of these assets is a video yet.
    pub others: Measured,
}

/// Lists the assets of an account. `limit`: the number of those that are to be imported in this run.
///
/// # Errors
/// Those of the service and of the API.
pub async fn take(
    api: &Api,
    service: &Service,
    settings: &ImportSettings,
    newer_than: Option<UnixMillis>,
    limit: Option<usize>,
) -> anyhow::Result<Inventory> {
    let is_new = |it: &Listed| match (it.created_at, newer_than) {
        (Some(created), Some(since)) => created > since,
        _ => true,
    };
    let listed = service.list().await?.into_iter().filter(is_new);
    let items = futures::stream::iter(listed.map(|it| item(api, service, it)));
    let mut items: Vec<_> = items.buffered(AT_ONCE).try_collect().await?;
    limit_waiting(&mut items, limit);
    let others = match items.iter().any(|it| it.usd.is_some()) {
        true => Measured::default(),
        false => receipts(api, settings.profile.as_deref(), settings.mode).await?,
    };
    Ok(Inventory { items, others })
}

/// What is known about an asset. A video that exists counts, even if the service has lost the asset since.
async fn item(api: &Api, service: &Service, listed: Listed) -> Result<Item, ApiError> {
    let key = service.external_id(&listed.asset);
    let found = existing(api, &key).await?;
    let state = match &listed.unavailable {
        Some(_) => ItemState::Unavailable,
        None => ItemState::Waiting(None),
    };
    let item = Item {
        key,
        size: listed.size,
        etag: String::new(),
        asset: Some(Box::new(listed.asset)),
        state,
        video: None,
        seconds: None,
        usd: None,
        problem: listed.unavailable,
    };
    Ok(match found {
        Existing::Video(video) => of_video(&item, &video),
        Existing::Nothing | Existing::WithoutSource(_) => item,
    })
}

fn limit_waiting(items: &mut [Item], limit: Option<usize>) {
    let is_waiting = |it: &&mut Item| matches!(it.state, ItemState::Waiting(_));
    let beyond = items
        .iter_mut()
        .filter(is_waiting)
        .skip(limit.unwrap_or(usize::MAX));
    for item in beyond {
        item.state = ItemState::NotStarted(Reason::Limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::cases::object;

    #[test]
    fn a_limit_counts_what_is_to_be_imported() {
        let all = || {
            ["a", "b", "c", "d"].map(|key| match key {
                "b" => object(key, ItemState::Ready),
                _ => object(key, ItemState::Waiting(None)),
            })
        };
        for (limit, expected) in [
            (None, ["waiting", "ready", "waiting", "waiting"]),
            (
                Some(2),
                ["waiting", "ready", "waiting", "not-started: limit"],
            ),
            (
                Some(0),
                [
                    "not-started: limit",
                    "ready",
                    "not-started: limit",
                    "not-started: limit",
                ],
            ),
        ] {
            let mut items = all();
            limit_waiting(&mut items, limit);
            assert_eq!(items.each_ref().map(|it| it.state.name()), expected);
        }
    }
}
