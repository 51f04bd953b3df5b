//! Containers without an index (MPEG-TS, MPEG-PS, recordings of browsers): every packet is looked at,
//! none is decoded.

use std::process::Stdio;

use domain::failure::SourceProblem;
use domain::probe::{Seeking, SourceIndex};
use domain::segment::TICKS_PER_SECOND;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::probe::{Streams, input_arguments};
use crate::inspect::Indexed;

/// Which packets to read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Interval {
    /// All of them.
    Whole,
    /// Those of so many seconds from the start.
    First(u32),
    /// Those from the keyframe at this time (seconds) on.
    From(f64),
}

/// Reads the packets of the video stream, a line at a time. Times of the index are from the first one read.
pub(super) async fn scan(
    tools: &Tools,
    demuxer: &str,
    url: &str,
    found: &Streams,
    interval: Interval,
) -> Result<Indexed, TranscodeError> {
    let mut command = tokio::process::Command::new(&tools.ffprobe);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command.args(["-hide_banner", "-loglevel", "quiet"]).args(input_arguments(demuxer));
    command.args(["-select_streams", &found.video.index.to_string()]);
    match interval {
        Interval::Whole => {}
        Interval::First(seconds) => drop(command.args(["-read_intervals", &format!("%+{seconds}")])),
        Interval::From(seconds) => drop(command.args(["-read_intervals", &format!("{seconds:.6}")])),
    }
    command.args(["-show_entries", "packet=pts_time,dts_time,duration_time,size,flags", "-of", "csv=p=0", url]);
    let mut child = command.spawn().map_err(TranscodeError::Spawn)?;
    let output = child.stdout.take().ok_or_else(|| TranscodeError::Spawn(std::io::Error::other("no output")))?;
    let mut lines = BufReader::new(output).lines();
    let mut scan = Scan::default();
    while let Some(line) = lines.next_line().await.map_err(TranscodeError::Spawn)? {
        scan.visit(&line);
    }
    child.wait().await.map_err(TranscodeError::Spawn)?;
    let seeking = if demuxer == "avi" { Seeking::Indexed } else { Seeking::Approximate };
    scan.finish(seeking)
}

#[derive(Default)]
struct Scan {
    times: Vec<f64>,
    keyframes: Vec<f64>,
    bytes: u64,
    last_duration: f64,
}

impl Scan {
    /// `pts_time,dts_time,duration_time,size,flags`; `N/A` for what is not known. Containers without presentation
    /// times (AVI) count frames in the order of decoding: the same times, of other frames.
    fn visit(&mut self, line: &str) {
        let mut fields = line.split(',');
        let mut next = || fields.next().unwrap_or_default();
        let (pts, dts, duration, size, flags) =
            (next().parse::<f64>(), next().parse::<f64>(), next().parse::<f64>(), next().parse::<u64>(), next());
        self.bytes += size.unwrap_or(0);
        let Some(pts) = pts.or(dts).ok().filter(|it| it.is_finite()) else { return };
        self.last_duration = duration.unwrap_or(self.last_duration);
        self.times.push(pts);
        if flags.starts_with('K') {
            self.keyframes.push(pts);
        }
    }

    fn finish(mut self, seeking: Seeking) -> Result<Indexed, TranscodeError> {
        self.times.sort_by(f64::total_cmp);
        let (Some(first), Some(last)) = (self.times.first().copied(), self.times.last().copied()) else {
            // A header, and no picture behind it.
            return Err(SourceProblem::Damaged.into());
        };
        let count = self.times.len();
        let average = if count > 1 { (last - first) / (count - 1) as f64 } else { self.last_duration };
        let last_duration = if self.last_duration > 0.0 { self.last_duration } else { average.max(1.0 / 60.0) };
        let longest = self.times.windows(2).map(|it| it[1] - it[0]).fold(last_duration, f64::max);
        let ticks = |time: f64| ((time - first).max(0.0) * TICKS_PER_SECOND as f64).round() as u64;
        self.keyframes.sort_by(f64::total_cmp);
        let index = SourceIndex {
            keyframes: self.keyframes.iter().map(|it| ticks(*it)).collect(),
            gop_bytes: vec![],
            end: ticks(last + last_duration),
            exact_end: true,
            longest_frame: ticks(first + longest),
            // The packets do not tell what refers to what.
            closed_gops: false,
            seeking,
            video_bytes: Some(self.bytes),
        };
        let frame_rate = (average > 0.0).then(|| 1.0 / average);
        Ok(Indexed { index, frame_rate, first_seconds: first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_become_an_index() {
        let mut scan = Scan::default();
        // Two groups of two frames at 25 per second, frames out of order, one without a time.
        for line in [
            "1.400000,N/A,0.04,1000,K__",
            "1.480000,N/A,0.04,100,___",
            "1.440000,N/A,0.04,50,___",
            "N/A,N/A,N/A,7,___",
            "1.520000,N/A,0.04,900,K__",
        ] {
            scan.visit(line);
        }
        let indexed = scan.finish(Seeking::Approximate).unwrap();
        assert_eq!(indexed.index.keyframes, [0, 10_800]);
        assert_eq!(indexed.index.end, 14_400);
        assert_eq!(indexed.index.longest_frame, 3_600);
        assert_eq!(indexed.index.video_bytes, Some(2_057));
        assert!((indexed.frame_rate.unwrap() - 25.0).abs() < 0.01);
    }

    #[test]
    fn no_packets_are_a_damaged_file() {
        let mut scan = Scan::default();
        scan.visit("rubbish");
        assert!(matches!(scan.finish(Seeking::Approximate), Err(TranscodeError::Source(SourceProblem::Damaged))));
    }
}
