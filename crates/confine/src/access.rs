//! Landlock: which files, programs and ports can be reached.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, NetPort, PathBeneath,
    PathFd, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError,
    RulesetStatus, Scope,
};

use crate::policy::{Enforcement, Policy};

/// The newest version of which all rights are taken away.
const NEWEST: ABI = ABI::V6;

/// Where the loader finds libraries, and what the C library reads. Everything that is not there is skipped.
const READ_BY_ALL: [&str; 7] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/sys/devices/system/cpu",
    "/dev/urandom",
];

/// Takes away all access to files, ports and other processes that the policy does not name.
pub(crate) fn apply(policy: &Policy) -> Result<RulesetStatus, RulesetError> {
    let level = match policy.enforcement {
        Enforcement::Required => CompatLevel::HardRequirement,
        Enforcement::BestEffort | Enforcement::Off => CompatLevel::BestEffort,
    };
    let rules = Ruleset::default()
        .set_compatibility(level)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp)?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    let mut rules = rules.set_compatibility(CompatLevel::BestEffort);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    for path in READ_BY_ALL {
        rules = allow(rules, path, read)?;
    }
    rules = allow(rules, "/dev/null", AccessFs::ReadFile | AccessFs::WriteFile)?;
    for path in &policy.read {
        rules = allow(rules, path, read)?;
    }
    for path in policy
        .execute
        .iter()
        .map(AsRef::as_ref)
        .chain(policy.command.first().map(AsRef::as_ref))
    {
        let path: &std::path::Path = path;
        rules = allow(rules, path, read | AccessFs::Execute)?;
    }
    let change =
        AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile | AccessFs::Truncate;
    for path in &policy.write {
        rules = allow(rules, path, read | change)?;
    }
    let control = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    for path in &policy.devices {
        rules = allow(rules, path, control)?;
    }
    if let Some(port) = policy.port {
        rules = rules.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    Ok(rules.restrict_self()?.ruleset)
}

/// Allows access to a file, or to everything in a directory. What is not there needs no rule.
fn allow(
    rules: RulesetCreated,
    path: impl AsRef<std::path::Path>,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let path = path.as_ref();
    let Ok(opened) = PathFd::new(path) else {
        return Ok(rules);
    };
    // Rights of directories are refused for a file.
    let access = if path.is_dir() {
        access
    } else {
        access & AccessFs::from_file(NEWEST)
    };
    rules.add_rule(PathBeneath::new(opened, access))
}
