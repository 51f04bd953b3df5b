//! Partial jobs.

use super::*;

/// Single rungs of a generation that plays no longer.
#[tokio::test]
async fn a_partial_job_that_was_overtaken_ends() {
    let site = Site::new().await;
    site.work().await;
    let old = Generation::of("etag", "settings of before");
    let partial = site
        .job
        .clone()
        .with_partial(Partial::new(old, ["1440p".parse().unwrap()]));
    site.services
        .catalog
        .request_work(&partial, clock::now())
        .await
        .unwrap();
    site.services
        .queue
        .send(&JobMessage::from(partial), Duration::ZERO)
        .await
        .unwrap();
    site.world.fake.forget_runs();
    site.work().await;
    assert_eq!(
        (site.depth().await, site.world.fake.runs()),
        (EMPTY, vec![])
    );
    assert_eq!(
        site.video().await.state,
        VideoState::Ready {
            generation: site.generation()
        }
    );
    assert_eq!(site.last_outcome().await, AttemptOutcome::Released);
}

/// Re-encodes single rungs of a published generation: the others are reused.
#[tokio::test]
async fn a_partial_job_makes_only_its_rungs() {
    let mut site = Site::new().await;
    site.work().await;
    let base = site.generation();
    let rung = site.plan.rungs[0].rendition.name.clone();
    let profile = site.worker.config.profiles.get_mut("default").unwrap();
    profile
        .rungs
        .iter_mut()
        .find(|it| it.name == rung)
        .unwrap()
        .video_kbps = 150;
    let partial = site
        .job
        .clone()
        .with_partial(Partial::new(base.clone(), [rung.clone()]));
    site.services
        .catalog
        .request_work(&partial, clock::now())
        .await
        .unwrap();
    site.services
        .queue
        .send(&JobMessage::from(partial.clone()), Duration::ZERO)
        .await
        .unwrap();
    site.world.fake.forget_runs();
    site.work().await;
    let generation = partial.generation(&site.worker.config.profiles["default"]);
    assert_ne!(generation, base);
    assert_eq!(
        site.video().await.state,
        VideoState::Ready {
            generation: generation.clone()
        }
    );
    let runs = site.world.fake.runs();
    assert!(
        runs.iter()
            .all(|it| !it.starts_with("Copy") && !it.starts_with("Audio")),
        "{runs:?}"
    );
    let renditions = site
        .services
        .catalog
        .renditions(video(), &generation)
        .await
        .unwrap();
    let before = site
        .services
        .catalog
        .renditions(video(), &base)
        .await
        .unwrap();
    assert_eq!(renditions.len(), before.len());
    let segments = |generation: &Generation| {
        site.world
            .objects()
            .iter()
            .filter(|it| it.contains(generation.as_str()) && it.ends_with(".ts"))
            .count()
    };
    assert_eq!(segments(&generation), segments(&base));
}

/// Meanwhile, the store has lost the segments to reuse.
#[tokio::test]
async fn a_partial_job_without_its_base_does_not_fit() {
    let site = Site::new().await;
    site.work().await;
    let manifest = ObjectKey::Manifest {
        video: video(),
        generation: site.generation(),
    };
    site.world.store.delete(&manifest).await.unwrap();
    let rung = site.plan.rungs[0].rendition.name.clone();
    let partial = site
        .job
        .clone()
        .with_partial(Partial::new(site.generation(), [rung]));
    site.services
        .catalog
        .request_work(&partial, clock::now())
        .await
        .unwrap();
    site.services
        .queue
        .send(&JobMessage::from(partial), Duration::ZERO)
        .await
        .unwrap();
    site.work().await;
    let outcome = site.last_outcome().await;
    assert!(
        matches!(&outcome, AttemptOutcome::Failed(it) if it.code == FailureCode::RungsDoNotFit),
        "{outcome:?}"
    );
    assert_eq!(site.depth().await, EMPTY);
    assert_eq!(
        site.video().await.state,
        VideoState::Ready {
            generation: site.generation()
        },
        "it plays on"
    );
}
