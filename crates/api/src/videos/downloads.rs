//! `POST` and `GET /v1/videos/{id}/downloads`: a rung as one MP4 file, or audio as an M4A file.

use std::time::Duration;

use api_types::downloads::{Download, DownloadList, DownloadRequest, DownloadStatus};
use api_types::videos::VideoFailure;
use axum::Json;
use axum::extract::State;
use catalog::{CatalogError, DownloadRecord, RenditionKind, RenditionRecord, Video};
use domain::download::{default_audio, default_rung, file_name};
use domain::ids::Generation;
use domain::job::{DownloadJob, JobMessage};
use domain::object_key::RenditionName;
use domain::plan::Size;
use domain::state::VideoState;
use http::StatusCode;
use platform::clock;

use super::{existing, view};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Body, Video as PathVideo};
use crate::problem::Problem;
use crate::state::ApiState;

/// Lifetime of the URL: long enough to start the download, which may take longer.
const LIFE: Duration = Duration::from_secs(15 * 60);

/// Repeating the request is not an error; after a failure, it tries again.
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
    Body(request): Body<DownloadRequest>,
) -> Result<(StatusCode, Json<Download>), ApiError> {
    let video = existing(&state, &caller, id).await?;
    let generation = generation_of(&video)?;
    let rung = rung_of(&state, &video, generation, request.rung).await?;
    let requested = state
        .catalog
        .request_download(id, generation, &rung, clock::now())
        .await;
    let (record, is_new) = match requested {
        Ok(requested) => requested,
        Err(CatalogError::Gone { .. }) => {
            // Deleted, or replaced since it was read.
            existing(&state, &caller, id).await?;
            return Err(ApiError::conflict(
                "the video was replaced: send the request again",
            ));
        }
        Err(problem) => return Err(problem.into()),
    };
    if is_new {
        tracing::info!(video.id = %id, "queued a download of {id}");
        let job = JobMessage::from(DownloadJob::new(id, generation.clone(), rung));
        state.send_job(&job).await?;
    }
    let status = match record.file {
        Some(_) => StatusCode::OK,
        None => StatusCode::ACCEPTED,
    };
    let shown = show(&state, &caller, &video, generation, record).await?;
    Ok((status, Json(shown)))
}

/// The files of the current version. A video that is not ready has none.
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<Json<DownloadList>, ApiError> {
    let video = existing(&state, &caller, id).await?;
    let mut downloads = vec![];
    if let Ok(generation) = generation_of(&video) {
        for record in state.catalog.downloads(id, generation).await? {
            downloads.push(show(&state, &caller, &video, generation, record).await?);
        }
    }
    Ok(Json(DownloadList { downloads }))
}

fn generation_of(video: &Video) -> Result<&Generation, ApiError> {
    match &video.state {
        VideoState::Ready { generation } => Ok(generation),
        _ => Err(ApiError::conflict(
            "the video is not ready: files are made when it is",
        )),
    }
}

async fn rung_of(
    state: &ApiState,
    video: &Video,
    generation: &Generation,
    requested: Option<RenditionName>,
) -> Result<RenditionName, ApiError> {
    let renditions = state.catalog.renditions(video.id, generation).await?;
    // Files are for any player, so audio is in stereo.
    let is_stereo = |it: &&RenditionRecord| !it.name.is_surround();
    let audio = renditions
        .iter()
        .filter(|it| it.kind == RenditionKind::Audio)
        .filter(is_stereo);
    let audio: Vec<_> = audio.map(|it| (it.name.clone(), it.bandwidth)).collect();
    let rungs: Vec<_> = renditions
        .into_iter()
        .filter(|it| it.kind == RenditionKind::Video)
        // For the same reason, only H.264 becomes one.
        .filter(|it| it.codecs.as_ref().is_none_or(|it| it.starts_with("avc1")))
        .filter_map(|it| {
            let (width, height) = (it.width?, it.height?);
            Some((it.name, Size { width, height }))
        })
        .collect();
    let names = rungs
        .iter()
        .map(|it| &it.0)
        .chain(audio.iter().map(|it| &it.0));
    let rung = match &requested {
        Some(requested) => names.clone().find(|it| *it == requested),
        None => default_rung(&rungs).or_else(|| default_audio(&audio)),
    };
    rung.cloned().ok_or_else(|| {
        let names: Vec<&str> = names.map(RenditionName::as_str).collect();
        let names = names.join(", ");
        ApiError::new(
            Problem::NoSuchRung,
            format!("the video has no such rung in H.264 and no such audio: it has {names}"),
        )
    })
}

async fn show(
    state: &ApiState,
    caller: &Caller,
    video: &Video,
    generation: &Generation,
    record: DownloadRecord,
) -> Result<Download, ApiError> {
    let uploaded = view::file_name(video);
    let (title, uploaded) = (video.title.as_deref(), uploaded.as_deref());
    let filename = file_name(title, uploaded, video.id, &record.rung);
    let status = match (&record.file, &record.failure) {
        (Some(_), _) => DownloadStatus::Ready,
        (None, Some(_)) => DownloadStatus::Failed,
        (None, None) => DownloadStatus::Pending,
    };
    let job = DownloadJob::new(video.id, generation.clone(), record.rung);
    let url = match record.file {
        Some(_) => {
            let object = job.object();
            let request = state
                .signer
                .presign_get(&object, Some(&filename), LIFE)
                .await?;
            tracing::info!(video.id = %video.id, "{} downloads a rung of {}", caller.subject, video.id);
            Some(request.url)
        }
        None => None,
    };
    Ok(Download {
        rung: job.rung,
        status: status.into(),
        size: record.file.map(|it| it.bytes),
        filename,
        expires_at: url.is_some().then(|| (clock::now() + LIFE).into()),
        url: url.map(Into::into),
        failure: record.failure.as_ref().map(VideoFailure::from),
    })
}
