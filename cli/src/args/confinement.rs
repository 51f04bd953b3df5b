//! Confinement of FFmpeg and ffprobe, for all commands that start them.

use confine::Enforcement;
use transcoder::Launcher;

/// Confinement of FFmpeg and ffprobe.
#[derive(Debug, Clone, clap::Args)]
pub struct ConfinementArgs {
    /// Whether to run FFmpeg if the kernel cannot remove all rights that it does not need: `required` refuses,
    /// `best-effort` warns, `off` removes none.
    #[arg(long, env = "EDGEREEL_CONFINEMENT", default_value = "best-effort", value_name = "HOW")]
    pub confinement: Enforcement,
    /// Memory limit of each encoding FFmpeg in bytes. Default: the encoders share three quarters of the memory of this
    /// machine or container.
    #[arg(long, env = "EDGEREEL_FFMPEG_MEMORY_BYTES", value_name = "BYTES", value_parser = clap::value_parser!(u64).range(LEAST_MEMORY..))]
    pub ffmpeg_memory: Option<u64>,
}

/// With less, FFmpeg does not start on every machine.
const LEAST_MEMORY: u64 = 256 << 20;

impl ConfinementArgs {
    /// The launcher with these settings, for this number of concurrent encoders.
    pub fn launcher(&self, encoders: usize) -> Launcher {
        Launcher::of_this_program(self.confinement, self.ffmpeg_memory, encoders as u64)
    }
}
