//! Uploads a file straight to the store with presigned requests.

mod file;
mod follow;
mod parts;
mod resume;
mod send;

use std::path::Path;
use std::time::Instant;

use api_types::uploads::{NewUpload, UploadInstructions};
use domain::ids::VideoId;
use domain::job::{Generate, Mode};

use crate::Result;
use crate::api::Api;
use crate::output::CommandError;

pub use file::UploadFile;
pub use follow::{FollowEvent, Ready, follow};
pub use resume::ResumeNote;

/// Options of an upload.
#[derive(Debug, Clone, Default)]
pub struct UploadOptions {
    /// Human-readable text.
    pub title: Option<String>,
    /// Name of the profile.
    pub profile: Option<String>,
    /// How to convert it. Default: the mode of the installation.
    pub mode: Option<Mode>,
    /// Transcode on the first view.
    pub on_first_view: bool,
    /// Start a new upload instead of resuming an interrupted one.
    pub restart: bool,
}

/// Events of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The upload has started.
    Started {
        /// The id of the video.
        video: VideoId,
        /// Size of the file in bytes.
        bytes: u64,
        /// Whether an earlier upload is resumed.
        resumed: bool,
    },
    /// This many bytes were sent or need not be sent; negative: must be sent again.
    Moved(i64),
}

/// A completed upload.
#[derive(Debug, Clone, Copy)]
pub struct Uploaded {
    /// The id of the video.
    pub video: VideoId,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// When the store had accepted the last byte.
    pub at: Instant,
}

/// Uploads a file.
///
/// # Errors
/// The problem of the file, or the error of the API or the store after
/// retries.
pub async fn upload(
    api: &Api,
    path: &Path,
    options: &UploadOptions,
    report: &(impl Fn(Event) + Sync),
) -> Result<Uploaded> {
    let file = UploadFile::open(path).await?;
    let note = ResumeNote::of(api.base(), &file);
    if !options.restart
        && let Some(video) = note.read()
        && let Some(uploaded) = resume(api, &file, video, report).await?
    {
        note.forget();
        return Ok(uploaded);
    }

    let created = api.create_upload(&upload_request(&file, options)).await?;
    let video = created.video;
    note.write(video);
    report(Event::Started {
        video,
        bytes: file.size,
        resumed: false,
    });
    let sent = match created.upload {
        UploadInstructions::Single { request } => {
            send::single(api, &file, video, request, report).await
        }
        UploadInstructions::Multipart { part_size, parts } => {
            let plan = parts::Plan {
                part_size,
                parts,
                stored: Vec::new(),
            };
            parts::send_missing(api, &file, video, plan, report).await
        }
    };
    if !file.is_unchanged().await {
        // The uploaded bytes are a mix of two versions of the file and must not be used.
        note.forget();
        if let Err(error) = api.delete_video(video).await {
            tracing::warn!("cannot delete `{video}`: {error}");
        }
        return Err(changed(&file));
    }
    sent?;
    note.forget();
    Ok(Uploaded {
        video,
        bytes: file.size,
        at: Instant::now(),
    })
}

/// Resumes an earlier upload of this file; `None` if it no longer exists.
async fn resume(
    api: &Api,
    file: &UploadFile,
    video: VideoId,
    report: &(impl Fn(Event) + Sync),
) -> Result<Option<Uploaded>> {
    let earlier = match api.upload(video).await {
        Ok(earlier) if earlier.size == Some(file.size) => earlier,
        // The upload no longer exists, or is of a different file.
        Ok(_) => return Ok(None),
        Err(error) if matches!(error.code(), "no-such-video" | "upload-gone" | "conflict") => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    report(Event::Started {
        video,
        bytes: file.size,
        resumed: true,
    });
    match (
        earlier.complete,
        earlier.request,
        earlier.part_size,
        earlier.parts,
    ) {
        (true, ..) => report(Event::Moved(signed(file.size))),
        (false, Some(request), ..) => send::single(api, file, video, request, report).await?,
        (false, None, Some(part_size), Some(parts)) => {
            let plan = parts::Plan {
                part_size,
                parts,
                stored: earlier.stored.unwrap_or_default(),
            };
            parts::send_missing(api, file, video, plan, report).await?;
        }
        _ => return Ok(None),
    }
    Ok(Some(Uploaded {
        video,
        bytes: file.size,
        at: Instant::now(),
    }))
}

fn upload_request(file: &UploadFile, options: &UploadOptions) -> NewUpload {
    NewUpload {
        filename: file.name.clone(),
        size: file.size,
        content_type: Some(file.content_type().to_owned()),
        title: Some(options.title.as_ref().unwrap_or(&file.name).clone()),
        profile: options.profile.clone(),
        mode: options.mode,
        generate: if options.on_first_view {
            Generate::OnFirstView
        } else {
            Generate::OnUpload
        },
        ..NewUpload::default()
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The error of a file that changed during the upload.
fn changed(file: &UploadFile) -> CommandError {
    CommandError::failed(
        "file-changed",
        anyhow::anyhow!(
            "`{}` changed during the upload: upload it again when it is complete",
            file.path.display()
        ),
    )
}
