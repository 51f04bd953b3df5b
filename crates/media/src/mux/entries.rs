//! Sample entries: the codec and its configuration.

use super::Unsupported;
use super::boxes::{boxed, full, words};
use super::parameter_sets::{ParameterSets, VideoCodec};
use crate::aac::AudioConfig;
use crate::ac3::Ac3Header;
use crate::av1::SequenceHeader;
use crate::h264::Sps;
use crate::h265::{self, HdrMetadata};

/// A sample entry of video.
pub(crate) struct VisualEntry {
    /// The box, such as `avc1`.
    pub(crate) bytes: Vec<u8>,
    /// Width and height for display, pixels.
    pub(crate) display: (u32, u32),
    /// Frames per second as a fraction, if the stream declares it.
    pub(crate) frame_rate: Option<(u32, u32)>,
}

/// The properties of a video that every codec declares in its own way.
struct Picture {
    size: (u32, u32),
    pixel_aspect: Option<(u32, u32)>,
    /// Primaries, transfer and matrix.
    color: Option<(u8, u8, u8)>,
    full_range: Option<bool>,
}

/// The sample entry of a stream with these parameter sets.
pub(crate) fn visual_entry(sets: &ParameterSets) -> Result<VisualEntry, Unsupported> {
    match sets.codec {
        VideoCodec::H264 => avc1(sets),
        VideoCodec::Hevc => hvc1(sets),
        VideoCodec::Av1 => av01(sets),
    }
}

/// `avc1`, with the parameter sets (ISO/IEC 14496-15, 5.3.3.1).
fn avc1(sets: &ParameterSets) -> Result<VisualEntry, Unsupported> {
    let sps = sets.sps.first().and_then(|it| Sps::parse(it));
    let sps = sps.ok_or(Unsupported("the video has no valid parameter sets"))?;
    // Lengths of NAL units have four bytes.
    let mut avcc = vec![1, sps.profile, sps.constraints, sps.level, 0xff];
    avcc.push(0xe0 | sets.sps.len().min(31) as u8);
    sets.sps.iter().take(31).for_each(|it| push(&mut avcc, it));
    avcc.push(sets.pps.len().min(255) as u8);
    sets.pps.iter().take(255).for_each(|it| push(&mut avcc, it));
    if matches!(sps.profile, 100 | 110 | 122 | 144 | 244) {
        let depth = sps.bit_depth.saturating_sub(8) & 7;
        avcc.extend_from_slice(&[0xfc | sps.chroma_format, 0xf8 | depth, 0xf8 | depth, 0]);
    }
    let picture = Picture {
        size: (sps.width, sps.height),
        pixel_aspect: sps.pixel_aspect,
        color: sps.color,
        full_range: sps.full_range,
    };
    let configuration = boxed(b"avcC", &[&avcc]);
    Ok(VisualEntry {
        bytes: visual(b"avc1", &picture, &[&configuration]),
        display: display_size(&picture),
        frame_rate: sps.frame_rate,
    })
}

/// `hvc1`, with the parameter sets (ISO/IEC 14496-15, 8.3.3.1) and the metadata of HDR.
fn hvc1(sets: &ParameterSets) -> Result<VisualEntry, Unsupported> {
    let sps = sets.sps.first().and_then(|it| h265::Sps::parse(it));
    let sps = sps.ok_or(Unsupported("the video has no valid parameter sets"))?;
    let mut hvcc = vec![1];
    hvcc.extend_from_slice(&sps.profile.to_bytes());
    // Nothing is known about parallel decoding.
    hvcc.extend_from_slice(&[0xf0, 0, 0xfc]);
    let depth = |bits: u8| 0xf8 | (bits.saturating_sub(8) & 7);
    hvcc.extend_from_slice(&[
        0xfc | sps.chroma_format,
        depth(sps.bit_depth),
        depth(sps.chroma_bit_depth),
    ]);
    // The average frame rate is unspecified. Lengths of NAL units have four bytes.
    let nested = u8::from(sps.temporal_nesting) << 2;
    hvcc.extend_from_slice(&[0, 0, (sps.temporal_layers & 7) << 3 | nested | 3, 3]);
    for (kind, sets) in [(32, &sets.vps), (33, &sets.sps), (34, &sets.pps)] {
        let count = sets.len().min(0xffff);
        // All of them are here, and none in the samples.
        hvcc.push(0x80 | kind);
        hvcc.extend_from_slice(&(count as u16).to_be_bytes());
        sets.iter().take(count).for_each(|it| push(&mut hvcc, it));
    }
    let picture = Picture {
        size: (sps.width, sps.height),
        pixel_aspect: sps.pixel_aspect,
        color: sps.color,
        full_range: sps.full_range,
    };
    let configuration = boxed(b"hvcC", &[&hvcc]);
    Ok(VisualEntry {
        bytes: visual(b"hvc1", &picture, &[&configuration, &metadata(&sets.hdr)]),
        display: display_size(&picture),
        frame_rate: sps.frame_rate,
    })
}

/// The boxes `mdcv` and `clli` (ISO/IEC 14496-12, 12.1.6 and 12.1.7), as far as the stream has them.
fn metadata(hdr: &HdrMetadata) -> Vec<u8> {
    let display = hdr.mastering_display.map(|it| boxed(b"mdcv", &[&it]));
    let levels = hdr.light_levels.map(|it| boxed(b"clli", &[&it]));
    [display.unwrap_or_default(), levels.unwrap_or_default()].concat()
}

/// `av01`, with the sequence header (AV1 binding for ISO BMFF, 2.2 and 2.3) and the metadata of HDR.
fn av01(sets: &ParameterSets) -> Result<VisualEntry, Unsupported> {
    let header = sets.sps.first();
    let parsed = header.and_then(|it| Some((it, SequenceHeader::parse(it)?)));
    let (header, it) = parsed.ok_or(Unsupported("the video has no valid sequence header"))?;
    let flag = |value: bool, shift: u8| u8::from(value) << shift;
    let format = flag(it.high_tier, 7)
        | flag(it.bit_depth > 8, 6)
        | flag(it.bit_depth == 12, 5)
        | flag(it.monochrome, 4)
        | flag(it.subsampling.0, 3)
        | flag(it.subsampling.1, 2)
        | it.chroma_position;
    // Marker and version; no delay of the presentation is declared.
    let config = [0x81, it.profile << 5 | it.level, format, 0];
    let picture = Picture {
        size: (it.width, it.height),
        pixel_aspect: None,
        color: it.color.description,
        full_range: Some(it.color.full_range),
    };
    let configuration = boxed(b"av1C", &[&config, header]);
    Ok(VisualEntry {
        bytes: visual(b"av01", &picture, &[&configuration, &metadata(&sets.hdr)]),
        display: display_size(&picture),
        frame_rate: it.frame_rate,
    })
}

/// Appends a parameter set with its length.
fn push(bytes: &mut Vec<u8>, set: &[u8]) {
    bytes.extend_from_slice(&(set.len() as u16).to_be_bytes());
    bytes.extend_from_slice(set);
}

/// `VisualSampleEntry` (ISO/IEC 14496-12, 12.1.3), with the configuration, `pasp` and `colr`.
fn visual(kind: &[u8; 4], picture: &Picture, configuration: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0; 6];
    bytes.extend_from_slice(&[0, 1]);
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend_from_slice(&(picture.size.0.min(0xffff) as u16).to_be_bytes());
    bytes.extend_from_slice(&(picture.size.1.min(0xffff) as u16).to_be_bytes());
    // 72 dots per inch, and one frame per sample.
    words(&mut bytes, &[72 << 16, 72 << 16, 0]);
    bytes.extend_from_slice(&[0, 1]);
    bytes.extend_from_slice(&[0; 32]);
    bytes.extend_from_slice(&[0, 24, 0xff, 0xff]);
    let aspect = picture
        .pixel_aspect
        .map(|(across, down)| boxed(b"pasp", &[&across.to_be_bytes(), &down.to_be_bytes()]));
    let color = color(picture);
    let mut parts = vec![bytes.as_slice()];
    parts.extend_from_slice(configuration);
    parts.extend(aspect.as_deref());
    parts.extend(color.as_deref());
    boxed(kind, &parts)
}

/// `colr` of type `nclx` (12.1.5), if the stream declares anything about its colours.
fn color(picture: &Picture) -> Option<Vec<u8>> {
    let full_range = picture.full_range == Some(true);
    if picture.color.is_none() && !full_range {
        return None;
    }
    // 2: unspecified.
    let (primaries, transfer, matrix) = picture.color.unwrap_or((2, 2, 2));
    let range = u8::from(full_range) << 7;
    let content = [0, primaries, 0, transfer, 0, matrix, range];
    Some(boxed(b"colr", &[b"nclx", &content]))
}

fn display_size(picture: &Picture) -> (u32, u32) {
    let (across, down) = picture.pixel_aspect.unwrap_or((1, 1));
    let width = u64::from(picture.size.0) * u64::from(across) / u64::from(down.max(1));
    (width.clamp(1, 0xffff) as u32, picture.size.1.min(0xffff))
}

/// `mp4a`, with an elementary stream descriptor (ISO/IEC 14496-1, 7.2.6.5). `bit_rate`: bits per
/// second; 0: unknown.
pub(crate) fn audio_entry(config: AudioConfig, bit_rate: u32) -> Vec<u8> {
    let described = |tag: u8, content: &[u8]| [&[tag, content.len() as u8][..], content].concat();
    let specific = described(5, &config.to_bytes());
    // MPEG-4 audio, in an audio stream.
    let mut decoder = vec![0x40, 0x15, 0, 0, 0];
    words(&mut decoder, &[bit_rate, bit_rate]);
    decoder.extend_from_slice(&specific);
    let stream = [&[0, 0, 0][..], &described(4, &decoder), &described(6, &[2])].concat();
    let descriptor = full(b"esds", 0, 0, &[&described(3, &stream)]);
    sound(b"mp4a", config.channels, config.sample_rate, &descriptor)
}

/// `ac-3` or `ec-3`, with the parameters of its frames (ETSI TS 102 366, F.3 to F.6).
pub(crate) fn ac3_entry(header: &Ac3Header) -> Vec<u8> {
    let (kind, configuration) = match header.enhanced {
        false => (b"ac-3", b"dac3"),
        true => (b"ec-3", b"dec3"),
    };
    let configuration = boxed(configuration, &[&header.config()]);
    sound(kind, header.channels, header.sample_rate, &configuration)
}

/// `AudioSampleEntry` (ISO/IEC 14496-12, 12.2.3), with the configuration of the codec.
fn sound(kind: &[u8; 4], channels: u8, sample_rate: u32, configuration: &[u8]) -> Vec<u8> {
    let mut entry = vec![0; 6];
    entry.extend_from_slice(&[0, 1]);
    entry.extend_from_slice(&[0; 8]);
    entry.extend_from_slice(&u16::from(channels).to_be_bytes());
    entry.extend_from_slice(&[0, 16, 0, 0, 0, 0]);
    entry.extend_from_slice(&(sample_rate.min(0xffff) << 16).to_be_bytes());
    boxed(kind, &[&entry, configuration])
}

/// `stsd` with one entry.
pub(crate) fn description(entry: &[u8]) -> Vec<u8> {
    full(b"stsd", 0, 0, &[&1_u32.to_be_bytes(), entry])
}
