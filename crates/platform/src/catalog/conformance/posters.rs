//! Posters that somebody chose.

use domain::failure::FailureCode;
use domain::ids::PosterId;
use domain::job::{JobMessage, PosterJob};
use domain::state::VideoEvent;

use super::{NOW, Subject, failure, video_id};
use crate::catalog::{CatalogError, PosterRecord, PosterShown};

/// Whatever is made in which order, what is shown is the last wish, or what was there before it.
pub async fn the_last_wish_for_a_poster_counts(subject: &Subject) {
    let video = subject.queued(1).await.video;
    let [a, b] = [1, 2].map(PosterId::of_moment);
    assert_eq!(subject.catalog().poster(video).await.expect("poster"), None);
    assert_eq!(subject.catalog().show_poster(video, &a).await.expect("show"), PosterShown::Overtaken);

    subject.catalog().want_poster(video, &a).await.expect("want");
    for _ in 0..2 {
        assert_eq!(subject.catalog().show_poster(video, &a).await.expect("show"), PosterShown::InsteadOf(None));
    }
    let wanted = subject.catalog().want_poster(video, &b).await.expect("want");
    assert_eq!(wanted, PosterRecord { wanted: b.clone(), shown: Some(a.clone()), failure: None });
    assert_eq!(subject.catalog().show_poster(video, &a).await.expect("show"), PosterShown::Overtaken);
    let instead = PosterShown::InsteadOf(Some(a.clone()));
    assert_eq!(subject.catalog().show_poster(video, &b).await.expect("show"), instead);

    let dropped = subject.catalog().drop_poster(video).await.expect("drop");
    assert_eq!(dropped.and_then(|it| it.shown), Some(b.clone()));
    assert_eq!(subject.catalog().drop_poster(video).await.expect("drop"), None);
    assert_eq!(subject.catalog().show_poster(video, &b).await.expect("show"), PosterShown::Overtaken);
}

/// A wish that fails says why, until there is another one.
pub async fn a_poster_that_fails_says_why(subject: &Subject) {
    let video = subject.queued(1).await.video;
    let job = PosterJob::of_picture(video, b"rubbish");
    let damaged = failure(FailureCode::PictureDamaged);
    assert!(!subject.catalog().fail_poster(video, &job.poster, &damaged).await.expect("fail"), "nobody wants it");
    subject.catalog().want_poster(video, &job.poster).await.expect("want");
    let message = JobMessage::from(job.clone());
    let lost = failure(FailureCode::WorkerLost);
    assert!(subject.catalog().give_up(&message, &lost, NOW, NOW).await.expect("give up"));
    assert!(!subject.catalog().give_up(&message, &lost, NOW, NOW).await.expect("give up"), "told twice");
    let told = subject.catalog().poster(video).await.expect("poster").expect("a wish");
    assert_eq!((told.shown, told.failure), (None, Some(lost)));
    subject.catalog().want_poster(video, &job.poster).await.expect("want");
    let again = subject.catalog().poster(video).await.expect("poster").expect("a wish");
    assert_eq!(again.failure, None);

    subject.catalog().apply(video, &VideoEvent::Deleted, NOW).await.expect("delete");
    assert_eq!(subject.catalog().poster(video).await.expect("poster"), None);
    for told in [
        subject.catalog().want_poster(video, &job.poster).await.map(drop),
        subject.catalog().show_poster(video, &job.poster).await.map(drop),
    ] {
        assert!(matches!(told, Err(CatalogError::Gone { .. })), "{told:?}");
    }
    let unknown = subject.catalog().want_poster(video_id(9), &job.poster).await;
    assert!(matches!(unknown, Err(CatalogError::NotFound { .. })), "{unknown:?}");
}
