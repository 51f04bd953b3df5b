//! Measures the bytes of a segment while they are streamed.

use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::stream::BoxStream;
use hls::{DecryptError, SegmentDecryptor};
use media::fmp4::{Init, SegmentReport};
use media::h264::Sps;
use media::ts::{EsCodec, EsReport, TICKS_PER_SECOND, TsReport, TsScanner};

use crate::fetch::FetchError;
use crate::tree::{Failure, Measured, Packing, StreamInfo};

/// Fragments are held in memory, so their limit is lower than that of transport streams.
const MAX_FRAGMENT_BYTES: usize = 64 << 20;

/// The inputs for measuring a segment.
pub(crate) struct Context<'a> {
    pub(crate) key: Option<([u8; 16], [u8; 16])>,
    pub(crate) init: Option<&'a Init>,
    /// Whether the playlist has an EXT-X-MAP, even if it could not be read.
    pub(crate) has_map: bool,
    pub(crate) max_bytes: u64,
    pub(crate) content_type: Option<String>,
}

/// Measures a segment to its end.
pub(crate) async fn measure(
    mut body: BoxStream<'static, Result<Bytes, FetchError>>,
    context: Context<'_>,
) -> Result<Measured, Failure> {
    let mut decryptor = context.key.map(|(key, iv)| SegmentDecryptor::new(&key, iv));
    let mut sink = Sink::Undecided(Vec::new());
    let mut bytes = 0u64;
    while let Some(chunk) = body.try_next().await.map_err(Failure::Fetch)? {
        bytes += chunk.len() as u64;
        if bytes > context.max_bytes {
            return Err(Failure::Fetch(FetchError::TooLarge(context.max_bytes)));
        }
        match &mut decryptor {
            Some(decryptor) => {
                let mut clear = Vec::with_capacity(chunk.len());
                decryptor.update(&chunk, &mut clear);
                sink.push(&clear)?;
            }
            None => sink.push(&chunk)?,
        }
    }
    if bytes == 0 {
        return Err(Failure::Empty);
    }
    let encrypted = decryptor.is_some();
    if let Some(decryptor) = decryptor {
        let mut last = vec![];
        decryptor.finish(&mut last).map_err(|error| match error {
            DecryptError::Length => Failure::NotWholeBlocks(bytes),
            DecryptError::Padding => Failure::Padding,
        })?;
        sink.push(&last)?;
    }
    sink.finish(bytes, encrypted, &context)
}

/// The parser for the plaintext, selected by its first bytes.
enum Sink {
    Undecided(Vec<u8>),
    Ts(Box<TsScanner>),
    Fmp4(Vec<u8>),
    WebVtt,
    PackedAudio,
    Unknown,
}

impl Sink {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if let Self::Undecided(head) = self {
            head.extend_from_slice(bytes);
            if head.len() >= 16 {
                let head = std::mem::take(head);
                *self = Self::decide(&head);
                return self.push(&head);
            }
            return Ok(());
        }
        match self {
            Self::Ts(scanner) => scanner.push(bytes),
            Self::Fmp4(whole) => {
                if whole.len() + bytes.len() > MAX_FRAGMENT_BYTES {
                    return Err(Failure::Fetch(FetchError::TooLarge(MAX_FRAGMENT_BYTES as u64)));
                }
                whole.extend_from_slice(bytes);
            }
            _ => {}
        }
        Ok(())
    }

    fn decide(head: &[u8]) -> Self {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        if head.first() == Some(&media::ts::SYNC_BYTE) {
            return Self::Ts(Box::default());
        }
        if text.starts_with(b"WEBVTT") {
            return Self::WebVtt;
        }
        if head.starts_with(b"ID3") || media::aac::AdtsHeader::parse(head).is_some() {
            return Self::PackedAudio;
        }
        match head.get(4..8) {
            Some(b"styp" | b"moof" | b"sidx" | b"ftyp" | b"moov" | b"emsg" | b"prft" | b"free") => {
                Self::Fmp4(Vec::new())
            }
            _ => Self::Unknown,
        }
    }

    fn finish(mut self, bytes: u64, encrypted: bool, context: &Context<'_>) -> Result<Measured, Failure> {
        if let Self::Undecided(head) = &self {
            self = Self::decide(&head.clone());
        }
        let mut measured = Measured {
            packing: Packing::Ts,
            bytes,
            content_type: context.content_type.clone(),
            starts_with_tables: true,
            video: None,
            audio: None,
            damage: None,
        };
        match self {
            Self::Ts(scanner) => {
                let report = scanner.finish();
                if encrypted && report.starts_damaged {
                    return Err(Failure::Garbled);
                }
                fill_from_ts(&mut measured, &report);
            }
            Self::Fmp4(whole) => {
                let init = match context.init {
                    Some(init) => init,
                    None if context.has_map => return Err(Failure::NoInit),
                    None => return Err(Failure::NoMap),
                };
                measured.packing = Packing::Fmp4;
                fill_from_fmp4(&mut measured, &media::fmp4::scan(&whole, init), init);
            }
            Self::WebVtt => measured.packing = Packing::WebVtt,
            Self::PackedAudio => measured.packing = Packing::PackedAudio,
            Self::Unknown | Self::Undecided(_) if encrypted => return Err(Failure::Garbled),
            Self::Unknown | Self::Undecided(_) => return Err(Failure::UnknownFormat),
        }
        Ok(measured)
    }
}

fn fill_from_ts(measured: &mut Measured, report: &TsReport) {
    measured.starts_with_tables = report.starts_with_tables;
    measured.video = report.video().and_then(ts_essence);
    measured.audio = report.audio().and_then(ts_essence);
    measured.damage = ts_damage(report);
}

fn ts_damage(report: &TsReport) -> Option<String> {
    let sum = |of: fn(&EsReport) -> u64| report.streams.iter().map(of).sum::<u64>();
    let faults = [
        (report.trailing_bytes as u64, "bytes of a packet that is cut off at the end"),
        (report.sync_errors, "positions without a packet start"),
        (report.bad_packets, "damaged packets"),
        (report.bad_tables, "damaged tables"),
        (report.continuity_errors(), "gaps in the continuity counters"),
        (sum(|it| it.short_pes), "cut-off PES packets"),
        (sum(|it| it.bad_pes), "damaged PES headers"),
        (sum(|it| it.lost_audio_bytes), "bytes of audio outside any frame"),
    ];
    let words: Vec<_> = faults.iter().filter(|it| it.0 > 0).map(|(count, what)| format!("{count} {what}")).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn seconds(ticks: i64) -> f64 {
    ticks as f64 / TICKS_PER_SECOND as f64
}

fn motion(pts: &[i64]) -> Option<f64> {
    let mut times: Vec<u64> = pts.iter().filter_map(|it| u64::try_from(*it).ok()).collect();
    times.sort_unstable();
    media::frame_rate::motion_rate(&times)
}

fn ts_essence(stream: &EsReport) -> Option<StreamInfo> {
    let start = stream.min_pts?;
    let sps = (stream.codec == EsCodec::H264).then(|| Sps::parse(stream.sps.as_ref()?)).flatten();
    let audio_frame = stream.adts.map(|it| f64::from(media::aac::SAMPLES_PER_BLOCK) / f64::from(it.sample_rate));
    let promised = sps.as_ref().and_then(|it| it.frame_rate).map(|(n, d)| f64::from(d) / f64::from(n));
    let frame = audio_frame.or(stream.last_frame_ticks().map(seconds)).or(promised).unwrap_or(0.0);
    let end = match stream.end_pts {
        Some(end) => seconds(end),
        None => seconds(stream.max_pts?) + frame,
    };
    Some(StreamInfo {
        start: seconds(start),
        end,
        frame,
        frames: stream.frames,
        motion: motion(&stream.pts),
        codec: match stream.codec {
            EsCodec::H264 => sps.as_ref().map(Sps::codec_string),
            EsCodec::AacAdts => stream.adts.map(|it| it.codec_string()),
            EsCodec::Ac3 => Some("ac-3".to_owned()),
            EsCodec::Eac3 => Some("ec-3".to_owned()),
            _ => None,
        },
        size: sps.as_ref().map(|it| (it.width, it.height)),
        channels: stream.adts.map(|it| u16::from(it.channels)),
        starts_with_idr: stream.starts_with_idr,
        intra_frames: stream.intra_frames,
        keyframes: stream.random_access.iter().map(|it| seconds(it.pts)).collect(),
    })
}

fn fill_from_fmp4(measured: &mut Measured, report: &SegmentReport, init: &Init) {
    measured.damage = if report.missing_bytes > 0 {
        Some(format!("the last {} bytes are missing", report.missing_bytes))
    } else if report.damaged || report.fragments == 0 {
        Some("its boxes are damaged or hold no fragment".to_owned())
    } else {
        None
    };
    for run in &report.tracks {
        let Some(track) = init.moov.tracks.iter().find(|it| it.id == run.track) else { continue };
        if run.samples == 0 || run.timescale == 0 {
            continue;
        }
        let scale = f64::from(run.timescale);
        let entry = track.entry.as_ref();
        let sps = entry.filter(|it| &it.fourcc == b"avc1" || &it.fourcc == b"avc3");
        let sps = sps.and_then(|it| Sps::from_avcc(it.config.as_ref()?));
        // Composition times of fragments are shifted by the edit list of the initialisation section.
        let shift = track.presentation_shift();
        let essence = StreamInfo {
            start: (run.min_pts + shift) as f64 / scale,
            end: (run.end_pts + shift) as f64 / scale,
            frame: run.duration as f64 / scale / run.samples as f64,
            frames: run.samples,
            motion: None,
            codec: sps.as_ref().map(Sps::codec_string).or_else(|| match &entry?.fourcc {
                b"mp4a" => Some("mp4a.40.2".to_owned()),
                _ => None,
            }),
            size: entry.map(|it| (u32::from(it.width), u32::from(it.height))),
            channels: entry.map(|it| it.channels),
            starts_with_idr: run.starts_with_sync,
            intra_frames: run.sync_samples,
            keyframes: run.sync_pts.iter().map(|&it| (it + shift) as f64 / scale).collect(),
        };
        match track.kind {
            media::mp4::TrackKind::Video => measured.video = Some(essence),
            media::mp4::TrackKind::Audio => measured.audio = Some(StreamInfo { size: None, ..essence }),
            _ => {}
        }
    }
}
