//! Probes a source with ffprobe.

use std::process::Stdio;
use std::time::Duration;

use domain::failure::SourceProblem;
use tokio::io::AsyncReadExt as _;
use tokio::process::{ChildStderr, ChildStdout};
use tokio::task::JoinHandle;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::launcher::{Needs, start};
use crate::ffmpeg::process::{Death, OUT_OF_MEMORY, STOPPING};

mod frames;
mod hdr;
mod streams;

pub(crate) use frames::{FrameFacts, key_frames};
pub(crate) use streams::{
    CaptionedVideo, Found, FoundAudio, MOST_TRACKS, Streams, Subtitles, TextTrack, parse_streams,
};

/// Time limit: if ffprobe takes longer, the store does not respond.
const TIME_LIMIT: Duration = Duration::from_secs(180);

/// Processor time limit: headers that need more are hostile.
const CPU_LIMIT: Duration = Duration::from_secs(60);

/// Maximum output, bytes: longer output is hostile. The longest is the list of all keyframes of a
/// long video.
const LONGEST_ANSWER: u64 = 16 << 20;

/// Maximum size of ffprobe's error output that is read, bytes.
const LONGEST_LOG: u64 = 64 << 10;

/// The requested properties, and nothing else: other tags and images can be as large as the file.
const ENTRIES: &str = "stream=index,codec_type,codec_name,codec_tag_string,profile,width,height,sample_aspect_ratio,pix_fmt,\
     sample_fmt,field_order,color_range,color_transfer,color_space,color_primaries,r_frame_rate,avg_frame_rate,time_base,start_pts,\
     start_time,duration,bit_rate,channels,sample_rate\
     :stream_disposition=default,attached_pic,forced,comment,visual_impaired,descriptions,hearing_impaired\
     :stream_tags=language,title:stream_side_data=displaymatrix,rotation,dv_profile,\
     dv_bl_signal_compatibility_id,red_x,red_y,green_x,green_y,blue_x,blue_y,white_point_x,\
     white_point_y,min_luminance,max_luminance,max_content,max_average\
     :program=program_id:program_stream=index:chapter=start_time:chapter_tags=title:format=duration";

/// How much of a source FFmpeg reads to find its streams, if that is more than the default: streams
/// of a transport or program stream can begin late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Depth {
    /// Maximum bytes to read.
    pub bytes: u64,
    /// Maximum duration to read, seconds.
    pub seconds: u64,
}

/// The leading arguments of every run that reads the source. The demuxer is forced, never guessed:
/// an upload that is a playlist or a script must not make FFmpeg read a file or contact a host.
pub(crate) fn input_arguments(demuxer: &str) -> Vec<String> {
    arguments_of_input("http,tcp", demuxer)
}

/// The leading arguments of an image in a local file, which stays as it is: `domain` reads its size
/// without regard to a rotation in its metadata.
pub(crate) fn image_arguments(demuxer: &str) -> Vec<String> {
    let mut arguments = ["-noautorotate", "-threads", "1"]
        .map(str::to_owned)
        .to_vec();
    arguments.extend(arguments_of_input("file", demuxer));
    arguments
}

fn arguments_of_input(protocols: &str, demuxer: &str) -> Vec<String> {
    let limits = ["-max_pixels", MOST_PIXELS, "-max_streams", MOST_STREAMS];
    let kind = [
        "-protocol_whitelist",
        protocols,
        "-format_whitelist",
        demuxer,
        "-f",
        demuxer,
    ];
    limits.into_iter().chain(kind).map(str::to_owned).collect()
}

/// Maximum frame size that is decoded, whatever the profile allows: 8192 x 8192 pixels.
const MOST_PIXELS: &str = "67108864";

/// Maximum number of streams: a whole broadcast multiplex has fewer.
const MOST_STREAMS: &str = "256";

/// The largest single allocation of FFmpeg, bytes: a frame of [`MOST_PIXELS`] of four times 16
/// bits.
pub(crate) const MAX_ALLOC: [&str; 2] = ["-max_alloc", "536870912"];

impl Depth {
    /// The input options for this depth.
    pub(crate) fn arguments(self) -> Vec<String> {
        let micros = self.seconds * 1_000_000;
        [
            "-probesize",
            &self.bytes.to_string(),
            "-analyzeduration",
            &micros.to_string(),
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

/// Probes the streams of a source.
pub(crate) async fn streams(
    tools: &Tools,
    demuxer: &str,
    url: &str,
    depth: Option<Depth>,
) -> Result<Streams, TranscodeError> {
    let mut arguments = input_arguments(demuxer);
    arguments.extend(depth.into_iter().flat_map(Depth::arguments));
    arguments.extend(["-show_entries", ENTRIES, "-of", "json"].map(str::to_owned));
    let ProbeOutput { output, log } = ffprobe(tools, &arguments, url).await?;
    let mut found = parse_streams(&output)?;
    // FFmpeg opened no decoder in that case, and does not report the size.
    let is_unknown = matches!(&found, Streams::Video(it) if it.video.width == 0);
    if let Some(problem) = too_large(&log).filter(|_| is_unknown) {
        return Err(problem.into());
    }
    if let Streams::Video(it) = &mut found {
        hdr::complete(tools, demuxer, url, depth, &mut it.video).await?;
    }
    Ok(found)
}

/// The output of ffprobe.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProbeOutput {
    /// Standard output.
    pub output: String,
    /// Error messages, although it succeeded.
    log: String,
}

/// Parses `Picture size 10000x10000 exceeds specified max pixel count 67108864`, as FFmpeg (5.1 to
/// 9.0) prints it.
fn too_large(log: &str) -> Option<SourceProblem> {
    let (before, _) = log.split_once(" exceeds specified max pixel count")?;
    let (width, height) = before.rsplit_once("Picture size ")?.1.split_once('x')?;
    let limit_pixels = MOST_PIXELS.parse().ok()?;
    Some(SourceProblem::TooManyPixels {
        width: width.parse().ok()?,
        height: height.parse().ok()?,
        limit_pixels,
    })
}

/// Runs ffprobe and returns its output.
///
/// # Errors
/// The problem of the source, if ffprobe failed by itself; another error if it was ended from
/// outside.
pub(crate) async fn ffprobe(
    tools: &Tools,
    arguments: &[String],
    url: &str,
) -> Result<ProbeOutput, TranscodeError> {
    let mut child = Probing::start(tools, arguments, url, CPU_LIMIT).await?;
    let mut output = Vec::new();
    let mut answer = (&mut child.output).take(LONGEST_ANSWER + 1);
    let late = |_| TranscodeError::TimedOut {
        task: "read the header".to_owned(),
        log_tail: String::new(),
    };
    let read = tokio::time::timeout(TIME_LIMIT, answer.read_to_end(&mut output))
        .await
        .map_err(late)?;
    read.map_err(TranscodeError::Spawn)?;
    if output.len() as u64 > LONGEST_ANSWER {
        return Err(SourceProblem::TooDemanding.into());
    }
    let log = child.end("read the header").await?;
    Ok(ProbeOutput {
        output: String::from_utf8_lossy(&output).into_owned(),
        log,
    })
}

/// A running ffprobe. When dropped, it is killed.
pub(crate) struct Probing {
    child: tokio::process::Child,
    /// Its standard output.
    pub(crate) output: ChildStdout,
    errors: JoinHandle<Vec<u8>>,
}

impl Probing {
    /// Starts ffprobe on the source at `url`, with a processor time limit of `cpu`.
    pub(crate) async fn start(
        tools: &Tools,
        arguments: &[String],
        url: &str,
        cpu: Duration,
    ) -> Result<Self, TranscodeError> {
        let port = url::Url::parse(url).ok().and_then(|it| it.port());
        let mut all: Vec<String> = ["-hide_banner", "-loglevel", "error"]
            .map(str::to_owned)
            .to_vec();
        all.extend(MAX_ALLOC.map(str::to_owned));
        all.extend(arguments.iter().cloned());
        all.push(url.to_owned());
        let needs = Needs {
            port,
            cpu: Some(cpu),
            ..Needs::default()
        };
        let mut command = tokio::process::Command::from(tools.ffprobe(&all, &needs));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = start(move || command.spawn())
            .await
            .map_err(TranscodeError::Spawn)?;
        let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(TranscodeError::Spawn(std::io::Error::other(
                "it has no output",
            )));
        };
        // Errors are read concurrently, because ffprobe blocks on a full pipe.
        Ok(Self {
            child,
            output,
            errors: tokio::spawn(read_errors(errors)),
        })
    }

    /// Waits for its end, and returns its error messages.
    ///
    /// # Errors
    /// As [`ffprobe`].
    pub(crate) async fn end(mut self, task: &str) -> Result<String, TranscodeError> {
        let status = tokio::time::timeout(TIME_LIMIT, self.child.wait())
            .await
            .map_err(|_| TranscodeError::TimedOut {
                task: task.to_owned(),
                log_tail: String::new(),
            })?
            .map_err(TranscodeError::Spawn)?;
        let log = self.errors.await.unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        if status.success() {
            return Ok(log);
        }
        match Death::of(status) {
            Death::Failed => Err(problem_of(&log).into()),
            Death::Crashed => Err(SourceProblem::Damaged.into()),
            Death::TooMuch => Err(SourceProblem::TooDemanding.into()),
            Death::NotStarted => Err(TranscodeError::Spawn(std::io::Error::other(
                log.trim().to_owned(),
            ))),
            Death::Interrupted => {
                // The signal that ended it may also end this process: then the caller is about to
                // give up.
                tokio::time::sleep(STOPPING).await;
                Err(TranscodeError::Interrupted {
                    task: task.to_owned(),
                })
            }
        }
    }
}

/// Reads the beginning of its error output, and discards the rest.
async fn read_errors(mut errors: ChildStderr) -> Vec<u8> {
    let mut log = Vec::new();
    // If reading fails, the exit status has to suffice.
    drop((&mut errors).take(LONGEST_LOG).read_to_end(&mut log).await);
    drop(tokio::io::copy(&mut errors, &mut tokio::io::sink()).await);
    log
}

/// The problem of the file that ffprobe's errors describe.
fn problem_of(log: &str) -> SourceProblem {
    if OUT_OF_MEMORY.iter().any(|it| log.contains(it)) {
        SourceProblem::TooDemanding
    } else if log.contains("moov atom not found") || log.contains("partial file") {
        SourceProblem::Truncated
    } else {
        SourceProblem::NotAVideo
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_says_what_is_wrong() {
        for (log, problem) in [
            ("[mov,mp4] moov atom not found", SourceProblem::Truncated),
            (
                "source: Cannot allocate memory",
                SourceProblem::TooDemanding,
            ),
            (
                "source: Invalid data found when processing input",
                SourceProblem::NotAVideo,
            ),
            ("", SourceProblem::NotAVideo),
        ] {
            assert_eq!(problem_of(log), problem, "{log}");
        }
    }

    #[test]
    fn an_image_that_is_too_large_has_its_size() {
        let log = "[png @ 0x55] [IMGUTILS @ 0x7f] Picture size 10000x9000 exceeds specified max pixel count 67108864, see";
        let expected = SourceProblem::TooManyPixels {
            width: 10_000,
            height: 9_000,
            limit_pixels: 67_108_864,
        };
        assert_eq!(too_large(log), Some(expected));
        assert_eq!(too_large("Picture size 0x0 is invalid"), None);
    }

    /// Tools whose ffprobe is a shell script.
    fn scripted(folder: &std::path::Path, script: &str) -> Tools {
        use std::os::unix::fs::PermissionsExt as _;
        let program = folder.join("ffprobe");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        Tools {
            ffprobe: program,
            ..Tools::bare()
        }
    }

    #[tokio::test]
    async fn only_an_end_of_its_own_says_something_of_the_source() {
        let folder = tempfile::tempdir().unwrap();
        let ask = async |script: &str| {
            ffprobe(&scripted(folder.path(), script), &[], "http://127.0.0.1:9/").await
        };
        for signal in ["INT", "TERM", "KILL", "HUP"] {
            let outcome = ask(&format!("kill -{signal} $$; sleep 5")).await;
            assert!(
                matches!(outcome, Err(TranscodeError::Interrupted { .. })),
                "{signal}: {outcome:?}"
            );
        }
        let source = |outcome: Result<ProbeOutput, TranscodeError>| match outcome {
            Err(TranscodeError::Source(problem)) => problem,
            other => panic!("{other:?}"),
        };
        assert_eq!(source(ask("exit 1").await), SourceProblem::NotAVideo);
        assert_eq!(source(ask("kill -SEGV $$").await), SourceProblem::Damaged);
        assert_eq!(
            source(ask("kill -XCPU $$").await),
            SourceProblem::TooDemanding
        );
        assert_eq!(
            source(ask("head -c 20000000 /dev/zero").await),
            SourceProblem::TooDemanding
        );
        assert!(matches!(
            ask("echo no Landlock >&2; exit 125").await,
            Err(TranscodeError::Spawn(_))
        ));
        let answer = ask("echo '{}'; echo odd >&2").await.unwrap();
        assert_eq!(
            (answer.output.as_str(), answer.log.as_str()),
            ("{}\n", "odd\n")
        );
    }
}
