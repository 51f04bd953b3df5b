//! Pages and filters of lists.

use domain::failure::FailureCode;
use domain::ids::VideoId;
use domain::state::{StateName, VideoEvent};

use super::{NOW, Subject, failure, new_video, video_id};
use crate::videos::{NewVideo, Patch, VideoFilter};

/// Pages follow each other without gaps or duplicates, also while videos are added.
pub async fn lists_newest_first_in_pages(subject: &Subject) {
    for number in [3, 1, 5, 2, 4] {
        subject
            .catalog
            .create_video(&new_video(number), NOW)
            .await
            .expect("create");
    }
    let mut filter = VideoFilter {
        limit: 2,
        ..VideoFilter::default()
    };
    let mut pages = vec![];
    loop {
        let page = subject.catalog.list_videos(&filter).await.expect("list");
        pages.push(page.videos.iter().map(|it| it.id).collect::<Vec<_>>());
        subject
            .catalog
            .create_video(&new_video(100), NOW)
            .await
            .expect("create");
        let Some(next) = page.next else { break };
        filter.after = Some(next);
    }
    assert_eq!(
        pages,
        [
            vec![video_id(5), video_id(4)],
            vec![video_id(3), video_id(2)],
            vec![video_id(1)]
        ]
    );
    let all = subject
        .catalog
        .list_videos(&VideoFilter::default())
        .await
        .expect("list");
    assert_eq!((all.videos.len(), all.next), (6, None));
}

/// Each filter alone, and filters together.
pub async fn lists_by_filter(subject: &Subject) {
    subject.queued(1).await;
    let failed = subject.queued(2).await;
    let claim = subject.claim(&failed, NOW).await;
    subject
        .catalog
        .fail(&claim, &failure(FailureCode::NotAVideo), true, "", NOW)
        .await
        .expect("fail");
    let odd = NewVideo {
        owner: Some("other".to_owned()),
        title: Some("100%_Film\\".to_owned()),
        ..new_video(3)
    };
    subject
        .catalog
        .create_video(&odd, NOW)
        .await
        .expect("create");
    subject.queued(4).await;
    subject
        .catalog
        .apply(video_id(4), &VideoEvent::Deleted, NOW)
        .await
        .expect("delete");

    let check = |filter: VideoFilter, numbers: &'static [u8]| async move {
        let page = subject.catalog.list_videos(&filter).await.expect("list");
        let ids: Vec<VideoId> = page.videos.iter().map(|it| it.id).collect();
        assert_eq!(
            ids,
            numbers.iter().copied().map(video_id).collect::<Vec<_>>(),
            "{filter:?}"
        );
    };
    let any = VideoFilter::default;
    let title = |it: &str| VideoFilter {
        text: Some(it.to_owned()),
        ..any()
    };
    check(any(), &[3, 2, 1]).await;
    check(
        VideoFilter {
            states: vec![StateName::Failed],
            ..any()
        },
        &[2],
    )
    .await;
    check(
        VideoFilter {
            states: vec![StateName::Deleted],
            ..any()
        },
        &[4],
    )
    .await;
    check(
        VideoFilter {
            owner: Some("other".to_owned()),
            ..any()
        },
        &[3],
    )
    .await;
    check(
        VideoFilter {
            external_id: Some("external-1".to_owned()),
            ..any()
        },
        &[1],
    )
    .await;
    check(
        VideoFilter {
            owner: Some("other".to_owned()),
            states: vec![StateName::Failed],
            ..any()
        },
        &[],
    )
    .await;
    check(title("FILM"), &[3, 2, 1]).await;
    check(title("0%_f"), &[3]).await;
    check(title("m\\"), &[3]).await;
    check(title("%"), &[3]).await;
    check(title("' OR 1=1 --"), &[]).await;
    // Case folding follows Unicode in both databases.
    let named = NewVideo {
        title: Some("ÜBER die Straße, ЖИЗНЬ".to_owned()),
        ..new_video(5)
    };
    subject
        .catalog
        .create_video(&named, NOW)
        .await
        .expect("create");
    for sought in ["über", "STRASSE", "жизнь", "U\u{308}BER"] {
        check(title(sought), &[5]).await;
    }
    let patch = Patch {
        title: Some(Some("Οδός".to_owned())),
        ..Patch::default()
    };
    subject
        .catalog
        .patch_video(video_id(5), &patch, NOW)
        .await
        .expect("patch");
    check(title("über"), &[]).await;
    check(title("ΟΔΌΣ"), &[5]).await;
    let patch = Patch {
        title: Some(None),
        ..Patch::default()
    };
    subject
        .catalog
        .patch_video(video_id(5), &patch, NOW)
        .await
        .expect("patch");
    check(title("Οδός"), &[]).await;
}
