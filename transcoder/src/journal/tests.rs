use std::sync::Arc;
use std::time::Duration;

use catalog::CatalogError;

use domain::ids::Generation;
use domain::segment::Lane;

use super::*;
use crate::testing::services::{LEASE, Services, job};
use crate::testing::{generation, planned_records, remuxed_plan, video};

fn chunk(lane: Lane, index: u32) -> ChunkRecord {
    let segments = planned_records(&remuxed_plan())
        .into_iter()
        .filter(|it| it.index == index)
        .take(2)
        .collect();
    ChunkRecord {
        lane,
        index,
        cpu_ms: 7,
        wall_ms: 9,
        segments,
        codecs: Default::default(),
        traffic: None,
    }
}

/// A journal of the claim of a job.
async fn journal(services: &Services, first_run: bool) -> (CatalogJournal, Claim) {
    let job = job("etag", 1);
    services.note(&job).await;
    let claim = services.claim(&job, &generation()).await;
    (
        CatalogJournal::new(
            services.catalog.clone(),
            claim.clone(),
            first_run,
            LEASE,
            Arc::default(),
        ),
        claim,
    )
}

#[tokio::test]
async fn a_later_attempt_finds_what_was_finished() {
    let folder = tempfile::tempdir().unwrap();
    let services = Services::new(folder.path()).await;
    let (journal, claim) = journal(&services, true).await;
    assert!(journal.first_run());
    assert_eq!(journal.finished().await.unwrap(), []);
    for it in [
        chunk(Lane::Encode, 1),
        chunk(Lane::Copy, 0),
        chunk(Lane::Encode, 0),
        chunk(Lane::Encode, 1),
    ] {
        journal.finish(&it).await.unwrap();
    }
    services
        .catalog
        .release(&claim, clock::now())
        .await
        .unwrap();
    let next = services.claim(&job("etag", 1), &generation()).await;
    let next = CatalogJournal::new(services.catalog.clone(), next, false, LEASE, Arc::default());
    assert!(!next.first_run());
    let mut found = next.finished().await.unwrap();
    found.sort_by_key(|it| (it.lane, it.index));
    assert_eq!(
        found,
        [
            chunk(Lane::Copy, 0),
            chunk(Lane::Encode, 0),
            chunk(Lane::Encode, 1)
        ]
    );
}

#[tokio::test]
async fn another_generation_has_chunks_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let services = Services::new(folder.path()).await;
    let (journal, claim) = journal(&services, true).await;
    journal.finish(&chunk(Lane::Copy, 0)).await.unwrap();
    let other = Claim {
        generation: Generation::of("etag", "other settings"),
        ..claim
    };
    let other = CatalogJournal::new(services.catalog.clone(), other, true, LEASE, Arc::default());
    assert_eq!(other.finished().await.unwrap(), []);
}

#[tokio::test]
async fn the_catalog_hears_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let services = Services::new(folder.path()).await;
    let (journal, claim) = journal(&services, true).await;
    journal.progress(Stage::Encode, 40).await.unwrap();
    journal.progress(Stage::Audio, 20).await.unwrap();
    let seen = services
        .catalog
        .get_video(video())
        .await
        .unwrap()
        .progress
        .unwrap();
    assert_eq!(
        (seen.stage, seen.percent),
        (Some(Stage::Audio), 40),
        "it does not go back"
    );
    assert!(
        services
            .catalog
            .get_video(video())
            .await
            .unwrap()
            .playable_ms
            .is_none()
    );
    journal.playable().await.unwrap();
    assert!(
        services
            .catalog
            .get_video(video())
            .await
            .unwrap()
            .playable_ms
            .is_some()
    );
    journal.renditions(&[]).await.unwrap();
    journal.ensure_claim_held().await.unwrap();
    let held = services.catalog.holder(video()).await.unwrap().unwrap();
    assert!(
        held.lease_until_ms >= claim.lease_until_ms,
        "asking prolongs the lease"
    );
}

#[tokio::test]
async fn nothing_is_written_without_the_claim() {
    let folder = tempfile::tempdir().unwrap();
    let services = Services::new(folder.path()).await;
    let job = job("etag", 1);
    services.note(&job).await;
    let long_ago = clock::now() - Duration::from_secs(3_600);
    let lost = services
        .claim_for(&job, &generation(), Duration::from_secs(1), long_ago)
        .await;
    let current = services.claim(&job, &generation()).await;
    assert!(current.fence > lost.fence);
    let journal = CatalogJournal::new(services.catalog.clone(), lost, true, LEASE, Arc::default());
    let chunk = chunk(Lane::Copy, 0);
    let outcomes = [
        journal.finish(&chunk).await,
        journal.progress(Stage::Encode, 99).await,
        journal.renditions(&[]).await,
        journal.playable().await,
        journal.ensure_claim_held().await,
    ];
    for (index, outcome) in outcomes.into_iter().enumerate() {
        let problem = outcome.unwrap_err();
        assert!(problem.lost_claim(), "{index}: {problem:?}");
        assert!(
            matches!(
                problem,
                TranscodeError::Catalog(CatalogError::LeaseLost { .. })
            ),
            "{index}: {problem:?}"
        );
    }
    assert_eq!(
        journal.finished().await.unwrap(),
        [],
        "the other worker has made nothing yet"
    );
}

#[tokio::test]
async fn a_journal_in_memory_tells_its_listener() {
    let heard = Arc::new(Mutex::new(vec![]));
    let ear = Arc::clone(&heard);
    let journal = MemoryJournal::new(Box::new(move |it| ear.lock().unwrap().push(it)));
    assert!(journal.first_run());
    journal.progress(Stage::Probe, 0).await.unwrap();
    journal.playable().await.unwrap();
    journal.finish(&chunk(Lane::Copy, 0)).await.unwrap();
    journal.renditions(&[]).await.unwrap();
    journal.ensure_claim_held().await.unwrap();
    assert_eq!(
        *heard.lock().unwrap(),
        [Progress::At(Stage::Probe, 0), Progress::Playable]
    );
    assert_eq!(journal.finished().await.unwrap(), [chunk(Lane::Copy, 0)]);
}
