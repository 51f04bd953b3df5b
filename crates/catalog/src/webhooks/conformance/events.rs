//! The events that are emitted, and how often.

use domain::failure::FailureCode;
use domain::job::Stage;
use domain::receipt::Receipt;
use domain::state::VideoEvent;
use domain::trace::{StoredTrace, TraceParent};
use domain::webhook::EventType::{self, *};
use serde_json::json;

use super::{NOW, Subject, data, new_endpoint};
use crate::videos::conformance::{LEASE_MS, failure, generation, job, job_of, ms};
use crate::videos::conformance::{all_of, captions};
use crate::videos::{ClaimOutcome, TracedWork, UploadEventOutcome};
use crate::webhooks::NewEndpoint;

/// Every change emits one event, however often it is reported, with the state after the change.
pub async fn a_lifecycle_emits_each_event_once(subject: &Subject) {
    subject.endpoint(1).await;
    let (videos, catalog) = (subject.videos(), &subject.catalog);
    let job = videos.queued(1).await;
    for _ in 0..3 {
        assert_eq!(
            catalog.note_upload_event(&job, NOW).await.expect("note"),
            UploadEventOutcome::Send(job.clone())
        );
    }
    let claim = videos.claim(&job, NOW + ms(1)).await;
    assert!(matches!(
        videos.claim_for(&job, &generation(&job), NOW + ms(2)).await,
        ClaimOutcome::Held { .. }
    ));
    for _ in 0..2 {
        catalog
            .mark_playable(&claim, NOW + ms(3))
            .await
            .expect("playable");
    }
    catalog
        .mark_ready(&claim, &Receipt::default(), NOW + ms(4))
        .await
        .expect("ready");
    for _ in 0..2 {
        catalog
            .apply(job.video, &VideoEvent::Deleted, NOW + ms(5))
            .await
            .expect("delete");
    }

    let emitted = subject.emitted(NOW + ms(6)).await;
    let kinds: Vec<EventType> = emitted.iter().map(|it| it.kind).collect();
    assert_eq!(
        kinds,
        [
            UploadCompleted,
            VideoProcessing,
            VideoPlayable,
            VideoReady,
            VideoDeleted
        ]
    );
    let states: Vec<_> = emitted.iter().map(|it| data(it)["state"].clone()).collect();
    assert_eq!(
        states,
        ["queued", "processing", "playable", "ready", "deleted"]
    );
    let ready = data(&emitted[3]);
    assert_eq!(ready["video"], job.video.to_string());
    assert_eq!(
        (&ready["owner"], &ready["playable"]),
        (&json!("owner"), &json!(true))
    );
    assert_eq!(
        subject.emitted_types(NOW + ms(7)).await,
        [],
        "and no further events"
    );
}

/// Captions of a ready video emit an event each time that players get others.
pub async fn published_captions_are_an_event(subject: &Subject) {
    subject.endpoint(1).await;
    let (videos, catalog) = (subject.videos(), &subject.catalog);
    let publish = async |video, at: u64| {
        let named = catalog.captions(video).await.expect("captions");
        let published = catalog
            .captions_published(video, &named, NOW + ms(at))
            .await;
        assert!(published.expect("publish"));
    };
    let waiting = videos.queued(1).await.video;
    let (set, now) = (captions("en", "early", 0), NOW + ms(1));
    catalog.set_captions(waiting, &set).await.expect("set");
    publish(waiting, 1).await;
    let video = videos.ready(2).await.video;
    subject.emitted(now).await;
    for language in ["pt-BR", "de"] {
        let set = captions(language, "text", 1);
        catalog.set_captions(video, &set).await.expect("set");
    }
    publish(video, 2).await;
    publish(video, 3).await;
    let german = all_of("de");
    let removed = catalog.remove_captions(video, &german, NOW + ms(4)).await;
    assert!(removed.expect("remove"));
    publish(video, 5).await;
    let emitted = subject.emitted(NOW + ms(6)).await;
    assert!(
        emitted.iter().all(|it| it.kind == VideoCaptions),
        "{emitted:?}"
    );
    let languages: Vec<_> = emitted
        .iter()
        .map(|it| data(it)["captions"].clone())
        .collect();
    assert_eq!(languages, [json!(["de", "pt-BR"]), json!(["pt-BR"])]);
    assert_eq!(data(&emitted[0])["state"], "ready");
}

/// A message that is pending when its video is deleted still carries the receiver's reference, and
/// no other user data; messages that were sent are cleared in the log.
pub async fn a_deleted_video_keeps_its_reference_in_messages(subject: &Subject) {
    let id = subject.endpoint(1).await.id;
    let (videos, catalog) = (subject.videos(), &subject.catalog);
    let job = videos.queued(1).await;
    let sent = subject.emitted(NOW).await;
    let arrived = data(&sent[0]);
    assert_eq!(
        (&arrived["external_id"], &arrived["title"]),
        (&json!("external-1"), &json!("Film 1"))
    );
    assert_eq!(arrived["metadata"]["course"], json!("é"));

    videos.claim(&job, NOW + ms(1)).await;
    catalog
        .apply(job.video, &VideoEvent::Deleted, NOW + ms(2))
        .await
        .expect("delete");
    let sent = subject.emitted(NOW + ms(3)).await;
    assert_eq!(
        sent.iter().map(|it| it.kind).collect::<Vec<_>>(),
        [VideoProcessing, VideoDeleted]
    );
    for message in sent.iter().map(data) {
        assert_eq!(
            (&message["external_id"], &message["title"]),
            (&json!("external-1"), &json!(null))
        );
        assert_eq!(message["metadata"], json!({}));
    }
    let first = subject
        .log(id)
        .await
        .into_iter()
        .find(|it| it.kind == UploadCompleted)
        .expect("the first");
    subject
        .webhooks
        .replay(id, first.id, NOW + ms(4))
        .await
        .expect("replay");
    let replayed = subject.claim_one(NOW + ms(4)).await;
    let replayed = data(&replayed);
    assert_eq!(
        (&replayed["video"], &replayed["external_id"]),
        (&json!(job.video.to_string()), &json!(null))
    );
}

/// A failure is reported with class, code and message.
pub async fn a_failure_event_has_its_reason(subject: &Subject) {
    subject.endpoint(1).await;
    let videos = subject.videos();
    let claim = videos.claim(&videos.queued(1).await, NOW).await;
    let reason = failure(FailureCode::NotAVideo);
    subject
        .catalog
        .fail(&claim, &reason, true, "the log is private", NOW)
        .await
        .expect("fail");
    let emitted = subject.emitted(NOW).await;
    let expected = json!({ "class": "source", "code": "not-a-video", "message": reason.message });
    let last = emitted.last().expect("there is an event");
    assert_eq!(
        (last.kind, &data(last)["failure"]),
        (VideoFailed, &expected)
    );
    assert!(!last.payload.contains("private"), "{}", last.payload);

    // Failed from outside: the worker never reported anything.
    let job = videos.queued(2).await;
    for _ in 0..2 {
        subject
            .catalog
            .fail_permanently(
                &job.clone().into(),
                &failure(FailureCode::WorkerLost),
                NOW,
                NOW,
            )
            .await
            .expect("give up");
    }
    assert_eq!(
        subject.emitted_types(NOW).await,
        [UploadCompleted, VideoFailed]
    );
}

/// Every new attempt emits an event; resuming after a crash does not.
pub async fn every_new_attempt_emits_an_event(subject: &Subject) {
    subject.endpoint(1).await;
    let (videos, catalog) = (subject.videos(), &subject.catalog);
    let job = videos.queued(1).await;
    let first = videos.claim(&job, NOW).await;
    catalog
        .fail(&first, &failure(FailureCode::DiskFull), true, "", NOW)
        .await
        .expect("fail");
    videos.claim(&job, NOW).await;
    assert_eq!(
        subject.emitted_types(NOW).await,
        [UploadCompleted, VideoProcessing, VideoProcessing]
    );
    // The worker vanished, and another one took over: for subscribers the work just continues.
    videos.claim(&job, NOW + ms(LEASE_MS)).await;
    assert_eq!(subject.emitted_types(NOW).await, []);
}

/// The bucket event then has nothing to add.
pub async fn a_claim_that_overtakes_its_event_emits_both(subject: &Subject) {
    subject.endpoint(1).await;
    let (videos, job) = (subject.videos(), job(1));
    videos.claim(&job, NOW).await;
    subject
        .catalog
        .note_upload_event(&job, NOW)
        .await
        .expect("note");
    assert_eq!(
        subject.emitted_types(NOW).await,
        [UploadCompleted, VideoProcessing]
    );
}

/// A file that replaces another one emits an upload event too, while nothing is playable.
pub async fn another_source_is_another_upload(subject: &Subject) {
    subject.endpoint(1).await;
    let videos = subject.videos();
    let claim = videos.claim(&videos.queued(1).await, NOW).await;
    subject
        .catalog
        .fail(&claim, &failure(FailureCode::Damaged), false, "", NOW)
        .await
        .expect("fail");
    subject.emitted(NOW).await;
    let again = job_of(1, "etag-2", "default");
    for _ in 0..2 {
        subject
            .catalog
            .note_upload_event(&again, NOW)
            .await
            .expect("note");
    }
    let claim = videos.claim(&again, NOW).await;
    subject
        .catalog
        .mark_ready(&claim, &Receipt::default(), NOW)
        .await
        .expect("ready");
    let emitted = subject.emitted(NOW).await;
    let kinds: Vec<EventType> = emitted.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [UploadCompleted, VideoProcessing, VideoReady]);
    subject
        .catalog
        .note_upload_event(&job_of(1, "etag-3", "default"), NOW)
        .await
        .expect("note");
    assert_eq!(
        subject.emitted_types(NOW).await,
        [],
        "it has no effect on a video that has been ready"
    );
}

/// Progress is emitted at most every five seconds, and only to endpoints that subscribe to it.
pub async fn progress_is_emitted_to_subscribers_and_throttled(subject: &Subject) {
    subject.endpoint(1).await;
    let (videos, catalog) = (subject.videos(), &subject.catalog);
    let claim = videos.claim(&videos.queued(1).await, NOW).await;
    catalog
        .set_progress(&claim, Stage::Probe, 1, NOW)
        .await
        .expect("progress");
    assert_eq!(
        subject.emitted_types(NOW).await,
        [UploadCompleted, VideoProcessing],
        "no subscription"
    );

    let asks = NewEndpoint {
        types: Some(vec![VideoProgress]),
        ..new_endpoint(2)
    };
    subject.webhooks.create(&asks, NOW).await.expect("create");
    let steps = [
        (0, 10, true),
        (1, 20, false),
        (4_999, 30, false),
        (5_000, 40, true),
        (11_000, 40, false),
    ];
    for (after_ms, percent, emitted) in steps {
        catalog
            .set_progress(&claim, Stage::Encode, percent, NOW + ms(after_ms))
            .await
            .expect("progress");
        let messages = subject.emitted(NOW + ms(after_ms)).await;
        assert_eq!(
            messages.len(),
            usize::from(emitted),
            "{percent} % after {after_ms} ms"
        );
        if let Some(message) = messages.first() {
            assert_eq!(message.endpoint.id, asks.id);
            assert_eq!(
                data(message)["progress"],
                json!({ "stage": "encode", "percent": percent })
            );
        }
    }
    // A decrease is not an event.
    catalog
        .set_progress(&claim, Stage::Encode, 5, NOW + ms(20_000))
        .await
        .expect("progress");
    assert_eq!(subject.emitted_types(NOW + ms(20_000)).await, []);
    // A disabled endpoint subscribes to nothing.
    subject.set_active(asks.id, false, NOW).await;
    catalog
        .set_progress(&claim, Stage::Encode, 90, NOW + ms(30_000))
        .await
        .expect("progress");
    assert_eq!(
        subject.fan_out(NOW + ms(30_000)).await,
        0,
        "it was not even written"
    );
}

/// Rejected changes emit nothing: neither writes of a lost claim nor transitions that a state does
/// not allow.
pub async fn refused_changes_emit_nothing(subject: &Subject) {
    subject.endpoint(1).await;
    let (videos, catalog) = (subject.videos(), &subject.catalog);
    let job = videos.queued(1).await;
    let ghost = videos.claim(&job, NOW).await;
    videos.claim(&job, NOW + ms(LEASE_MS)).await;
    subject.emitted(NOW).await;
    let late = NOW + ms(LEASE_MS + 1);
    assert!(catalog.mark_playable(&ghost, late).await.is_err());
    assert!(
        catalog
            .mark_ready(&ghost, &Receipt::default(), late)
            .await
            .is_err()
    );
    assert!(
        catalog
            .fail(&ghost, &failure(FailureCode::Damaged), false, "", late)
            .await
            .is_err()
    );
    catalog
        .apply(job.video, &VideoEvent::Cancelled, late)
        .await
        .expect("cancel");
    assert_eq!(
        catalog.note_upload_event(&job, late).await.expect("note"),
        UploadEventOutcome::VideoGone
    );
    assert_eq!(subject.emitted_types(late).await, []);
}

/// A message continues the trace of the request that caused the work, if there is one.
pub async fn messages_have_the_trace_of_the_video(subject: &Subject) {
    subject.endpoint(1).await;
    subject.videos().queued(1).await;
    let emitted = subject.emitted(NOW).await;
    assert_eq!(emitted[0].trace, None);

    let video = subject.videos().queued(2).await.video;
    let stored = StoredTrace {
        parent: TraceParent::new([1; 16], [2; 8], true).expect("valid"),
        at_ms: NOW + ms(1),
    };
    let kept = subject
        .catalog
        .keep_trace((video, TracedWork::VIDEO), stored.parent, stored.at_ms);
    kept.await.expect("keep");
    let emitted = subject.emitted(NOW + ms(2)).await;
    assert_eq!(emitted[0].trace, Some(stored));
}
