//! Starts FFmpeg and ffprobe with the rights and the memory that one run needs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use confine::{Enforcement, Libraries, Policy};

use crate::ffmpeg::ENVIRONMENT;
use crate::ffmpeg::hardware::Devices;
use crate::ffmpeg::memory::JobMemory;

/// The program that confines itself and then becomes FFmpeg or ffprobe, and the rights that it
/// grants them.
///
/// It has to be a program that passes its arguments to [`confine::run`] when the first one is
/// [`confine::SUBCOMMAND`], as `edgereel` does.
#[derive(Debug, Clone)]
pub struct Launcher {
    /// Path of the program.
    pub program: PathBuf,
    /// Whether missing confinement features are errors.
    pub enforcement: Enforcement,
    /// Memory of the encoding runs of a job.
    pub memory: JobMemory,
}

/// The requirements of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Needs {
    /// Port of the loopback server that it connects to.
    pub(crate) port: Option<u16>,
    /// Files that it reads.
    pub(crate) read: Vec<PathBuf>,
    /// The devices that it encodes with.
    pub(crate) devices: Devices,
    /// Memory class of the run.
    pub(crate) weight: Weight,
    /// Processor time limit; `None`: unlimited.
    pub(crate) cpu: Option<Duration>,
}

/// Memory class of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Weight {
    /// It reads headers, packets or single frames.
    #[default]
    Light,
    /// It decodes and encodes.
    Heavy {
        /// Number of such runs of the job at the same time, which share its memory.
        runs: usize,
    },
}

impl Launcher {
    /// This program as the launcher.
    pub fn of_this_program(enforcement: Enforcement, memory: JobMemory) -> Self {
        // Refers to this program even after its file was replaced by a newer version.
        Self {
            program: PathBuf::from("/proc/self/exe"),
            enforcement,
            memory,
        }
    }

    fn memory(&self, weight: Weight) -> u64 {
        match weight {
            Weight::Heavy { runs } => self.memory.heavy(runs as u64),
            Weight::Light => self.memory.light(),
        }
    }

    /// The command that runs `program` with these arguments.
    fn command(
        &self,
        program: &Path,
        arguments: &[String],
        libraries: &Libraries,
        needs: &Needs,
    ) -> Command {
        let policy = Policy {
            enforcement: self.enforcement,
            parent: std::process::id(),
            port: needs.port,
            memory: self.memory(needs.weight),
            cpu_seconds: needs.cpu.map(|it| it.as_secs_f64().ceil() as u64),
            read: libraries
                .directories
                .iter()
                .chain(&needs.read)
                .chain(&needs.devices.read)
                .cloned()
                .collect(),
            execute: libraries.execute.clone(),
            write: vec![],
            devices: needs.devices.files.clone(),
            command: std::iter::once(program.into())
                .chain(arguments.iter().map(Into::into))
                .collect(),
        };
        let mut command = Command::new(&self.program);
        command.args(policy.arguments());
        command
    }
}

/// The command that runs one of the two programs: through the launcher if there is one.
pub(crate) fn command(
    launcher: Option<&Launcher>,
    program: &Path,
    arguments: &[String],
    libraries: &Libraries,
    needs: &Needs,
) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = match launcher {
        Some(launcher) => launcher.command(program, arguments, libraries, needs),
        None => {
            let mut command = Command::new(program);
            // A Ctrl-C in the terminal must not reach it. A launcher creates a session, for which
            // it must not lead a group.
            command.args(arguments).process_group(0);
            command
        }
    };
    command.env_clear().envs(ENVIRONMENT);
    command
}

type Task = Box<dyn FnOnce() + Send>;

/// The thread that starts all children. The parent-death signal is sent when the *thread* that
/// started a child ends, and idle pool threads end; this one does not.
static STARTER: LazyLock<std::io::Result<mpsc::Sender<Task>>> = LazyLock::new(|| {
    let (sender, receiver) = mpsc::channel::<Task>();
    let work = move || receiver.into_iter().for_each(|task| task());
    std::thread::Builder::new()
        .name("start-ffmpeg".to_owned())
        .spawn(work)?;
    Ok(sender)
});

/// Starts a child from the thread that lives as long as this process.
pub(crate) async fn start<T: Send + 'static>(
    start: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    let runtime = tokio::runtime::Handle::current();
    let (sender, started) = tokio::sync::oneshot::channel();
    let task = Box::new(move || {
        let _runtime = runtime.enter();
        // If the caller is gone, the child is dropped, which kills it.
        drop(sender.send(start()));
    });
    let starter = STARTER
        .as_ref()
        .map_err(|it| std::io::Error::new(it.kind(), it.to_string()))?;
    let gone = || std::io::Error::other("the thread that starts FFmpeg has ended");
    starter.send(task).map_err(|_| gone())?;
    started.await.map_err(|_| gone())?
}

#[cfg(test)]
mod tests {
    use domain::profile::Hardware;

    use super::*;
    use crate::ffmpeg::hardware::HardwareSettings;

    #[test]
    fn the_launcher_is_given_what_the_run_needs() {
        let launcher = Launcher {
            program: "/opt/edgereel".into(),
            enforcement: Enforcement::Required,
            memory: JobMemory::Shared(8 << 30),
        };
        let libraries = Libraries {
            directories: vec!["/lib/x".into()],
            execute: vec!["/lib/ld.so".into()],
        };
        let needs = Needs {
            port: Some(4711),
            read: vec!["/tmp/t.cube".into()],
            ..Needs::default()
        };
        let command = command(
            Some(&launcher),
            Path::new("/usr/bin/ffmpeg"),
            &["-i".to_owned()],
            &libraries,
            &needs,
        );
        let mut arguments = command.get_args();
        assert_eq!(arguments.next().unwrap(), confine::SUBCOMMAND);
        let policy = Policy::parse(arguments.map(Into::into)).unwrap();
        assert_eq!(
            (policy.port, policy.parent),
            (Some(4711), std::process::id())
        );
        assert_eq!(policy.read, [PathBuf::from("/lib/x"), "/tmp/t.cube".into()]);
        assert!(policy.devices.is_empty(), "it encodes in software");
        assert_eq!(policy.command, ["/usr/bin/ffmpeg", "-i"]);
        let environment: Vec<_> = command.get_envs().filter_map(|it| it.0.to_str()).collect();
        assert_eq!(environment, ["GCONV_PATH", "LC_ALL", "PATH"]);
    }

    #[test]
    fn only_a_run_in_hardware_reaches_a_device() {
        let launcher = Launcher {
            program: "/opt/edgereel".into(),
            enforcement: Enforcement::Required,
            memory: JobMemory::Shared(8 << 30),
        };
        let settings = HardwareSettings::default();
        for (hardware, expected) in [
            (&[][..], &[][..]),
            (&[Hardware::Qsv], &[PathBuf::from("/dev/dri/renderD128")]),
        ] {
            let needs = Needs {
                devices: settings.devices(hardware),
                ..Needs::default()
            };
            let command = command(
                Some(&launcher),
                Path::new("/usr/bin/ffmpeg"),
                &[],
                &Libraries::default(),
                &needs,
            );
            let arguments = command.get_args().skip(1).map(Into::into);
            let policy = Policy::parse(arguments).unwrap();
            assert_eq!(policy.devices, expected, "{hardware:?}");
            assert_eq!(policy.read.is_empty(), hardware.is_empty());
        }
    }

    #[tokio::test]
    async fn children_are_started_from_one_thread() {
        let name = || start(|| Ok(std::thread::current().name().map(str::to_owned)));
        assert_eq!(name().await.unwrap().as_deref(), Some("start-ffmpeg"));
        assert!(
            start(|| std::io::Result::<()>::Err(std::io::Error::other("x")))
                .await
                .is_err()
        );
    }
}
