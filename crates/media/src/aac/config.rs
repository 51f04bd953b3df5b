//! `AudioSpecificConfig` (ISO/IEC 14496-3, 1.6.2.1): the parameters of AAC in MP4 files.

use super::{AdtsHeader, SAMPLE_RATES};
use crate::bits::BitReader;
use crate::read::Reader;

/// The parameters that all frames of a track share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioConfig {
    /// MPEG-4 audio object type: 2 is AAC-LC.
    pub object_type: u8,
    /// Sample rate, Hz.
    pub sample_rate: u32,
    /// Number of channels; 0: the stream itself declares them.
    pub channels: u8,
}

impl From<&AdtsHeader> for AudioConfig {
    fn from(header: &AdtsHeader) -> Self {
        Self {
            object_type: header.object_type,
            sample_rate: header.sample_rate,
            channels: header.channels,
        }
    }
}

impl AudioConfig {
    /// The configuration as bytes. Its rate is one of those that ADTS can express.
    pub fn to_bytes(self) -> [u8; 2] {
        let rate = SAMPLE_RATES.iter().position(|it| *it == self.sample_rate);
        let rate = rate.unwrap_or(SAMPLE_RATES.len()) as u8;
        let channels = if self.channels == 8 { 7 } else { self.channels };
        [
            self.object_type << 3 | rate >> 1,
            (rate & 1) << 7 | channels << 3,
        ]
    }

    /// Parses a configuration; `None` if it is invalid, or the object type is above 31.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(bytes);
        let object_type = bits.bits(5).filter(|it| (1..31).contains(it))? as u8;
        let sample_rate = match bits.bits(4)? {
            15 => bits.bits(24).filter(|it| *it > 0)?,
            index => *SAMPLE_RATES.get(index as usize)?,
        };
        let channels = match bits.bits(4)? {
            7 => 8,
            channels @ 0..=6 => channels as u8,
            _ => return None,
        };
        Some(Self {
            object_type,
            sample_rate,
            channels,
        })
    }

    /// Parses the payload of `esds` (ISO/IEC 14496-1, 7.2.6): its `DecoderSpecificInfo`.
    pub fn from_esds(esds: &[u8]) -> Option<Self> {
        let stream = descriptor(esds.get(4..)?, 3)?;
        let mut reader = Reader::new(stream);
        reader.skip(2)?;
        let flags = reader.u8()?;
        if flags & 0x80 != 0 {
            reader.skip(2)?;
        }
        if flags & 0x40 != 0 {
            let length = usize::from(reader.u8()?);
            reader.skip(length)?;
        }
        if flags & 0x20 != 0 {
            reader.skip(2)?;
        }
        let decoder = descriptor(reader.rest(), 4)?;
        Self::parse(descriptor(decoder.get(13..)?, 5)?)
    }

    /// The codec as RFC 6381 writes it, such as `mp4a.40.2`.
    pub fn codec_string(&self) -> String {
        format!("mp4a.40.{}", self.object_type)
    }
}

/// The content of the descriptor at the start of `bytes`, if it has this tag.
fn descriptor(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    if reader.u8()? != tag {
        return None;
    }
    // Seven bits per byte, at most four bytes (8.3.3).
    let mut length = 0;
    for _ in 0..4 {
        let byte = reader.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    reader.take(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_configuration_is_read_as_written() {
        for (object_type, sample_rate, channels) in [(2, 44_100, 2), (2, 48_000, 1), (1, 96_000, 8)]
        {
            let config = AudioConfig {
                object_type,
                sample_rate,
                channels,
            };
            assert_eq!(AudioConfig::parse(&config.to_bytes()), Some(config));
        }
        // AAC-LC of 48 kHz in stereo.
        assert_eq!(
            AudioConfig::parse(&[0x11, 0x90]).map(AudioConfig::to_bytes),
            Some([0x11, 0x90])
        );
        // A rate of its own.
        let own = AudioConfig::parse(&[0x17, 0x80, 0x2e, 0xe0, 0x10]).unwrap();
        assert_eq!((own.sample_rate, own.channels), (24_000, 2));
        assert_eq!(AudioConfig::parse(&[0xf8, 0, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = AudioConfig::parse(&bytes);
            let _ = AudioConfig::from_esds(&bytes);
        }
    }
}
