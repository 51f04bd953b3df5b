//! Trace contexts that are stored for later work.

use std::time::Duration;

use domain::job::{Import, JobMessage, PosterJob};
use domain::state::VideoEvent;
use domain::trace::{StoredTrace, TraceParent};

use super::{NOW, Subject, video_id};
use crate::videos::{CatalogError, TracedWork};

fn parent(number: u8) -> TraceParent {
    TraceParent::new([number; 16], [number; 8], true).expect("valid")
}

/// Each kind of work has the context of the last request that caused it, until the video is deleted.
pub async fn work_keeps_the_trace_of_its_request(subject: &Subject) {
    let (video, catalog) = (subject.ready(1).await.video, &subject.catalog);
    let other = subject.ready(2).await.video;
    let poster = PosterJob::from_timestamp(video, 7);
    let poster = TracedWork::of(&JobMessage::from(poster));
    let import = TracedWork::of(&JobMessage::from(Import::new(video)));
    assert_eq!(import, TracedWork::VIDEO);
    let trace = async |video, work| catalog.trace(video, work).await.expect("read");
    assert_eq!(trace(video, import).await, None);

    let later = NOW + Duration::from_secs(1);
    for (work, number, now) in [(import, 1, NOW), (poster, 2, NOW), (import, 3, later)] {
        let kept = catalog.keep_trace((video, work), parent(number), now);
        kept.await.expect("keep");
        let expected = StoredTrace {
            parent: parent(number),
            at_ms: now,
        };
        assert_eq!(trace(video, work).await, Some(expected));
    }
    let kept = trace(video, poster).await.expect("it stays");
    assert_eq!(kept.parent, parent(2));
    assert_eq!(trace(other, import).await, None);

    let unknown = catalog.keep_trace((video_id(9), import), parent(1), NOW);
    assert!(matches!(
        unknown.await,
        Err(CatalogError::Unavailable { .. })
    ));
    let deleted = catalog.apply(video, &VideoEvent::Deleted, NOW);
    deleted.await.expect("delete");
    assert_eq!(trace(video, import).await, None);
    assert_eq!(trace(video, poster).await, None);
}
