//! What every program with a transcoder does before it works: it finds FFmpeg and builds the worker.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Installation, ProfileArgs, ProfileError, SourceArgs};
use confine::{Enforcement, Support};
use domain::content_key::KeyEncryptionKeys;
use domain::profile::Profile;

use crate::error::TranscodeError;
use crate::ffmpeg::{Launcher, PREVIEW_ENCODER, Tools, ToolsError};
use crate::settings::{FfmpegArgs, WorkerArgs, default_encoders};
use crate::trial;
use crate::worker::{ActiveVideos, Outage, Worker, WorkerConfig, WorkerMetrics};

mod hardware;

pub use hardware::HardwareError;

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
    /// FFmpeg cannot encode what a profile names.
    #[error(
        "FFmpeg at `{}` ({version}) failed the test encode of the codecs of profile `{profile}`: install a build with these \
         encoders, or remove their rungs", .ffmpeg.display()
    )]
    Codecs {
        /// Name of the profile.
        profile: String,
        /// Path of `ffmpeg`.
        ffmpeg: PathBuf,
        /// Its version.
        version: String,
        /// What failed.
        source: Box<TranscodeError>,
    },
    /// FFmpeg cannot draw the watermark of a profile.
    #[error(
        "FFmpeg at `{}` ({version}) failed the test encode of the watermark of profile `{profile}`: export the image again, \
         as a PNG with 8 bits per channel, or install a full build", .ffmpeg.display()
    )]
    Watermark {
        /// Name of the profile.
        profile: String,
        /// Path of `ffmpeg`.
        ffmpeg: PathBuf,
        /// Its version.
        version: String,
        /// What failed.
        source: Box<TranscodeError>,
    },
    /// An encoder in hardware that a profile chooses cannot be used.
    #[error(transparent)]
    Hardware(Box<HardwareError>),
    /// The kernel cannot confine FFmpeg as required.
    #[error(
        "FFmpeg cannot be confined as EDGEREEL_CONFINEMENT=required demands, because the kernel lacks {missing}: use a newer \
         kernel or container runtime, or set `best-effort`"
    )]
    Confinement {
        /// What the kernel lacks.
        missing: String,
    },
    /// Not even one encoder fits into the memory.
    #[error(
        "one encoder of profile `{profile}` for each of {jobs} concurrent jobs needs {needed} bytes of memory in total, and \
         this machine or container has {present}: raise its memory limit to {needed} bytes, disable the largest rungs of the \
         profile, or set EDGEREEL_FFMPEG_MEMORY_BYTES to start nevertheless"
    )]
    Memory {
        /// Name of the profile.
        profile: String,
        /// Number of concurrent jobs.
        jobs: usize,
        /// Sufficient memory, bytes.
        needed: u64,
        /// Memory of the machine or container, bytes.
        present: u64,
    },
    /// A profile cannot be read, or is invalid.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// No name for the worker could be generated.
    #[error("the system's random number generator failed")]
    Random(#[from] getrandom::Error),
}

impl SetupError {
    /// A machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Tools(_)
            | Self::Capabilities { .. }
            | Self::Trial { .. }
            | Self::Codecs { .. } => "no-ffmpeg",
            Self::Watermark { .. } => "invalid-profile",
            Self::Hardware(_) => "no-hardware",
            Self::Confinement { .. } => "no-confinement",
            Self::Memory { .. } => "too-little-memory",
            Self::Profile(error) => error.code(),
            Self::Random(_) => "failed",
        }
    }
}

/// Finds an FFmpeg with all required capabilities. Without a launcher it runs unconfined.
///
/// # Errors
/// If FFmpeg is missing or incomplete, or the kernel does not support the required confinement.
pub fn find_tools(
    directory: Option<&Path>,
    launcher: Option<Launcher>,
) -> Result<Tools, SetupError> {
    if let Some(launcher) = &launcher {
        check_confinement(launcher)?;
    }
    let tools = Tools::find(directory, launcher)?;
    let missing = tools.missing_capabilities()?;
    if missing.is_empty() {
        Ok(tools)
    } else {
        Err(SetupError::Capabilities {
            ffmpeg: tools.ffmpeg,
            missing,
        })
    }
}

/// Finds an FFmpeg and verifies it with a two-second test encode. `jobs`: number of concurrent jobs.
///
/// # Errors
/// As [`find_tools`]; and if the test encode fails.
pub async fn verified_tools(args: &FfmpegArgs, jobs: usize) -> Result<Tools, SetupError> {
    let tools = args.tools(jobs)?;
    if let Err(problem) = trial::run(&tools).await {
        let (ffmpeg, version) = (tools.ffmpeg, tools.version);
        return Err(SetupError::Trial {
            ffmpeg,
            version,
            source: Box::new(problem),
        });
    }
    for source in tools.limits() {
        tracing::warn!(
            "FFmpeg at `{}` cannot process {source}: such uploads are rejected",
            tools.ffmpeg.display()
        );
    }
    if !tools.makes_previews() {
        tracing::warn!(
            "FFmpeg at `{}` cannot make animated previews (no encoder {PREVIEW_ENCODER}): such requests are refused",
            tools.ffmpeg.display()
        );
    }
    Ok(tools)
}

/// Verifies with test encodes that FFmpeg has the encoders that profiles name beside x264, in software
/// and in hardware, that they put keyframes where segments begin, and that FFmpeg can draw the
/// watermarks of the profiles.
///
/// # Errors
/// [`SetupError::Codecs`], [`SetupError::Hardware`] and [`SetupError::Watermark`]
pub async fn verify_codecs<'a>(
    tools: &Tools,
    profiles: impl IntoIterator<Item = &'a Profile>,
) -> Result<(), SetupError> {
    for profile in profiles {
        if let Err(problem) = trial::run_codecs(tools, profile).await {
            return Err(SetupError::Codecs {
                profile: profile.name.to_string(),
                ffmpeg: tools.ffmpeg.clone(),
                version: tools.version.clone(),
                source: Box::new(problem),
            });
        }
        if let Err(problem) = trial::run_watermark(tools, profile).await {
            return Err(SetupError::Watermark {
                profile: profile.name.to_string(),
                ffmpeg: tools.ffmpeg.clone(),
                version: tools.version.clone(),
                source: Box::new(problem),
            });
        }
        verify_hardware(tools, profile).await?;
        for encoder in tools.missing_depth(profile) {
            tracing::warn!(
                "the encoder {encoder} of FFmpeg at `{}` knows 8 bits only: with the profile `{}`, HDR uploads are \
                 rejected. Install a build for 10 bits, or set `hdr = \"tone_map\"` in its rungs",
                tools.ffmpeg.display(),
                profile.name
            );
        }
    }
    Ok(())
}

/// Verifies the encoders in hardware that a profile chooses with a test encode of each.
///
/// # Errors
/// [`SetupError::Hardware`]
pub async fn verify_hardware(tools: &Tools, profile: &Profile) -> Result<(), SetupError> {
    hardware::verify(tools, profile).await
}

fn check_confinement(launcher: &Launcher) -> Result<(), SetupError> {
    let missing = Support::of_kernel().missing().join(", ");
    match launcher.enforcement {
        Enforcement::Required if !missing.is_empty() => {
            return Err(SetupError::Confinement { missing });
        }
        Enforcement::BestEffort if !missing.is_empty() => {
            tracing::warn!(
                "FFmpeg runs with more rights than it needs, because the kernel lacks {missing}"
            );
        }
        Enforcement::Off => {
            tracing::warn!(
                "FFmpeg runs with all rights of this process, because EDGEREEL_CONFINEMENT is `off`"
            );
        }
        Enforcement::Required | Enforcement::BestEffort => {}
    }
    Ok(())
}

impl FfmpegArgs {
    /// FFmpeg with all required capabilities, confined, and with the devices that encode. `jobs`:
    /// number of concurrent jobs.
    ///
    /// # Errors
    /// As [`find_tools`].
    pub fn tools(&self, jobs: usize) -> Result<Tools, SetupError> {
        let tools = find_tools(self.ffmpeg_dir.as_deref(), Some(self.launcher(jobs)))?;
        Ok(tools.with_hardware(self.hardware(jobs)))
    }
}

impl WorkerArgs {
    /// The configuration of a worker with these settings.
    ///
    /// # Errors
    /// For an invalid profile.
    pub fn config(
        &self,
        profiles: &ProfileArgs,
        sources: &SourceArgs,
    ) -> Result<WorkerConfig, SetupError> {
        Ok(WorkerConfig {
            name: self.name.clone().map_or_else(unique_name, Ok)?,
            jobs: usize::from(self.jobs),
            imports_at_once: usize::from(self.imports),
            transcriber: self.transcriber.transcriber(),
            encoders: self.encoders.map_or_else(default_encoders, usize::from),
            profiles: profiles.read()?,
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
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    Ok(format!("{host}-{}", domain::ids::hex(&number)))
}

impl Worker {
    /// A worker over the services of an installation.
    pub fn new(
        installation: &Installation,
        keys: KeyEncryptionKeys,
        tools: Tools,
        config: WorkerConfig,
    ) -> Self {
        Self {
            queue: installation.queue.clone(),
            catalog: installation.catalog.clone(),
            store: installation.store.clone(),
            uploads: installation.store.clone(),
            keys: Arc::new(keys),
            tools,
            config: WorkerConfig {
                private_bucket: installation.private_bucket.clone(),
                ..config
            },
            outage: Outage::default(),
            metrics: WorkerMetrics::new(installation.database.metrics().clone()),
            active: ActiveVideos::default(),
            helping: crate::Helping::default(),
        }
    }
}
