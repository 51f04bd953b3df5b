//! What `edgereel doctor` finds out about this machine.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use confine::{Enforcement, Support};
use domain::profile::Profile;
use transcoder::settings::{FfmpegArgs, default_encoders};
use transcoder::{JobMemory, Launcher};

use super::finding::{Finding, State};
use crate::args;
use crate::data_dir::{DevInfo, open_to_others};
use crate::output::bytes;

/// Which confinement of FFmpeg the kernel supports.
pub(super) fn confinement(launcher: &Launcher) -> Finding {
    const WHAT: &str = "confined";
    let support = Support::of_kernel();
    let missing = support.missing();
    match (launcher.enforcement, missing.as_slice()) {
        (Enforcement::Off, _) => {
            let found =
                "FFmpeg runs with all rights of this process (EDGEREEL_CONFINEMENT is `off`)";
            Finding::other(
                WHAT,
                State::Warning,
                found,
                "set EDGEREEL_CONFINEMENT to `best-effort` or `required`",
            )
        }
        (_, []) => {
            let version = support.landlock;
            let found = format!("Landlock {version} or later, seccomp, no_new_privs");
            Finding::ok(WHAT, found)
        }
        (enforcement, missing) => {
            let state = if enforcement == Enforcement::Required {
                State::Error
            } else {
                State::Warning
            };
            let advice =
                "use a newer kernel, or a container runtime that allows these system calls";
            Finding::other(
                WHAT,
                state,
                format!("the kernel lacks {}", missing.join(", ")),
                advice,
            )
        }
    }
}

pub(super) fn data_dir(data: &Path) -> Finding {
    let shown = data.display();
    // The nearest existing directory must be writable.
    let existing = data
        .ancestors()
        .map(|it| {
            if it.as_os_str().is_empty() {
                Path::new(".")
            } else {
                it
            }
        })
        .find(|it| it.exists());
    let Some(existing) = existing else {
        return Finding::other(
            "data",
            State::Error,
            format!("cannot create `{shown}`"),
            "choose another directory with --data",
        );
    };
    match tempfile::tempfile_in(existing) {
        Ok(_) => match open_to_others(data) {
            Some(mode) => {
                let found =
                    format!("other users of this machine can read `{shown}` (mode {mode:03o})");
                Finding::other(
                    "data",
                    State::Warning,
                    found,
                    format!("run `chmod -R go= {shown}`"),
                )
            }
            None => Finding::ok("data", format!("`{shown}` is writable")),
        },
        Err(error) => {
            let found = format!("cannot write to `{shown}`: {error}");
            Finding::other(
                "data",
                State::Error,
                found,
                "choose another directory with --data, or change its owner",
            )
        }
    }
}

/// Below this, in bytes, a large upload may fill the disk.
const LOW_SPACE: u64 = 10_000_000_000;
/// Below this, in bytes, even a small upload may fail.
const NO_SPACE: u64 = 500_000_000;

pub(super) fn disk(data: &Path) -> Finding {
    let existing = data
        .ancestors()
        .find(|it| it.exists())
        .unwrap_or_else(|| Path::new("."));
    match rustix::fs::statvfs(existing) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let found = format!("{} free on the disk of the data directory", bytes(free));
            let advice = "free some space: `edgereel dev` stores sources and outputs there";
            match free {
                free if free < NO_SPACE => Finding::other("disk", State::Error, found, advice),
                free if free < LOW_SPACE => Finding::other("disk", State::Warning, found, advice),
                _ => Finding::ok("disk", found),
            }
        }
        Err(error) => {
            let found = format!("cannot determine the free space: {error}");
            Finding::other("disk", State::Warning, found, "check it manually")
        }
    }
}

pub(super) fn processors() -> Finding {
    Finding::ok("processors", format!("{} for encoding", default_encoders()))
}

/// Whether one encoder of the built-in profile fits into the memory.
pub(super) fn memory(args: &FfmpegArgs, launcher: &Launcher) -> Finding {
    match (args.check_memory([&Profile::default()], 1), launcher.memory) {
        (Err(problem), _) => {
            let advice = "transcoders with other profiles may still start";
            Finding::other("memory", State::Error, problem.to_string(), advice)
        }
        (Ok(()), JobMemory::Shared(all)) => Finding::ok(
            "memory",
            format!("{} for the encoders of a job", bytes(all)),
        ),
        (Ok(()), JobMemory::Each(each)) => Finding::ok(
            "memory",
            format!(
                "{} for each encoder (EDGEREEL_FFMPEG_MEMORY_BYTES)",
                bytes(each)
            ),
        ),
    }
}

pub(super) fn settings() -> Finding {
    let set: Vec<String> = std::env::vars()
        .map(|it| it.0)
        .filter(|it| it.starts_with("EDGEREEL_"))
        .collect();
    let found = if set.is_empty() {
        "no EDGEREEL_ variables are set".to_owned()
    } else {
        format!("set: {}", set.join(", "))
    };
    let known: BTreeSet<String> = args::variables().into_iter().map(|it| it.1).collect();
    let is_known = |name: &String| {
        known.contains(name)
            || name
                .strip_suffix("_FILE")
                .is_some_and(|it| known.contains(it))
    };
    let unknown: Vec<&String> = set.iter().filter(|it| !is_known(it)).collect();
    match unknown.as_slice() {
        [] => Finding::ok("settings", found),
        [name, ..] => {
            let advice = format!("`{name}` is unknown: see docs/configuration.md");
            Finding::other("settings", State::Warning, found, advice)
        }
    }
}

pub(super) async fn port(listen: SocketAddr, running: Option<&DevInfo>) -> Finding {
    if let Some(running) = running {
        return Finding::ok(
            "port",
            format!("`edgereel dev` is running at {}", running.api),
        );
    }
    match tokio::net::TcpListener::bind(listen).await {
        Ok(_) => Finding::ok("port", format!("{listen} is free")),
        Err(error) => {
            let found = format!("cannot bind to {listen}: {error}");
            Finding::other(
                "port",
                State::Error,
                found,
                "choose another address with --listen; port 0 chooses a free port",
            )
        }
    }
}
