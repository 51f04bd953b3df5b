//! Posters that users choose.

use domain::failure::FailureCode;
use domain::ids::PosterId;
use domain::job::{JobMessage, PosterJob};
use domain::state::VideoEvent;

use super::{NOW, Subject, failure, video_id};
use crate::videos::{CatalogError, PosterRecord, PosterShown};

/// In whatever order posters are rendered, the latest requested one is shown, or the one shown
/// before it.
pub async fn the_latest_poster_request_counts(subject: &Subject) {
    let video = subject.queued(1).await.video;
    let [a, b] = [1, 2].map(PosterId::from_timestamp);
    assert_eq!(subject.catalog.poster(video).await.expect("poster"), None);
    assert_eq!(
        subject.catalog.show_poster(video, &a).await.expect("show"),
        PosterShown::Overtaken
    );

    subject.catalog.want_poster(video, &a).await.expect("want");
    for _ in 0..2 {
        assert_eq!(
            subject.catalog.show_poster(video, &a).await.expect("show"),
            PosterShown::InsteadOf(None)
        );
    }
    let wanted = subject.catalog.want_poster(video, &b).await.expect("want");
    assert_eq!(
        wanted,
        PosterRecord {
            wanted: b.clone(),
            shown: Some(a.clone()),
            failure: None
        }
    );
    assert_eq!(
        subject.catalog.show_poster(video, &a).await.expect("show"),
        PosterShown::Overtaken
    );
    let instead = PosterShown::InsteadOf(Some(a.clone()));
    assert_eq!(
        subject.catalog.show_poster(video, &b).await.expect("show"),
        instead
    );

    let dropped = subject.catalog.drop_poster(video).await.expect("drop");
    assert_eq!(dropped.and_then(|it| it.shown), Some(b.clone()));
    assert_eq!(
        subject.catalog.drop_poster(video).await.expect("drop"),
        None
    );
    assert_eq!(
        subject.catalog.show_poster(video, &b).await.expect("show"),
        PosterShown::Overtaken
    );
}

/// A request that fails reports the failure until there is another request.
pub async fn a_poster_that_fails_says_why(subject: &Subject) {
    let video = subject.queued(1).await.video;
    let job = PosterJob::from_image(video, b"rubbish");
    let damaged = failure(FailureCode::ImageDamaged);
    assert!(
        !subject
            .catalog
            .fail_poster(video, &job.poster, &damaged)
            .await
            .expect("fail"),
        "it is not requested"
    );
    subject
        .catalog
        .want_poster(video, &job.poster)
        .await
        .expect("want");
    let message = JobMessage::from(job.clone());
    let lost = failure(FailureCode::WorkerLost);
    assert!(
        subject
            .catalog
            .fail_permanently(&message, &lost, NOW, NOW)
            .await
            .expect("give up")
    );
    assert!(
        !subject
            .catalog
            .fail_permanently(&message, &lost, NOW, NOW)
            .await
            .expect("give up"),
        "repeated call"
    );
    let record = subject
        .catalog
        .poster(video)
        .await
        .expect("poster")
        .expect("a request");
    assert_eq!((record.shown, record.failure), (None, Some(lost)));
    subject
        .catalog
        .want_poster(video, &job.poster)
        .await
        .expect("want");
    let again = subject
        .catalog
        .poster(video)
        .await
        .expect("poster")
        .expect("a request");
    assert_eq!(again.failure, None);

    subject
        .catalog
        .apply(video, &VideoEvent::Deleted, NOW)
        .await
        .expect("delete");
    assert_eq!(subject.catalog.poster(video).await.expect("poster"), None);
    for result in [
        subject
            .catalog
            .want_poster(video, &job.poster)
            .await
            .map(drop),
        subject
            .catalog
            .show_poster(video, &job.poster)
            .await
            .map(drop),
    ] {
        assert!(
            matches!(result, Err(CatalogError::Gone { .. })),
            "{result:?}"
        );
    }
    let unknown = subject.catalog.want_poster(video_id(9), &job.poster).await;
    assert!(
        matches!(unknown, Err(CatalogError::NotFound { .. })),
        "{unknown:?}"
    );
}
