//! Animated previews that clients request.

use std::time::Duration;

use domain::ids::Generation;
use domain::job::PreviewJob;
use domain::preview::{MOST_PREVIEWS, Preview};
use domain::state::{VideoEvent, VideoState};

use super::{NOW, Subject};
use crate::videos::CatalogError;
use crate::videos::PreviewRequested::{Refused, Send, TooMany, Waits};

fn preview(start_tenths: u32) -> Preview {
    Preview {
        start_tenths,
        length_tenths: 30,
        width: 320,
    }
}

/// One caller sends the job; if the preview does not exist a minute later, another one does.
pub async fn one_of_many_callers_requests_a_preview(subject: &Subject) {
    let (job, catalog) = (subject.ready(1).await, &subject.catalog);
    let VideoState::Ready { generation } = subject.state(job.video).await else {
        panic!("it is ready");
    };
    let request = |preview, seconds| {
        let now = NOW + Duration::from_secs(seconds);
        catalog.request_preview(job.video, &generation, preview, now)
    };
    let longer = Preview {
        length_tenths: 31,
        ..preview(7)
    };
    let wider = Preview {
        width: 640,
        ..preview(7)
    };
    for (wanted, seconds, expected) in [
        (preview(7), 0, Send),
        (preview(7), 0, Waits),
        (preview(8), 0, Send),
        (longer, 0, Send),
        (wider, 0, Send),
        (preview(7), 59, Waits),
        (preview(7), 60, Send),
        (preview(7), 61, Waits),
    ] {
        let found = request(wanted, seconds).await;
        assert_eq!(found.expect("request"), expected, "{wanted:?} {seconds}");
    }
    for start in 100..100 + MOST_PREVIEWS - 4 {
        let found = request(preview(start), 0).await;
        assert_eq!(found.expect("request"), Send);
    }
    assert_eq!(request(preview(9), 0).await.expect("request"), TooMany);
    assert_eq!(request(preview(8), 0).await.expect("request"), Waits);

    let other = Generation::of("another", "profile");
    let found = catalog.request_preview(job.video, &other, preview(1), NOW);
    assert!(matches!(found.await, Err(CatalogError::Gone { .. })));
    let deleted = catalog.apply(job.video, &VideoEvent::Deleted, NOW);
    deleted.await.expect("delete");
    let found = request(preview(1), 0);
    assert!(matches!(found.await, Err(CatalogError::Gone { .. })));
}

/// A transcoder that cannot make a preview says so, and is asked again a minute after the request.
pub async fn a_preview_is_refused_for_a_minute(subject: &Subject) {
    let (job, catalog) = (subject.ready(1).await, &subject.catalog);
    let VideoState::Ready { generation } = subject.state(job.video).await else {
        panic!("it is ready");
    };
    let request = async |start, seconds| {
        let now = NOW + Duration::from_secs(seconds);
        let requested = catalog.request_preview(job.video, &generation, preview(start), now);
        requested.await.expect("request")
    };
    let refuse = async |start| {
        let job = PreviewJob::new(job.video, generation.clone(), preview(start));
        let refused = catalog.refuse_preview(&job, NOW + Duration::from_secs(1));
        refused.await.expect("refuse");
    };
    assert_eq!(request(1, 0).await, Send);
    assert_eq!(request(2, 0).await, Send);
    refuse(1).await;
    // No one has requested it: nothing to record.
    refuse(3).await;
    for (start, seconds, expected) in [
        (1, 2, Refused),
        (2, 2, Waits),
        (3, 2, Send),
        (1, 59, Refused),
        (1, 60, Send),
        (1, 61, Waits),
    ] {
        assert_eq!(request(start, seconds).await, expected, "{start} {seconds}");
    }
}
