//! Orders, search and counts of lists.

use domain::ids::VideoId;
use domain::receipt::Receipt;
use domain::state::{StateName, VideoEvent};

use super::{NOW, Subject, new_video, video_id};
use crate::videos::{
    NewVideo, Patch, SortKey, SortValue, VideoCount, VideoCursor, VideoFilter, VideoSort,
};

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
    let counted = subject
        .catalog
        .count_videos(&VideoFilter {
            after: None,
            ..filter
        })
        .await
        .expect("count");
    let expected = VideoCount {
        videos: ids.len() as u64,
        is_lower_bound: false,
    };
    assert_eq!(counted, expected);
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
        let new = NewVideo {
            title,
            owner,
            source_size,
            ..new_video(number)
        };
        subject
            .catalog
            .create_video(&new, NOW)
            .await
            .expect("create");
    }
    let deleted = subject.ready(9).await;
    subject
        .catalog
        .apply(deleted.video, &VideoEvent::Deleted, NOW)
        .await
        .expect("delete");
    for (number, source_ms) in [(10, 61_000), (11, 2_000)] {
        let job = subject.queued(number).await;
        let claim = subject.claim(&job, NOW).await;
        let receipt = Receipt {
            source_ms,
            ..Receipt::default()
        };
        subject
            .catalog
            .mark_ready(&claim, &receipt, NOW)
            .await
            .expect("ready");
    }

    let check = |by: SortKey, owner: Option<&'static str>, numbers: &'static [u8]| async move {
        let expected: Vec<_> = numbers.iter().copied().map(video_id).collect();
        for descending in [false, true] {
            let (sort, owner) = (VideoSort { by, descending }, owner.map(str::to_owned));
            let mut listed = pages(
                subject,
                VideoFilter {
                    sort,
                    owner,
                    ..VideoFilter::default()
                },
            )
            .await;
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
    let sort = VideoSort {
        by: SortKey::Title,
        descending: true,
    };
    let ready = VideoFilter {
        states,
        sort,
        text: Some("FILM 1".to_owned()),
        ..VideoFilter::default()
    };
    assert_eq!(pages(subject, ready).await, [video_id(11), video_id(10)]);
    let by = |by: SortKey, text: &str, states: &[StateName]| {
        let (sort, text) = (
            VideoSort {
                by,
                descending: false,
            },
            Some(text.to_owned()),
        );
        VideoFilter {
            sort,
            text,
            states: states.to_vec(),
            ..VideoFilter::default()
        }
    };
    // A text without three letters in a row has no trigram. All have it, in their external ids.
    let found = [3, 2, 6, 5].map(video_id);
    assert_eq!(
        pages(subject, by(SortKey::Title, "a", &[StateName::Created])).await[..4],
        found
    );
    let found = [11, 10].map(video_id);
    assert_eq!(
        pages(subject, by(SortKey::Duration, "1", &[StateName::Ready])).await,
        found
    );
    assert_eq!(
        pages(subject, by(SortKey::Size, "film", &[StateName::Ready])).await,
        [10, 11].map(video_id)
    );
}

/// Pages continue after titles that an older version folded, and after a video that was deleted or
/// that a client made up.
pub async fn lists_continue_after_any_position(subject: &Subject) {
    for number in 1..=6 {
        let new = NewVideo {
            title: Some("ÜBER".to_owned()),
            ..new_video(number)
        };
        subject
            .catalog
            .create_video(&new, NOW)
            .await
            .expect("create");
    }
    // As SQL folds it.
    let mut tx = subject.catalog.database.write().await.expect("write");
    sqlx::query("UPDATE videos SET title_folded = 'Über'")
        .execute(&mut *tx)
        .await
        .expect("update");
    tx.commit().await.expect("commit");
    for descending in [false, true] {
        let sort = VideoSort {
            by: SortKey::Title,
            descending,
        };
        let mut expected = (1..=6).map(video_id).collect::<Vec<_>>();
        if descending {
            expected.reverse();
        }
        assert_eq!(
            pages(
                subject,
                VideoFilter {
                    sort,
                    ..VideoFilter::default()
                }
            )
            .await,
            expected
        );
    }

    let sort = VideoSort {
        by: SortKey::Title,
        descending: false,
    };
    let first = VideoFilter {
        sort,
        limit: 3,
        ..VideoFilter::default()
    };
    let next = subject
        .catalog
        .list_videos(&first)
        .await
        .expect("list")
        .next;
    subject
        .catalog
        .apply(video_id(3), &VideoEvent::Deleted, NOW)
        .await
        .expect("delete");
    let second = subject
        .catalog
        .list_videos(&VideoFilter {
            after: next,
            ..first.clone()
        })
        .await
        .expect("list");
    assert_eq!(
        second.videos.iter().map(|it| it.id).collect::<Vec<_>>(),
        [4, 5, 6].map(video_id)
    );

    let after = VideoCursor {
        value: SortValue::Text("\0'; --".to_owned()),
        video: video_id(1),
    };
    let made_up = VideoFilter {
        after: Some(after),
        owner: Some("\0".to_owned()),
        external_id: Some("\0".to_owned()),
        text: Some("\0".to_owned()),
        ..first
    };
    assert_eq!(
        subject
            .catalog
            .list_videos(&made_up)
            .await
            .expect("list")
            .videos,
        []
    );
}

/// A search finds titles, file names and external ids, as they are now.
pub async fn searches_every_name(subject: &Subject) {
    let new = NewVideo {
        file_name: Some("Übung 7.MOV".to_owned()),
        ..new_video(1)
    };
    subject
        .catalog
        .create_video(&new, NOW)
        .await
        .expect("create");
    let found = |text: &'static str| async move {
        let text = Some(text.to_owned());
        let count = subject
            .catalog
            .count_videos(&VideoFilter {
                text,
                ..VideoFilter::default()
            })
            .await;
        count.expect("count").videos == 1
    };
    for text in ["film 1", "übung", ".mov", "EXTERNAL-1", "l"] {
        assert!(found(text).await, "{text}");
    }
    for text in ["film 2", "1übung", "_", "%a"] {
        assert!(!found(text).await, "{text}");
    }
    let change = |patch: Patch| async move {
        subject
            .catalog
            .patch_video(video_id(1), &patch, NOW)
            .await
            .expect("patch");
    };
    change(Patch {
        external_id: Some(Some("Lesson:8".to_owned())),
        ..Patch::default()
    })
    .await;
    assert!(found("lesson:8").await && found("film 1").await && !found("external").await);
    change(Patch {
        title: Some(None),
        ..Patch::default()
    })
    .await;
    assert!(found("lesson:8").await && found("übung").await && !found("film").await);
}
