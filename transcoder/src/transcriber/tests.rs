use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use domain::failure::FailureCode;
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::*;
use crate::testing::video;

const VTT: &str = "WEBVTT\n\n00:01.000 --> 00:02.500\nGood morning\n";

/// A directory with audio, and its language.
struct Case {
    folder: TempDir,
    language: Language,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("audio"), "samples").unwrap();
        Self {
            folder,
            language: "pt-BR".parse().unwrap(),
        }
    }

    async fn transcribe(&self, transcriber: &Transcriber) -> Result<Track, TranscodeError> {
        let audio = self.folder.path().join("audio");
        let speech = Speech {
            video: video(),
            language: &self.language,
            audio: &audio,
        };
        transcriber
            .transcribe(speech, &CancellationToken::new())
            .await
    }

    async fn command(&self, line: &str) -> Result<Track, TranscodeError> {
        self.transcribe(&command(line, Duration::from_secs(60)))
            .await
    }
}

fn command(line: &str, time_limit: Duration) -> Transcriber {
    Transcriber {
        service: TranscriberService::Command(line.to_owned()),
        time_limit,
    }
}

fn words(track: &Track) -> Vec<&str> {
    track.cues.iter().map(|it| it.text.as_str()).collect()
}

#[tokio::test]
async fn a_command_reads_the_audio_and_prints_captions() {
    let case = Case::new();
    let line = "printf 'WEBVTT\\n\\n00:01.000 --> 00:02.000\\n%s %s %s\\n' \
        \"$(cat \"$EDGEREEL_AUDIO\")\" $EDGEREEL_LANGUAGE $EDGEREEL_VIDEO | tee out.vtt";
    let track = case.command(line).await.unwrap();
    assert_eq!(words(&track), [format!("samples pt-BR {}", video())]);
    assert!(
        case.folder.path().join("out.vtt").exists(),
        "it works beside the audio"
    );
    // SRT, as other programs write it.
    let srt = case
        .command("printf '1\\n00:00:01,000 --> 00:00:02,000\\nHello\\n'")
        .await;
    assert_eq!(words(&srt.unwrap()), ["Hello"]);
}

#[tokio::test]
async fn a_command_sees_no_secrets() {
    let line = "printf 'WEBVTT\\n\\n00:01.000 --> 00:02.000\\n%s\\n' \"$(env | cut -d= -f1 | sort | xargs)\"";
    let track = Case::new().command(line).await.unwrap();
    let known = [
        "EDGEREEL_AUDIO",
        "EDGEREEL_LANGUAGE",
        "EDGEREEL_VIDEO",
        "HOME",
        "LANG",
        "PATH",
        "PWD",
        "TMPDIR",
    ];
    for name in words(&track)[0].split(' ') {
        // Those of the shell itself.
        assert!(
            known.contains(&name) || ["OLDPWD", "SHLVL", "_"].contains(&name),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_command_fails_with_its_reason() {
    let case = Case::new();
    for (line, reason) in [
        (
            "echo out; echo 'no model' >&2; exit 3",
            "it ended with exit status: 3: no model",
        ),
        ("exit 4", "it ended with exit status: 4, and wrote no error"),
        (
            "kill -9 $$",
            "it ended with signal: 9 (SIGKILL), and wrote no error",
        ),
        ("echo Good morning", "its captions cannot be read: "),
        ("yes", "it returned more than 5242880 bytes"),
    ] {
        let failed = case.command(line).await.unwrap_err();
        assert_eq!(
            failed.failure().code,
            FailureCode::TranscriptionFailed,
            "{line}"
        );
        let text = failed.to_string();
        assert!(
            text.starts_with(&format!("the transcriber failed: {reason}")),
            "{line}: {text}"
        );
    }
    for line in ["echo WEBVTT", "true"] {
        let silent = case.command(line).await.unwrap_err();
        assert_eq!(silent.failure().code, FailureCode::NoSpeech, "{line}");
    }
}

#[tokio::test]
async fn a_command_ends_with_all_that_it_started() {
    let case = Case::new();
    let line = "(sleep 2; touch late) & echo $! > started; wait";
    let began = Instant::now();
    let limit = Duration::from_millis(500);
    let failed = case.transcribe(&command(line, limit)).await.unwrap_err();
    assert!(
        failed.to_string().contains("it took longer than"),
        "{failed}"
    );
    assert!(began.elapsed() < Duration::from_secs(2));
    let cancel = CancellationToken::new();
    cancel.cancel();
    let (folder, language) = (case.folder.path(), &case.language);
    assert!(folder.join("started").exists());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(
        !folder.join("late").exists(),
        "the process in the background was killed too"
    );
    let speech = Speech {
        video: video(),
        language,
        audio: &folder.join("audio"),
    };
    let forever = command("sleep 60", Duration::from_secs(60));
    let stopped = forever.transcribe(speech, &cancel).await;
    assert!(
        matches!(stopped, Err(TranscodeError::Cancelled)),
        "{stopped:?}"
    );
}

/// What an endpoint received, and what it returns.
#[derive(Clone)]
struct Endpoint {
    received: Arc<Mutex<Vec<String>>>,
    response: (StatusCode, &'static str),
}

async fn respond(
    State(endpoint): State<Endpoint>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, &'static str) {
    let names = [
        "content-type",
        "content-length",
        "authorization",
        "edgereel-language",
        "edgereel-video",
    ];
    let values = names.map(|name| headers.get(name).map_or("-", |it| it.to_str().unwrap()));
    endpoint
        .received
        .lock()
        .await
        .push(format!("{} {body}", values.join(" ")));
    endpoint.response
}

impl Endpoint {
    async fn transcribe(
        status: StatusCode,
        text: &'static str,
    ) -> (Result<Track, TranscodeError>, Vec<String>) {
        let endpoint = Self {
            received: Arc::default(),
            response: (status, text),
        };
        let app = Router::new()
            .route("/vtt", post(respond))
            .with_state(endpoint.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let transcriber = Transcriber {
            service: TranscriberService::Endpoint {
                url: format!("http://127.0.0.1:{port}/vtt").parse().unwrap(),
                token: Some(Secret::new("token")),
            },
            time_limit: Duration::from_secs(60),
        };
        let track = Case::new().transcribe(&transcriber).await;
        server.abort();
        let received = endpoint.received.lock().await.clone();
        (track, received)
    }
}

#[tokio::test]
async fn an_endpoint_receives_the_audio_and_returns_captions() {
    let (track, received) = Endpoint::transcribe(StatusCode::OK, VTT).await;
    assert_eq!(words(&track.unwrap()), ["Good morning"]);
    let expected = format!("audio/mp4 7 Bearer token pt-BR {} samples", video());
    assert_eq!(received, [expected]);
}

#[tokio::test]
async fn an_endpoint_fails_with_its_status() {
    for (status, text, reason) in [
        (
            StatusCode::BAD_GATEWAY,
            "no model",
            "it responded with status 502 Bad Gateway: no model",
        ),
        (
            StatusCode::FOUND,
            "",
            "it responded with status 302 Found: ",
        ),
        (StatusCode::OK, "<html>", "its captions cannot be read: "),
    ] {
        let (track, _) = Endpoint::transcribe(status, text).await;
        let text = track.unwrap_err().to_string();
        assert!(
            text.starts_with(&format!("the transcriber failed: {reason}")),
            "{text}"
        );
    }
    let closed = Transcriber {
        service: TranscriberService::Endpoint {
            url: "http://127.0.0.1:1/secret?key=hidden".parse().unwrap(),
            token: None,
        },
        time_limit: Duration::from_secs(60),
    };
    let text = Case::new()
        .transcribe(&closed)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("it could not be reached") && !text.contains("hidden"),
        "{text}"
    );
}
