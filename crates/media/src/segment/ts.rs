//! Measurements of a transport stream segment.

use crate::av1::SequenceHeader;
use crate::ts::{EsCodec, EsReport, TsReport};
use crate::{h264, h265};

use super::{Measured, Packing, StreamInfo, motion, of_packing, seconds};

pub(super) fn of_ts(report: &TsReport) -> Measured {
    Measured {
        streams: report.streams.len(),
        starts_with_tables: report.starts_with_tables,
        starts_damaged: report.starts_damaged,
        video: report.video().and_then(ts_stream),
        audio: report.audio().and_then(ts_stream),
        damage: ts_damage(report),
        lost_audio_bytes: report.streams.iter().map(|it| it.lost_audio_bytes).sum(),
        ..of_packing(Packing::Ts)
    }
}

fn ts_damage(report: &TsReport) -> Option<String> {
    let sum = |of: fn(&EsReport) -> u64| report.streams.iter().map(of).sum::<u64>();
    let faults = [
        (
            report.trailing_bytes as u64,
            "bytes of a packet that is cut off at the end",
        ),
        (report.sync_errors, "positions without a packet start"),
        (report.bad_packets, "damaged packets"),
        (report.bad_tables, "damaged tables"),
        (
            report.continuity_errors(),
            "gaps in the continuity counters",
        ),
        (sum(|it| it.short_pes), "cut-off PES packets"),
        (sum(|it| it.bad_pes), "damaged PES headers"),
    ];
    let words: Vec<_> = faults
        .iter()
        .filter(|it| it.0 > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn ts_stream(stream: &EsReport) -> Option<StreamInfo> {
    let start = stream.min_pts?;
    let video = stream
        .sps
        .as_deref()
        .and_then(|it| Parameters::parse(stream.codec, it));
    let header = stream.frame_header;
    let audio_frame = header.map(|it| f64::from(it.samples()) / f64::from(it.sample_rate()));
    let promised = video
        .as_ref()
        .and_then(|it| it.frame_rate)
        .map(|(n, d)| f64::from(d) / f64::from(n));
    let frame = audio_frame
        .or(stream.last_frame_ticks().map(seconds))
        .or(promised)
        .unwrap_or(0.0);
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
            EsCodec::H264 | EsCodec::Hevc | EsCodec::Av1 => {
                video.as_ref().map(|it| it.codec.clone())
            }
            EsCodec::AacAdts => header.map(|it| it.codec_string()),
            EsCodec::Ac3 => Some("ac-3".to_owned()),
            EsCodec::Eac3 => Some("ec-3".to_owned()),
            _ => None,
        },
        size: video.as_ref().map(|it| it.size),
        bit_depth: video.as_ref().map(|it| it.bit_depth),
        color: video.as_ref().and_then(|it| it.color),
        channels: header.map(|it| u16::from(it.channels())),
        sample_rate: header.map(|it| it.sample_rate()),
        samples: stream.samples,
        starts_with_idr: stream.starts_with_idr,
        intra_frames: stream.intra_frames,
        keyframes: stream
            .random_access
            .iter()
            .map(|it| seconds(it.pts))
            .collect(),
    })
}

/// The facts from a sequence parameter set.
struct Parameters {
    codec: String,
    size: (u32, u32),
    bit_depth: u8,
    color: Option<(u8, u8, u8)>,
    frame_rate: Option<(u32, u32)>,
}

impl Parameters {
    fn parse(codec: EsCodec, sps: &[u8]) -> Option<Self> {
        match codec {
            EsCodec::H264 => h264::Sps::parse(sps).map(|it| Self {
                codec: it.codec_string(),
                size: (it.width, it.height),
                bit_depth: it.bit_depth,
                color: it.color,
                frame_rate: it.frame_rate,
            }),
            EsCodec::Hevc => h265::Sps::parse(sps).map(|it| Self {
                codec: it.codec_string(),
                size: (it.width, it.height),
                bit_depth: it.bit_depth,
                color: it.color,
                frame_rate: it.frame_rate,
            }),
            EsCodec::Av1 => SequenceHeader::parse(sps).map(|it| Self {
                codec: it.codec_string(),
                size: (it.width, it.height),
                bit_depth: it.bit_depth,
                color: it.color.description,
                frame_rate: it.frame_rate,
            }),
            _ => None,
        }
    }
}
