//! The image of a watermark as a file for FFmpeg.

use std::io::Write as _;
use std::path::Path;

use domain::image::{ImageKind, essential};
use domain::plan::EncodePlan;
use domain::profile::{Profile, WatermarkImage};

use crate::error::TranscodeError;

/// The image in a file, which is removed when this is dropped. The file of the operator may change or
/// disappear while the transcoder runs, but all chunks of a generation have the same image.
#[derive(Debug)]
pub(crate) struct WatermarkFile {
    file: tempfile::NamedTempFile,
    kind: ImageKind,
}

impl WatermarkFile {
    /// Writes the image of a profile; `None`: the plan draws none.
    pub(crate) async fn of(
        profile: &Profile,
        plan: &EncodePlan,
    ) -> Result<Option<Self>, TranscodeError> {
        match profile.watermark.image() {
            Some(image) if plan.watermark.is_some() => Self::write(image).await.map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// Writes the image, without the parts of the file that its pixels do not need.
    async fn write(image: &WatermarkImage) -> Result<Self, TranscodeError> {
        let (kind, bytes) = (image.kind(), essential(image.bytes()));
        let writing = tokio::task::spawn_blocking(move || {
            let mut file = tempfile::Builder::new()
                .prefix("edgereel-")
                .suffix(".image")
                .tempfile()?;
            file.write_all(&bytes)?;
            Ok::<_, std::io::Error>(Self { file, kind })
        });
        let written = writing
            .await
            .unwrap_or_else(|it| Err(std::io::Error::other(it)));
        written.map_err(|source| TranscodeError::Io {
            doing: "could not write the image of the watermark".to_owned(),
            source,
        })
    }

    /// Path of the image.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Format of the image.
    pub(crate) fn kind(&self) -> ImageKind {
        self.kind
    }
}
