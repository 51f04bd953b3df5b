//! Containers without an index (MPEG-TS, MPEG-PS, recordings of browsers): every packet is read,
//! none is decoded.

use std::collections::HashMap;
use std::time::Duration;

use domain::failure::SourceProblem;
use domain::probe::{AudioStream, Extent, Seeking, SourceIndex};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::probe::{Depth, Found, Probing, input_arguments};
use crate::inspect::{Indexed, ticks};

/// The packets to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interval {
    /// Start at the keyframe at this time, seconds; `None`: at the beginning.
    pub(super) from: Option<f64>,
    /// Length in seconds; `None`: to the end.
    pub(super) length: Option<f64>,
}

/// How far a clock may go back, and how far it may leap ahead, seconds, before it counts as another
/// clock. FFmpeg has the same limits for the containers of broadcasts (`dts_delta_threshold`).
const BACKWARDS: f64 = 0.1;
const LEAP: f64 = 10.0;

/// Maximum depth of the search for streams that begin late, bytes.
const DEEPEST: u64 = 512 << 20;

/// Time limit. Reading packets is bound by the store: 100 GiB at 15 MiB/s.
const TIME_LIMIT: Duration = Duration::from_secs(2 * 3600);

/// Processor time limit: packets that need more are hostile. It is sufficient for hundreds of GiB
/// of an ordinary file.
const CPU_LIMIT: Duration = Duration::from_secs(600);

/// Maximum number of frames or audio packets: twelve hours at 120 per second have 5.2 million.
const MOST_FRAMES: usize = 6_000_000;

/// Reads all packets of a source.
pub(super) async fn scan(
    tools: &Tools,
    demuxer: &str,
    url: &str,
    found: &Found,
) -> Result<Indexed, TranscodeError> {
    let scan = packets(tools, demuxer, url, Scan::of(found), &[]).await?;
    let seeking = if demuxer == "avi" {
        Seeking::Indexed
    } else {
        Seeking::Approximate
    };
    let (jumped, late) = (scan.jumped, scan.late(found));
    let mut indexed = scan.finish(seeking)?;
    if matches!(demuxer, "mpegts" | "mpeg") {
        indexed.depth = late;
        indexed.unseekable = jumped.then_some("its clock jumps");
    }
    Ok(indexed)
}

/// Reads packets of a source into `scan`, line by line; without intervals, all of them.
pub(super) async fn packets(
    tools: &Tools,
    demuxer: &str,
    url: &str,
    mut scan: Scan,
    intervals: &[Interval],
) -> Result<Scan, TranscodeError> {
    let mut arguments = input_arguments(demuxer);
    if !intervals.is_empty() {
        let intervals: Vec<String> = intervals.iter().map(Interval::to_string).collect();
        arguments.extend(["-read_intervals".to_owned(), intervals.join(",")]);
    }
    let entries = "packet=stream_index,codec_type,pts_time,dts_time,duration_time,size,pos,flags";
    arguments.extend(["-show_entries", entries, "-of", "csv=p=0"].map(str::to_owned));
    let mut probing = Probing::start(tools, &arguments, url, CPU_LIMIT).await?;
    let reading = async {
        let mut lines = BufReader::new(&mut probing.output).lines();
        while let Some(line) = lines.next_line().await.map_err(TranscodeError::Spawn)? {
            scan.visit(&line);
            if scan.times.len().max(scan.sounds) > MOST_FRAMES {
                return Err(TranscodeError::from(SourceProblem::TooDemanding));
            }
        }
        Ok(scan)
    };
    let late = |_| TranscodeError::TimedOut {
        task: "read the packets".to_owned(),
        log_tail: String::new(),
    };
    let scan = tokio::time::timeout(TIME_LIMIT, reading)
        .await
        .map_err(late)??;
    match probing.end("read the packets").await {
        // The readable part of a damaged file may be sufficient; that is checked later.
        Ok(_)
        | Err(TranscodeError::Source(SourceProblem::NotAVideo | SourceProblem::Truncated)) => {
            Ok(scan)
        }
        Err(error) => Err(error),
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(from) = self.from {
            write!(f, "{from:.6}")?;
        }
        f.write_str("%")?;
        if let Some(length) = self.length {
            write!(f, "+{length}")?;
        }
        Ok(())
    }
}

/// The facts from the packets that were read so far.
pub(super) struct Scan {
    /// The video stream; `None`: the source has only audio.
    video: Option<u32>,
    audio: Vec<u32>,
    times: Vec<f64>,
    keyframes: Vec<f64>,
    bytes: u64,
    /// Number of audio packets.
    sounds: usize,
    last_duration: f64,
    audio_extent: Option<Extent>,
    /// Latest decoding time of each stream.
    clocks: HashMap<u32, f64>,
    jumped: bool,
    /// Start of the audio in the file: bytes, and seconds after the first video packet.
    audio_begins: Option<(u64, f64)>,
}

impl Scan {
    /// A scan of these streams.
    pub(super) fn new(video: Option<u32>, audio: &[AudioStream]) -> Self {
        Self {
            video,
            audio: audio.iter().map(|it| it.index).collect(),
            times: vec![],
            keyframes: vec![],
            bytes: 0,
            sounds: 0,
            last_duration: 0.0,
            audio_extent: None,
            clocks: HashMap::new(),
            jumped: false,
            audio_begins: None,
        }
    }

    fn of(found: &Found) -> Self {
        Self::new(Some(found.video.index), &found.audio)
    }

    /// Parses `codec_type,stream_index,pts_time,dts_time,duration_time,size,pos,flags`; `N/A` for
    /// unknown values. Containers without presentation times (AVI) count frames in decoding order:
    /// the same times, of other frames.
    fn visit(&mut self, line: &str) {
        let mut fields = line.split(',');
        let mut next = || fields.next().unwrap_or_default();
        let (kind, index) = (next(), next().parse::<u32>());
        let Ok(index) = index else { return };
        let (pts, dts, duration) = (
            next().parse::<f64>(),
            next().parse::<f64>(),
            next().parse::<f64>(),
        );
        let (size, position, flags) = (next().parse::<u64>(), next().parse::<u64>(), next());
        let time = pts.or(dts.clone()).ok().filter(|it| it.is_finite());
        if Some(index) == self.video {
            self.bytes += size.unwrap_or(0);
            let Some(time) = time else { return };
            self.watch(index, dts.unwrap_or(time));
            self.last_duration = duration.unwrap_or(self.last_duration);
            self.times.push(time);
            if flags.starts_with('K') {
                self.keyframes.push(time);
            }
        } else if kind == "audio" && (self.audio.is_empty() || self.audio.contains(&index)) {
            let Some(time) = time else { return };
            let end = time + duration.unwrap_or(0.0);
            self.sounds += 1;
            if self.audio_begins.is_none() {
                let after = self.times.first().map_or(0.0, |first| time - first);
                self.audio_begins = Some((position.unwrap_or(0), after));
            }
            if !self.audio.is_empty() {
                self.watch(index, dts.unwrap_or(time));
                let extent = self.audio_extent.get_or_insert(Extent { start: time, end });
                (extent.start, extent.end) = (extent.start.min(time), extent.end.max(end));
            }
        }
    }

    /// Follows the clock of a stream.
    fn watch(&mut self, stream: u32, time: f64) {
        let latest = self.clocks.insert(stream, time).unwrap_or(time);
        self.jumped |= time < latest - BACKWARDS || time > latest + LEAP;
    }

    /// From the first to the last audio packet; `None`: there is none.
    pub(super) fn audio_extent(&self) -> Option<Extent> {
        self.audio_extent
    }

    /// Whether the clock of a stream jumps.
    pub(super) fn has_jumped(&self) -> bool {
        self.jumped
    }

    /// How deep FFmpeg has to search for audio that exists but that it did not find.
    fn late(&self, found: &Found) -> Option<Depth> {
        let (bytes, seconds) = self.audio_begins.filter(|_| found.audio.is_empty())?;
        (bytes <= DEEPEST).then(|| Depth {
            bytes: bytes + (8 << 20),
            seconds: seconds.max(0.0) as u64 + 30,
        })
    }

    /// Presentation times of the frames, ticks from the first one, increasing.
    pub(super) fn frame_times(mut self) -> Vec<u64> {
        self.times.sort_by(f64::total_cmp);
        let first = self.times.first().copied().unwrap_or(0.0);
        self.times.iter().map(|it| ticks(it - first)).collect()
    }

    pub(super) fn finish(mut self, seeking: Seeking) -> Result<Indexed, TranscodeError> {
        self.times.sort_by(f64::total_cmp);
        let (Some(first), Some(last)) = (self.times.first().copied(), self.times.last().copied())
        else {
            // A header without any frame.
            return Err(SourceProblem::Damaged.into());
        };
        let count = self.times.len();
        let average = if count > 1 {
            (last - first) / (count - 1) as f64
        } else {
            self.last_duration
        };
        // Some muxers write a duration of a millisecond for all frames.
        let believable = self.last_duration > average / 4.0;
        let last_duration = if believable {
            self.last_duration
        } else {
            average.max(1.0 / 60.0)
        };
        let longest = self
            .times
            .windows(2)
            .map(|it| it[1] - it[0])
            .fold(last_duration, f64::max);
        self.keyframes.sort_by(f64::total_cmp);
        let end = ticks(last + last_duration - first);
        let index = SourceIndex {
            keyframes: self.keyframes.iter().map(|it| ticks(it - first)).collect(),
            gop_bytes: vec![],
            video_start: 0,
            video_end: end,
            end,
            longest_frame: ticks(longest),
            // The packets do not show which frames refer to which.
            closed_gops: false,
            seeking,
            video_bytes: Some(self.bytes),
        };
        Ok(Indexed {
            index,
            video: Extent {
                start: first,
                end: last + last_duration,
            },
            audio: self.audio_extent,
            unseekable: None,
            depth: None,
            frame_times: self.frame_times(),
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::probe::cases::standard;

    use super::*;

    fn scan(lines: &[&str]) -> Scan {
        let audio = standard().audio;
        let mut scan = Scan::new(Some(0), &audio);
        lines.iter().for_each(|it| scan.visit(it));
        scan
    }

    #[test]
    fn packets_become_an_index() {
        // Two groups of two frames at 25 per second, frames out of order, one without a time.
        let scan = scan(&[
            "video,0,1.400000,1.360000,0.04,1000,564,K__",
            "audio,1,1.300000,1.300000,0.024,100,900,K__",
            "video,0,1.480000,1.400000,0.04,100,1000,___",
            "video,0,1.440000,1.440000,0.04,50,1100,___",
            "video,0,N/A,N/A,N/A,7,N/A,___",
            "audio,2,9.000000,9.000000,0.024,100,900,K__",
            "video,0,1.520000,1.480000,0.04,900,1200,K__",
            "audio,1,1.600000,1.600000,0.024,100,1300,K__",
            "subtitle,3,7.0,7.0,1.0,4,N/A,K__",
        ]);
        assert!(!scan.jumped);
        let indexed = scan.finish(Seeking::Approximate).unwrap();
        assert_eq!(indexed.index.keyframes, [0, 10_800]);
        assert_eq!(indexed.index.end, 14_400);
        assert_eq!(indexed.index.longest_frame, 3_600);
        assert_eq!(indexed.index.video_bytes, Some(2_057));
        assert_eq!(indexed.frame_times, [0, 3_600, 7_200, 10_800]);
        assert_eq!(
            indexed.audio,
            Some(Extent {
                start: 1.3,
                end: 1.624
            })
        );
    }

    #[test]
    fn clocks_that_jump_are_noticed() {
        let jumped = |times: &[(u32, f64)]| {
            let line = |it: &(u32, f64)| {
                let kind = if it.0 == 0 { "video" } else { "audio" };
                format!("{kind},{},{1},{1},0.04,9,0,K__", it.0, it.1)
            };
            let lines: Vec<String> = times.iter().map(line).collect();
            scan(&lines.iter().map(String::as_str).collect::<Vec<_>>()).jumped
        };
        assert!(!jumped(&[
            (0, 1.0),
            (1, 0.2),
            (0, 1.04),
            (1, 0.24),
            (0, 9.0)
        ]));
        assert!(jumped(&[(0, 1.0), (0, 0.5)]));
        assert!(jumped(&[(0, 1.0), (0, 12.0)]));
        assert!(jumped(&[(1, 100.0), (0, 100.0), (1, 3.0)]));
    }

    #[test]
    fn no_packets_are_a_damaged_file() {
        let scan = scan(&["rubbish"]);
        assert!(matches!(
            scan.finish(Seeking::Approximate),
            Err(TranscodeError::Source(SourceProblem::Damaged))
        ));
    }
}
