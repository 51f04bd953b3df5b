//! Resource limits, and the memory that there is to divide.

use std::path::Path;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::policy::{Enforcement, Policy};

/// Descriptors: connections, and one library at a time.
const DESCRIPTORS: u64 = 256;

/// Address space that the allocator of the C library reserves for each processor without using it, bytes: at most eight
/// arenas of 64 MiB, and one more while an arena is aligned.
const RESERVED_PER_PROCESSOR: u64 = 640 << 20;

/// Address space for the program itself and its libraries, bytes.
const PROGRAM: u64 = 1 << 30;

/// Sets the limits of this process, which the program that it executes inherits.
pub(crate) fn apply(policy: &Policy) -> rustix::io::Result<()> {
    let processors = std::thread::available_parallelism().map_or(1, |it| it.get() as u64);
    // Data is what is written to; the address space also has what is only reserved.
    let address_space = policy
        .memory
        .saturating_add(PROGRAM)
        .saturating_add(processors * RESERVED_PER_PROCESSOR);
    let mut limits = vec![
        (Resource::Core, 0),
        (Resource::Nofile, DESCRIPTORS),
        (Resource::Data, policy.memory),
    ];
    if policy.devices.is_empty() {
        limits.push((Resource::As, address_space));
    }
    limits.extend(policy.cpu_seconds.map(|it| (Resource::Cpu, it.max(1))));
    if policy.write.is_empty() && policy.enforcement != Enforcement::Off {
        limits.push((Resource::Fsize, 0));
    }
    for (resource, value) in limits {
        let present = rustix::process::getrlimit(resource)
            .maximum
            .unwrap_or(u64::MAX);
        let value = value.min(present);
        setrlimit(
            resource,
            Rlimit {
                current: Some(value),
                maximum: Some(value),
            },
        )?;
    }
    Ok(())
}

/// Memory that this process and its children may use, bytes: that of its control group, or that of the machine.
pub fn machine_memory() -> u64 {
    let system = rustix::system::sysinfo();
    let total = (system.totalram as u64).saturating_mul(u64::from(system.mem_unit.max(1)));
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    group_limits(&groups, Path::new("/sys/fs/cgroup")).fold(total, u64::min)
}

/// How many processes of its control groups the kernel has ended because their memory was used up; 0 if that is unknown.
pub fn memory_kills() -> u64 {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    group_kills(&groups, Path::new("/sys/fs/cgroup"))
}

fn group_kills(groups: &str, root: &Path) -> u64 {
    let files = group_files(groups, root, ["memory.events", "memory.oom_control"]);
    let kills = files.filter_map(|text| {
        let line = text.lines().find_map(|it| it.strip_prefix("oom_kill "))?;
        line.trim().parse::<u64>().ok()
    });
    kills.max().unwrap_or(0)
}

/// The limits of the control groups that a process is in.
fn group_limits<'a>(groups: &'a str, root: &'a Path) -> impl Iterator<Item = u64> + 'a {
    let files = group_files(groups, root, ["memory.max", "memory.limit_in_bytes"]);
    files.filter_map(|text| text.trim().parse().ok())
}

/// The contents of a file of all control groups that a process is in, as `/proc/self/cgroup` names them. `names`: of the
/// file in version 2 and in version 1. Each group above may have a limit too. In a container, the name may be that of the
/// host, and the group is the root.
fn group_files<'a>(
    groups: &'a str,
    root: &'a Path,
    [version_2, version_1]: [&'static str; 2],
) -> impl Iterator<Item = String> + 'a {
    let files = groups.lines().filter_map(move |line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let path = Path::new(path.trim_start_matches('/'));
        match controllers {
            "" => Some((root.to_owned(), path, version_2)),
            names if names.split(',').any(|it| it == "memory") => {
                Some((root.join("memory"), path, version_1))
            }
            _ => None,
        }
    });
    files.flat_map(|(root, path, name)| {
        let files = path.ancestors().map(move |it| root.join(it).join(name));
        files.filter_map(|it| std::fs::read_to_string(it).ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_limit_of_all_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("pod/memory.max", "2147483648\n");
        write("pod/container/memory.max", "max\n");
        write("memory/job/memory.limit_in_bytes", "1073741824\n");
        let smallest = |groups: &str| group_limits(groups, root.path()).min();
        assert_eq!(smallest("0::/pod/container\n"), Some(2 << 30));
        assert_eq!(smallest("0::/other\n"), None);
        assert_eq!(
            smallest("5:cpu,memory:/job\n4:cpu:/pod\n0::/pod\n"),
            Some(1 << 30)
        );
        assert_eq!(smallest(""), None);
        write("pod/memory.events", "low 0\noom 3\noom_kill 2\n");
        write(
            "memory/job/memory.oom_control",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n",
        );
        let kills = |groups: &str| group_kills(groups, root.path());
        assert_eq!(kills("0::/pod/container\n"), 2);
        assert_eq!(kills("5:cpu,memory:/job\n0::/pod\n"), 5);
        assert_eq!(kills("0::/other\n"), 0);
    }

    #[test]
    fn there_is_memory() {
        assert!(machine_memory() > 64 << 20);
    }
}
