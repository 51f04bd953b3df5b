//! Sends a file straight to the store, with what the API signs.

mod file;
mod follow;
mod parts;
mod resume;
mod send;

use std::path::Path;
use std::time::Instant;

use domain::ids::VideoId;
use serde_json::{Value, json};

use crate::Result;
use crate::api::{Api, HowToUpload};
use crate::output::Stop;

pub use file::UploadFile;
pub use follow::{News, Ready, follow};
pub use resume::ResumeNote;

/// What to say of the video.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Human-readable text.
    pub title: Option<String>,
    /// By name.
    pub profile: Option<String>,
    /// `abr` or `copy`.
    pub mode: Option<&'static str>,
    /// Make it when somebody wants to watch it, not before.
    pub on_first_view: bool,
    /// Begin anew, also where an earlier upload broke off.
    pub fresh: bool,
}

/// What happens during an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The video has its id. `resumed`: an earlier upload goes on.
    Began {
        /// Its id.
        video: VideoId,
        /// Of the file.
        bytes: u64,
        /// Whether an earlier upload goes on.
        resumed: bool,
    },
    /// So many bytes have been taken from the file, or need not be sent; negative: are sent again.
    Moved(i64),
}

/// An upload that is complete.
#[derive(Debug, Clone, Copy)]
pub struct Uploaded {
    /// Its id.
    pub video: VideoId,
    /// Of the file.
    pub bytes: u64,
    /// When the last byte had been accepted.
    pub at: Instant,
}

/// Uploads a file.
///
/// # Errors
/// What is wrong with the file, or what the API or the store say; transient failures have been tried
/// again before.
pub async fn upload(api: &Api, path: &Path, wishes: &Wishes, tell: &(impl Fn(Event) + Sync)) -> Result<Uploaded> {
    let file = UploadFile::open(path).await?;
    let note = ResumeNote::of(api.base(), &file);
    if !wishes.fresh
        && let Some(video) = note.read()
        && let Some(uploaded) = resume(api, &file, video, tell).await?
    {
        note.forget();
        return Ok(uploaded);
    }

    let created = api.create_upload(&wish(&file, wishes)).await?;
    let video = created.video;
    note.write(video);
    tell(Event::Began { video, bytes: file.size, resumed: false });
    let sent = match created.upload {
        HowToUpload::Single { request } => send::single(api, &file, video, request, tell).await,
        HowToUpload::Multipart { part_size, parts } => {
            let plan = parts::Plan { part_size, parts, stored: Vec::new() };
            parts::send_missing(api, &file, video, plan, tell).await
        }
    };
    if !file.is_unchanged().await {
        // What has arrived is half of one file and half of another: nobody must see it.
        note.forget();
        if let Err(error) = api.delete_video(video).await {
            tracing::warn!("cannot delete `{video}`: {error}");
        }
        return Err(changed(&file));
    }
    sent?;
    note.forget();
    Ok(Uploaded { video, bytes: file.size, at: Instant::now() })
}

/// Goes on with an earlier upload of this file; `None` if nothing of it is left.
async fn resume(
    api: &Api,
    file: &UploadFile,
    video: VideoId,
    tell: &(impl Fn(Event) + Sync),
) -> Result<Option<Uploaded>> {
    let earlier = match api.upload(video).await {
        Ok(earlier) if earlier.size == file.size => earlier,
        // The API knows it no more, or means another one.
        Ok(_) => return Ok(None),
        Err(error) if matches!(error.code(), "no-such-video" | "upload-gone" | "conflict") => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    tell(Event::Began { video, bytes: file.size, resumed: true });
    match (earlier.complete, earlier.request, earlier.part_size, earlier.parts) {
        (true, ..) => tell(Event::Moved(signed(file.size))),
        (false, Some(request), ..) => send::single(api, file, video, request, tell).await?,
        (false, None, Some(part_size), Some(parts)) => {
            let plan = parts::Plan { part_size, parts, stored: earlier.stored };
            parts::send_missing(api, file, video, plan, tell).await?;
        }
        _ => return Ok(None),
    }
    Ok(Some(Uploaded { video, bytes: file.size, at: Instant::now() }))
}

fn wish(file: &UploadFile, wishes: &Wishes) -> Value {
    let mut wish = json!({
        "filename": file.name,
        "size": file.size,
        "content_type": file.content_type(),
        "title": wishes.title.as_deref().unwrap_or(&file.name),
    });
    if let Some(profile) = &wishes.profile {
        wish["profile"] = json!(profile);
    }
    if let Some(mode) = wishes.mode {
        wish["mode"] = json!(mode);
    }
    if wishes.on_first_view {
        wish["generate"] = json!("on_first_view");
    }
    wish
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The file is not what it was when the upload began.
fn changed(file: &UploadFile) -> Stop {
    Stop::failed(
        "file-changed",
        anyhow::anyhow!("`{}` changed during the upload: upload it again when it is complete", file.path.display()),
    )
}
