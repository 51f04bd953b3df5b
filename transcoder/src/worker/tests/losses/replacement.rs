//! Profiles with `copy_top = "until_encoded"`.

use domain::job::Priority;
use domain::prices::Prices;
use domain::profile::{CopyTop, SourcePolicy};

use super::*;

/// Storage is expensive, everything else costs nothing.
const STORAGE_ONLY: Prices = Prices {
    cpu_hour_usd: 0.0,
    egress_gigabyte_usd: 0.0,
    gigabyte_month_usd: 1.0,
    million_writes_usd: 0.0,
    million_reads_usd: 0.0,
};

async fn until_encoded(prices: Prices) -> Site {
    let mut site = Site::with(|it| {
        it.copy_top = CopyTop::UntilEncoded;
        it.source_policy = SourcePolicy::Delete;
    })
    .await;
    site.worker.config.prices = prices;
    site
}

impl Site {
    async fn has_source(&self) -> bool {
        self.world.store.head(&source_key()).await.is_ok()
    }

    async fn names(&self, generation: &Generation) -> Vec<String> {
        let renditions = self.services.catalog.renditions(video(), generation).await;
        let renditions = renditions.unwrap();
        renditions.iter().map(|it| it.name.to_string()).collect()
    }
}

#[tokio::test]
async fn a_bulk_job_replaces_the_remuxed_rung() {
    let site = until_encoded(STORAGE_ONLY).await;
    site.work().await;
    let base = site.generation();
    let ready = VideoState::Ready {
        generation: base.clone(),
    };
    assert_eq!(site.video().await.state, ready);
    assert!(site.has_source().await, "the next job needs it");
    let before = site.names(&base).await;
    assert!(before.contains(&"source".to_owned()), "{before:?}");
    let next = site
        .services
        .catalog
        .requested_job(video())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(next.priority, Priority::Bulk);
    assert_eq!(site.depth().await, Depth { ready: 1, ..EMPTY });

    site.world.fake.forget_runs();
    site.work().await;
    let profile = &site.worker.config.profiles["default"];
    let generation = next.generation(profile);
    let ready = VideoState::Ready {
        generation: generation.clone(),
    };
    assert_eq!(
        site.video().await.state,
        ready,
        "{:?}",
        site.last_outcome().await
    );
    let made = &next.partial.as_ref().unwrap().rungs;
    let mut expected: Vec<_> = before
        .iter()
        .filter(|it| *it != "source")
        .cloned()
        .collect();
    expected.extend(made.iter().map(ToString::to_string));
    expected.sort();
    let mut after = site.names(&generation).await;
    after.sort();
    assert_eq!(after, expected);
    let runs = site.world.fake.runs();
    assert!(
        runs.iter()
            .all(|it| !it.starts_with("Copy") && !it.starts_with("Audio")),
        "{runs:?}"
    );
    assert!(!site.has_source().await, "by the profile's source policy");
    assert_eq!(
        site.services.catalog.requested_job(video()).await.unwrap(),
        None
    );
    assert_eq!(site.depth().await, EMPTY);
}

/// The new rungs can be re-encoded alone too, although the present profile would remux again.
#[tokio::test]
async fn a_rung_that_replaced_the_copy_can_be_encoded_again() {
    let mut site = until_encoded(STORAGE_ONLY).await;
    let profile = site.worker.config.profiles.get_mut("default").unwrap();
    profile.source_policy = SourcePolicy::Keep;
    site.work().await;
    let next = site
        .services
        .catalog
        .requested_job(video())
        .await
        .unwrap()
        .unwrap();
    site.work().await;
    let base = next.generation(&site.worker.config.profiles["default"]);
    let rungs = next.partial.unwrap().rungs;
    let again = site.job.clone().with_partial(Partial::new(base, rungs));
    site.services
        .catalog
        .request_work(&again, clock::now())
        .await
        .unwrap();
    let message = JobMessage::from(again.clone());
    site.services
        .queue
        .send(&message, Duration::ZERO)
        .await
        .unwrap();
    site.work().await;
    let expected = VideoState::Ready {
        generation: again.generation(&site.worker.config.profiles["default"]),
    };
    assert_eq!(
        site.video().await.state,
        expected,
        "{:?}",
        site.last_outcome().await
    );
}

/// A rung of the source's size is encoded already: nothing needs to be decoded.
#[tokio::test]
async fn a_copy_that_nothing_replaces_is_only_removed() {
    let mut site = until_encoded(STORAGE_ONLY).await;
    site.work().await;
    let base = site.generation();
    let before = site.names(&base).await;
    // The request that a profile with a small top rung leads to.
    let next = site
        .job
        .clone()
        .with_partial(Partial::replacing_copy(base, []));
    site.services
        .catalog
        .request_work(&next, clock::now())
        .await
        .unwrap();
    let message = JobMessage::from(next.clone());
    let profile = site.worker.config.profiles.get_mut("default").unwrap();
    let copied = before.iter().filter(|it| it.ends_with('p')).count();
    profile
        .rungs
        .retain(|it| before.contains(&it.name.to_string()));
    assert_eq!(profile.rungs.len(), copied);
    site.services
        .queue
        .send(&message, Duration::ZERO)
        .await
        .unwrap();
    site.world.fake.forget_runs();
    site.work().await;
    let generation = next.generation(&site.worker.config.profiles["default"]);
    let after = site.names(&generation).await;
    let expected: Vec<_> = before.into_iter().filter(|it| it != "source").collect();
    assert_eq!(after, expected, "{:?}", site.last_outcome().await);
    let runs = site.world.fake.runs();
    assert!(runs.iter().all(|it| !it.starts_with("Encode")), "{runs:?}");
}

#[tokio::test]
async fn a_replacement_that_costs_more_than_it_saves_is_not_made() {
    let prices = Prices {
        million_writes_usd: 1e9,
        ..STORAGE_ONLY
    };
    let site = until_encoded(prices).await;
    site.work().await;
    assert_eq!(site.depth().await, EMPTY);
    assert_eq!(
        site.services.catalog.requested_job(video()).await.unwrap(),
        None
    );
    assert!(!site.has_source().await, "by the profile's source policy");
}
