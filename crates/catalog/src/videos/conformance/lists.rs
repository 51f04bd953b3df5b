//! Orders, search and counts of lists.

use domain::ids::VideoId;
use domain::receipt::Receipt;
use domain::state::{StateName, VideoEvent};

use super::{NOW, Subject, new_video, video_id};
use crate::videos::{NewVideo, Patch, SortKey, VideoFilter, VideoSort};

/// All pages of a list, each of two videos.
async fn pages(subject: &Subject, mut filter: VideoFilter) -> Vec<VideoId> {
    let mut ids = vec![];
    filter.limit = 2;
    loop {
        let page = subject.catalog.list_videos(&filter).await.expect("list");
        ids.extend(page.videos.iter().map(|it| it.id));
        let Some(next) = page.next else { break };
        filter.after = Some(next);
    }
    let counted = subject.catalog.count_videos(&VideoFilter { after: None, ..filter }).await.expect("count");
    assert_eq!(counted, ids.len() as u64);
    ids
}

/// Pages of every order follow each other without gaps or duplicates, also among equal and missing
/// values. Titles are compared alike in all databases.
pub async fn lists_in_every_order(subject: &Subject) {
    let long = "ﷺ".repeat(400);
    let videos: [(u8, Option<&str>, Option<u64>, &str); 8] = [
        (1, Some("b"), Some(5), "ann"),
        (2, Some("A"), Some(5), "ann"),
        (3, None, None, "bob"),
        (4, Some("a-b"), Some(4_000_000_000), "ann"),
        (5, Some("a c"), Some(7), "bob"),
        (6, Some("a"), Some(5), "ann"),
        (7, Some(&long), None, "ann"),
        (8, Some("é"), Some(7), "bob"),
    ];
    for (number, title, source_size, owner) in videos {
        let (title, owner) = (title.map(str::to_owned), Some(owner.to_owned()));
        let new = NewVideo { title, owner, source_size, ..new_video(number) };
        subject.catalog.create_video(&new, NOW).await.expect("create");
    }
    let deleted = subject.ready(9).await;
    subject.catalog.apply(deleted.video, &VideoEvent::Deleted, NOW).await.expect("delete");
    for (number, source_ms) in [(10, 61_000), (11, 2_000)] {
        let job = subject.queued(number).await;
        let claim = subject.claim(&job, NOW).await;
        let receipt = Receipt { source_ms, ..Receipt::default() };
        subject.catalog.mark_ready(&claim, &receipt, NOW).await.expect("ready");
    }

    let check = |by: SortKey, owner: Option<&'static str>, numbers: &'static [u8]| async move {
        let expected: Vec<_> = numbers.iter().copied().map(video_id).collect();
        for descending in [false, true] {
            let (sort, owner) = (VideoSort { by, descending }, owner.map(str::to_owned));
            let mut listed = pages(subject, VideoFilter { sort, owner, ..VideoFilter::default() }).await;
            if descending {
                listed.reverse();
            }
            assert_eq!(listed, expected, "{sort:?}");
        }
    };
    check(SortKey::Created, None, &[1, 2, 3, 4, 5, 6, 7, 8, 10, 11]).await;
    // Space, hyphen, letters; `Film 10` and `Film 11` are the titles of the ready ones.
    check(SortKey::Title, None, &[3, 2, 6, 5, 4, 1, 10, 11, 8, 7]).await;
    check(SortKey::Title, Some("ann"), &[2, 6, 4, 1, 7]).await;
    check(SortKey::Duration, None, &[1, 2, 3, 4, 5, 6, 7, 8, 11, 10]).await;
    check(SortKey::Duration, Some("bob"), &[3, 5, 8]).await;
    check(SortKey::Size, None, &[3, 7, 1, 2, 6, 5, 8, 10, 11, 4]).await;
    check(SortKey::Size, Some("ann"), &[7, 1, 2, 6, 4]).await;

    let states = vec![StateName::Ready, StateName::Failed];
    let sort = VideoSort { by: SortKey::Title, descending: true };
    let ready = VideoFilter { states, sort, text: Some("FILM 1".to_owned()), ..VideoFilter::default() };
    assert_eq!(pages(subject, ready).await, [video_id(11), video_id(10)]);
}

/// A search finds titles, file names and external ids, as they are now.
pub async fn searches_every_name(subject: &Subject) {
    let new = NewVideo { file_name: Some("Übung 7.MOV".to_owned()), ..new_video(1) };
    subject.catalog.create_video(&new, NOW).await.expect("create");
    let found = |text: &'static str| async move {
        let text = Some(text.to_owned());
        let count = subject.catalog.count_videos(&VideoFilter { text, ..VideoFilter::default() }).await;
        count.expect("count") == 1
    };
    for text in ["film 1", "übung", ".mov", "EXTERNAL-1", "l"] {
        assert!(found(text).await, "{text}");
    }
    for text in ["film 2", "1übung", "_", "%a"] {
        assert!(!found(text).await, "{text}");
    }
    let change = |patch: Patch| async move {
        subject.catalog.patch_video(video_id(1), &patch, NOW).await.expect("patch");
    };
    change(Patch { external_id: Some(Some("Lesson:8".to_owned())), ..Patch::default() }).await;
    assert!(found("lesson:8").await && found("film 1").await && !found("external").await);
    change(Patch { title: Some(None), ..Patch::default() }).await;
    assert!(found("lesson:8").await && found("übung").await && !found("film").await);
}
