//! Videos as their owners see them.

use domain::failure::FailureCode;
use domain::ids::{PosterId, VideoId};
use domain::job::{JobReason, Mode};
use domain::receipt::Receipt;
use domain::state::{StateName, VideoEvent, VideoState};
use domain::time::UnixMillis;

use super::{LEASE_MS, NOW, Subject, failure, generation, job, ms, new_video, rendition, video_id};
use crate::videos::{
    CatalogError, ClaimOutcome, NewVideo, OwnerLimits, Patch, RenditionRecord, RenditionState, Upload,
    UploadEventOutcome, UploadKind, VideoFilter,
};

/// A repeated request changes nothing, whatever its fields.
pub async fn creating_twice_is_creating_once(subject: &Subject) {
    let new = new_video(1);
    let first = subject.catalog.create_video(&new, NOW).await.expect("create");
    assert_eq!((first.id, first.state.clone(), first.created_ms), (new.id, VideoState::Created, NOW));
    assert_eq!((&first.owner, &first.title, &first.external_id), (&new.owner, &new.title, &new.external_id));
    assert_eq!((&first.metadata, &first.profile, first.mode), (&new.metadata, &new.profile, Mode::Abr));
    assert_eq!((&first.source.key, first.source.size), (&new.source_key, new.source_size));
    assert_eq!((&first.source.content_type, &first.source.etag), (&new.content_type, &None));
    let again = NewVideo { title: Some("Another".to_owned()), ..new };
    assert_eq!(subject.catalog.create_video(&again, NOW + ms(1)).await.expect("create"), first);
    assert_eq!(subject.video(first.id).await, first);
}

/// An id belongs to the owner that created it.
pub async fn another_owner_cannot_create_the_same(subject: &Subject) {
    subject.catalog.create_video(&new_video(1), NOW).await.expect("create");
    for owner in [Some("another owner".to_owned()), None] {
        let stolen = subject.catalog.create_video(&NewVideo { owner, ..new_video(1) }, NOW).await;
        assert!(matches!(stolen, Err(CatalogError::Conflict { what: "owner", .. })), "{stolen:?}");
    }
}

/// An event that arrives before its row is adopted, and the row gets its owner later.
pub async fn an_event_before_its_row_is_adopted(subject: &Subject) {
    let job = job(1);
    assert_eq!(
        subject.catalog.note_upload_event(&job, NOW).await.expect("note"),
        UploadEventOutcome::Send(job.clone())
    );
    let adopted = subject.video(job.video).await;
    assert_eq!((adopted.state, adopted.owner), (VideoState::Queued, None));
    let claim = subject.claim(&job, NOW).await;

    let completed = subject.catalog.create_video(&new_video(1), NOW + ms(1)).await.expect("create");
    assert_eq!((completed.state.clone(), completed.owner.as_deref()), (VideoState::Processing, Some("owner")));
    assert_eq!(completed.source.etag.as_deref(), Some("etag-1"));
    assert_eq!(completed.to_job(JobReason::Upload), Some(job));
    subject.catalog.mark_playable(&claim, NOW + ms(2)).await.expect("the claim still holds");

    let stolen = NewVideo { owner: None, ..new_video(1) };
    let refused = subject.catalog.create_video(&stolen, NOW + ms(3)).await;
    assert!(matches!(refused, Err(CatalogError::Conflict { .. })), "{refused:?}");
}

/// The upload's state can be read back, to resume after a crash.
pub async fn uploads_are_noted(subject: &Subject) {
    let id = subject.catalog.create_video(&new_video(1), NOW).await.expect("create").id;
    let multipart = UploadKind::Multipart { upload_id: "upload/é".to_owned(), part_bytes: 16 << 20 };
    let open = UploadKind::Open { upload_id: "another".to_owned() };
    for kind in [UploadKind::Single, multipart, open] {
        let upload = Upload { kind, expires_ms: NOW + ms(7) };
        let video = subject.catalog.set_upload(id, &upload, NOW).await.expect("set upload");
        assert_eq!((video.state, video.upload), (VideoState::Uploading, Some(upload)));
    }
    subject.catalog.apply(id, &VideoEvent::Deleted, NOW).await.expect("delete");
    let upload = Upload { kind: UploadKind::Single, expires_ms: NOW };
    let refused = subject.catalog.set_upload(id, &upload, NOW).await;
    assert!(matches!(refused, Err(CatalogError::Refused(_))), "{refused:?}");
    let missing = subject.catalog.set_upload(video_id(9), &upload, NOW).await;
    assert!(matches!(missing, Err(CatalogError::NotFound { .. })), "{missing:?}");
}

fn open_uploads(limit: u32) -> OwnerLimits {
    OwnerLimits { open_uploads: Some(limit), ..OwnerLimits::default() }
}

/// Videos and bytes of one owner are limited; deleting frees quota.
pub async fn owners_have_a_quota(subject: &Subject) {
    let limits = OwnerLimits { videos: Some(3), source_bytes: Some(1_000), ..OwnerLimits::default() };
    let begin = |number: u8, source_size: Option<u64>| async move {
        let new = NewVideo { source_size, ..new_video(number) };
        subject.catalog.create_upload(&new, None, &limits, NOW).await
    };
    let over =
        |it: &Result<_, CatalogError>, of: &str| matches!(it, Err(CatalogError::OverQuota { what, .. }) if *what == of);
    begin(1, Some(600)).await.expect("there is room");
    assert!(over(&begin(2, Some(401)).await, "bytes of sources"));
    begin(2, Some(400)).await.expect("just enough");
    begin(2, Some(400)).await.expect("asking again is the same upload");
    assert!(over(&begin(3, None).await, "bytes of sources"), "there is room for nothing");
    subject.catalog.apply(video_id(1), &VideoEvent::Deleted, NOW).await.expect("delete");
    begin(3, Some(1)).await.expect("its bytes are free");
    begin(4, None).await.expect("and its place");
    assert!(over(&begin(5, Some(1)).await, "videos"));
    let other = NewVideo { owner: Some("another".to_owned()), ..new_video(6) };
    subject.catalog.create_upload(&other, None, &limits, NOW).await.expect("other owners are counted apart");
}

/// Uploads that have completed, expired or been deleted are not counted; neither are those of other
/// owners.
pub async fn owners_have_so_many_uploads_under_way(subject: &Subject) {
    let begin = |number: u8, now: UnixMillis| async move {
        let upload = Upload { kind: UploadKind::Single, expires_ms: NOW + ms(1_000) };
        let video = subject.catalog.create_upload(&new_video(number), Some(&upload), &open_uploads(2), now).await?;
        assert_eq!((&video.state, video.upload.as_ref()), (&VideoState::Uploading, Some(&upload)));
        Ok::<_, CatalogError>(video)
    };
    for number in [1, 2] {
        begin(number, NOW).await.expect("there is room");
    }
    begin(2, NOW).await.expect("asking again is the same upload");
    let refused = begin(3, NOW).await;
    assert!(matches!(refused, Err(CatalogError::TooManyOpen { limit: 2 })), "{refused:?}");
    for owner in [Some("another owner".to_owned()), None] {
        let number = if owner.is_some() { 4 } else { 5 };
        let new = NewVideo { owner, ..new_video(number) };
        subject.catalog.create_upload(&new, None, &open_uploads(1), NOW).await.expect("other owners are counted apart");
    }
    subject.catalog.create_video(&new_video(6), NOW).await.expect("only uploads have a limit");
    subject.catalog.apply(video_id(6), &VideoEvent::Deleted, NOW).await.expect("delete");
    subject.catalog.note_upload_event(&job(1), NOW).await.expect("note");
    begin(3, NOW).await.expect("one has arrived");
    assert!(begin(7, NOW + ms(999)).await.is_err());
    begin(7, NOW + ms(1_000)).await.expect("they have expired");
}

/// The limit also holds under concurrent requests.
pub async fn of_racing_uploads_no_more_than_the_limit_begin(subject: &Subject) {
    let mut racing = tokio::task::JoinSet::new();
    for number in 1..=12 {
        let catalog = subject.catalog.clone();
        racing.spawn(async move { catalog.create_upload(&new_video(number), None, &open_uploads(5), NOW).await });
    }
    let ended = racing.join_all().await;
    assert_eq!(ended.iter().filter(|it| it.is_ok()).count(), 5, "{ended:?}");
    let refused = |it: &Result<_, CatalogError>| matches!(it, Err(CatalogError::TooManyOpen { limit: 5 }));
    assert_eq!(ended.iter().filter(|it| refused(it)).count(), 7, "{ended:?}");
}

/// A patch changes the fields that it names, and nothing else.
pub async fn owners_change_what_is_theirs(subject: &Subject) {
    let before = subject.catalog.create_video(&new_video(1), NOW).await.expect("create");
    let patch = |patch: Patch| async move { subject.catalog.patch_video(before.id, &patch, NOW + ms(1)).await };
    let unchanged = patch(Patch::default()).await.expect("patch");
    assert_eq!((&unchanged.title, &unchanged.metadata), (&before.title, &before.metadata));
    let renamed = patch(Patch { title: Some(Some("x".to_owned())), ..Patch::default() }).await.expect("patch");
    assert_eq!((renamed.title.as_deref(), &renamed.external_id), (Some("x"), &before.external_id));
    assert!(renamed.version > before.version && renamed.updated_ms == NOW + ms(1));
    let emptied = Patch { title: Some(None), external_id: Some(None), metadata: Some(serde_json::Map::new()) };
    let emptied = patch(emptied).await.expect("patch");
    assert_eq!((emptied.title, emptied.external_id, emptied.metadata.len()), (None, None, 0));
    let missing = subject.catalog.patch_video(video_id(9), &Patch::default(), NOW).await;
    assert!(matches!(missing, Err(CatalogError::NotFound { .. })), "{missing:?}");
}

/// Pages follow each other without gaps or duplicates, also while videos are added.
pub async fn lists_newest_first_in_pages(subject: &Subject) {
    for number in [3, 1, 5, 2, 4] {
        subject.catalog.create_video(&new_video(number), NOW).await.expect("create");
    }
    let mut filter = VideoFilter { limit: 2, ..VideoFilter::default() };
    let mut pages = vec![];
    loop {
        let page = subject.catalog.list_videos(&filter).await.expect("list");
        pages.push(page.videos.iter().map(|it| it.id).collect::<Vec<_>>());
        subject.catalog.create_video(&new_video(100), NOW).await.expect("create");
        let Some(next) = page.next else { break };
        filter.after = Some(next);
    }
    assert_eq!(pages, [vec![video_id(5), video_id(4)], vec![video_id(3), video_id(2)], vec![video_id(1)]]);
    let all = subject.catalog.list_videos(&VideoFilter::default()).await.expect("list");
    assert_eq!((all.videos.len(), all.next), (6, None));
}

/// Each filter alone, and filters together.
pub async fn lists_by_filter(subject: &Subject) {
    subject.queued(1).await;
    let failed = subject.queued(2).await;
    let claim = subject.claim(&failed, NOW).await;
    subject.catalog.fail(&claim, &failure(FailureCode::NotAVideo), true, "", NOW).await.expect("fail");
    let odd = NewVideo { owner: Some("other".to_owned()), title: Some("100%_Film\\".to_owned()), ..new_video(3) };
    subject.catalog.create_video(&odd, NOW).await.expect("create");
    subject.queued(4).await;
    subject.catalog.apply(video_id(4), &VideoEvent::Deleted, NOW).await.expect("delete");

    let check = |filter: VideoFilter, numbers: &'static [u8]| async move {
        let page = subject.catalog.list_videos(&filter).await.expect("list");
        let ids: Vec<VideoId> = page.videos.iter().map(|it| it.id).collect();
        assert_eq!(ids, numbers.iter().copied().map(video_id).collect::<Vec<_>>(), "{filter:?}");
    };
    let any = VideoFilter::default;
    let title = |it: &str| VideoFilter { text: Some(it.to_owned()), ..any() };
    check(any(), &[3, 2, 1]).await;
    check(VideoFilter { states: vec![StateName::Failed], ..any() }, &[2]).await;
    check(VideoFilter { states: vec![StateName::Deleted], ..any() }, &[4]).await;
    check(VideoFilter { owner: Some("other".to_owned()), ..any() }, &[3]).await;
    check(VideoFilter { external_id: Some("external-1".to_owned()), ..any() }, &[1]).await;
    check(VideoFilter { owner: Some("other".to_owned()), states: vec![StateName::Failed], ..any() }, &[]).await;
    check(title("FILM"), &[3, 2, 1]).await;
    check(title("0%_f"), &[3]).await;
    check(title("m\\"), &[3]).await;
    check(title("%"), &[3]).await;
    check(title("' OR 1=1 --"), &[]).await;
    // Case folding follows Unicode in both databases.
    let named = NewVideo { title: Some("ÜBER die Straße, ЖИЗНЬ".to_owned()), ..new_video(5) };
    subject.catalog.create_video(&named, NOW).await.expect("create");
    for sought in ["über", "STRASSE", "жизнь", "U\u{308}BER"] {
        check(title(sought), &[5]).await;
    }
    let patch = Patch { title: Some(Some("Οδός".to_owned())), ..Patch::default() };
    subject.catalog.patch_video(video_id(5), &patch, NOW).await.expect("patch");
    check(title("über"), &[]).await;
    check(title("ΟΔΌΣ"), &[5]).await;
    let patch = Patch { title: Some(None), ..Patch::default() };
    subject.catalog.patch_video(video_id(5), &patch, NOW).await.expect("patch");
    check(title("Οδός"), &[]).await;
}

/// A deleted video is excluded from everything, and its id is never free again.
pub async fn deleted_videos_keep_their_id(subject: &Subject) {
    let job = subject.ready(1).await;
    for _ in 0..2 {
        let deleted = subject.catalog.apply(job.video, &VideoEvent::Deleted, NOW).await.expect("delete");
        assert_eq!(deleted.state, VideoState::Deleted);
    }
    assert_eq!(subject.catalog.note_upload_event(&job, NOW).await.expect("note"), UploadEventOutcome::VideoGone);
    assert_eq!(subject.claim_for(&job, &generation(&job), NOW + ms(LEASE_MS)).await, ClaimOutcome::Gone);
    let again = subject.catalog.create_video(&new_video(1), NOW).await;
    assert!(matches!(again, Err(CatalogError::Gone { .. })), "{again:?}");
    let patched = subject.catalog.patch_video(job.video, &Patch::default(), NOW).await;
    assert!(matches!(patched, Err(CatalogError::Gone { .. })), "{patched:?}");
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
        let after = subject.catalog.apply(job.video, &VideoEvent::Deleted, NOW).await.expect("delete");
        assert_eq!((&after.title, &after.external_id, after.metadata.len()), (&None, &None, 0));
        assert_eq!(after.source.key.or(after.source.file_name).or(after.source.content_type), None);
        assert_eq!(after.owner, before.owner, "the owner is needed to authorise a repeated deletion");
    }
    let by =
        VideoFilter { external_id: before.external_id, states: vec![StateName::Deleted], ..VideoFilter::default() };
    assert_eq!(subject.catalog.list_videos(&by).await.expect("list").videos, []);
    let attempts = subject.catalog.attempts(job.video).await.expect("attempts");
    assert!(!attempts.is_empty() && attempts.iter().all(|it| it.log_tail.is_none()), "{attempts:?}");
    let generation = generation(&job);
    assert_eq!(subject.catalog.receipt(job.video, &generation).await.expect("receipt"), None);
    assert_eq!(subject.catalog.renditions(job.video, &generation).await.expect("renditions"), []);
}

/// The fields that a page of a library shows.
pub async fn a_ready_video_has_a_length_and_a_size(subject: &Subject) {
    let job = subject.queued(1).await;
    let claim = subject.claim(&job, NOW).await;
    let small = RenditionRecord { width: Some(640), height: Some(360), ..rendition("360p", RenditionState::Complete) };
    let renditions = [small, rendition("720p", RenditionState::Complete)];
    subject.catalog.set_renditions(&claim, &renditions, NOW).await.expect("renditions");
    let video = subject.video(job.video).await;
    assert_eq!((video.duration_ms, video.dimensions, video.has_poster), (None, None, false));
    let receipt = Receipt { source_ms: 61_500, ..Receipt::default() };
    subject.catalog.mark_ready(&claim, &receipt, NOW).await.expect("ready");
    let poster = PosterId::from_timestamp(5);
    subject.catalog.want_poster(job.video, &poster).await.expect("want");
    subject.catalog.show_poster(job.video, &poster).await.expect("show");
    let listed = subject.catalog.list_videos(&VideoFilter::default()).await.expect("list").videos.remove(0);
    assert_eq!((listed.duration_ms, listed.dimensions), (Some(61_500), Some((1280, 720))));
    assert_eq!((listed.has_poster, listed.chosen_poster), (true, Some(poster)));
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
        assert!(matches!(refused, Err(CatalogError::NeedsClaim)), "{refused:?}");
    }
    assert_eq!(subject.state(job.video).await, VideoState::Queued);
}
