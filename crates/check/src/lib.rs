//! HLS conformance by rule number: RFC 8216 and Apple's HLS authoring specification.
//!
//! [`run`] reads every playlist of a presentation and the media that they name, decrypts what is encrypted,
//! measures it, and holds what is declared against what is there. It is the gate before publishing, and a tool
//! for any HLS presentation, on disk or behind a URL, ours or not.
//!
//! Reading and judging are apart: [`load`](mod@load) turns a target into a tree of facts; the modules of
//! `subjects` are pure functions from that tree to findings, one subject each; [`rules`] is the one table
//! of rules.

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

/// What to check: a master playlist or a media playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(Url);

impl Target {
    /// Where it is: `file:`, `http:` or `https:`.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

/// A target that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Neither a path that exists nor a URL.
    #[error("there is no file `{0}`; give the path or the http URL of a playlist (.m3u8)")]
    NoSuchFile(String),
    /// A folder without a playlist that is obviously meant.
    #[error("`{0}` is a folder without `master.m3u8`; name the playlist itself")]
    NoMasterInFolder(String),
    /// A URL of a scheme that cannot be read.
    #[error("`{0}:` URLs cannot be checked; use http, https or a path")]
    Scheme(String),
}

impl FromStr for Target {
    type Err = TargetError;

    /// Takes an http(s) URL, a path to a playlist, or a folder that has `master.m3u8` in it.
    fn from_str(text: &str) -> Result<Self, TargetError> {
        if let Some((scheme, _)) = text.split_once("://") {
            let url = Url::parse(text).ok().filter(|it| matches!(it.scheme(), "http" | "https"));
            return url.map(Self).ok_or_else(|| TargetError::Scheme(scheme.to_owned()));
        }
        let no_such_file = || TargetError::NoSuchFile(text.to_owned());
        let mut path: PathBuf = std::path::absolute(text).map_err(|_| no_such_file())?;
        if path.is_dir() {
            path = [path.join("master.m3u8"), path.join("hls/master.m3u8")]
                .into_iter()
                .find(|it| it.is_file())
                .ok_or_else(|| TargetError::NoMasterInFolder(text.to_owned()))?;
        }
        if !path.is_file() {
            return Err(no_such_file());
        }
        Url::from_file_path(&path).map(Self).map_err(|()| no_such_file())
    }
}

/// How thoroughly, and within which limits.
#[derive(Debug, Clone)]
pub struct Options {
    /// Read every n-th segment of each playlist (and the first and the last); 1 reads all. Rules about rates
    /// and boundaries need all segments and are left out otherwise.
    pub every: usize,
    /// Segments read at the same time.
    pub concurrency: usize,
    /// For one request, from its start to its last byte.
    pub timeout: Duration,
    /// Larger playlists are refused.
    pub max_playlist_bytes: u64,
    /// Larger segments are refused.
    pub max_segment_bytes: u64,
    /// More media playlists are refused.
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

/// Checks `target`, which is read through files or HTTP as its URL says.
///
/// # Errors
/// [`LoadError`] when the target itself cannot be read. Whatever is wrong below it is a finding.
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
