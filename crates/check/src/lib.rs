//! HLS conformance by rule number: RFC 8216 and Apple's HLS authoring specification.
//!
//! [`run`] reads every playlist of a presentation and all its media, decrypts encrypted segments,
//! measures them, and compares the declarations with the measurements. It is the gate before
//! publishing, and a tool for any HLS presentation, on disk or behind a URL.
//!
//! Reading and judging are separate: [`load`](mod@load) turns a target into a tree of facts; the
//! modules of `subjects` are pure functions from that tree to findings, one subject each; [`rules`]
//! is the only table of rules.

pub mod fetch;
pub mod load;
pub mod report;
pub mod rules;

mod measure;
mod place;
mod subjects;
mod tree;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use url::Url;

pub use fetch::{Fetch, FetchError};
pub use load::{LoadError, Progress};
pub use report::{Counts, Finding, Place, Report, Summary};
pub use rules::{Level, Rule};

/// The master or media playlist to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(Url);

impl Target {
    /// Its URL: `file:`, `http:` or `https:`.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

/// The text is not a valid target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is neither an existing path nor a URL.
    #[error("there is no file `{0}`; give the path or the http URL of a playlist (.m3u8)")]
    NoSuchFile(String),
    /// It is a directory without a master playlist.
    #[error("`{0}` is a directory without `master.m3u8`; name the playlist itself")]
    NoMasterPlaylist(String),
    /// The scheme of the URL is not supported.
    #[error("`{0}:` URLs cannot be checked; use http, https or a path")]
    Scheme(String),
}

impl FromStr for Target {
    type Err = TargetError;

    /// Parses an http(s) URL, a path to a playlist, or a directory that contains `master.m3u8`.
    fn from_str(text: &str) -> Result<Self, TargetError> {
        if let Some((scheme, _)) = text.split_once("://") {
            let url = Url::parse(text)
                .ok()
                .filter(|it| matches!(it.scheme(), "http" | "https"));
            return url
                .map(Self)
                .ok_or_else(|| TargetError::Scheme(scheme.to_owned()));
        }
        let no_such_file = || TargetError::NoSuchFile(text.to_owned());
        let mut path: PathBuf = std::path::absolute(text).map_err(|_| no_such_file())?;
        if path.is_dir() {
            path = [path.join("master.m3u8"), path.join("hls/master.m3u8")]
                .into_iter()
                .find(|it| it.is_file())
                .ok_or_else(|| TargetError::NoMasterPlaylist(text.to_owned()))?;
        }
        if !path.is_file() {
            return Err(no_such_file());
        }
        Url::from_file_path(&path)
            .map(Self)
            .map_err(|()| no_such_file())
    }
}

/// The thoroughness and the limits of a check.
#[derive(Debug, Clone)]
pub struct Options {
    /// Read every n-th segment of each playlist (and the first and the last); 1 reads all. Rules
    /// about rates and boundaries need all segments and are skipped otherwise.
    pub every: usize,
    /// Number of segments that are read concurrently.
    pub concurrency: usize,
    /// Time limit of one request, from its start to its last byte.
    pub timeout: Duration,
    /// Maximum size of a playlist, bytes.
    pub max_playlist_bytes: u64,
    /// Maximum size of a segment, bytes.
    pub max_segment_bytes: u64,
    /// Maximum number of media playlists.
    pub max_playlists: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            every: 1,
            concurrency: 4,
            timeout: Duration::from_secs(60),
            max_playlist_bytes: 32 << 20,
            max_segment_bytes: 512 << 20,
            max_playlists: 200,
        }
    }
}

/// Checks `target`, which is read through files or HTTP according to its URL.
///
/// # Errors
/// [`LoadError`] if the target itself cannot be read. All other problems are findings.
pub async fn run(
    target: &Target,
    options: &Options,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Report, LoadError> {
    let fetch = fetch::Standard::new(options.timeout)?;
    run_with(&fetch, target, options, progress).await
}

/// As [`run`], with another way of reading.
///
/// # Errors
/// As [`run`].
pub async fn run_with(
    fetch: &dyn Fetch,
    target: &Target,
    options: &Options,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Report, LoadError> {
    let tree = load::load(fetch, target.url(), options, progress).await?;
    Ok(subjects::judge(&tree))
}

#[cfg(test)]
mod tests;
