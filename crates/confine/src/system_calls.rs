//! seccomp: which system calls are refused.
//!
//! FFmpeg's builds differ in the calls that they make, so the list names what is refused. Landlock decides about files
//! and TCP ports; here is what it does not know, or does not know in all versions: other sockets, new processes, other
//! processes, namespaces, changes to files that need no opening.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

use crate::policy::Policy;

/// Why no filter is in place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilterError {
    /// There is none for this processor, or its rules contradict each other.
    #[error(transparent)]
    Build(#[from] BackendError),
    /// The kernel refused it.
    #[error(transparent)]
    Apply(#[from] seccompiler::Error),
}

/// Refused whatever their arguments are.
const REFUSED: &[c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kcmp,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_ioprio_set,
    // Programs that are not files, or files that are not named.
    libc::SYS_execveat,
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    // Large parts of the kernel that no decoder needs.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_fanotify_init,
    libc::SYS_inotify_init1,
    libc::SYS_personality,
    libc::SYS_quotactl,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    // Memory and messages that other processes share.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_semget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
    // Servers, and pairs of sockets.
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_socketpair,
    // What Landlock does not watch over in files that are there.
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    // `fchmodat2` has this number on every processor.
    452,
];

/// Refused to a program that has no directory to write in.
const CHANGES: &[c_long] = &[
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_truncate,
    libc::SYS_renameat,
];

/// Older forms, which newer processors do not have.
#[cfg(target_arch = "x86_64")]
const REFUSED_OLD: &[c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_inotify_init,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_OLD: &[c_long] = &[];

/// Older forms of [`CHANGES`].
#[cfg(target_arch = "x86_64")]
const CHANGES_OLD: &[c_long] = &[
    libc::SYS_unlink,
    libc::SYS_rmdir,
    libc::SYS_rename,
    libc::SYS_mkdir,
    libc::SYS_mknod,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_creat,
];
#[cfg(not(target_arch = "x86_64"))]
const CHANGES_OLD: &[c_long] = &[];

/// Calls of the x32 interface have the same numbers with this bit, in a kernel that has it.
#[cfg(target_arch = "x86_64")]
const X32: c_long = 0x4000_0000;

/// Calls that have numbers of their own in the x32 interface: all of those, from `rt_sigaction` to `pwritev2`.
#[cfg(target_arch = "x86_64")]
const X32_OWN: std::ops::RangeInclusive<c_long> = 512..=547;

/// The request to put input into a terminal; the same on every processor.
const TIOCSTI: u64 = 0x5412;

/// The bits of a socket's type that are not flags.
const SOCKET_TYPE: u64 = 0xf;

/// Sets the filters. They hold for everything that this process executes.
pub(crate) fn apply(policy: &Policy) -> Result<(), FilterError> {
    for program in programs(policy)? {
        apply_filter(&program)?;
    }
    Ok(())
}

/// The filters, compiled.
pub(crate) fn programs(policy: &Policy) -> Result<[BpfProgram; 2], BackendError> {
    let refused = compile(rules(policy)?, libc::EPERM)?;
    // The C library then uses `clone`, whose flags a filter can see.
    let absent = compile(
        both_interfaces([(libc::SYS_clone3, vec![])].into()),
        libc::ENOSYS,
    )?;
    Ok([refused, absent])
}

fn compile(
    rules: BTreeMap<c_long, Vec<SeccompRule>>,
    errno: i32,
) -> Result<BpfProgram, BackendError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let refuse = SeccompAction::Errno(errno as u32);
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)?.try_into()
}

fn rules(policy: &Policy) -> Result<BTreeMap<c_long, Vec<SeccompRule>>, BackendError> {
    let own = u64::from(std::process::id());
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = REFUSED
        .iter()
        .chain(REFUSED_OLD)
        .map(|it| (*it, vec![]))
        .collect();
    if policy.write.is_empty() {
        rules.extend(CHANGES.iter().chain(CHANGES_OLD).map(|it| (*it, vec![])));
    }
    // Only TCP over IPv4: multipath TCP has another protocol, which Landlock does not watch over.
    let mut sockets = vec![rule([not(0, libc::AF_INET as u64)?])?];
    sockets.push(rule([not(2, 0)?, not(2, libc::IPPROTO_TCP as u64)?])?);
    for kind in (0..=SOCKET_TYPE).filter(|it| *it != libc::SOCK_STREAM as u64) {
        sockets.push(rule([masked(1, SOCKET_TYPE, kind)?])?);
    }
    rules.insert(libc::SYS_socket, sockets);
    // Threads, and nothing else.
    rules.insert(
        libc::SYS_clone,
        vec![rule([masked(0, libc::CLONE_THREAD as u64, 0)?])?],
    );
    // Signals to itself: `abort` sends one.
    rules.insert(libc::SYS_kill, vec![rule([not(0, own)?])?]);
    rules.insert(libc::SYS_tgkill, vec![rule([not(0, own)?])?]);
    let another = [not(0, 0)?, not(0, own)?];
    rules.insert(libc::SYS_prlimit64, vec![rule(another)?]);
    // Input for the terminal that Edgereel was started from.
    rules.insert(libc::SYS_ioctl, vec![rule([is(1, TIOCSTI)?])?]);
    Ok(both_interfaces(rules))
}

/// The same rules for the x32 interface.
#[cfg(target_arch = "x86_64")]
fn both_interfaces(
    mut rules: BTreeMap<c_long, Vec<SeccompRule>>,
) -> BTreeMap<c_long, Vec<SeccompRule>> {
    let x32: Vec<_> = rules
        .iter()
        .map(|(call, rules)| (call | X32, rules.clone()))
        .collect();
    rules.extend(x32);
    rules.extend(X32_OWN.map(|it| (it | X32, vec![])));
    rules
}

#[cfg(not(target_arch = "x86_64"))]
fn both_interfaces(
    rules: BTreeMap<c_long, Vec<SeccompRule>>,
) -> BTreeMap<c_long, Vec<SeccompRule>> {
    rules
}

/// Refuses a call if all conditions hold.
fn rule(
    conditions: impl IntoIterator<Item = SeccompCondition>,
) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.into_iter().collect())
}

// All of these arguments are 32 bits wide: what is in the upper half of the register, the kernel does not look at.

fn is(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn not(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(mask),
        value,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_fit_into_the_kernel() {
        for program in programs(&Policy::default()).unwrap() {
            assert!(program.len() < 4096, "{}", program.len());
        }
    }
}
