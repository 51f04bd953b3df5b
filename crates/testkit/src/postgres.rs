//! A dedicated PostgreSQL server.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::server::{Server, free_port};

/// The user `nobody`, because PostgreSQL refuses to run as root.
const NOBODY: u32 = 65534;
/// Attempts with another port each, in case another process takes the first one.
const ATTEMPTS: u32 = 3;

/// A running server. It sorts with a natural-language collation, and defaults to serializable
/// transactions, so that our code has to state explicitly what it relies on.
pub struct Postgres {
    programs: PathBuf,
    port: u16,
    databases: AtomicU32,
    server: Server,
}

impl Postgres {
    /// Starts a server; `None` (and a note) if PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts a server with TLS, with a [`certificate`](Self::certificate) for `localhost`.
    pub fn start_with_tls() -> Option<Self> {
        Self::start_with(&[
            "ssl=on",
            "ssl_cert_file=../server.crt",
            "ssl_key_file=../server.key",
        ])
    }

    fn start_with(settings: &[&str]) -> Option<Self> {
        let Some(programs) = programs() else {
            crate::missing("PostgreSQL", crate::INSTALL);
            return None;
        };
        let mut logs = String::new();
        for _ in 0..ATTEMPTS {
            let folder = tempfile::tempdir().expect("a temporary directory");
            initialise(&programs, &folder);
            if !settings.is_empty() {
                make_certificate(folder.path());
            }
            let port = free_port();
            let mut command = unprivileged(&programs.join("postgres"));
            command
                .arg("-D")
                .arg(folder.path().join("data"))
                .args(["-p", &port.to_string()]);
            command.arg("-k").arg(folder.path());
            let common = [
                "listen_addresses=127.0.0.1",
                "fsync=off",
                "max_connections=200",
                "default_transaction_isolation=serializable",
            ];
            for setting in common.iter().chain(settings) {
                command.args(["-c", setting]);
            }
            let mut server = Server::start(command, folder, Signal::QUIT);
            let probe = || {
                let mut command = client(&programs, "pg_isready", port);
                command.output().expect("pg_isready runs").status.success()
            };
            if server.wait_until(probe) {
                return Some(Self {
                    programs,
                    port,
                    databases: AtomicU32::new(0),
                    server,
                });
            }
            logs += &server.log();
        }
        panic!("PostgreSQL does not start:\n{logs}");
    }

    /// Creates an empty database, and returns its URL.
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut command = client(&self.programs, "createdb", self.port);
        run(command.arg(&name));
        format!("postgres://test@127.0.0.1:{}/{name}", self.port)
    }

    /// Path of the certificate that clients of a server with TLS must trust.
    pub fn certificate(&self) -> PathBuf {
        self.server.folder().join("server.crt")
    }
}

/// The directory with the programs of the newest installed PostgreSQL.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .filter_map(|it| {
            Some((
                it.file_name().to_str()?.parse::<u32>().ok()?,
                it.path().join("bin"),
            ))
        })
        .filter(|(_, folder)| folder.join("initdb").exists())
        .max();
    let on_path =
        || std::env::split_paths(&std::env::var_os("PATH")?).find(|it| it.join("initdb").exists());
    newest.map(|(_, folder)| folder).or_else(on_path)
}

fn initialise(programs: &Path, folder: &TempDir) {
    if is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may give a directory away");
    }
    let mut command = unprivileged(&programs.join("initdb"));
    command.arg("-D").arg(folder.path().join("data"));
    command.args([
        "-U",
        "test",
        "-A",
        "trust",
        "--no-sync",
        "-E",
        "UTF8",
        "--locale=C",
    ]);
    if has_icu(programs) {
        command.args(["--locale-provider=icu", "--icu-locale=en-US"]);
    }
    run(&mut command);
}

/// Available since PostgreSQL 15.
fn has_icu(programs: &Path) -> bool {
    let help = Command::new(programs.join("initdb"))
        .arg("--help")
        .output()
        .expect("initdb runs");
    String::from_utf8_lossy(&help.stdout).contains("--icu-locale")
}

fn make_certificate(folder: &Path) {
    let (key, certificate) = (folder.join("server.key"), folder.join("server.crt"));
    let mut command = Command::new("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]);
    command.args([
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
    ]);
    command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    run(command
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(certificate));
    std::fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("our own file");
    if is_root() {
        chown(&key, Some(NOBODY), Some(NOBODY)).expect("root may give a file away");
    }
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// A command without variables of our environment that change its behaviour.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .current_dir("/");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn client(programs: &Path, program: &str, port: u16) -> Command {
    let mut command = unprivileged(&programs.join(program));
    command.args(["-h", "127.0.0.1", "-U", "test", "-p", &port.to_string()]);
    command
}

fn run(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
