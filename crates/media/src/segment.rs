//! The measurement of a media segment, whatever its format: transport stream, fragmented MP4,
//! WebVTT or packed audio.
//!
//! The transcoder and the checker share this one measurement. It reads each byte
//! once, while the segment is streamed.

mod ts;

use crate::aac::AudioConfig;
use crate::ac3;
use crate::av1::SequenceHeader;
use crate::fmp4::{self, Init, SegmentReport};
use crate::mp4::SampleEntry;
use crate::ts::{TICKS_PER_SECOND, TsScanner};
use crate::{h264, h265};

/// Maximum size of a fragmented MP4 segment, which is held in memory as a whole.
pub const MAX_FRAGMENT_BYTES: usize = 64 << 20;

/// Number of bytes that decide about the format.
const HEAD_BYTES: usize = 16;

/// The packing of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// MPEG-2 transport stream.
    Ts,
    /// Fragmented MP4.
    Fmp4,
    /// WebVTT text.
    WebVtt,
    /// Audio frames without a container.
    PackedAudio,
}

/// A measured segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Format of the segment.
    pub packing: Packing,
    /// Number of elementary streams or tracks.
    pub streams: usize,
    /// Transport streams: whether the tables come before all media. Others: true.
    pub starts_with_tables: bool,
    /// Transport streams: whether the very first packet is damaged, as after decryption with a
    /// wrong initialisation vector.
    pub starts_damaged: bool,
    /// The first video stream, if it has times.
    pub video: Option<StreamInfo>,
    /// The first audio stream, if it has times.
    pub audio: Option<StreamInfo>,
    /// Description of the container's damage.
    pub damage: Option<String>,
    /// Number of bytes of audio that are outside any frame.
    pub lost_audio_bytes: u64,
}

/// The video or the audio of a segment. Times are seconds of the media's own clock. Ticks of
/// 1/90000 s survive the conversion, because a 64-bit float holds them exactly enough to round.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamInfo {
    /// Presentation time of the first frame.
    pub start: f64,
    /// End of the last frame.
    pub end: f64,
    /// Duration of one frame, seconds.
    pub frame: f64,
    /// Number of video frames or audio access units.
    pub frames: u64,
    /// Frame rate during motion; `None`: not measured.
    pub motion: Option<f64>,
    /// Codec in the notation of RFC 6381, if known.
    pub codec: Option<String>,
    /// Width and height of the video, pixels.
    pub size: Option<(u32, u32)>,
    /// Bits per sample of the video, if they are known.
    pub bit_depth: Option<u8>,
    /// Primaries, transfer and matrix of the video (ISO/IEC 23091-2), if they are declared.
    pub color: Option<(u8, u8, u8)>,
    /// Number of audio channels, as the codec declares it; 0: in the frames; `None`: unknown.
    pub channels: Option<u16>,
    /// Sample rate of the audio, Hz.
    pub sample_rate: Option<u32>,
    /// Number of audio samples per channel; 0: they were not counted.
    pub samples: u64,
    /// Whether the first frame can be decoded independently.
    pub starts_with_idr: bool,
    /// Number of frames that are intra-coded.
    pub intra_frames: u64,
    /// Presentation times of keyframes, seconds.
    pub keyframes: Vec<f64>,
}

/// The reason why a segment could not be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unmeasurable {
    /// The format is unknown.
    #[error("its format is unknown")]
    UnknownFormat,
    /// A fragmented MP4 segment without its initialisation section.
    #[error("it needs an initialisation section")]
    NoInit,
    /// A fragmented MP4 segment above [`MAX_FRAGMENT_BYTES`].
    #[error("it has more than {MAX_FRAGMENT_BYTES} bytes")]
    TooLarge,
}

impl Measured {
    /// The video if there is some, else the audio.
    pub fn lead(&self) -> Option<&StreamInfo> {
        self.video.as_ref().or(self.audio.as_ref())
    }
}

impl StreamInfo {
    /// Presentation time of the first frame, ticks of 1/90000 s.
    pub fn start_ticks(&self) -> i64 {
        ticks(self.start)
    }

    /// Duration from the first frame to the end of the last one, ticks of 1/90000 s.
    pub fn duration_ticks(&self) -> i64 {
        ticks(self.end) - ticks(self.start)
    }
}

/// Measures a segment while its bytes arrive.
pub struct Scanner<'a> {
    init: Option<&'a Init>,
    parser: Parser,
}

/// The parser of a segment, selected by its first bytes.
enum Parser {
    Undecided(Vec<u8>),
    Ts(Box<TsScanner>),
    Fmp4(Vec<u8>),
    WebVtt,
    PackedAudio,
    Unknown,
}

impl<'a> Scanner<'a> {
    /// A scanner for one segment. Fragmented MP4 needs its initialisation section.
    pub fn new(init: Option<&'a Init>) -> Self {
        Self {
            init,
            parser: Parser::Undecided(Vec::new()),
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Unmeasurable::TooLarge`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Unmeasurable> {
        match &mut self.parser {
            Parser::Undecided(head) => {
                head.extend_from_slice(bytes);
                if head.len() >= HEAD_BYTES {
                    self.decide();
                }
            }
            Parser::Ts(scanner) => scanner.push(bytes),
            Parser::Fmp4(whole) if whole.len() + bytes.len() > MAX_FRAGMENT_BYTES => {
                return Err(Unmeasurable::TooLarge);
            }
            Parser::Fmp4(whole) => whole.extend_from_slice(bytes),
            Parser::WebVtt | Parser::PackedAudio | Parser::Unknown => {}
        }
        Ok(())
    }

    /// The measurements of the whole segment.
    ///
    /// # Errors
    /// [`Unmeasurable`].
    pub fn finish(mut self) -> Result<Measured, Unmeasurable> {
        self.decide();
        match self.parser {
            Parser::Ts(scanner) => Ok(ts::of_ts(&scanner.finish())),
            Parser::Fmp4(whole) => {
                let init = self.init.ok_or(Unmeasurable::NoInit)?;
                Ok(of_fmp4(&fmp4::scan(&whole, init), init))
            }
            Parser::WebVtt => Ok(of_packing(Packing::WebVtt)),
            Parser::PackedAudio => Ok(of_packing(Packing::PackedAudio)),
            Parser::Unknown | Parser::Undecided(_) => Err(Unmeasurable::UnknownFormat),
        }
    }

    /// Selects the parser by the bytes so far, and passes them on to it.
    fn decide(&mut self) {
        let Parser::Undecided(head) = &mut self.parser else {
            return;
        };
        let head = std::mem::take(head);
        self.parser = Parser::select(&head);
        match &mut self.parser {
            Parser::Ts(scanner) => scanner.push(&head),
            Parser::Fmp4(whole) => *whole = head,
            Parser::Undecided(_) | Parser::WebVtt | Parser::PackedAudio | Parser::Unknown => {}
        }
    }
}

impl Parser {
    fn select(head: &[u8]) -> Self {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        if head.first() == Some(&crate::ts::SYNC_BYTE) {
            return Self::Ts(Box::default());
        }
        if text.starts_with(b"WEBVTT") {
            return Self::WebVtt;
        }
        if head.starts_with(b"ID3") || crate::aac::AdtsHeader::parse(head).is_some() {
            return Self::PackedAudio;
        }
        match head.get(4..8) {
            Some(b"styp" | b"moof" | b"sidx" | b"ftyp" | b"moov" | b"emsg" | b"prft" | b"free") => {
                Self::Fmp4(Vec::new())
            }
            _ => Self::Unknown,
        }
    }
}

/// A segment of which only the packing is known.
fn of_packing(packing: Packing) -> Measured {
    Measured {
        packing,
        streams: 0,
        starts_with_tables: true,
        starts_damaged: false,
        video: None,
        audio: None,
        damage: None,
        lost_audio_bytes: 0,
    }
}

fn of_fmp4(report: &SegmentReport, init: &Init) -> Measured {
    let mut measured = Measured {
        streams: report.tracks.len(),
        ..of_packing(Packing::Fmp4)
    };
    measured.damage = if report.missing_bytes > 0 {
        Some(format!(
            "the last {} bytes are missing",
            report.missing_bytes
        ))
    } else if report.damaged || report.fragments == 0 {
        Some("its boxes are damaged or hold no fragment".to_owned())
    } else {
        None
    };
    for run in &report.tracks {
        let Some(track) = init.moov.tracks.iter().find(|it| it.id == run.track) else {
            continue;
        };
        if run.samples == 0 || run.timescale == 0 {
            continue;
        }
        let scale = f64::from(run.timescale);
        let entry = track.entry.as_ref();
        let declared = entry.map_or_else(Declared::default, Declared::by);
        // Composition times of fragments are shifted by the edit list of the initialisation section.
        let shift = track.presentation_shift();
        let stream = StreamInfo {
            start: run.min_pts.saturating_add(shift) as f64 / scale,
            end: run.end_pts.saturating_add(shift) as f64 / scale,
            frame: run.duration as f64 / scale / run.samples as f64,
            frames: run.samples,
            motion: motion(&in_ticks(&run.pts, run.timescale)),
            codec: declared.codec,
            bit_depth: declared.bit_depth,
            color: declared.color,
            size: entry.map(|it| (u32::from(it.width), u32::from(it.height))),
            channels: entry.and_then(channels_of),
            sample_rate: None,
            samples: 0,
            starts_with_idr: run.starts_with_sync,
            intra_frames: run.intra_samples,
            keyframes: run
                .sync_pts
                .iter()
                .map(|it| it.saturating_add(shift) as f64 / scale)
                .collect(),
        };
        match track.kind {
            crate::mp4::TrackKind::Video => measured.video = Some(stream),
            crate::mp4::TrackKind::Audio => {
                measured.audio = Some(StreamInfo {
                    size: None,
                    ..stream
                })
            }
            _ => {}
        }
    }
    measured
}

/// What a sample entry declares of its media.
#[derive(Default)]
struct Declared {
    codec: Option<String>,
    bit_depth: Option<u8>,
    color: Option<(u8, u8, u8)>,
}

impl Declared {
    fn by(entry: &SampleEntry) -> Self {
        let in_stream = entry.config.as_deref().map(|it| Self::in_stream(entry, it));
        let mut declared = in_stream.unwrap_or_default();
        let boxed = entry.color.and_then(|it| {
            let number = |it: u16| u8::try_from(it).ok();
            Some((
                number(it.primaries)?,
                number(it.transfer)?,
                number(it.matrix)?,
            ))
        });
        declared.color = declared.color.or(boxed);
        if &entry.fourcc == b"mp4a" && declared.codec.is_none() {
            declared.codec = Some("mp4a.40.2".to_owned());
        }
        if matches!(&entry.fourcc, b"ac-3" | b"ec-3") {
            declared.codec = Some(entry.fourcc_text());
        }
        declared
    }

    /// What the configuration of the decoder says.
    fn in_stream(entry: &SampleEntry, config: &[u8]) -> Self {
        let of = |codec, depth, color| Self {
            codec: Some(codec),
            bit_depth: Some(depth),
            color,
        };
        let declared = match &entry.fourcc {
            b"avc1" | b"avc3" => {
                h264::Sps::from_avcc(config).map(|it| of(it.codec_string(), it.bit_depth, it.color))
            }
            b"hvc1" | b"hev1" => h265::Sps::from_hvcc(config).map(|it| {
                let codec = it.codec_string().replace("hvc1", &entry.fourcc_text());
                of(codec, it.bit_depth, it.color)
            }),
            b"av01" => SequenceHeader::from_av1c(config)
                .map(|it| of(it.codec_string(), it.bit_depth, it.color.description)),
            b"mp4a" => AudioConfig::from_esds(config).map(|it| Self {
                codec: Some(it.codec_string()),
                ..Self::default()
            }),
            _ => None,
        };
        declared.unwrap_or_default()
    }
}

/// Number of channels: the configuration of the codec is right where the sample entry has a default
/// (ISO/IEC 14496-12, 12.2.3; ETSI TS 102 366, F.3).
fn channels_of(entry: &SampleEntry) -> Option<u16> {
    let config = entry.config.as_deref();
    let declared = match &entry.fourcc {
        b"mp4a" => config
            .and_then(AudioConfig::from_esds)
            .map(|it| it.channels),
        b"ac-3" => config.and_then(|it| ac3::channels_of(it, false)),
        b"ec-3" => config.and_then(|it| ac3::channels_of(it, true)),
        _ => None,
    };
    declared.map(u16::from).or(Some(entry.channels))
}

/// Times in ticks of 1/90000 s.
fn in_ticks(times: &[i64], timescale: u32) -> Vec<i64> {
    let scale = i128::from(timescale.max(1));
    let ticks = |it: &i64| i128::from(*it) * i128::from(TICKS_PER_SECOND) / scale;
    times
        .iter()
        .map(|it| ticks(it).clamp(0, i128::from(i64::MAX)) as i64)
        .collect()
}

fn motion(pts: &[i64]) -> Option<f64> {
    let mut times: Vec<u64> = pts
        .iter()
        .filter_map(|it| u64::try_from(*it).ok())
        .collect();
    times.sort_unstable();
    crate::frame_rate::motion_rate(&times)
}

fn seconds(ticks: i64) -> f64 {
    ticks as f64 / TICKS_PER_SECOND as f64
}

fn ticks(seconds: f64) -> i64 {
    (seconds * TICKS_PER_SECOND as f64).round() as i64
}

#[cfg(test)]
mod tests;
