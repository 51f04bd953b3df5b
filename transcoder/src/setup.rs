//! What every program with a transcoder does before it works: it finds FFmpeg, reads profiles, and builds the worker.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Installation, SourceArgs};
use confine::{Enforcement, Support};
use domain::content_key::KeyEncryptionKeys;
use domain::profile::{InvalidProfile, Profile};

use crate::error::TranscodeError;
use crate::ffmpeg::{Launcher, Tools, ToolsError};
use crate::settings::{FfmpegArgs, WorkerArgs, default_encoders};
use crate::trial;
use crate::worker::{ActiveVideos, Outage, Worker, WorkerConfig};

/// Why a transcoder cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// FFmpeg is missing or does not run.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// FFmpeg lacks what every source needs.
    #[error(
        "FFmpeg at `{}` lacks {}: install a full build (on Debian: apt-get install ffmpeg), or set EDGEREEL_FFMPEG_DIR to its \
         directory", .ffmpeg.display(), .missing.join(", ")
    )]
    Capabilities {
        /// Path of `ffmpeg`.
        ffmpeg: PathBuf,
        /// Encoders, filters, muxers and bitstream filters.
        missing: Vec<String>,
    },
    /// FFmpeg cannot encode a second of video.
    #[error("FFmpeg at `{}` ({version}) failed the test encode", .ffmpeg.display())]
    Trial {
        /// Path of `ffmpeg`.
        ffmpeg: PathBuf,
        /// Its version.
        version: String,
        /// What failed.
        source: Box<TranscodeError>,
    },
    /// The kernel cannot confine FFmpeg as required.
    #[error(
        "FFmpeg cannot be confined as EDGEREEL_CONFINEMENT=required demands, because the kernel lacks {missing}: use a newer \
         kernel or container runtime, or set `best-effort`"
    )]
    Confinement {
        /// What the kernel lacks.
        missing: String,
    },
    /// A profile, or the directory of profiles, cannot be read.
    #[error("cannot read the profiles in `{}`", .path.display())]
    UnreadableProfile {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A profile is invalid.
    #[error("invalid profile `{}`", .path.display())]
    InvalidProfile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: InvalidProfile,
    },
    /// Two profiles have the same name.
    #[error("two profiles have the name `{name}`; the second is `{}`", .path.display())]
    TwoProfiles {
        /// The name.
        name: String,
        /// The second file.
        path: PathBuf,
    },
    /// No name for the worker could be generated.
    #[error("the system's random number generator failed")]
    Random(#[from] getrandom::Error),
}

impl SetupError {
    /// A machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Tools(_) | Self::Capabilities { .. } | Self::Trial { .. } => "no-ffmpeg",
            Self::Confinement { .. } => "no-confinement",
            Self::InvalidProfile { .. } | Self::TwoProfiles { .. } => "invalid-profile",
            Self::UnreadableProfile { .. } | Self::Random(_) => "failed",
        }
    }
}

/// Finds an FFmpeg with all required capabilities. Without a launcher it runs unconfined.
///
/// # Errors
/// If FFmpeg is missing or incomplete, or the kernel does not support the required confinement.
pub fn find_tools(directory: Option<&Path>, launcher: Option<Launcher>) -> Result<Tools, SetupError> {
    if let Some(launcher) = &launcher {
        check_confinement(launcher)?;
    }
    let tools = Tools::find(directory, launcher)?;
    let missing = tools.missing_capabilities()?;
    if missing.is_empty() { Ok(tools) } else { Err(SetupError::Capabilities { ffmpeg: tools.ffmpeg, missing }) }
}

/// Finds an FFmpeg and verifies it with a two-second test encode. `encoders`: concurrent encoders of all jobs.
///
/// # Errors
/// As [`find_tools`]; and if the test encode fails.
pub async fn verified_tools(args: &FfmpegArgs, encoders: usize) -> Result<Tools, SetupError> {
    let tools = find_tools(args.ffmpeg_dir.as_deref(), Some(args.launcher(encoders)))?;
    if let Err(problem) = trial::run(&tools).await {
        let (ffmpeg, version) = (tools.ffmpeg, tools.version);
        return Err(SetupError::Trial { ffmpeg, version, source: Box::new(problem) });
    }
    for source in tools.limits() {
        tracing::warn!("FFmpeg at `{}` cannot process {source}: such uploads are rejected", tools.ffmpeg.display());
    }
    Ok(tools)
}

fn check_confinement(launcher: &Launcher) -> Result<(), SetupError> {
    let missing = Support::of_kernel().missing().join(", ");
    match launcher.enforcement {
        Enforcement::Required if !missing.is_empty() => return Err(SetupError::Confinement { missing }),
        Enforcement::BestEffort if !missing.is_empty() => {
            tracing::warn!("FFmpeg runs with more rights than it needs, because the kernel lacks {missing}");
        }
        Enforcement::Off => {
            tracing::warn!("FFmpeg runs with all rights of this process, because EDGEREEL_CONFINEMENT is `off`");
        }
        Enforcement::Required | Enforcement::BestEffort => {}
    }
    Ok(())
}

/// Reads a profile.
///
/// # Errors
/// If the file cannot be read, or a setting is invalid.
pub fn read_profile(path: &Path) -> Result<Profile, SetupError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| SetupError::UnreadableProfile { path: path.to_owned(), source })?;
    Profile::parse(&text).map_err(|source| SetupError::InvalidProfile { path: path.to_owned(), source })
}

/// Reads profiles by their name.
///
/// # Errors
/// As [`read_profile`]; also for two profiles of the same name.
pub fn read_profiles<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<HashMap<String, Profile>, SetupError> {
    let mut profiles = HashMap::new();
    for path in paths {
        let profile = read_profile(path)?;
        let name = profile.name.to_string();
        if profiles.insert(name.clone(), profile).is_some() {
            return Err(SetupError::TwoProfiles { name, path: path.clone() });
        }
    }
    Ok(profiles)
}

/// The TOML files in a directory.
fn profiles_in(directory: &Path) -> Result<Vec<PathBuf>, SetupError> {
    let unreadable = |source| SetupError::UnreadableProfile { path: directory.to_owned(), source };
    let entries = std::fs::read_dir(directory).map_err(unreadable)?;
    let paths =
        entries.map(|entry| entry.map(|it| it.path())).collect::<std::io::Result<Vec<_>>>().map_err(unreadable)?;
    let mut files: Vec<_> = paths.into_iter().filter(|it| it.extension().is_some_and(|it| it == "toml")).collect();
    files.sort();
    Ok(files)
}

impl WorkerArgs {
    /// The configuration of a worker with these settings.
    ///
    /// # Errors
    /// For an invalid profile.
    pub fn config(&self, sources: &SourceArgs) -> Result<WorkerConfig, SetupError> {
        let in_directory = self.profiles_dir.as_deref().map_or_else(|| Ok(vec![]), profiles_in)?;
        Ok(WorkerConfig {
            name: self.name.clone().map_or_else(unique_name, Ok)?,
            jobs: usize::from(self.jobs),
            imports_at_once: usize::from(self.imports),
            encoders: self.encoders.map_or_else(default_encoders, usize::from),
            profiles: read_profiles(self.profiles.iter().chain(&in_directory))?,
            imports: sources.import_policy(),
            max_import_bytes: sources.max_bytes(),
            ..WorkerConfig::default()
        })
    }
}

/// A unique name, although a host may run and restart several transcoders.
fn unique_name() -> Result<String, getrandom::Error> {
    let mut number = [0; 4];
    getrandom::fill(&mut number)?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Ok(format!("{host}-{}", domain::ids::hex(&number)))
}

impl Worker {
    /// A worker over the services of an installation.
    pub fn new(installation: &Installation, keys: KeyEncryptionKeys, tools: Tools, config: WorkerConfig) -> Self {
        Self {
            queue: installation.queue.clone(),
            catalog: installation.catalog.clone(),
            store: installation.store.clone(),
            uploads: installation.store.clone(),
            keys: Arc::new(keys),
            tools,
            config: WorkerConfig { private_bucket: installation.private_bucket.clone(), ..config },
            outage: Outage::default(),
            active: ActiveVideos::default(),
        }
    }
}
