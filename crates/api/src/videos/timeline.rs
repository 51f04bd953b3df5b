//! `GET /v1/videos/{id}/timeline`: what the transcoder did when.

use api_types::Timestamp;
use api_types::timelines::{Timeline, TimelineAttempt, TimelineChunk, TimelineStage};
use axum::Json;
use axum::extract::State;
use catalog::{Attempt, AttemptOutcome};

use super::existing;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Video as PathVideo;
use crate::state::ApiState;

/// Lines of FFmpeg's log in a response.
const LOG_LINES: usize = 50;

pub(crate) async fn read(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<Json<Timeline>, ApiError> {
    existing(&state, &caller, id).await?;
    let (attempts, stages, chunks) = tokio::try_join!(
        state.catalog.attempts(id),
        state.catalog.stages(id),
        state.catalog.chunk_times(id)
    )?;
    let attempt = |attempt: &Attempt| TimelineAttempt {
        number: attempt.fence,
        stages: stages
            .iter()
            .filter(|it| it.fence == attempt.fence)
            .map(|it| TimelineStage {
                stage: it.stage.into(),
                started_at: it.started_ms.into(),
                ended_at: it.ended_ms.map(Timestamp::from),
            })
            .collect(),
        chunks: chunks
            .iter()
            .filter(|it| it.fence == attempt.fence)
            .map(|it| TimelineChunk {
                rung: it.lane.as_str().to_owned(),
                number: it.index,
                started_at: it.started_ms.into(),
                ended_at: Some(it.ended_ms.into()),
            })
            .collect(),
    };
    let failed = attempts
        .last()
        .filter(|it| matches!(it.outcome, Some(AttemptOutcome::Failed(_))));
    let ffmpeg_log = failed
        .and_then(|it| it.log_tail.as_deref())
        .map(end_of_log)
        .filter(|it| !it.is_empty());
    Ok(Json(Timeline {
        attempts: attempts.iter().map(attempt).collect(),
        ffmpeg_log,
    }))
}

/// The last lines of a log. URLs name the loopback, and may name the source of an import.
fn end_of_log(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
    last.iter()
        .map(|it| without_urls(it))
        .collect::<Vec<_>>()
        .join("\n")
}

fn without_urls(line: &str) -> String {
    let mut clean = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let start = rest[..at].rfind(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c));
        let start = start.map_or(0, |it| {
            it + rest[it..].chars().next().map_or(0, char::len_utf8)
        });
        let end = rest[at..]
            .find(|c: char| c.is_whitespace() || "'\"<>)]".contains(c))
            .map_or(rest.len(), |it| at + it);
        clean.push_str(&rest[..start]);
        clean.push_str("[URL]");
        rest = &rest[end..];
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_end_without_urls() {
        let log = (0..60).map(|it| format!("line {it}\n")).collect::<String>();
        assert_eq!(end_of_log(&log).lines().count(), LOG_LINES);
        assert!(end_of_log(&log).starts_with("line 10\n"));
        for (line, clean) in [
            (
                "[in#0] Error opening 'http://127.0.0.1:4/s?k=1': no",
                "[in#0] Error opening '[URL]': no",
            ),
            ("https://a.example/é b é→tls+tcp://c", "[URL] b é→[URL]"),
            ("a :// b", "a [URL] b"),
            ("frame= 7", "frame= 7"),
        ] {
            assert_eq!(end_of_log(line), clean);
        }
    }
}
