//! The static metadata of HDR10 in metadata OBUs (5.8.3 and 5.8.4): the content light level and the
//! mastering display.

use super::{METADATA, Obu, leb128};
use crate::h265::HdrMetadata;
use crate::read::Reader;

/// `metadata_type` (6.7.1).
const LIGHT_LEVELS: usize = 1;
const MASTERING_DISPLAY: usize = 2;

/// Takes the metadata out of an OBU, if it has some, in the form of HEVC and MP4.
pub(crate) fn note_metadata(obu: &Obu<'_>, metadata: &mut HdrMetadata) {
    if obu.kind != METADATA || obu.truncated {
        return;
    }
    let mut reader = Reader::new(obu.payload);
    match leb128(&mut reader) {
        Some(LIGHT_LEVELS) => metadata.light_levels = reader.rest().first_chunk().copied(),
        Some(MASTERING_DISPLAY) => metadata.mastering_display = mastering_display(&mut reader),
        Some(_) | None => {}
    }
}

/// Converts `metadata_hdr_mdcv` (6.7.4). Its primaries are in the order red, green, blue; its
/// chromaticities have 16 bits after the point, its maximum luminance 8, its minimum 14.
fn mastering_display(reader: &mut Reader<'_>) -> Option<[u8; 24]> {
    let mut point = || {
        let mut coordinate = || {
            let value = reader.u16()?;
            let units = (u32::from(value) * 50_000 + (1 << 15)) >> 16;
            Some((units as u16).to_be_bytes())
        };
        Some([coordinate()?, coordinate()?].concat())
    };
    let [red, green, blue, white] = [point()?, point()?, point()?, point()?];
    let mut luminance = |bits: u32| {
        let value = u64::from(reader.u32()?);
        let units = (value * 10_000 + (1 << (bits - 1))) >> bits;
        Some(u32::try_from(units).unwrap_or(u32::MAX).to_be_bytes())
    };
    let (most, least) = (luminance(8)?, luminance(14)?);
    let bytes = [&green[..], &blue, &red, &white, &most, &least].concat();
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::av1::obus;

    #[test]
    fn metadata_has_the_units_of_mp4() {
        let point =
            |x: f64, y: f64| [x, y].map(|it| ((it * 65_536.0).round() as u16).to_be_bytes());
        let points = [(0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.3127, 0.329)];
        let points: Vec<u8> = points
            .iter()
            .flat_map(|it| point(it.0, it.1))
            .flatten()
            .collect();
        let luminances = [(1000_u32 << 8).to_be_bytes(), 2_u32.to_be_bytes()].concat();
        let display = [&[0x2a, 26, 2][..], &points, &luminances, &[0x80]].concat();
        let light = [0x2a, 6, 1, 0x03, 0xe8, 0x01, 0x90, 0x80];
        let mut found = HdrMetadata::default();
        let stream = [&display[..], &light].concat();
        for obu in obus(&stream) {
            note_metadata(&obu, &mut found);
        }
        assert_eq!(found.light_levels, Some([0x03, 0xe8, 0x01, 0x90]));
        let display_bytes = found.mastering_display.unwrap();
        let words: Vec<u16> = display_bytes[..16]
            .chunks(2)
            .map(|it| u16::from_be_bytes([it[0], it[1]]))
            .collect();
        // Green, blue, red, white.
        assert_eq!(
            words,
            [13_250, 34_500, 7_500, 3_000, 34_000, 16_000, 15_635, 16_450]
        );
        assert_eq!(display_bytes[16..], [0, 0x98, 0x96, 0x80, 0, 0, 0, 1]);
        // What is cut off is not taken.
        for length in 0..display.len() {
            let mut none = HdrMetadata::default();
            for obu in obus(&display[..length]) {
                note_metadata(&obu, &mut none);
            }
            assert_eq!(none, HdrMetadata::default(), "{length}");
        }
    }
}
