//! A transcriber on this machine.

use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use super::{Speech, extend, failed};
use crate::error::TranscodeError;

/// Variables of this process that the command sees. The others have secrets of the installation.
const INHERITED: [&str; 4] = ["HOME", "LANG", "PATH", "TMPDIR"];

/// Bytes of its log that are kept: the end says why it failed.
const LOG_BYTES: usize = 4 << 10;

/// Runs a command line. Returns what it wrote to its standard output. Dropping the future ends the
/// command and everything that it started.
pub(super) async fn run(line: &str, speech: Speech<'_>) -> Result<Vec<u8>, TranscodeError> {
    let io = |doing: &str| {
        let doing = format!("could not {doing} the transcriber");
        move |source| TranscodeError::Io { doing, source }
    };
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", line])
        .env_clear()
        .envs(
            INHERITED
                .iter()
                .filter_map(|it| Some((it, std::env::var_os(it)?))),
        )
        .env("EDGEREEL_AUDIO", speech.audio)
        .env("EDGEREEL_LANGUAGE", speech.language.as_str())
        .env("EDGEREEL_VIDEO", speech.video.to_string())
        // Files that it writes there go with the audio.
        .current_dir(speech.audio.parent().unwrap_or(speech.audio))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(io("start"))?;
    let group = Group::of(&child);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (captions, log) = tokio::join!(read_captions(stdout), read_log(stderr));
    let captions = captions.map_err(io("read the captions of"))??;
    let status = child.wait().await.map_err(io("wait for"))?;
    drop(group);
    if status.success() {
        return Ok(captions);
    }
    Err(failed(ended(status, &log)))
}

async fn read_captions(
    stdout: Option<impl AsyncRead + Unpin>,
) -> std::io::Result<Result<Vec<u8>, TranscodeError>> {
    let (mut captions, mut buffer) = (vec![], vec![0; 16 << 10]);
    let Some(mut stdout) = stdout else {
        return Ok(Ok(captions));
    };
    loop {
        let count = stdout.read(&mut buffer).await?;
        if count == 0 {
            return Ok(Ok(captions));
        }
        if let Err(problem) = extend(&mut captions, &buffer[..count]) {
            return Ok(Err(problem));
        }
    }
}

/// The end of its log. A log that cannot be read is empty.
async fn read_log(stderr: Option<impl AsyncRead + Unpin>) -> String {
    let (mut log, mut buffer) = (vec![], vec![0; LOG_BYTES]);
    if let Some(mut stderr) = stderr {
        while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
            log.extend_from_slice(&buffer[..count]);
            log.drain(..log.len().saturating_sub(LOG_BYTES));
        }
    }
    String::from_utf8_lossy(&log).trim().to_owned()
}

fn ended(status: ExitStatus, log: &str) -> String {
    match log {
        "" => format!("it ended with {status}, and wrote no error"),
        log => format!("it ended with {status}: {log}"),
    }
}

/// A process and everything that it started, which is killed when dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|it| i32::try_from(it).ok());
        Self(id.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It fails if all have ended. The group keeps its id while one of them runs.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
