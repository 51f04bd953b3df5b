//! What the kernel offers for a confinement.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    Scope,
};

/// What the kernel offers. Found out without limiting this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// Version of Landlock, up to [`Support::COMPLETE`]; 0: there is none.
    pub landlock: u32,
    /// Whether filters of system calls can be set.
    pub seccomp: bool,
}

impl Support {
    /// The version of Landlock from which on files, TCP ports, signals and abstract sockets can all be taken away.
    pub const COMPLETE: u32 = ABI::V6 as u32;

    /// Asks the kernel.
    pub fn of_kernel() -> Self {
        let versions = [ABI::V6, ABI::V5, ABI::V4, ABI::V3, ABI::V2, ABI::V1];
        let landlock = versions
            .into_iter()
            .find(|it| takes(*it))
            .map_or(0, |it| it as u32);
        let actions =
            std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
        let filter = crate::system_calls::programs(&crate::Policy::default());
        Self {
            landlock,
            seccomp: filter.is_ok() && actions.split_whitespace().any(|it| it == "errno"),
        }
    }

    /// What is missing, in words; empty: nothing.
    pub fn missing(&self) -> Vec<String> {
        let landlock = match self.landlock {
            0 => Some("Landlock (files and ports are open to FFmpeg)".to_owned()),
            version @ 1..=3 => Some(format!(
                "Landlock 4 for ports and 6 for signals (this kernel has version {version})"
            )),
            version @ (4 | 5) => Some(format!(
                "Landlock 6 for signals (this kernel has version {version})"
            )),
            Self::COMPLETE.. => None,
        };
        let seccomp = (!self.seccomp).then(|| "seccomp (system calls are not filtered)".to_owned());
        landlock.into_iter().chain(seccomp).collect()
    }
}

/// Whether the kernel takes a set of all rights of this version. Nothing is limited by it.
fn takes(version: ABI) -> bool {
    let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let mut rules = rules.handle_access(AccessFs::from_all(version));
    if version >= ABI::V4 {
        rules = rules.and_then(|it| it.handle_access(AccessNet::from_all(version)));
    }
    if version >= ABI::V6 {
        rules = rules.and_then(|it| it.scope(Scope::from_all(version)));
    }
    rules.is_ok_and(|it| it.create().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_has_words() {
        let missing = |landlock, seccomp| Support { landlock, seccomp }.missing().join("; ");
        assert_eq!(missing(6, true), "");
        assert_eq!(missing(7, true), "");
        assert!(missing(5, true).contains("signals"));
        assert!(missing(1, true).contains("ports"));
        assert!(missing(0, false).contains("Landlock") && missing(0, false).contains("seccomp"));
    }
}
