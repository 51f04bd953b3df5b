//! A stand-in for FFmpeg that fails as it is asked to: this test program itself, started again by a script.
//!
//! It delivers prepared segments to the addresses on its command line. Where a [`Fault`] applies to a run, it does
//! what the fault says instead: it dies, stalls, ends early, or delivers something else.

mod fault;

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use domain::plan::EncodePlan;
use domain::segment::Lane;
use media::ts::PACKET_BYTES;
use rustix::process::{Signal, getpid, kill_process};

pub(crate) use self::fault::{Arrival, End, Fault, Task};
use super::{objects_of, planned_segment};
use crate::ffmpeg::{PREVIEW_ENCODER, Tools};

/// The folder of a stand-in: its programs, its script, and what it delivers.
pub(crate) struct FakeFfmpeg {
    folder: PathBuf,
}

/// Where the program finds its folder.
const FOLDER: &str = "EDGEREEL_FAKE_FFMPEG";

/// Images that a run for images delivers: as many as the default profile asks for.
const PICTURES: u32 = 10;

impl FakeFfmpeg {
    pub(crate) fn new(folder: PathBuf) -> Self {
        fs::create_dir_all(folder.join("segments")).unwrap();
        let this = Self { folder };
        let (program, folder) = (std::env::current_exe().unwrap(), this.folder.display());
        let test = concat!(module_path!(), "::program")
            .split_once("::")
            .unwrap()
            .1;
        let arguments = format!("--exact {test} --nocapture --test-threads=1");
        write_program(
            &this.folder.join("ffmpeg"),
            &format!(
                "{FOLDER}='{folder}' exec '{}' {arguments} -- \"$@\"",
                program.display()
            ),
        );
        let answers =
            "case \"$*\" in *frame=*) of=frames;; *packet=*) of=packets;; *) of=streams;; esac";
        write_program(
            &this.folder.join("ffprobe"),
            &format!("{answers}\n. '{folder}/'$of"),
        );
        for kind in ["frames", "packets", "streams"] {
            this.probe_says(kind, "echo 'this stand-in has no answer' >&2; exit 1");
        }
        this.set_faults(&[]);
        this
    }

    pub(crate) fn tools(&self) -> Tools {
        let mut tools = Tools::bare();
        (tools.ffmpeg, tools.ffprobe) = (self.folder.join("ffmpeg"), self.folder.join("ffprobe"));
        tools.encoders = [PREVIEW_ENCODER.to_owned()]
            .into_iter()
            .collect::<HashSet<_>>()
            .into();
        tools
    }

    /// What ffprobe does when it is asked for `streams`, `frames` or `packets`: a shell script.
    pub(crate) fn probe_says(&self, kind: &str, script: &str) {
        fs::write(self.folder.join(kind), script).unwrap();
    }

    /// Prepares what the runs of a plan deliver.
    pub(crate) fn prepare(&self, plan: &EncodePlan) {
        for lane in Lane::ALL {
            for (rendition, index) in objects_of(plan, lane) {
                self.put(
                    rendition.as_str(),
                    index,
                    &planned_segment(plan, lane, &rendition, index),
                );
            }
        }
    }

    /// What a survey of the source lists.
    pub(crate) fn survey_says(&self, list: &str) {
        fs::write(self.folder.join("survey"), list).unwrap();
    }

    /// Replaces what is delivered as one segment.
    pub(crate) fn put(&self, rendition: &str, index: u32, bytes: &[u8]) {
        let folder = self.folder.join("segments").join(rendition);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{index}.ts")), bytes).unwrap();
    }

    pub(crate) fn set_faults(&self, faults: &[Fault]) {
        drop(fs::remove_dir_all(self.folder.join("used")));
        fs::create_dir_all(self.folder.join("used")).unwrap();
        fs::write(
            self.folder.join("faults.json"),
            serde_json::to_vec(faults).unwrap(),
        )
        .unwrap();
    }

    /// The runs so far: what each was for, and the number of its first segment.
    pub(crate) fn runs(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("runs")).unwrap_or_default();
        let mut runs: Vec<String> = text.lines().map(str::to_owned).collect();
        runs.sort();
        runs
    }

    pub(crate) fn forget_runs(&self) {
        drop(fs::remove_file(self.folder.join("runs")));
    }
}

/// Writes a script from another process: a file that this one has open for writing could not be executed while any
/// thread starts a child.
fn write_program(path: &Path, script: &str) {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "cat > \"$0\" && chmod 700 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped());
    let mut shell = shell.spawn().unwrap();
    let mut input = shell.stdin.take().unwrap();
    write!(input, "#!/bin/sh\n{script}\n").unwrap();
    drop(input);
    assert!(shell.wait().unwrap().success());
}

/// The stand-in itself. In an ordinary run of the tests there is nothing to do.
#[test]
fn program() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let arguments: Vec<String> = std::env::args()
        .skip_while(|it| it != "--")
        .skip(1)
        .collect();
    Run::parse(Path::new(&folder), &arguments).perform();
}

/// An output of the command line.
struct Output {
    url: String,
    name: String,
    first: u32,
    count: u32,
}

struct Run {
    folder: PathBuf,
    task: Task,
    outputs: Vec<Output>,
}

impl Run {
    fn parse(folder: &Path, arguments: &[String]) -> Self {
        let (mut outputs, mut first, mut count, mut sheet) = (vec![], 0, 1, false);
        for (index, argument) in arguments.iter().enumerate() {
            let value = || arguments[index + 1].as_str();
            match argument.as_str() {
                "-segment_start_number" => first = value().parse().unwrap(),
                "-segment_times" => count = value().split(',').count() as u32 + 1,
                "-segment_time" => count = 1,
                "-start_number" => first = value().parse().unwrap(),
                "-filter_complex" => sheet = value().contains("tile="),
                url if url.starts_with("http://ffmpeg:@") => {
                    let name = url.rsplit('/').nth(1).unwrap().to_owned();
                    if name == "images" {
                        (first, count) = (first.max(1), if sheet { 1 } else { PICTURES });
                    }
                    if matches!(&*name, "captions" | "closed-captions") {
                        let file = url.rsplit('/').next().unwrap();
                        first = file.split('.').next().unwrap().parse().unwrap();
                    }
                    outputs.push(Output {
                        url: url.to_owned(),
                        name,
                        first,
                        count,
                    });
                    (first, count) = (0, 1);
                }
                _ => {}
            }
        }
        let any = |name: &str| outputs.iter().any(|it| it.name == name);
        let task = match () {
            () if any("source") => Task::Copy,
            () if any("iframes") => Task::Encode,
            () if any("images") => Task::Images,
            () if any("poster") => Task::Poster,
            () if any("preview") => Task::Preview,
            () if any("speech") => Task::Speech,
            () if any("captions") => Task::Captions,
            () if any("closed-captions") => Task::ClosedCaptions,
            () if any("survey") => Task::Survey,
            () if any("relay") => Task::Feed,
            () if outputs.iter().any(|it| !it.name.starts_with("audio")) => Task::First,
            () => Task::Audio,
        };
        Self {
            folder: folder.to_owned(),
            task,
            outputs,
        }
    }

    fn perform(&self) -> ! {
        let first = self
            .outputs
            .iter()
            .find(|it| it.name != "iframes")
            .map_or(0, |it| it.first);
        let runs = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.folder.join("runs"));
        runs.unwrap()
            .write_all(format!("{:?} {first}\n", self.task).as_bytes())
            .unwrap();
        let fault = self.fault(first).unwrap_or_else(|| Fault::of(self.task));
        let longest = self
            .outputs
            .iter()
            .map(|it| it.count)
            .max()
            .unwrap_or(0)
            .min(fault.segments);
        let order: Vec<u32> = match fault.arrival {
            Arrival::Backwards => (0..longest).rev().collect(),
            _ => (0..longest).collect(),
        };
        for index in order {
            for output in self.outputs.iter().filter(|it| index < it.count) {
                let concerned = fault.faulty.is_none_or(|it| it == index);
                let arrival = if concerned {
                    fault.arrival
                } else {
                    Arrival::Whole
                };
                if let Err(problem) = self.deliver(output, output.first + index, arrival) {
                    eprintln!("[error] {}: {problem}", output.url);
                    std::process::exit(1);
                }
            }
        }
        if !fault.log.is_empty() {
            eprintln!("[error] {}", fault.log);
        }
        eprintln!("[info] bench: utime=0.250s stime=0.050s rtime=0.100s");
        end(fault.end)
    }

    /// The fault that applies to this run.
    fn fault(&self, first: u32) -> Option<Fault> {
        let faults: Vec<Fault> =
            serde_json::from_slice(&fs::read(self.folder.join("faults.json")).unwrap()).unwrap();
        let applies = |it: &Fault| it.task == self.task && it.first.is_none_or(|it| it == first);
        let takes_a_turn = |index: usize, fault: &Fault| {
            let turn = |number| self.folder.join("used").join(format!("{index}-{number}"));
            (0..fault.times).any(|it| fs::File::create_new(turn(it)).is_ok())
        };
        faults
            .into_iter()
            .enumerate()
            .find(|(index, it)| applies(it) && takes_a_turn(*index, it))
            .map(|it| it.1)
    }

    fn deliver(&self, output: &Output, number: u32, arrival: Arrival) -> io::Result<()> {
        let url = output.url.replace("%d", &number.to_string());
        let path = match self.task {
            Task::Survey => self.folder.join("survey"),
            _ => self
                .folder
                .join("segments")
                .join(&output.name)
                .join(format!("{number}.ts")),
        };
        let body = fs::read(path).unwrap_or_else(|_| b"a picture".to_vec());
        let half = body.len() / 2;
        let middle = half - half % PACKET_BYTES;
        match arrival {
            Arrival::Whole | Arrival::Backwards => post(&url, &body, body.len(), true),
            Arrival::Twice => post(&url, &body, body.len(), true)
                .and_then(|()| post(&url, &body, body.len(), true)),
            Arrival::WithoutWaiting => post(&url, &body, body.len(), false),
            Arrival::Short => post(&url, &body[..middle], middle, true),
            Arrival::Cut => post(&url, &body[..half + 1], half + 1, true),
            Arrival::BrokenOff => post(&url, &body[..half], body.len(), false),
            Arrival::Garbage => post(&url, &vec![0x55; body.len()], body.len(), true),
            Arrival::Gap => {
                let body = [&body[..middle], &body[middle + PACKET_BYTES..]].concat();
                post(&url, &body, body.len(), true)
            }
            Arrival::Misdirected => {
                post(&url.replace(&output.name, "9999p"), &body, body.len(), true)
            }
        }
    }
}

/// Sends a file as FFmpeg does: the server has to agree first.
fn post(url: &str, body: &[u8], length: usize, waits: bool) -> io::Result<()> {
    let (host, path) = url
        .strip_prefix("http://ffmpeg:@")
        .and_then(|it| it.split_once('/'))
        .unwrap();
    let mut stream = TcpStream::connect(host)?;
    let head = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let mut answer = [0; 1024];
    let count = stream.read(&mut answer)?;
    if answer[..count].starts_with(b"HTTP/1.1 100") {
        stream.write_all(body)?;
        if !waits {
            return Ok(());
        }
        let count = stream.read(&mut answer)?;
        return accepted(&answer[..count]);
    }
    accepted(&answer[..count])
}

fn accepted(answer: &[u8]) -> io::Result<()> {
    let head = String::from_utf8_lossy(answer);
    match head.starts_with("HTTP/1.1 201") {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "the server answered {:?}",
            head.lines().next()
        ))),
    }
}

fn end(end: End) -> ! {
    let signal = match end {
        End::Exit(code) => std::process::exit(code),
        End::Abort => Signal::ABORT,
        End::Kill => Signal::KILL,
        End::ExceedCpu => Signal::XCPU,
        // Nobody waits that long.
        End::Stall => {
            std::thread::sleep(Duration::from_secs(120));
            Signal::KILL
        }
    };
    kill_process(getpid(), signal).unwrap();
    std::thread::sleep(Duration::from_secs(10));
    std::process::exit(1)
}

#[cfg(test)]
mod tests;
