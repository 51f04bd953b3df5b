//! The result of a scan.

use crate::audio_frames::FrameHeader;

use super::TICKS_PER_SECOND;

/// The codec of an elementary stream, according to the PMT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the standard ones")]
pub enum EsCodec {
    H264,
    Hevc,
    /// FFmpeg writes temporal units of AV1 as private data, without a descriptor. Only their first
    /// bytes show the codec.
    Av1,
    Mpeg2Video,
    Mpeg4Video,
    AacAdts,
    AacLatm,
    MpegAudio,
    Ac3,
    Eac3,
    Opus,
    TimedId3,
    /// Apple's SAMPLE-AES variants of H.264, AAC and AC-3.
    SampleAes,
    Other,
}

/// Whether a stream is video, audio, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum EsKind {
    Video,
    Audio,
    Other,
}

impl EsCodec {
    /// Whether it is video, audio, or neither.
    pub fn kind(self) -> EsKind {
        match self {
            Self::H264 | Self::Hevc | Self::Av1 | Self::Mpeg2Video | Self::Mpeg4Video => {
                EsKind::Video
            }
            Self::AacAdts
            | Self::AacLatm
            | Self::MpegAudio
            | Self::Ac3
            | Self::Eac3
            | Self::Opus => EsKind::Audio,
            Self::TimedId3 | Self::SampleAes | Self::Other => EsKind::Other,
        }
    }
}

/// A position where decoding can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomAccess {
    /// Presentation time, 90 kHz, unwrapped.
    pub pts: i64,
    /// Offset of its first packet, bytes from the start of the stream.
    pub offset: u64,
}

/// One elementary stream. Times are 90 kHz ticks, unwrapped: they never jump at 2^33, and the
/// streams of one report share one timeline, so they can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EsReport {
    /// Packet identifier.
    pub pid: u16,
    /// Stream type, as in the PMT.
    pub stream_type: u8,
    /// Codec, from the stream type and the descriptors.
    pub codec: EsCodec,
    /// Number of PES packets started.
    pub pes_count: u64,
    /// Video: access units (one per PES packet). AAC in ADTS, AC-3: frames. Others: PES packets.
    pub frames: u64,
    /// Presentation times in the order of the stream; at most [`EsReport::MAX_TIMES`] are kept.
    pub pts: Vec<i64>,
    /// PTS of the first PES packet.
    pub first_pts: Option<i64>,
    /// PTS of the last PES packet.
    pub last_pts: Option<i64>,
    /// Earliest PTS.
    pub min_pts: Option<i64>,
    /// Latest PTS.
    pub max_pts: Option<i64>,
    /// DTS (or PTS, where they are equal) of the first PES packet.
    pub first_dts: Option<i64>,
    /// DTS of the last PES packet.
    pub last_dts: Option<i64>,
    /// Number of PES packets whose decode time does not come after the previous one.
    pub dts_steps_back: u64,
    /// Whether the first access unit can be decoded independently: parameter sets and an IDR frame.
    /// HEVC: also a BLA or CRA frame without frames that refer to earlier ones (RASL).
    pub starts_with_idr: bool,
    /// Whether the first access unit is intra-coded, IDR or not.
    pub starts_with_intra: bool,
    /// Positions where decoding of all following frames can start; at most [`EsReport::MAX_TIMES`]
    /// are kept.
    pub random_access: Vec<RandomAccess>,
    /// Number of access units whose first slice is intra-coded.
    pub intra_frames: u64,
    /// The first sequence parameter set, without start code; AV1: the first sequence header.
    pub sps: Option<Vec<u8>>,
    /// Number of later parameter sets that differ from the first.
    pub sps_changes: u64,
    /// AAC in ADTS, AC-3: the header of the first frame.
    pub frame_header: Option<FrameHeader>,
    /// AAC in ADTS, AC-3: number of samples per channel.
    pub samples: u64,
    /// AAC in ADTS, AC-3: number of bytes outside any frame.
    pub lost_audio_bytes: u64,
    /// Presentation time at which the last frame ends, if the frames themselves declare it.
    pub end_pts: Option<i64>,
    /// Number of packets that are missing, repeated more than once, or out of order, by the
    /// continuity counter.
    pub continuity_errors: u64,
    /// Number of PES packets that are shorter than declared, including the last one.
    pub short_pes: u64,
    /// Number of payloads that should have started a PES packet and did not.
    pub bad_pes: u64,
}

impl EsReport {
    /// Maximum number of times in the lists of a report: 4.8 hours at 60 frames per second.
    pub const MAX_TIMES: usize = 1 << 20;

    /// Whether the stream is video, audio, or neither.
    pub fn kind(&self) -> EsKind {
        self.codec.kind()
    }

    /// Duration of the last frame, in ticks: the distance to the frame presented before it. `None`
    /// with fewer than two frames.
    pub fn last_frame_ticks(&self) -> Option<i64> {
        let max = self.max_pts?;
        let before = self.pts.iter().copied().filter(|&it| it < max).max()?;
        Some(max - before)
    }

    /// Ticks from the first frame's presentation to the end of the last one's.
    ///
    /// `frame_ticks` is used for the last frame of a stream with only one frame.
    pub fn duration_ticks(&self, frame_ticks: Option<i64>) -> Option<i64> {
        let end = match self.end_pts {
            Some(end) => end,
            None => self.max_pts? + self.last_frame_ticks().or(frame_ticks)?,
        };
        Some(end - self.min_pts?)
    }

    /// Seconds from the first frame's presentation to the end of the last one's.
    pub fn duration_s(&self) -> Option<f64> {
        self.duration_ticks(None)
            .map(|ticks| ticks as f64 / TICKS_PER_SECOND as f64)
    }
}

/// A whole transport stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TsReport {
    /// Number of bytes scanned.
    pub bytes: u64,
    /// Number of whole packets among them.
    pub packets: u64,
    /// Elementary streams in the order of the PMT.
    pub streams: Vec<EsReport>,
    /// Whether a valid PAT and PMT came before the first packet of any elementary stream.
    pub starts_with_tables: bool,
    /// Number of tables with a wrong checksum or impossible lengths.
    pub bad_tables: u64,
    /// Whether the very first packet is damaged, as after decryption with a wrong initialisation
    /// vector.
    pub starts_damaged: bool,
    /// Number of positions where a packet should have begun and did not.
    pub sync_errors: u64,
    /// Number of packets marked as damaged or with an impossible adaptation field.
    pub bad_packets: u64,
    /// Size of a truncated last packet, bytes.
    pub trailing_bytes: usize,
}

impl TsReport {
    /// The first video stream.
    pub fn video(&self) -> Option<&EsReport> {
        self.streams.iter().find(|it| it.kind() == EsKind::Video)
    }

    /// The first audio stream.
    pub fn audio(&self) -> Option<&EsReport> {
        self.streams.iter().find(|it| it.kind() == EsKind::Audio)
    }

    /// Number of continuity errors of all streams.
    pub fn continuity_errors(&self) -> u64 {
        self.streams.iter().map(|it| it.continuity_errors).sum()
    }

    /// Whether nothing is damaged, missing or truncated.
    pub fn is_intact(&self) -> bool {
        self.packets > 0
            && self.bad_tables == 0
            && self.sync_errors == 0
            && self.bad_packets == 0
            && self.trailing_bytes == 0
            && self
                .streams
                .iter()
                .all(|it| it.continuity_errors == 0 && it.short_pes == 0 && it.bad_pes == 0)
    }
}
