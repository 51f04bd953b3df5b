//! Captions.

use std::time::Duration;

use domain::ids::{CaptionId, VideoId};
use domain::state::VideoEvent;

use super::{NOW, Subject, video_id};
use crate::videos::{
    CaptionChoice, CaptionOrigin, CaptionRecord, CaptionsStored, CatalogError, NewCaptions,
    VideoFilter,
};

pub(crate) fn captions(language: &str, content: &str, at: u64) -> NewCaptions {
    let now = NOW + Duration::from_secs(at);
    NewCaptions {
        record: CaptionRecord {
            id: CaptionId::of(language, content, now.get()),
            language: language.parse().expect("a language"),
            name: language.to_owned(),
            default: false,
            forced: false,
            sdh: false,
            origin: CaptionOrigin::Uploaded,
            content: content.to_owned(),
            cues: 7,
            created_ms: now,
            published: false,
        },
        words: format!("the words of {content}"),
    }
}

pub(crate) fn all_of(language: &str) -> CaptionChoice {
    CaptionChoice {
        language: language.parse().expect("a language"),
        forced: None,
        sdh: None,
    }
}

const NEW: CaptionsStored = CaptionsStored::Stored { replaced: false };

impl Subject {
    async fn languages(&self, video: VideoId) -> Vec<(String, String, bool)> {
        let captions = self.catalog.captions(video).await.expect("captions");
        let captions = captions.into_iter();
        captions
            .map(|it| (it.language.to_string(), it.content, it.published))
            .collect()
    }

    async fn set(&self, video: VideoId, new: &NewCaptions) -> CaptionsStored {
        self.catalog.set_captions(video, new).await.expect("set")
    }
}

/// Each language and kind has one version; the one before it stays until it is forgotten.
pub async fn captions_are_replaced_by_language(subject: &Subject) {
    let (video, catalog) = (subject.queued(1).await.video, &subject.catalog);
    let (old, new, other) = (
        captions("en", "old", 0),
        captions("en", "new", 1),
        captions("de", "x", 2),
    );
    assert_eq!(subject.set(video, &old).await, NEW);
    let stored = old.record.clone();
    let again = captions("en", "old", 9);
    assert_eq!(
        subject.set(video, &again).await,
        CaptionsStored::Same(stored)
    );
    assert!(catalog.playlist_waits(video).await.expect("wait"));
    let read = catalog.captions(video).await.expect("captions");
    assert!(
        catalog
            .captions_published(video, &read, NOW)
            .await
            .expect("published")
    );
    assert!(!catalog.playlist_waits(video).await.expect("wait"));

    assert_eq!(
        subject.set(video, &new).await,
        CaptionsStored::Stored { replaced: true }
    );
    assert_eq!(subject.set(video, &other).await, NEW);
    let line = |language: &str, content: &str, published| {
        (language.to_owned(), content.to_owned(), published)
    };
    assert_eq!(
        subject.languages(video).await,
        [line("de", "x", false), line("en", "new", false)]
    );
    // A writer of the playlist that had read the captions before must read them again.
    assert!(
        !catalog
            .captions_published(video, &read, NOW)
            .await
            .expect("published")
    );
    let removed = catalog.removed_captions(video).await.expect("removed");
    assert!(removed.len() == 1 && removed[0].id == old.record.id && removed[0].published);
    let read = catalog.captions(video).await.expect("captions");
    assert!(
        catalog
            .captions_published(video, &read, NOW)
            .await
            .expect("published")
    );
    assert_eq!(
        subject.languages(video).await,
        [line("de", "x", true), line("en", "new", true)]
    );
    let removed = catalog.removed_captions(video).await.expect("removed");
    assert!(removed.len() == 1 && !removed[0].published);
    catalog
        .forget_captions(video, &new.record.id)
        .await
        .expect("forget");
    assert_eq!(subject.languages(video).await.len(), 2, "current ones stay");
    catalog
        .forget_captions(video, &old.record.id)
        .await
        .expect("forget");
    assert_eq!(catalog.removed_captions(video).await.expect("removed"), []);

    for removed in [true, false] {
        let was = catalog.remove_captions(video, &all_of("en"), NOW).await;
        assert_eq!(was.expect("remove"), removed);
    }
    assert_eq!(subject.languages(video).await, [line("de", "x", true)]);
    assert!(catalog.playlist_waits(video).await.expect("wait"));
    // The same text may come back: it is another version.
    assert_eq!(subject.set(video, &captions("en", "new", 20)).await, NEW);
}

/// A language has captions of several kinds, which are replaced and removed separately.
pub async fn captions_of_a_language_have_kinds(subject: &Subject) {
    let (video, catalog) = (subject.queued(1).await.video, &subject.catalog);
    let of = |content: &str, forced, sdh, at| {
        let mut it = captions("en", content, at);
        (it.record.forced, it.record.sdh) = (forced, sdh);
        it
    };
    for new in [
        of("forced", true, false, 0),
        of("sdh", false, true, 1),
        of("full", false, false, 2),
    ] {
        assert_eq!(subject.set(video, &new).await, NEW);
    }
    let replaced = CaptionsStored::Stored { replaced: true };
    assert_eq!(
        subject.set(video, &of("new sdh", false, true, 3)).await,
        replaced
    );
    let contents = async || {
        let languages = subject.languages(video).await.into_iter();
        languages.map(|it| it.1).collect::<Vec<_>>()
    };
    assert_eq!(contents().await, ["full", "new sdh", "forced"]);
    let forced = CaptionChoice {
        forced: Some(true),
        ..all_of("en")
    };
    assert!(
        catalog
            .remove_captions(video, &forced, NOW)
            .await
            .expect("remove")
    );
    assert_eq!(contents().await, ["full", "new sdh"]);
    assert!(
        catalog
            .remove_captions(video, &all_of("en"), NOW)
            .await
            .expect("remove")
    );
    assert_eq!(contents().await, [] as [&str; 0]);
}

/// One language is the default; embedded captions do not replace uploaded ones.
pub async fn captions_have_one_default(subject: &Subject) {
    let (video, catalog) = (subject.queued(1).await.video, &subject.catalog);
    let default = |language: &str, at| {
        let mut it = captions(language, "text", at);
        it.record.default = true;
        it
    };
    subject.set(video, &default("en", 0)).await;
    let before = catalog.captions(video).await.expect("captions");
    catalog
        .captions_published(video, &before, NOW)
        .await
        .expect("published");
    subject.set(video, &default("fr", 1)).await;
    let now = catalog.captions(video).await.expect("captions");
    assert_eq!(
        now.iter().map(|it| it.default).collect::<Vec<_>>(),
        [false, true]
    );
    let mut embedded = captions("fr", "other", 2);
    embedded.record.origin = CaptionOrigin::Embedded;
    assert_eq!(subject.set(video, &embedded).await, CaptionsStored::Kept);
    embedded.record.language = "nl".parse().expect("a language");
    assert_eq!(subject.set(video, &embedded).await, NEW);
}

/// Captions are replaced by those of an origin that is as strong or stronger.
pub async fn those_of_a_machine_replace_no_others(subject: &Subject) {
    use CaptionOrigin::{Embedded, Machine, Uploaded};
    let video = subject.queued(1).await.video;
    let steps = [
        (Machine, NEW),
        (Machine, CaptionsStored::Stored { replaced: true }),
        (Embedded, CaptionsStored::Stored { replaced: true }),
        (Machine, CaptionsStored::Kept),
        (Uploaded, CaptionsStored::Stored { replaced: true }),
        (Machine, CaptionsStored::Kept),
    ];
    for (number, (origin, expected)) in (0..).zip(steps) {
        let mut new = captions("en", &format!("text {number}"), number);
        new.record.origin = origin;
        assert_eq!(subject.set(video, &new).await, expected, "{number}");
        let read = subject.catalog.captions(video).await.expect("captions");
        if expected != CaptionsStored::Kept {
            assert_eq!(read, [new.record]);
        }
    }
}

/// Captions of deleted videos are erased, and unknown videos have none.
pub async fn captions_go_with_their_video(subject: &Subject) {
    let (video, catalog) = (subject.queued(1).await.video, &subject.catalog);
    subject.set(video, &captions("en", "text", 0)).await;
    catalog
        .apply(video, &VideoEvent::Deleted, NOW)
        .await
        .expect("delete");
    assert_eq!(subject.languages(video).await, []);
    let new = captions("en", "text", 1);
    let refused = catalog.set_captions(video, &new).await;
    assert!(
        matches!(refused, Err(CatalogError::Gone { .. })),
        "{refused:?}"
    );
    let unknown = catalog.set_captions(video_id(9), &new).await;
    assert!(
        matches!(unknown, Err(CatalogError::NotFound { .. })),
        "{unknown:?}"
    );
}

/// A search finds videos by the words of their current captions.
pub async fn videos_are_found_by_their_captions(subject: &Subject) {
    let (first, second) = (subject.queued(1).await.video, subject.queued(2).await.video);
    subject
        .set(first, &captions("en", "summer 100% _x", 0))
        .await;
    subject.set(first, &captions("de", "sommer", 0)).await;
    subject.set(second, &captions("en", "winter", 0)).await;
    for (words, found) in [
        ("summer", vec![first]),
        ("the words", vec![second, first]),
        ("100%", vec![first]),
        ("%", vec![first]),
        ("_y", vec![]),
        ("autumn", vec![]),
    ] {
        let filter = VideoFilter {
            words: Some(words.to_owned()),
            ..VideoFilter::default()
        };
        let page = subject.catalog.list_videos(&filter).await.expect("list");
        let ids: Vec<VideoId> = page.videos.iter().map(|it| it.id).collect();
        assert_eq!(ids, found, "{words}");
        let count = subject.catalog.count_videos(&filter).await.expect("count");
        assert_eq!(count.videos, found.len() as u64, "{words}");
    }
    subject.set(first, &captions("en", "spring", 1)).await;
    let filter = VideoFilter {
        words: Some("summer".to_owned()),
        text: Some("film".to_owned()),
        ..VideoFilter::default()
    };
    let page = subject.catalog.list_videos(&filter).await.expect("list");
    assert_eq!(page.videos, vec![], "replaced captions are not found");
}
