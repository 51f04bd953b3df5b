//! The faults that the stand-in can have.

use serde::{Deserialize, Serialize};

/// What a run is for, by the names of its outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Task {
    Copy,
    /// The first rung.
    First,
    Encode,
    Audio,
    Images,
    Poster,
    Preview,
    /// The audio for a transcriber.
    Speech,
    /// The text streams of the source.
    Captions,
    /// The packets of the video, for the captions in them.
    ClosedCaptions,
    Survey,
    /// It hands frames on to other runs.
    Feed,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum End {
    Exit(i32),
    /// It crashes.
    Abort,
    /// The system ends it.
    Kill,
    /// It has used up its processor time.
    ExceedCpu,
    /// It does nothing more until it is killed.
    Stall,
}

/// How segments arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Arrival {
    Whole,
    /// Each one two times.
    Twice,
    /// The last one first.
    Backwards,
    /// The connection is closed before the answer comes, as FFmpeg does.
    WithoutWaiting,
    /// Half of its packets.
    Short,
    /// Half of its bytes, which ends inside a packet.
    Cut,
    /// The connection is closed in the middle.
    BrokenOff,
    /// Bytes that are not a transport stream.
    Garbage,
    /// One packet is missing in the middle.
    Gap,
    /// To a rendition that was not asked for.
    Misdirected,
}

/// What a run does instead of its work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fault {
    /// Runs for this.
    pub(crate) task: Task,
    /// Only the run that begins with this segment.
    pub(crate) first: Option<u32>,
    /// So many runs.
    pub(crate) times: u32,
    /// Of each output, so many segments are delivered.
    pub(crate) segments: u32,
    /// The one that `arrival` concerns, counted from the first one of the run; `None`: all.
    pub(crate) faulty: Option<u32>,
    pub(crate) arrival: Arrival,
    /// What it prints.
    pub(crate) log: String,
    pub(crate) end: End,
}

impl Fault {
    /// A run that does everything, once.
    pub(crate) fn of(task: Task) -> Self {
        let (segments, arrival, end) = (u32::MAX, Arrival::Whole, End::Exit(0));
        Self {
            task,
            first: None,
            times: 1,
            segments,
            faulty: None,
            arrival,
            log: String::new(),
            end,
        }
    }

    /// It delivers `segments` of each output, and then ends.
    pub(crate) fn ends(task: Task, segments: u32, end: End) -> Self {
        Self {
            segments,
            end,
            ..Self::of(task)
        }
    }

    /// All of its segments arrive like this.
    pub(crate) fn arrives(task: Task, arrival: Arrival) -> Self {
        Self {
            arrival,
            ..Self::of(task)
        }
    }

    pub(crate) fn beginning_at(self, first: u32) -> Self {
        Self {
            first: Some(first),
            ..self
        }
    }

    pub(crate) fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    pub(crate) fn saying(self, log: &str) -> Self {
        Self {
            log: log.to_owned(),
            ..self
        }
    }

    /// Only this segment of the run is concerned.
    pub(crate) fn only(self, faulty: u32) -> Self {
        Self {
            faulty: Some(faulty),
            ..self
        }
    }
}
