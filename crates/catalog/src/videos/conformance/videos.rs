//! Videos as their owners see them.

use domain::failure::FailureCode;
use domain::ids::PosterId;
use domain::job::Mode;
use domain::receipt::Receipt;
use domain::state::{StateName, VideoEvent, VideoState};

use super::{LEASE_MS, NOW, Subject, failure, generation, ms, new_video, rendition, video_id};
use crate::videos::{
    CatalogError, ClaimOutcome, NewVideo, Patch, RenditionRecord, RenditionState,
    UploadEventOutcome, VideoFilter,
};

/// A repeated request changes nothing, whatever its fields.
pub async fn creating_twice_is_creating_once(subject: &Subject) {
    let new = new_video(1);
    let first = subject
        .catalog
        .create_video(&new, NOW)
        .await
        .expect("create");
    assert_eq!(
        (first.id, first.state.clone(), first.created_ms),
        (new.id, VideoState::Created, NOW)
    );
    assert_eq!(
        (&first.owner, &first.title, &first.external_id),
        (&new.owner, &new.title, &new.external_id)
    );
    assert_eq!(
        (&first.metadata, &first.profile, first.mode),
        (&new.metadata, &new.profile, Mode::Abr)
    );
    assert_eq!(
        (&first.source.key, first.source.size),
        (&new.source_key, new.source_size)
    );
    assert_eq!(
        (&first.source.content_type, &first.source.etag),
        (&new.content_type, &None)
    );
    let again = NewVideo {
        title: Some("Another".to_owned()),
        ..new
    };
    assert_eq!(
        subject
            .catalog
            .create_video(&again, NOW + ms(1))
            .await
            .expect("create"),
        first
    );
    assert_eq!(subject.video(first.id).await, first);
}

/// An id belongs to the owner that created it.
pub async fn another_owner_cannot_create_the_same(subject: &Subject) {
    subject
        .catalog
        .create_video(&new_video(1), NOW)
        .await
        .expect("create");
    for owner in [Some("another owner".to_owned()), None] {
        let stolen = subject
            .catalog
            .create_video(
                &NewVideo {
                    owner,
                    ..new_video(1)
                },
                NOW,
            )
            .await;
        assert!(
            matches!(stolen, Err(CatalogError::Conflict { what: "owner", .. })),
            "{stolen:?}"
        );
    }
}

/// A patch changes the fields that it names, and nothing else.
pub async fn owners_change_what_is_theirs(subject: &Subject) {
    let before = subject
        .catalog
        .create_video(&new_video(1), NOW)
        .await
        .expect("create");
    let patch = |patch: Patch| async move {
        subject
            .catalog
            .patch_video(before.id, &patch, NOW + ms(1))
            .await
    };
    let unchanged = patch(Patch::default()).await.expect("patch");
    assert_eq!(
        (&unchanged.title, &unchanged.metadata),
        (&before.title, &before.metadata)
    );
    let renamed = patch(Patch {
        title: Some(Some("x".to_owned())),
        ..Patch::default()
    })
    .await
    .expect("patch");
    assert_eq!(
        (renamed.title.as_deref(), &renamed.external_id),
        (Some("x"), &before.external_id)
    );
    assert!(renamed.version > before.version && renamed.updated_ms == NOW + ms(1));
    let emptied = Patch {
        title: Some(None),
        external_id: Some(None),
        metadata: Some(serde_json::Map::new()),
    };
    let emptied = patch(emptied).await.expect("patch");
    assert_eq!(
        (emptied.title, emptied.external_id, emptied.metadata.len()),
        (None, None, 0)
    );
    let missing = subject
        .catalog
        .patch_video(video_id(9), &Patch::default(), NOW)
        .await;
    assert!(
        matches!(missing, Err(CatalogError::NotFound { .. })),
        "{missing:?}"
    );
}

/// A deleted video is excluded from everything, and its id is never free again.
pub async fn deleted_videos_keep_their_id(subject: &Subject) {
    let job = subject.ready(1).await;
    for _ in 0..2 {
        let deleted = subject
            .catalog
            .apply(job.video, &VideoEvent::Deleted, NOW)
            .await
            .expect("delete");
        assert_eq!(deleted.state, VideoState::Deleted);
    }
    assert_eq!(
        subject
            .catalog
            .note_upload_event(&job, NOW)
            .await
            .expect("note"),
        UploadEventOutcome::VideoGone
    );
    assert_eq!(
        subject
            .claim_for(&job, &generation(&job), NOW + ms(LEASE_MS))
            .await,
        ClaimOutcome::Gone
    );
    let again = subject.catalog.create_video(&new_video(1), NOW).await;
    assert!(matches!(again, Err(CatalogError::Gone { .. })), "{again:?}");
    let patched = subject
        .catalog
        .patch_video(job.video, &Patch::default(), NOW)
        .await;
    assert!(
        matches!(patched, Err(CatalogError::Gone { .. })),
        "{patched:?}"
    );
    let asked = subject.catalog.request_work(&job, NOW).await;
    assert!(matches!(asked, Err(CatalogError::Refused(_))), "{asked:?}");
    assert_eq!(subject.state(job.video).await, VideoState::Deleted);
}

/// A request for erasure: no data that users supplied about a video remains.
pub async fn deleted_videos_are_forgotten(subject: &Subject) {
    let job = subject.ready(1).await;
    let before = subject.video(job.video).await;
    assert_eq!(before.source.file_name.as_deref(), Some("Film.mp4"));
    for _ in 0..2 {
        let after = subject
            .catalog
            .apply(job.video, &VideoEvent::Deleted, NOW)
            .await
            .expect("delete");
        assert_eq!(
            (&after.title, &after.external_id, after.metadata.len()),
            (&None, &None, 0)
        );
        assert_eq!(
            after
                .source
                .key
                .or(after.source.file_name)
                .or(after.source.content_type),
            None
        );
        assert_eq!(
            after.owner, before.owner,
            "the owner is needed to authorise a repeated deletion"
        );
    }
    let by = VideoFilter {
        external_id: before.external_id,
        states: vec![StateName::Deleted],
        ..VideoFilter::default()
    };
    assert_eq!(
        subject.catalog.list_videos(&by).await.expect("list").videos,
        []
    );
    let attempts = subject.catalog.attempts(job.video).await.expect("attempts");
    assert!(
        !attempts.is_empty() && attempts.iter().all(|it| it.log_tail.is_none()),
        "{attempts:?}"
    );
    let generation = generation(&job);
    assert_eq!(
        subject
            .catalog
            .receipt(job.video, &generation)
            .await
            .expect("receipt"),
        None
    );
    assert_eq!(
        subject
            .catalog
            .renditions(job.video, &generation)
            .await
            .expect("renditions"),
        []
    );
}

/// The fields that a page of a library shows.
pub async fn a_ready_video_has_a_length_and_a_size(subject: &Subject) {
    let job = subject.queued(1).await;
    let claim = subject.claim(&job, NOW).await;
    let small = RenditionRecord {
        width: Some(640),
        height: Some(360),
        ..rendition("360p", RenditionState::Complete)
    };
    let renditions = [small, rendition("720p", RenditionState::Complete)];
    subject
        .catalog
        .set_renditions(&claim, &renditions, NOW)
        .await
        .expect("renditions");
    let video = subject.video(job.video).await;
    assert_eq!(
        (video.duration_ms, video.dimensions, video.has_poster),
        (None, None, false)
    );
    let receipt = Receipt {
        source_ms: 61_500,
        ..Receipt::default()
    };
    subject
        .catalog
        .mark_ready(&claim, &receipt, NOW)
        .await
        .expect("ready");
    let poster = PosterId::from_timestamp(5);
    subject
        .catalog
        .want_poster(job.video, &poster)
        .await
        .expect("want");
    subject
        .catalog
        .show_poster(job.video, &poster)
        .await
        .expect("show");
    let listed = subject
        .catalog
        .list_videos(&VideoFilter::default())
        .await
        .expect("list")
        .videos
        .remove(0);
    assert_eq!(
        (listed.duration_ms, listed.dimensions),
        (Some(61_500), Some((1280, 720)))
    );
    assert_eq!(
        (listed.has_poster, listed.chosen_poster),
        (true, Some(poster))
    );
}

/// Without a claim, no caller can make a video ready or fail it.
pub async fn only_holders_report_work(subject: &Subject) {
    let job = subject.queued(1).await;
    let generation = generation(&job);
    for event in [
        VideoEvent::WorkStarted,
        VideoEvent::WorkReleased,
        VideoEvent::BecamePlayable,
        VideoEvent::Verified { generation },
        VideoEvent::AttemptFailed(failure(FailureCode::Damaged)),
        VideoEvent::FailedPermanently(failure(FailureCode::Internal)),
    ] {
        let refused = subject.catalog.apply(job.video, &event, NOW).await;
        assert!(
            matches!(refused, Err(CatalogError::NeedsClaim)),
            "{refused:?}"
        );
    }
    assert_eq!(subject.state(job.video).await, VideoState::Queued);
}
