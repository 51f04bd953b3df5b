//! What attempts record: chunks, renditions, progress and times.

use domain::job::Stage;
use domain::probe::HighDynamicRange;
use domain::receipt::Receipt;
use domain::segment::Lane;
use domain::time::{UnixMillis, millis};

use super::{LEASE_MS, NOW, Subject, chunk, generation, job_of, ms, rendition};
use crate::videos::{
    CatalogError, ChunkSpan, Claim, Progress, RenditionKind, RenditionRecord, RenditionState,
};

/// A chunk that is recorded twice replaces itself; generations do not mix.
pub async fn chunks_are_kept_once(subject: &Subject) {
    let job = subject.queued(1).await;
    let claim = subject.claim(&job, NOW).await;
    for record in [
        chunk(Lane::Encode, 10, 1),
        chunk(Lane::Encode, 2, 2),
        chunk(Lane::Audio, 0, 3),
        chunk(Lane::Encode, 2, 4),
        chunk(Lane::Copy, 2, 5),
    ] {
        subject
            .catalog
            .record_chunk(&claim, &record, NOW)
            .await
            .expect("chunk");
    }
    let expected = [
        chunk(Lane::Audio, 0, 3),
        chunk(Lane::Copy, 2, 5),
        chunk(Lane::Encode, 2, 4),
        chunk(Lane::Encode, 10, 1),
    ];
    assert_eq!(
        subject
            .catalog
            .chunks(job.video, &generation(&job))
            .await
            .expect("chunks"),
        expected
    );
    let other = generation(&job_of(1, "etag-1", "small"));
    assert_eq!(
        subject
            .catalog
            .chunks(job.video, &other)
            .await
            .expect("chunks"),
        []
    );
}

/// Each production of a generation has a number of its own, also if several workers make it, and if
/// it is removed in between.
pub async fn productions_are_numbered(subject: &Subject) {
    let catalog = &subject.catalog;
    let job = subject.queued(1).await;
    let first = subject.claim(&job, NOW).await;
    let next = async |claim: &Claim, above| {
        let next = catalog.next_segment_attempt(claim, above).await;
        next.expect("a number")
    };
    assert_eq!((next(&first, 0).await, next(&first, 0).await), (1, 2));
    let second = subject.claim(&job, NOW + ms(10 * LEASE_MS)).await;
    let refused = catalog.next_segment_attempt(&first, 0).await;
    assert!(
        matches!(refused, Err(CatalogError::LeaseLost { .. })),
        "{refused:?}"
    );
    assert_eq!((next(&second, 0).await, next(&second, 7).await), (3, 8));
    let released = NOW + ms(11 * LEASE_MS);
    catalog.release(&second, released).await.expect("release");
    let generation = generation(&job);
    let forgotten = catalog.forget_generation(job.video, &generation).await;
    forgotten.expect("it is not in use");
    let third = subject.claim(&job, released + ms(1)).await;
    assert_eq!(next(&third, 0).await, 9);

    // Attempts of a version that did not number its productions count too.
    let job = subject.queued(2).await;
    let first = subject.claim(&job, NOW).await;
    catalog.release(&first, NOW + ms(1)).await.expect("release");
    let second = subject.claim(&job, NOW + ms(2)).await;
    assert_eq!(next(&second, 0).await, 2);
}

/// Renditions are the ones that were set last, in that order, with every field.
pub async fn renditions_are_replaced(subject: &Subject) {
    let job = subject.queued(1).await;
    let claim = subject.claim(&job, NOW).await;
    let audio = RenditionRecord {
        kind: RenditionKind::Audio,
        width: None,
        height: None,
        copied: false,
        frame_rate: None,
        codecs: None,
        bandwidth: None,
        average_bandwidth: None,
        ..rendition("audio-128k", RenditionState::Planned)
    };
    let hdr = RenditionRecord {
        hdr: Some(HighDynamicRange::Pq),
        ..rendition("1080p-hevc", RenditionState::Planned)
    };
    let planned = vec![
        rendition("1080p", RenditionState::Planned),
        hdr,
        rendition("240p", RenditionState::Planned),
        audio,
    ];
    let mut playable = planned.clone();
    playable[0].state = RenditionState::Playable;
    playable[2].state = RenditionState::Complete;
    playable.swap(1, 2);
    for renditions in [&planned, &playable] {
        subject
            .catalog
            .set_renditions(&claim, renditions, NOW)
            .await
            .expect("set");
        let read = subject
            .catalog
            .renditions(job.video, &generation(&job))
            .await
            .expect("renditions");
        assert_eq!(&read, renditions);
    }
}

/// Progress belongs to the current attempt, and only increases within it.
pub async fn progress_never_goes_back(subject: &Subject) {
    let job = subject.queued(1).await;
    let claim = subject.claim(&job, NOW).await;
    for (stage, percent, expected) in [
        (Stage::Probe, 1, 1),
        (Stage::Encode, 60, 60),
        (Stage::Audio, 40, 60),
        (Stage::Verify, 255, 100),
    ] {
        subject
            .catalog
            .set_progress(&claim, stage, percent, NOW)
            .await
            .expect("progress");
        let progress = Progress {
            stage: Some(stage),
            percent: expected,
        };
        assert_eq!(subject.video(job.video).await.progress, Some(progress));
        let listed = subject
            .catalog
            .list_videos(&crate::videos::VideoFilter::default())
            .await
            .expect("list");
        assert_eq!(listed.videos[0].progress, Some(progress));
    }
    subject.catalog.release(&claim, NOW).await.expect("release");
    assert_eq!(subject.video(job.video).await.progress, None);
    subject.claim(&job, NOW).await;
    assert_eq!(
        subject.video(job.video).await.progress,
        Some(Progress {
            stage: None,
            percent: 0
        })
    );
}

/// Stages end when another one begins, or with the attempt; chunks begin before they are recorded.
pub async fn stages_and_chunks_have_times(subject: &Subject) {
    let job = subject.queued(1).await;
    let first = subject.claim(&job, NOW).await;
    for (stage, percent, at) in [
        (Stage::Probe, 1, 10),
        (Stage::Probe, 2, 20),
        (Stage::Encode, 3, 30),
    ] {
        subject
            .catalog
            .set_progress(&first, stage, percent, NOW + ms(at))
            .await
            .expect("progress");
    }
    let stages = async || {
        let stages = subject.catalog.stages(job.video).await.expect("stages");
        let since = |at: UnixMillis| millis(at.since(NOW));
        stages
            .into_iter()
            .map(|it| {
                (
                    it.fence,
                    it.stage,
                    since(it.started_ms),
                    it.ended_ms.map(since),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        stages().await,
        [
            (1, Stage::Probe, 10, Some(30)),
            (1, Stage::Encode, 30, None)
        ]
    );
    subject
        .catalog
        .record_chunk(&first, &chunk(Lane::Encode, 3, 1), NOW + ms(5_000))
        .await
        .expect("chunk");
    subject
        .catalog
        .release(&first, NOW + ms(6_000))
        .await
        .expect("release");
    let second = subject.claim(&job, NOW + ms(7_000)).await;
    subject
        .catalog
        .set_progress(&second, Stage::Encode, 3, NOW + ms(8_000))
        .await
        .expect("progress");
    let encodes = [
        (1, Stage::Encode, 30, Some(6_000)),
        (2, Stage::Encode, 8_000, None),
    ];
    assert_eq!(stages().await[1..], encodes);
    let chunks = subject
        .catalog
        .chunk_times(job.video)
        .await
        .expect("chunks");
    let (started_ms, ended_ms) = (NOW + ms(4_300), NOW + ms(5_000));
    assert_eq!(
        chunks,
        [ChunkSpan {
            fence: 1,
            lane: Lane::Encode,
            index: 3,
            started_ms,
            ended_ms
        }]
    );
}

/// A generation that is published or in progress is never removed.
pub async fn only_unused_generations_are_forgotten(subject: &Subject) {
    let old = subject.queued(1).await;
    let new = job_of(1, "etag-1", "small");
    let claim = subject.claim(&old, NOW).await;
    subject
        .catalog
        .record_chunk(&claim, &chunk(Lane::Encode, 0, 1), NOW)
        .await
        .expect("chunk");
    let forget = |job| async move {
        subject
            .catalog
            .forget_generation(old.video, &generation(job))
            .await
    };
    let refused = forget(&old).await;
    assert!(
        matches!(refused, Err(CatalogError::Conflict { .. })),
        "in progress: {refused:?}"
    );
    subject
        .catalog
        .mark_ready(&claim, &Receipt::default(), NOW)
        .await
        .expect("ready");
    let refused = forget(&old).await;
    assert!(
        matches!(refused, Err(CatalogError::Conflict { .. })),
        "published: {refused:?}"
    );

    let claim = subject.claim(&new, NOW + ms(LEASE_MS)).await;
    subject
        .catalog
        .mark_ready(&claim, &Receipt::default(), NOW + ms(LEASE_MS))
        .await
        .expect("ready");
    forget(&old).await.expect("it is unused");
    assert_eq!(
        subject
            .catalog
            .chunks(old.video, &generation(&old))
            .await
            .expect("chunks"),
        []
    );
    assert_eq!(
        subject
            .catalog
            .receipt(old.video, &generation(&old))
            .await
            .expect("receipt"),
        None
    );
    assert!(
        subject
            .catalog
            .receipt(old.video, &generation(&new))
            .await
            .expect("receipt")
            .is_some()
    );
}
