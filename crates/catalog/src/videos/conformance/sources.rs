//! Videos by the objects that they were made from.

use domain::receipt::Receipt;
use domain::state::{StateName, VideoEvent};

use super::{NOW, Subject, new_video, video_id};
use crate::videos::NewVideo;

/// A list of objects shows which of them are videos, in which state, and what they cost.
pub async fn objects_are_found_by_their_videos(subject: &Subject) {
    let catalog = &subject.catalog;
    let (queued, ready, deleted) = (
        subject.queued(1).await,
        subject.queued(2).await,
        subject.ready(3).await,
    );
    let claim = subject.claim(&ready, NOW).await;
    let receipt = Receipt {
        cpu_ms: 1_234,
        ..Receipt::default()
    };
    catalog
        .mark_ready(&claim, &receipt, NOW)
        .await
        .expect("ready");
    catalog
        .apply(deleted.video, &VideoEvent::Deleted, NOW)
        .await
        .expect("deleted");
    // A second video of the same object, whose processing was not requested.
    let second = NewVideo {
        source_key: Some(ready.source.key.clone()),
        ..new_video(4)
    };
    catalog.create_video(&second, NOW).await.expect("create");

    let mut keys = vec!["films/none.mp4".to_owned()];
    keys.extend([&deleted, &ready, &queued].map(|it| it.source.key.clone()));
    // More than one statement.
    keys.extend((0..300).map(|it| format!("films/{it}.mp4")));
    let found = catalog.videos_of_sources(&keys).await.expect("found");
    let shown: Vec<_> = found
        .iter()
        .map(|(video, receipt)| {
            let cpu_ms = receipt.as_ref().map(|it| it.cpu_ms);
            (video.id, video.state.name(), cpu_ms)
        })
        .collect();
    let expected = [
        (queued.video, StateName::Queued, None),
        (ready.video, StateName::Ready, Some(1_234)),
        (video_id(4), StateName::Created, None),
    ];
    assert_eq!(shown, expected);
    assert_eq!(found[1].0.source.etag.as_deref(), Some("etag-1"));
    assert_eq!(found[2].0.source.etag, None);
    assert_eq!(catalog.source_keys(&keys).await.expect("keys").len(), 2);
    assert_eq!(catalog.videos_of_sources(&[]).await.expect("none"), []);
}
