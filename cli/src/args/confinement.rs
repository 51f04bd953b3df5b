//! What FFmpeg and ffprobe may do, for all commands that start them.

use confine::Enforcement;
use transcoder::ffmpeg::Launcher;

/// What FFmpeg and ffprobe may do.
#[derive(Debug, Clone, clap::Args)]
pub struct ConfinementArgs {
    /// Whether FFmpeg may run with more rights than it needs where the kernel cannot take them away: `required`
    /// refuses to work then, `best-effort` warns, `off` takes nothing away.
    #[arg(long, env = "EDGEREEL_CONFINEMENT", default_value = "best-effort", value_name = "HOW")]
    pub confinement: Enforcement,
    /// Memory for each FFmpeg that encodes, bytes; by default the encoders share three quarters of what this machine or its
    /// container has.
    #[arg(long, env = "EDGEREEL_FFMPEG_MEMORY_BYTES", value_name = "BYTES", value_parser = clap::value_parser!(u64).range(LEAST_MEMORY..))]
    pub ffmpeg_memory: Option<u64>,
}

/// With less, FFmpeg does not even start everywhere.
const LEAST_MEMORY: u64 = 256 << 20;

impl ConfinementArgs {
    /// What starts FFmpeg as it is asked for here, for so many encoders side by side.
    pub fn launcher(&self, encoders: usize) -> Launcher {
        Launcher::of_this_program(self.confinement, self.ffmpeg_memory, encoders as u64)
    }
}
