//! Which events an endpoint gets.

use domain::webhook::EventType::{self, *};

use super::{NOW, Subject, endpoint_id, new_endpoint};
use crate::videos::NewVideo;
use crate::videos::conformance::{NOW as THEN, job, ms, new_video};
use crate::webhooks::{DisabledReason, NewEndpoint, WebhookError};

/// Endpoints receive the types they subscribe to; without a list, all but progress.
pub async fn endpoints_get_what_they_asked_for(subject: &Subject) {
    subject.endpoint(1).await;
    let some = NewEndpoint {
        types: Some(vec![VideoReady, VideoDeleted]),
        ..new_endpoint(2)
    };
    subject.webhooks.create(&some, NOW).await.expect("create");
    subject.videos().ready(1).await;
    let emitted = subject.emitted(NOW).await;
    let of = |number| -> Vec<EventType> {
        emitted
            .iter()
            .filter(|it| it.endpoint.id == endpoint_id(number))
            .map(|it| it.kind)
            .collect()
    };
    assert_eq!(of(1), [UploadCompleted, VideoProcessing, VideoReady]);
    assert_eq!(of(2), [VideoReady]);
    let ids: Vec<_> = emitted
        .iter()
        .filter(|it| it.kind == VideoReady)
        .map(|it| it.event)
        .collect();
    assert_eq!(ids[0], ids[1], "the same event for all endpoints");
}

/// The installation's endpoints receive the events of all videos. An event from before its video's
/// owner was known still reaches that owner's endpoint.
pub async fn owners_hear_of_their_own_videos(subject: &Subject) {
    for (number, owner) in [(1, None), (2, Some("anna")), (3, Some("ben"))] {
        let new = NewEndpoint {
            owner: owner.map(str::to_owned),
            ..new_endpoint(number)
        };
        subject.webhooks.create(&new, NOW).await.expect("create");
    }
    let emitted = async || -> Vec<_> {
        let mut emitted: Vec<_> = subject
            .emitted(NOW)
            .await
            .iter()
            .map(|it| it.endpoint.id)
            .collect();
        emitted.sort();
        emitted
    };
    let of = |owner: &str, number| NewVideo {
        owner: Some(owner.to_owned()),
        ..new_video(number)
    };
    subject
        .catalog
        .create_video(&of("anna", 1), THEN)
        .await
        .expect("create");
    subject
        .catalog
        .note_upload_event(&job(1), THEN)
        .await
        .expect("note");
    assert_eq!(emitted().await, [1, 2].map(endpoint_id));
    subject
        .catalog
        .note_upload_event(&job(2), THEN)
        .await
        .expect("note");
    subject
        .catalog
        .create_video(&of("ben", 2), THEN)
        .await
        .expect("create");
    assert_eq!(emitted().await, [1, 3].map(endpoint_id));
    subject
        .catalog
        .note_upload_event(&job(3), THEN)
        .await
        .expect("note");
    assert_eq!(
        emitted().await,
        [1].map(endpoint_id),
        "the owner is not known yet"
    );
}

/// A disabled endpoint gets neither pending deliveries nor new events, until it is enabled.
pub async fn a_disabled_endpoint_gets_nothing(subject: &Subject) {
    let id = subject.endpoint(1).await.id;
    subject.videos().queued(1).await;
    subject.fan_out(NOW).await;
    let disabled = subject.set_active(id, false, NOW + ms(1)).await;
    assert_eq!(
        disabled.disabled,
        Some((NOW + ms(1), DisabledReason::Owner))
    );
    assert_eq!(
        subject.set_active(id, false, NOW + ms(2)).await.disabled,
        disabled.disabled,
        "it is already"
    );
    subject.videos().queued(2).await;
    assert_eq!(subject.emitted(NOW + ms(3)).await, []);
    let refused = subject.webhooks.send_test(id, NOW).await;
    assert!(
        matches!(refused, Err(WebhookError::Disabled(_))),
        "{refused:?}"
    );
    assert_eq!(
        subject.set_active(id, true, NOW + ms(4)).await.disabled,
        None
    );
    assert_eq!(
        subject.emitted(NOW + ms(5)).await,
        [],
        "what it missed can be replayed"
    );
    let missed = subject.log(id).await.remove(0);
    assert!(
        matches!(missed.status, crate::webhooks::DeliveryStatus::Failed),
        "{missed:?}"
    );
    subject.videos().queued(3).await;
    assert_eq!(subject.emitted_types(NOW + ms(6)).await, [UploadCompleted]);
}
