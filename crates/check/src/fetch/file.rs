//! Files on this machine.

use std::ops::Range;

use futures::{StreamExt as _, TryStreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;
use url::Url;

use super::{Fetch, FetchError, Resource};

/// Reads `file:` URLs.
#[derive(Debug, Clone, Copy)]
pub struct Files;

const READ_BYTES: usize = 64 << 10;

#[async_trait::async_trait]
impl Fetch for Files {
    async fn open(
        &self,
        url: &Url,
        range: Option<Range<u64>>,
        _gzip: bool,
    ) -> Result<Resource, FetchError> {
        let path = url.to_file_path().map_err(|()| FetchError::NotFound)?;
        let mut file = tokio::fs::File::open(path)
            .await
            .map_err(|error| failure(&error))?;
        let metadata = file.metadata().await.map_err(|error| failure(&error))?;
        if metadata.is_dir() {
            return Err(FetchError::NotFound);
        }
        let mut length = metadata.len();
        if let Some(range) = &range {
            if range.end > length {
                return Err(FetchError::Range { wanted: range.end });
            }
            file.seek(std::io::SeekFrom::Start(range.start))
                .await
                .map_err(|error| failure(&error))?;
            length = range.end.saturating_sub(range.start);
        }
        let body = ReaderStream::with_capacity(file.take(length), READ_BYTES)
            .map_err(|error| failure(&error));
        Ok(Resource {
            url: url.clone(),
            content_type: None,
            content_encoding: None,
            body: body.boxed(),
        })
    }
}

fn failure(error: &std::io::Error) -> FetchError {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => FetchError::NotFound,
        _ => FetchError::Unreachable(error.to_string()),
    }
}
