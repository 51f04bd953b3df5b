//! A dedicated LocalStack: an emulation of Amazon's S3 and SQS.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::server::{Server, free_port};

/// Attempts with another port each, in case another process takes the first one.
const ATTEMPTS: u32 = 3;

/// A running server.
pub struct LocalStack {
    port: u16,
    _server: Server,
}

impl LocalStack {
    /// The access key id and secret access key that it accepts.
    pub const KEY: &str = "test";
    /// The region that it emulates.
    pub const REGION: &str = "us-east-1";

    /// Starts a server; `None` (and a note) if LocalStack is not installed.
    pub fn start() -> Option<Self> {
        let python = crate::tool("localstack", "python")?;
        let mut logs = String::new();
        for _ in 0..ATTEMPTS {
            let folder = tempfile::tempdir().expect("a temporary directory");
            let port = free_port();
            let address = format!("127.0.0.1:{port}");
            let mut command = Command::new(&python);
            command
                .args(["-m", "localstack.runtime.main"])
                .env_clear()
                .env("PATH", "/usr/bin:/bin");
            command
                .env("HOME", folder.path())
                .env("TMPDIR", folder.path());
            command
                .env("LOCALSTACK_VOLUME_DIR", folder.path())
                .env("FILESYSTEM_ROOT", folder.path());
            command
                .env("GATEWAY_LISTEN", &address)
                .env("LOCALSTACK_HOST", &address);
            command.envs([
                ("SERVICES", "sqs,s3"),
                ("SQS_ENDPOINT_STRATEGY", "path"),
                ("S3_SKIP_SIGNATURE_VALIDATION", "0"),
                // No telemetry, and no downloads.
                ("DISABLE_EVENTS", "1"),
                ("SKIP_SSL_CERT_DOWNLOAD", "1"),
                ("DNS_ADDRESS", "0"),
            ]);
            let mut server = Server::start(command, folder, Signal::TERM);
            if server.wait_until(|| is_ready(port)) {
                return Some(Self {
                    port,
                    _server: server,
                });
            }
            logs += &server.log();
        }
        panic!("LocalStack does not start:\n{logs}");
    }

    /// URL of the server, `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn is_ready(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(
            b"GET /_localstack/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|it| it.starts_with("HTTP/1.1 200"))
}
