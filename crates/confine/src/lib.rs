//! Runs a program that reads hostile files with as few rights as the kernel can take away.
//!
//! The program that calls this crate starts itself again, with [`SUBCOMMAND`] as its first argument. That process limits
//! itself ([`run`]) and then replaces itself with the program to confine. So the limits hold from the first instruction
//! of that program, and no `unsafe` code has to run between `fork` and `exec`.
//!
//! What is taken away, and by which means:
//!
//! | | |
//! |---|---|
//! | files, programs, TCP ports, signals, abstract sockets | Landlock (`access`) |
//! | other sockets, new processes, tracing, namespaces, mounts | seccomp (`system_calls`) |
//! | memory, processor time, file sizes, descriptors | resource limits (`limits`) |
//! | capabilities, set-user-ID programs | empty bounding set, `no_new_privs` |
//! | Ctrl-C of the terminal, life without a parent | its own session, parent-death signal |

mod access;
mod harden;
mod launch;
mod libraries;
mod limits;
mod policy;
mod support;
mod system_calls;

pub use harden::{Files, harden_this_process};
pub use launch::{CANNOT_CONFINE, CANNOT_EXECUTE, Stopped, run, run_or_report};
pub use libraries::{Libraries, find_program, libraries};
pub use limits::{machine_memory, memory_kills};
pub use policy::{Enforcement, MalformedPolicy, Policy, SUBCOMMAND};
pub use support::Support;
