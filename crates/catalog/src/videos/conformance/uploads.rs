//! Uploads, and the limits of their owners.

use domain::job::JobReason;
use domain::state::{VideoEvent, VideoState};
use domain::time::UnixMillis;

use super::{NOW, Subject, job, ms, new_video, video_id};
use crate::videos::{CatalogError, NewVideo, OwnerLimits, Upload, UploadEventOutcome, UploadKind};

/// An event that arrives before its row is adopted, and the row gets its owner later.
pub async fn an_event_before_its_row_is_adopted(subject: &Subject) {
    let job = job(1);
    assert_eq!(
        subject
            .catalog
            .note_upload_event(&job, NOW)
            .await
            .expect("note"),
        UploadEventOutcome::Send(job.clone())
    );
    let adopted = subject.video(job.video).await;
    assert_eq!((adopted.state, adopted.owner), (VideoState::Queued, None));
    let claim = subject.claim(&job, NOW).await;

    let completed = subject
        .catalog
        .create_video(&new_video(1), NOW + ms(1))
        .await
        .expect("create");
    assert_eq!(
        (completed.state.clone(), completed.owner.as_deref()),
        (VideoState::Processing, Some("owner"))
    );
    assert_eq!(completed.source.etag.as_deref(), Some("etag-1"));
    assert_eq!(completed.to_job(JobReason::Upload), Some(job));
    subject
        .catalog
        .mark_playable(&claim, NOW + ms(2))
        .await
        .expect("the claim still holds");

    let stolen = NewVideo {
        owner: None,
        ..new_video(1)
    };
    let refused = subject.catalog.create_video(&stolen, NOW + ms(3)).await;
    assert!(
        matches!(refused, Err(CatalogError::Conflict { .. })),
        "{refused:?}"
    );
}

/// The upload's state can be read back, to resume after a crash.
pub async fn uploads_are_noted(subject: &Subject) {
    let id = subject
        .catalog
        .create_video(&new_video(1), NOW)
        .await
        .expect("create")
        .id;
    let multipart = UploadKind::Multipart {
        upload_id: "upload/é".to_owned(),
        part_bytes: 16 << 20,
    };
    let open = UploadKind::Open {
        upload_id: "another".to_owned(),
    };
    for kind in [UploadKind::Single, multipart, open] {
        let upload = Upload {
            kind,
            expires_ms: NOW + ms(7),
        };
        let video = subject
            .catalog
            .set_upload(id, &upload, NOW)
            .await
            .expect("set upload");
        assert_eq!(
            (video.state, video.upload),
            (VideoState::Uploading, Some(upload))
        );
    }
    subject
        .catalog
        .apply(id, &VideoEvent::Deleted, NOW)
        .await
        .expect("delete");
    let upload = Upload {
        kind: UploadKind::Single,
        expires_ms: NOW,
    };
    let refused = subject.catalog.set_upload(id, &upload, NOW).await;
    assert!(
        matches!(refused, Err(CatalogError::Refused(_))),
        "{refused:?}"
    );
    let missing = subject.catalog.set_upload(video_id(9), &upload, NOW).await;
    assert!(
        matches!(missing, Err(CatalogError::NotFound { .. })),
        "{missing:?}"
    );
}

fn open_uploads(limit: u32) -> OwnerLimits {
    OwnerLimits {
        open_uploads: Some(limit),
        ..OwnerLimits::default()
    }
}

/// Videos and bytes of one owner are limited; deleting frees quota.
pub async fn owners_have_a_quota(subject: &Subject) {
    let limits = OwnerLimits {
        videos: Some(3),
        source_bytes: Some(1_000),
        ..OwnerLimits::default()
    };
    let begin = |number: u8, source_size: Option<u64>| async move {
        let new = NewVideo {
            source_size,
            ..new_video(number)
        };
        subject
            .catalog
            .create_upload(&new, None, &limits, NOW)
            .await
    };
    let over = |it: &Result<_, CatalogError>, of: &str| matches!(it, Err(CatalogError::OverQuota { what, .. }) if *what == of);
    begin(1, Some(600)).await.expect("there is room");
    assert!(over(&begin(2, Some(401)).await, "bytes of sources"));
    begin(2, Some(400)).await.expect("just enough");
    begin(2, Some(400))
        .await
        .expect("asking again is the same upload");
    assert!(
        over(&begin(3, None).await, "bytes of sources"),
        "there is room for nothing"
    );
    subject
        .catalog
        .apply(video_id(1), &VideoEvent::Deleted, NOW)
        .await
        .expect("delete");
    begin(3, Some(1)).await.expect("its bytes are free");
    begin(4, None).await.expect("and its place");
    assert!(over(&begin(5, Some(1)).await, "videos"));
    let other = NewVideo {
        owner: Some("another".to_owned()),
        ..new_video(6)
    };
    subject
        .catalog
        .create_upload(&other, None, &limits, NOW)
        .await
        .expect("other owners are counted apart");
}

/// Uploads that have completed, expired or been deleted are not counted; neither are those of other
/// owners.
pub async fn owners_have_so_many_uploads_under_way(subject: &Subject) {
    let begin = |number: u8, now: UnixMillis| async move {
        let upload = Upload {
            kind: UploadKind::Single,
            expires_ms: NOW + ms(1_000),
        };
        let video = subject
            .catalog
            .create_upload(&new_video(number), Some(&upload), &open_uploads(2), now)
            .await?;
        assert_eq!(
            (&video.state, video.upload.as_ref()),
            (&VideoState::Uploading, Some(&upload))
        );
        Ok::<_, CatalogError>(video)
    };
    for number in [1, 2] {
        begin(number, NOW).await.expect("there is room");
    }
    begin(2, NOW)
        .await
        .expect("asking again is the same upload");
    let refused = begin(3, NOW).await;
    assert!(
        matches!(refused, Err(CatalogError::TooManyOpen { limit: 2 })),
        "{refused:?}"
    );
    for owner in [Some("another owner".to_owned()), None] {
        let number = if owner.is_some() { 4 } else { 5 };
        let new = NewVideo {
            owner,
            ..new_video(number)
        };
        subject
            .catalog
            .create_upload(&new, None, &open_uploads(1), NOW)
            .await
            .expect("other owners are counted apart");
    }
    subject
        .catalog
        .create_video(&new_video(6), NOW)
        .await
        .expect("only uploads have a limit");
    subject
        .catalog
        .apply(video_id(6), &VideoEvent::Deleted, NOW)
        .await
        .expect("delete");
    subject
        .catalog
        .note_upload_event(&job(1), NOW)
        .await
        .expect("note");
    begin(3, NOW).await.expect("one has arrived");
    assert!(begin(7, NOW + ms(999)).await.is_err());
    begin(7, NOW + ms(1_000)).await.expect("they have expired");
}

/// The limit also holds under concurrent requests.
pub async fn of_racing_uploads_no_more_than_the_limit_begin(subject: &Subject) {
    let mut racing = tokio::task::JoinSet::new();
    for number in 1..=12 {
        let catalog = subject.catalog.clone();
        racing.spawn(async move {
            catalog
                .create_upload(&new_video(number), None, &open_uploads(5), NOW)
                .await
        });
    }
    let ended = racing.join_all().await;
    assert_eq!(ended.iter().filter(|it| it.is_ok()).count(), 5, "{ended:?}");
    let refused =
        |it: &Result<_, CatalogError>| matches!(it, Err(CatalogError::TooManyOpen { limit: 5 }));
    assert_eq!(
        ended.iter().filter(|it| refused(it)).count(),
        7,
        "{ended:?}"
    );
}
