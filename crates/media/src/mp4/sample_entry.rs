//! Sample descriptions (`stsd`): the codec and its configuration.

use crate::read::Reader;

use super::TrackKind;
use super::boxes::{BoxHeader, children};

/// Colour description (`colr` of type `nclx` or `nclc`): numbers of ISO/IEC 23091-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color {
    /// 1 is BT.709, 9 is BT.2020.
    pub primaries: u16,
    /// 1 is BT.709, 16 is PQ, 18 is HLG.
    pub transfer: u16,
    /// 1 is BT.709, 9 is BT.2020 non-constant.
    pub matrix: u16,
}

/// One sample description.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SampleEntry {
    /// Four-character code such as `avc1` or `mp4a`; `encv` and `enca` are encrypted.
    pub fourcc: [u8; 4],
    /// Width in pixels, 0 for audio.
    pub width: u16,
    /// Height in pixels, 0 for audio.
    pub height: u16,
    /// Number of audio channels, 0 for video.
    pub channels: u16,
    /// Sample rate in Hz, 0 for video.
    pub sample_rate: u32,
    /// Payload of `avcC`, `hvcC`, `av1C`, `vpcC`, `esds`, `dac3` or `dec3`, whichever is present.
    pub config: Option<Vec<u8>>,
    /// Colour description, if the container declares it.
    pub color: Option<Color>,
    /// Pixel aspect ratio, if the container declares it.
    pub pixel_aspect: Option<(u32, u32)>,
}

impl SampleEntry {
    /// The four-character code as text; unprintable characters are shown as dots.
    pub fn fourcc_text(&self) -> String {
        self.fourcc
            .iter()
            .map(|&it| {
                if it.is_ascii_graphic() {
                    char::from(it)
                } else {
                    '.'
                }
            })
            .collect()
    }

    /// Parses the number of entries and the first of them.
    pub(crate) fn parse_all(stsd: &[u8], kind: TrackKind) -> Option<(u32, Option<Self>)> {
        let mut reader = Reader::new(stsd);
        reader.skip(4)?;
        let count = reader.u32()?;
        let first = children(reader.rest()).next();
        Some((
            count,
            first.and_then(|(fourcc, body)| Self::parse(fourcc, body, kind)),
        ))
    }

    fn parse(fourcc: [u8; 4], body: &[u8], kind: TrackKind) -> Option<Self> {
        let mut reader = Reader::new(body);
        reader.skip(8)?; // reserved, data reference
        let mut entry = Self {
            fourcc,
            ..Self::default()
        };
        match kind {
            TrackKind::Video => {
                reader.skip(16)?;
                entry.width = reader.u16()?;
                entry.height = reader.u16()?;
                reader.skip(50)?; // resolution, frame count, compressor name, depth
            }
            TrackKind::Audio => entry.read_audio(&mut reader)?,
            TrackKind::Text | TrackKind::Other => return Some(entry),
        }
        entry.read_extensions(reader.rest());
        Some(entry)
    }

    fn read_audio(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let version = reader.u16()?;
        reader.skip(6)?;
        self.channels = reader.u16()?;
        reader.skip(6)?; // sample size, compression id, packet size
        self.sample_rate = reader.u32()? >> 16;
        match version {
            // QuickTime's version 1 adds four numbers; version 2 has another structure.
            1 if !starts_with_box(reader.rest()) => reader.skip(16),
            2 => {
                reader.skip(4)?;
                self.sample_rate = f64::from_bits(reader.u64()?) as u32;
                self.channels = reader.u32()?.min(u32::from(u16::MAX)) as u16;
                reader.skip(20)
            }
            _ => Some(()),
        }
    }

    fn read_extensions(&mut self, bytes: &[u8]) {
        for (kind, payload) in children(bytes) {
            match &kind {
                b"avcC" | b"hvcC" | b"av1C" | b"vpcC" | b"esds" | b"dac3" | b"dec3" => {
                    self.config = Some(payload.to_vec())
                }
                // QuickTime wraps `esds` in `wave`.
                b"wave" => self.read_extensions_once(payload),
                b"colr" => self.color = color(payload).or(self.color),
                b"pasp" => self.pixel_aspect = pixel_aspect(payload),
                _ => {}
            }
        }
    }

    fn read_extensions_once(&mut self, bytes: &[u8]) {
        if let Some((_, payload)) = children(bytes).find(|(kind, _)| kind == b"esds") {
            self.config = Some(payload.to_vec());
        }
    }
}

fn starts_with_box(bytes: &[u8]) -> bool {
    let Some(header) = BoxHeader::parse(bytes) else {
        return false;
    };
    header.kind.iter().all(u8::is_ascii_alphanumeric)
        && header.size.is_some_and(|it| it <= bytes.len() as u64)
}

fn color(payload: &[u8]) -> Option<Color> {
    let mut reader = Reader::new(payload);
    match &reader.fourcc()? {
        b"nclx" | b"nclc" => Some(Color {
            primaries: reader.u16()?,
            transfer: reader.u16()?,
            matrix: reader.u16()?,
        }),
        _ => None,
    }
}

fn pixel_aspect(payload: &[u8]) -> Option<(u32, u32)> {
    let mut reader = Reader::new(payload);
    let ratio = (reader.u32()?, reader.u32()?);
    (ratio.0 > 0 && ratio.1 > 0).then_some(ratio)
}
