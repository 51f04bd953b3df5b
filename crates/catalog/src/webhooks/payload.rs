//! The body of a message. Its format is frozen: `docs/webhooks.md` describes it, and a test checks
//! it.

use domain::caption::Language;
use domain::failure::{FailureClass, FailureCode};
use domain::ids::VideoId;
use domain::job::Stage;
use domain::state::{StateName, VideoState};
use domain::time::UnixMillis;
use domain::webhook::{EndpointId, EventType};
use platform::clock::rfc3339;
use serde::Serialize;

use crate::videos::{Progress, Video};

#[derive(Serialize)]
struct Message<D> {
    #[serde(rename = "type")]
    kind: EventType,
    timestamp: String,
    data: D,
}

#[derive(Serialize)]
struct VideoData<'a> {
    video: VideoId,
    owner: Option<&'a str>,
    external_id: Option<&'a str>,
    title: Option<&'a str>,
    metadata: &'a serde_json::Map<String, serde_json::Value>,
    state: StateName,
    playable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    captions: Option<Vec<Language>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureData<'a>>,
}

#[derive(Serialize)]
struct ProgressData {
    stage: Option<Stage>,
    percent: u8,
}

#[derive(Serialize)]
struct FailureData<'a> {
    class: FailureClass,
    code: FailureCode,
    message: &'a str,
}

#[derive(Serialize)]
struct TestData {
    webhook: EndpointId,
}

/// What a message says beside the state of the video.
#[derive(Debug, Default)]
pub(crate) struct Details {
    /// Languages of the captions that players get.
    pub(crate) captions: Option<Vec<Language>>,
    /// Progress of the work.
    pub(crate) progress: Option<Progress>,
}

/// The event message about a video, with its state after the change.
pub(crate) fn of_video(
    kind: EventType,
    video: &Video,
    details: Details,
    at_ms: UnixMillis,
) -> String {
    let failure = match &video.state {
        VideoState::Failed(failure) => Some(FailureData {
            class: failure.class(),
            code: failure.code,
            message: &failure.message,
        }),
        _ => None,
    };
    let data = VideoData {
        video: video.id,
        owner: video.owner.as_deref(),
        external_id: video.external_id.as_deref(),
        title: video.title.as_deref(),
        metadata: &video.metadata,
        state: video.state.name(),
        playable: video.state.can_be_played(),
        captions: details.captions,
        progress: details.progress.map(|it| ProgressData {
            stage: it.stage,
            percent: it.percent,
        }),
        failure,
    };
    to_text(&Message {
        kind,
        timestamp: rfc3339(at_ms),
        data,
    })
}

/// Removes user-supplied data from the message about a deleted video; keeps the external id or
/// removes it too.
pub(crate) fn without_what_was_said(message: &str, with_external_id: bool) -> String {
    let Ok(mut message) = serde_json::from_str::<serde_json::Value>(message) else {
        return "{}".to_owned();
    };
    if let Some(data) = message.get_mut("data").and_then(|it| it.as_object_mut()) {
        data.insert("title".to_owned(), serde_json::Value::Null);
        data.insert("metadata".to_owned(), serde_json::Map::new().into());
        if !with_external_id {
            data.insert("external_id".to_owned(), serde_json::Value::Null);
        }
        if let Some(failure) = data.get_mut("failure").and_then(|it| it.as_object_mut()) {
            failure.insert("message".to_owned(), String::new().into());
        }
    }
    message.to_string()
}

/// A test message.
pub(crate) fn of_test(webhook: EndpointId, at_ms: UnixMillis) -> String {
    to_text(&Message {
        kind: EventType::Test,
        timestamp: rfc3339(at_ms),
        data: TestData { webhook },
    })
}

fn to_text<D: Serialize>(message: &Message<D>) -> String {
    serde_json::to_string(message).expect("messages hold strings, numbers and maps of them")
}

#[cfg(test)]
mod tests {
    use domain::failure::Failure;
    use domain::ids::Generation;
    use domain::job::Mode;

    use super::*;
    use crate::videos::VideoSource;

    fn video(state: VideoState) -> Video {
        Video {
            id: VideoId::new(1_700_000_000_000, [7; 10]),
            owner: Some("ann".to_owned()),
            title: Some("Film".to_owned()),
            external_id: None,
            metadata: [("course".to_owned(), "é".into())].into_iter().collect(),
            state,
            source: VideoSource::default(),
            upload: None,
            profile: "default".to_owned(),
            mode: Mode::Abr,
            generate: domain::job::Generate::OnUpload,
            job: None,
            generation: None,
            progress: None,
            duration_ms: None,
            dimensions: None,
            has_poster: false,
            chosen_poster: None,
            created_ms: UnixMillis::default(),
            updated_ms: UnixMillis::default(),
            queued_ms: None,
            playable_ms: None,
            ready_ms: None,
            version: 1,
        }
    }

    #[test]
    fn what_was_said_can_be_taken_out() {
        let failed = video(VideoState::Failed(Failure::of(FailureCode::EmptyFile)));
        let message = without_what_was_said(
            &of_video(
                EventType::VideoFailed,
                &failed,
                Details::default(),
                UnixMillis::new(1_716_579_584_379),
            ),
            false,
        );
        for said in ["Film", "course", "upload it again"] {
            assert!(!message.contains(said), "{message}");
        }
        for fact in [
            "video.failed",
            "vid_018bcfe5680077078707070707070707",
            "2024-05-24T19:39:44.379Z",
            "empty-file",
        ] {
            assert!(message.contains(fact), "{message}");
        }
    }

    #[test]
    fn the_shape_is_frozen() {
        let failed = video(VideoState::Failed(Failure::of(FailureCode::EmptyFile)));
        insta::assert_snapshot!(of_video(EventType::VideoFailed, &failed, Details::default(), UnixMillis::new(1_716_579_584_379)), @r#"{"type":"video.failed","timestamp":"2024-05-24T19:39:44.379Z","data":{"video":"vid_018bcfe5680077078707070707070707","owner":"ann","external_id":null,"title":"Film","metadata":{"course":"é"},"state":"failed","playable":false,"failure":{"class":"source","code":"empty-file","message":"The file is empty: upload it again."}}}"#);
        let progress = Progress {
            stage: Some(Stage::Encode),
            percent: 42,
        };
        let details = Details {
            progress: Some(progress),
            ..Details::default()
        };
        let working = video(VideoState::Playable);
        insta::assert_snapshot!(of_video(EventType::VideoProgress, &working, details, UnixMillis::new(1_716_579_584_000)), @r#"{"type":"video.progress","timestamp":"2024-05-24T19:39:44Z","data":{"video":"vid_018bcfe5680077078707070707070707","owner":"ann","external_id":null,"title":"Film","metadata":{"course":"é"},"state":"playable","playable":true,"progress":{"stage":"encode","percent":42}}}"#);
        let ready = video(VideoState::Ready {
            generation: Generation::of("etag", "profile"),
        });
        let details = Details {
            captions: Some(vec!["en".parse().unwrap(), "pt-BR".parse().unwrap()]),
            ..Details::default()
        };
        insta::assert_snapshot!(of_video(EventType::VideoCaptions, &ready, details, UnixMillis::new(1_716_579_584_000)), @r#"{"type":"video.captions","timestamp":"2024-05-24T19:39:44Z","data":{"video":"vid_018bcfe5680077078707070707070707","owner":"ann","external_id":null,"title":"Film","metadata":{"course":"é"},"state":"ready","playable":true,"captions":["en","pt-BR"]}}"#);
        insta::assert_snapshot!(of_test(EndpointId::new(1_700_000_000_000, [7; 10]), UnixMillis::default()), @r#"{"type":"test","timestamp":"1970-01-01T00:00:00Z","data":{"webhook":"whe_018bcfe5680077078707070707070707"}}"#);
    }
}
