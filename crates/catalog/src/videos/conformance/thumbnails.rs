//! Thumbnails that clients request.

use std::time::Duration;

use domain::ids::Generation;
use domain::state::{VideoEvent, VideoState};
use domain::thumbnail::{Frame, MOST_THUMBNAILS};

use super::{NOW, Subject};
use crate::videos::CatalogError;
use crate::videos::ThumbnailRequested::{Send, TooMany, Waits};

/// One caller sends the job; if the thumbnail does not exist a minute later, another one does.
pub async fn one_of_many_callers_requests_a_thumbnail(subject: &Subject) {
    let (job, catalog) = (subject.ready(1).await, &subject.catalog);
    let VideoState::Ready { generation } = subject.state(job.video).await else {
        panic!("it is ready");
    };
    let frame = |tenths| Frame { tenths, width: 640 };
    let request =
        |tenths, now| catalog.request_thumbnail(job.video, &generation, frame(tenths), now);
    for (tenths, seconds, expected) in [
        (7, 0, Send),
        (7, 0, Waits),
        (8, 0, Send),
        (7, 59, Waits),
        (7, 60, Send),
        (7, 61, Waits),
    ] {
        let found = request(tenths, NOW + Duration::from_secs(seconds)).await;
        assert_eq!(found.expect("request"), expected, "{tenths} {seconds}");
    }
    for tenths in 100..100 + MOST_THUMBNAILS - 2 {
        let found = request(tenths, NOW).await;
        assert_eq!(found.expect("request"), Send);
    }
    assert_eq!(request(9, NOW).await.expect("request"), TooMany);
    assert_eq!(request(8, NOW).await.expect("request"), Waits);

    let other = Generation::of("another", "profile");
    let found = catalog.request_thumbnail(job.video, &other, frame(1), NOW);
    assert!(matches!(found.await, Err(CatalogError::Gone { .. })));
    let deleted = catalog.apply(job.video, &VideoEvent::Deleted, NOW);
    deleted.await.expect("delete");
    let found = request(1, NOW);
    assert!(matches!(found.await, Err(CatalogError::Gone { .. })));
}
