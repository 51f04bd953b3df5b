//! Settings of transcoders and of FFmpeg, as command-line arguments with environment variables.

use std::path::PathBuf;
use std::time::Duration;

use confine::{Enforcement, machine_memory};
use domain::profile::Profile;
use platform::secret::Secret;
use url::Url;

use crate::ffmpeg::hardware::{DEFAULT_DEVICE, DEFAULT_SESSIONS};
use crate::ffmpeg::{HardwareSettings, JobMemory, Launcher};
use crate::setup::SetupError;
use crate::transcriber::{Transcriber, TranscriberService};

/// How FFmpeg and ffprobe run.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "FFmpeg")]
pub struct FfmpegArgs {
    /// The directory of `ffmpeg` and `ffprobe`. Default: those on the path.
    #[arg(long, env = "EDGEREEL_FFMPEG_DIR", value_name = "DIR")]
    pub ffmpeg_dir: Option<PathBuf>,
    /// Whether to run FFmpeg if the kernel cannot remove all rights that it does not need: `required` refuses,
    /// `best-effort` warns, `off` removes none.
    #[arg(
        long,
        env = "EDGEREEL_CONFINEMENT",
        default_value = "best-effort",
        value_name = "HOW"
    )]
    pub confinement: Enforcement,
    /// Memory limit of each encoding FFmpeg in bytes. Default: the encoders share the memory of this machine or
    /// container, and as many run as fit.
    #[arg(long, env = "EDGEREEL_FFMPEG_MEMORY_BYTES", value_name = "BYTES")]
    #[arg(value_parser = clap::value_parser!(u64).range(LEAST_MEMORY..))]
    pub ffmpeg_memory: Option<u64>,
    /// The device of the encoders `vaapi` and `qsv`, for profiles that choose one.
    #[arg(long, env = "EDGEREEL_HARDWARE_DEVICE", value_name = "PATH", default_value = DEFAULT_DEVICE)]
    pub hardware_device: PathBuf,
    /// Number of encoder sessions that the NVIDIA GPU grants to this program, for profiles with the encoder `nvenc`.
    #[arg(long, env = "EDGEREEL_NVENC_SESSIONS", value_name = "N", default_value_t = DEFAULT_SESSIONS)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub nvenc_sessions: u16,
}

/// With less, FFmpeg does not start on every machine.
const LEAST_MEMORY: u64 = 256 << 20;

impl FfmpegArgs {
    /// The launcher with these settings, for this number of concurrent jobs.
    pub fn launcher(&self, jobs: usize) -> Launcher {
        Launcher::of_this_program(self.confinement, self.memory(jobs))
    }

    /// The devices that encode, for this number of concurrent jobs.
    pub fn hardware(&self, jobs: usize) -> HardwareSettings {
        HardwareSettings {
            device: self.hardware_device.clone(),
            nvenc_sessions: usize::from(self.nvenc_sessions) / jobs.max(1),
        }
    }

    fn memory(&self, jobs: usize) -> JobMemory {
        let shared = || JobMemory::of(machine_memory(), jobs as u64);
        self.ffmpeg_memory.map_or_else(shared, JobMemory::Each)
    }

    /// Checks that one encoder of each profile has enough memory.
    ///
    /// # Errors
    /// [`SetupError::Memory`]
    pub fn check_memory<'a>(
        &self,
        profiles: impl IntoIterator<Item = &'a Profile>,
        jobs: usize,
    ) -> Result<(), SetupError> {
        let memory = self.memory(jobs);
        let missing = |it: &Profile| Some((it.name.to_string(), memory.missing_for(it)?));
        match profiles.into_iter().find_map(missing) {
            None => Ok(()),
            Some((profile, (needed, present))) => Err(SetupError::Memory {
                profile,
                jobs,
                needed,
                present,
            }),
        }
    }
}

/// What a transcoder does at once, and under which name.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Worker")]
pub struct WorkerArgs {
    /// Number of concurrent encoders per job, if the memory suffices. Default: the number of processors.
    #[arg(long, env = "EDGEREEL_ENCODERS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub encoders: Option<u16>,
    /// Number of concurrent jobs.
    #[arg(
        long,
        env = "EDGEREEL_CONCURRENT_JOBS",
        value_name = "N",
        default_value_t = 1
    )]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
    /// Number of concurrent imports, in addition to jobs: an import mostly waits for the remote server.
    #[arg(
        long,
        env = "EDGEREEL_CONCURRENT_IMPORTS",
        value_name = "N",
        default_value_t = 4
    )]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    pub imports: u16,
    /// Name in the catalog and in logs; must be unique among running transcoders. Default: the host name and a number.
    #[arg(long, env = "EDGEREEL_TRANSCODER_NAME", value_name = "NAME")]
    pub name: Option<String>,
    /// What makes captions of audio.
    #[command(flatten)]
    pub transcriber: TranscriberArgs,
}

/// What makes captions of audio.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Transcriber")]
pub struct TranscriberArgs {
    /// A command that makes captions of audio, for `sh -c`: it reads the WAV file `$EDGEREEL_AUDIO` in the language
    /// `$EDGEREEL_LANGUAGE`, and prints WebVTT.
    #[arg(long, env = "EDGEREEL_TRANSCRIBER_COMMAND", value_name = "COMMAND")]
    #[arg(conflicts_with = "transcriber_url")]
    transcriber_command: Option<String>,
    /// An HTTP endpoint that makes captions of audio: it receives an M4A file, and responds with WebVTT.
    #[arg(long, env = "EDGEREEL_TRANSCRIBER_URL", value_name = "URL")]
    transcriber_url: Option<Url>,
    /// The bearer token for the endpoint. Prefer the variable: other users can see the command line.
    #[arg(
        long,
        env = "EDGEREEL_TRANSCRIBER_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    #[arg(requires = "transcriber_url")]
    transcriber_token: Option<Secret>,
    /// Time limit for the captions of one video, seconds.
    #[arg(
        long,
        env = "EDGEREEL_TRANSCRIBER_SECONDS",
        value_name = "SECONDS",
        default_value_t = 4 * 3600
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=11 * 3600))]
    transcriber_seconds: u64,
}

impl TranscriberArgs {
    /// The transcriber; `None`: this installation has none.
    pub fn transcriber(&self) -> Option<Transcriber> {
        let command = self.transcriber_command.as_ref();
        let service = match (command, &self.transcriber_url) {
            (Some(line), _) => TranscriberService::Command(line.clone()),
            (None, Some(url)) => TranscriberService::Endpoint {
                url: url.clone(),
                token: self.transcriber_token.clone(),
            },
            (None, None) => return None,
        };
        Some(Transcriber {
            service,
            time_limit: Duration::from_secs(self.transcriber_seconds),
        })
    }
}

/// The number of encoders if none was set: the number of processors.
pub fn default_encoders() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
