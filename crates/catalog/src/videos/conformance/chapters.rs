//! Chapters.

use domain::chapter::{Chapter, Chapters};
use domain::ids::VideoId;
use domain::state::VideoEvent;

use super::{NOW, Subject, video_id};
use crate::videos::{CaptionOrigin, CatalogError};

fn chapters(titles: &[&str]) -> Chapters {
    let chapter = |(start_ms, title): (u64, &&str)| Chapter {
        start_ms,
        title: (*title).to_owned(),
    };
    Chapters::new((0..).zip(titles).map(chapter).collect()).expect("chapters")
}

impl Subject {
    async fn set_chapters(&self, video: VideoId, titles: &[&str], origin: CaptionOrigin) -> bool {
        let list = chapters(titles);
        let set = self.catalog.set_chapters(video, &list, origin, NOW);
        set.await.expect("set")
    }
}

/// The latest list counts, those of the source never replace one, and a writer of the playlist
/// learns that they have changed.
pub async fn the_latest_chapters_count(subject: &Subject) {
    use CaptionOrigin::{Embedded, Uploaded};
    let (video, catalog) = (subject.queued(1).await.video, &subject.catalog);
    let waits = async || catalog.playlist_waits(video).await.expect("waits");
    let published = async |id| {
        let published = catalog.chapters_published(video, id, NOW);
        published.await.expect("published")
    };
    assert_eq!(catalog.chapters(video).await.expect("chapters"), None);
    assert!(!subject.set_chapters(video, &[], Uploaded).await);
    assert!(published(None).await && !waits().await);

    assert!(subject.set_chapters(video, &["One", "Two"], Embedded).await);
    let first = catalog
        .chapters(video)
        .await
        .expect("chapters")
        .expect("some");
    assert_eq!(
        (&first.chapters, first.origin, first.published),
        (&chapters(&["One", "Two"]), Embedded, false)
    );
    assert!(waits().await && !published(None).await);
    assert!(published(Some(&first.id)).await && !waits().await);

    assert!(subject.set_chapters(video, &["Three"], Uploaded).await);
    assert!(
        !subject.set_chapters(video, &["Three"], Uploaded).await,
        "the same"
    );
    assert!(!subject.set_chapters(video, &["Four"], Embedded).await);
    assert!(!published(Some(&first.id)).await, "they have changed");
    let second = catalog
        .chapters(video)
        .await
        .expect("chapters")
        .expect("some");
    assert_eq!(second.chapters, chapters(&["Three"]));
    assert!(published(Some(&second.id)).await);

    assert!(subject.set_chapters(video, &[], Uploaded).await);
    assert!(waits().await && !published(Some(&second.id)).await);
    assert!(published(None).await && !waits().await);
    assert!(
        !subject.set_chapters(video, &["Back"], Embedded).await,
        "they were deleted"
    );

    let deleted = catalog.apply(video, &VideoEvent::Deleted, NOW).await;
    deleted.expect("delete");
    assert_eq!(catalog.chapters(video).await.expect("chapters"), None);
    let list = chapters(&["x"]);
    let refused = catalog.set_chapters(video, &list, Uploaded, NOW).await;
    assert!(
        matches!(refused, Err(CatalogError::Gone { .. })),
        "{refused:?}"
    );
    let unknown = catalog
        .set_chapters(video_id(9), &list, Uploaded, NOW)
        .await;
    assert!(
        matches!(unknown, Err(CatalogError::NotFound { .. })),
        "{unknown:?}"
    );
}
