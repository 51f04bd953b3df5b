//! What a confined program may use, and how that travels on a command line.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::str::FromStr;

/// The first argument of the process that confines itself.
pub const SUBCOMMAND: &str = "confined";

/// How much of the confinement has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enforcement {
    /// Without all of it, nothing is started.
    Required,
    /// What the kernel offers is used.
    #[default]
    BestEffort,
    /// Only resource limits, the session and the parent-death signal are set.
    Off,
}

impl Enforcement {
    /// Its name in settings and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::BestEffort => "best-effort",
            Self::Off => "off",
        }
    }
}

impl FromStr for Enforcement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Required, Self::BestEffort, Self::Off]
            .into_iter()
            .find(|it| it.as_str() == text)
            .ok_or_else(|| format!("`{text}` must be `required`, `best-effort` or `off`"))
    }
}

/// What a confined program may use. Everything else is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// How much of this has to be enforced.
    pub enforcement: Enforcement,
    /// The process that has to be alive: the confined program is killed when it ends.
    pub parent: u32,
    /// The port that it may connect to, by TCP.
    pub port: Option<u16>,
    /// Memory for its data, bytes.
    pub memory: u64,
    /// Processor time, seconds.
    pub cpu_seconds: Option<u64>,
    /// Files and directories that it may read, beside those that every program needs.
    pub read: Vec<PathBuf>,
    /// Files that it may execute, beside itself.
    pub execute: Vec<PathBuf>,
    /// Directories in which it may make and change files.
    pub write: Vec<PathBuf>,
    /// Devices that it may read, write and control (`ioctl`). Their drivers reserve more address space than there is memory,
    /// so none of it is limited; its data still is.
    pub devices: Vec<PathBuf>,
    /// The program, and its arguments.
    pub command: Vec<OsString>,
}

/// A command line that is not one of [`Policy::arguments`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy cannot be read at `{0}`")]
pub struct MalformedPolicy(pub(crate) String);

impl Policy {
    /// The arguments of the process that confines itself, [`SUBCOMMAND`] first.
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec![SUBCOMMAND.into()];
        let mut add = |name: &str, value: &OsStr| arguments.extend([name.into(), value.to_owned()]);
        add("--enforcement", self.enforcement.as_str().as_ref());
        add("--parent", self.parent.to_string().as_ref());
        add("--memory", self.memory.to_string().as_ref());
        if let Some(port) = self.port {
            add("--port", port.to_string().as_ref());
        }
        if let Some(seconds) = self.cpu_seconds {
            add("--cpu-seconds", seconds.to_string().as_ref());
        }
        self.read.iter().for_each(|it| add("--read", it.as_ref()));
        self.execute
            .iter()
            .for_each(|it| add("--execute", it.as_ref()));
        self.write.iter().for_each(|it| add("--write", it.as_ref()));
        self.devices
            .iter()
            .for_each(|it| add("--device", it.as_ref()));
        arguments.push("--".into());
        arguments.extend(self.command.iter().cloned());
        arguments
    }

    /// Reads what [`Policy::arguments`] wrote, without [`SUBCOMMAND`].
    ///
    /// # Errors
    /// Names the argument that is unknown or has no usable value.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, MalformedPolicy> {
        let mut policy = Self::default();
        let mut arguments = arguments.into_iter();
        loop {
            let name = arguments
                .next()
                .ok_or_else(|| MalformedPolicy("its end".to_owned()))?;
            if name == "--" {
                policy.command = arguments.collect();
                return Ok(policy);
            }
            let malformed = || MalformedPolicy(name.to_string_lossy().into_owned());
            let value = arguments.next().ok_or_else(malformed)?;
            match name.to_str() {
                Some("--enforcement") => {
                    policy.enforcement = number(&value).ok_or_else(malformed)?
                }
                Some("--parent") => policy.parent = number(&value).ok_or_else(malformed)?,
                Some("--memory") => policy.memory = number(&value).ok_or_else(malformed)?,
                Some("--port") => policy.port = Some(number(&value).ok_or_else(malformed)?),
                Some("--cpu-seconds") => {
                    policy.cpu_seconds = Some(number(&value).ok_or_else(malformed)?)
                }
                Some("--read") => policy.read.push(value.into()),
                Some("--execute") => policy.execute.push(value.into()),
                Some("--write") => policy.write.push(value.into()),
                Some("--device") => policy.devices.push(value.into()),
                Some(_) | None => return Err(malformed()),
            }
        }
    }
}

/// A value that is not a path.
fn number<T: FromStr>(value: &OsStr) -> Option<T> {
    value.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn a_policy_survives_the_command_line() {
        let policy = Policy {
            enforcement: Enforcement::Required,
            parent: 77,
            port: Some(4711),
            memory: 1 << 30,
            cpu_seconds: Some(60),
            read: vec!["/a b".into(), OsString::from_vec(vec![b'/', 0xff]).into()],
            execute: vec!["/lib/ld.so".into()],
            write: vec!["--".into()],
            devices: vec!["/dev/dri/renderD128".into()],
            command: ["/usr/bin/ffmpeg", "--", "--port", "1"]
                .map(OsString::from)
                .to_vec(),
        };
        let arguments = policy.arguments();
        assert_eq!(arguments[0], SUBCOMMAND);
        assert_eq!(Policy::parse(arguments.into_iter().skip(1)), Ok(policy));
        assert_eq!(
            Policy::parse(Policy::default().arguments().into_iter().skip(1)),
            Ok(Policy::default())
        );
    }

    #[test]
    fn what_is_not_a_policy_is_refused() {
        for bad in [
            vec![],
            vec!["--port"],
            vec!["--port", "x", "--"],
            vec!["--network", "all", "--"],
        ] {
            let arguments = bad.iter().map(OsString::from);
            assert!(Policy::parse(arguments).is_err(), "{bad:?}");
        }
    }
}
