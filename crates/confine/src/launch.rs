//! The process that limits itself, and becomes the program.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use landlock::RulesetStatus;
use rustix::process::{Signal, getppid, set_parent_process_death_signal, setsid};
use rustix::thread::{
    CapabilitySet, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_no_new_privs,
};

use crate::policy::{Enforcement, MalformedPolicy, Policy};
use crate::{access, limits, system_calls};

/// Why the program was not started.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The arguments are not a policy.
    #[error(transparent)]
    Malformed(#[from] MalformedPolicy),
    /// The process that started this one has ended.
    #[error("the process that it works for has ended")]
    Orphaned,
    /// A limit could not be set.
    #[error("{what} cannot be set: {reason}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// As the kernel says it.
        reason: String,
    },
    /// The program could not be executed.
    #[error("`{program}` cannot be executed: {source}")]
    Execute {
        /// As it was given.
        program: String,
        /// As the kernel says it.
        source: std::io::Error,
    },
}

/// The exit status of a process that could not limit itself.
pub const CANNOT_CONFINE: i32 = 125;

/// The exit status of a process that could not become the program.
pub const CANNOT_EXECUTE: i32 = 126;

impl Stopped {
    /// The exit status to end with.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Malformed(_) | Self::Orphaned | Self::Limit { .. } => CANNOT_CONFINE,
            Self::Execute { .. } => CANNOT_EXECUTE,
        }
    }
}

/// Confines this process and executes the program, as [`run`]. Reports on standard error why it cannot.
pub fn run_or_report(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Err(stopped) = run(arguments);
    // If standard error is closed, the exit status must suffice.
    drop(writeln!(
        std::io::stderr(),
        "[fatal] edgereel {}: {stopped}",
        crate::SUBCOMMAND
    ));
    ExitCode::from(stopped.exit_code() as u8)
}

/// Limits this process by the arguments that [`Policy::arguments`] made, without the subcommand, and executes the program.
/// It has to have no other thread.
///
/// # Errors
/// Returns only if the program cannot be started, or not as confined as the policy demands.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<Infallible, Stopped> {
    let policy = Policy::parse(arguments)?;
    let (program, arguments) = policy
        .command
        .split_first()
        .ok_or(MalformedPolicy("its end".to_owned()))?;
    let limit = |what: &'static str| {
        move |error: rustix::io::Errno| Stopped::Limit {
            what,
            reason: error.to_string(),
        }
    };

    // A Ctrl-C of the terminal is for the parent, which ends the program in its own time.
    setsid().map_err(limit("a session"))?;
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(limit("the parent-death signal"))?;
    if getppid().map_or(0, |it| it.as_raw_nonzero().get()) != policy.parent as i32 {
        return Err(Stopped::Orphaned);
    }
    set_no_new_privs(true).map_err(limit("no_new_privs"))?;
    limits::apply(&policy).map_err(limit("a resource limit"))?;
    if policy.enforcement != Enforcement::Off {
        drop_capabilities();
        confine(&policy)?;
    }
    // Only fails: otherwise this process is the program.
    let source = Command::new(program).args(arguments).exec();
    Err(Stopped::Execute {
        program: program.to_string_lossy().into_owned(),
        source,
    })
}

fn confine(policy: &Policy) -> Result<(), Stopped> {
    let required = policy.enforcement == Enforcement::Required;
    let limit = |what, reason: String| Stopped::Limit { what, reason };
    match access::apply(policy) {
        Ok(RulesetStatus::FullyEnforced) => {}
        Ok(RulesetStatus::PartiallyEnforced | RulesetStatus::NotEnforced) if !required => {}
        Ok(_) => {
            return Err(limit(
                "Landlock",
                "the kernel does not offer all of it".to_owned(),
            ));
        }
        // A rule that this kernel does not take is our mistake, not a lack of the kernel.
        Err(error) => return Err(limit("Landlock", error.to_string())),
    }
    match system_calls::apply(policy) {
        Err(error) if required => Err(limit("the filter of system calls", error.to_string())),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Root's program gets no capabilities at its start. Those without the right to do this have none to give either.
fn drop_capabilities() {
    for capability in CapabilitySet::all().iter() {
        let _ = remove_capability_from_bounding_set(capability);
    }
    let _ = clear_ambient_capability_set();
}
