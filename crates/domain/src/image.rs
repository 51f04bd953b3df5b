//! Uploaded images: format and size, from their headers.
//!
//! Only the header is parsed; the decoder finds out whether the rest is valid.

/// The format and the size of an image, from its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image {
    /// Format of the image.
    pub kind: ImageKind,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// The format of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the standard ones")]
pub enum ImageKind {
    Jpeg,
    Png,
    WebP,
}

/// Minimum side of an image, pixels.
pub const SMALLEST_SIDE: u32 = 16;
/// Maximum side of an image, pixels.
pub const LARGEST_SIDE: u32 = 8192;
/// Maximum number of pixels of an image: a decoder keeps them in memory.
pub const MOST_PIXELS: u32 = 40_000_000;

/// The reason why an image is rejected. `Display` says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidImage {
    /// Not one of the supported formats.
    #[error("the file is not a JPEG, PNG or WebP image")]
    NotAnImage,
    /// The beginning is valid, but the rest of the header is not.
    #[error("the header of the image is damaged: export it again")]
    Damaged,
    /// The image is too large or too small.
    #[error(
        "the image is {width}x{height}: each side must have {SMALLEST_SIDE} to {LARGEST_SIDE} pixels, and the whole image at most {MOST_PIXELS}"
    )]
    Size {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

impl ImageKind {
    /// The name of FFmpeg's demuxer (`-f`).
    pub fn demuxer(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg_pipe",
            Self::Png => "png_pipe",
            Self::WebP => "webp_pipe",
        }
    }
}

impl Image {
    /// Parses the header of an image, and checks its size.
    pub fn of(bytes: &[u8]) -> Result<Self, InvalidImage> {
        let (kind, size) = if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            (ImageKind::Jpeg, jpeg(bytes))
        } else if bytes.starts_with(PNG_SIGNATURE) {
            (ImageKind::Png, png(bytes))
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            (ImageKind::WebP, webp(bytes))
        } else {
            return Err(InvalidImage::NotAnImage);
        };
        let (width, height) = size.ok_or(InvalidImage::Damaged)?;
        let sides = SMALLEST_SIDE..=LARGEST_SIDE;
        if sides.contains(&width) && sides.contains(&height) && width * height <= MOST_PIXELS {
            Ok(Self {
                kind,
                width,
                height,
            })
        } else {
            Err(InvalidImage::Size { width, height })
        }
    }
}

/// Removes the parts of an image that its pixels do not need. Text and colour profiles of a PNG are
/// compressed: a megabyte of them can become a gigabyte in a decoder that reads them.
pub fn essential(bytes: &[u8]) -> Vec<u8> {
    if !bytes.starts_with(PNG_SIGNATURE) {
        return bytes.to_vec();
    }
    let mut kept = PNG_SIGNATURE.to_vec();
    let mut rest = &bytes[PNG_SIGNATURE.len()..];
    // A chunk is its length, its name, its data and a checksum (PNG, 5.3).
    while let Some((length, _)) = rest.split_first_chunk::<4>() {
        let whole = (u32::from_be_bytes(*length) as usize).saturating_add(12);
        // A damaged chunk is left to the decoder.
        let (chunk, after) = rest.split_at_checked(whole).unwrap_or((rest, &[]));
        if chunk
            .get(4..8)
            .is_some_and(|name| NEEDED_CHUNKS.contains(&name))
        {
            kept.extend_from_slice(chunk);
        }
        rest = after;
    }
    kept
}

const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Chunks that pixels and their colours need, and that are small or no larger than the image.
const NEEDED_CHUNKS: [&[u8]; 9] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"cICP",
];

/// The size in the frame header, after any other segments (ITU-T T.81, B.2.2).
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        // Markers may be preceded by fill bytes.
        let marker = match bytes.get(at..at + 2)? {
            [0xff, 0xff] => {
                at += 1;
                continue;
            }
            [0xff, marker] => *marker,
            _ => return None,
        };
        let length = usize::from(big16(bytes, at + 2)?);
        match marker {
            // All kinds of start of frame; C4, C8 and CC are other markers.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                return Some((big16(bytes, at + 7)?.into(), big16(bytes, at + 5)?.into()));
            }
            // The scan starts without a frame header.
            0xda | 0xd9 => return None,
            _ if length < 2 => return None,
            _ => at += 2 + length,
        }
    }
}

/// The size in IHDR, which comes first (PNG, 11.2.1).
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    (bytes.get(12..16)? == b"IHDR").then_some(())?;
    let side = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    Some((side(16)?, side(20)?))
}

/// The size in the first chunk: lossy, lossless or extended (RFC 9649, 2.5 to 2.7).
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    let data = bytes.get(20..)?;
    match bytes.get(12..16)? {
        b"VP8 " => {
            (data.get(3..6)? == [0x9d, 0x01, 0x2a]).then_some(())?;
            let side = |at: usize| {
                Some(u32::from(
                    u16::from_le_bytes(data.get(at..at + 2)?.try_into().ok()?) & 0x3fff,
                ))
            };
            Some((side(6)?, side(8)?))
        }
        b"VP8L" => {
            (*data.first()? == 0x2f).then_some(())?;
            let bits = u32::from_le_bytes(data.get(1..5)?.try_into().ok()?);
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            let side = |at: usize| {
                let [a, b, c] = data.get(at..at + 3)?.try_into().ok()?;
                Some(u32::from_le_bytes([a, b, c, 0]) + 1)
            };
            Some((side(4)?, side(7)?))
        }
        _ => None,
    }
}

fn big16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let mut bytes =
            b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xff\xc2\0\x11\x08"
                .to_vec();
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes
    }

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    fn webp(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        [b"RIFF\0\0\0\0WEBP", &kind[..], b"\0\0\0\0", data].concat()
    }

    #[test]
    fn headers_say_kind_and_size() {
        let lossless = (639_u32 | 359 << 14).to_le_bytes();
        for (bytes, kind) in [
            (jpeg(640, 360), ImageKind::Jpeg),
            (png(640, 360), ImageKind::Png),
            (
                webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a\x80\x02\x68\x01"),
                ImageKind::WebP,
            ),
            (
                webp(b"VP8L", &[&[0x2f], &lossless[..]].concat()),
                ImageKind::WebP,
            ),
            (
                webp(b"VP8X", b"\0\0\0\0\x7f\x02\0\x67\x01\0"),
                ImageKind::WebP,
            ),
        ] {
            assert_eq!(
                Image::of(&bytes),
                Ok(Image {
                    kind,
                    width: 640,
                    height: 360
                }),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_shown_is_refused() {
        for (bytes, refused) in [
            (Vec::new(), InvalidImage::NotAnImage),
            (b"GIF89a".to_vec(), InvalidImage::NotAnImage),
            (
                b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(),
                InvalidImage::NotAnImage,
            ),
            (b"{\"at\": 5}".to_vec(), InvalidImage::NotAnImage),
            (b"\xff\xd8\xff\xda\0\x02".to_vec(), InvalidImage::Damaged),
            (b"\xff\xd8\xff\xe0\0\0\0".to_vec(), InvalidImage::Damaged),
            (png(640, 360)[..20].to_vec(), InvalidImage::Damaged),
            (webp(b"ALPH", &[0; 20]), InvalidImage::Damaged),
            (
                png(15, 100),
                InvalidImage::Size {
                    width: 15,
                    height: 100,
                },
            ),
            (
                png(8193, 100),
                InvalidImage::Size {
                    width: 8193,
                    height: 100,
                },
            ),
            (
                png(8000, 8000),
                InvalidImage::Size {
                    width: 8000,
                    height: 8000,
                },
            ),
            (
                png(u32::MAX, u32::MAX),
                InvalidImage::Size {
                    width: u32::MAX,
                    height: u32::MAX,
                },
            ),
        ] {
            assert_eq!(Image::of(&bytes), Err(refused), "{bytes:?}");
        }
    }

    #[test]
    fn a_png_keeps_only_the_chunks_that_its_pixels_need() {
        let chunk = |name: &[u8; 4], data: &[u8]| {
            [
                &(data.len() as u32).to_be_bytes()[..],
                name,
                data,
                b"\0\0\0\0",
            ]
            .concat()
        };
        let [head, data, end] = [
            chunk(b"IHDR", &[0; 13]),
            chunk(b"IDAT", b"pixels"),
            chunk(b"IEND", b""),
        ];
        let [profile, text, palette] = [
            chunk(b"iCCP", &[7; 900]),
            chunk(b"zTXt", b"Title"),
            chunk(b"PLTE", b"rgb"),
        ];
        let all = [
            PNG_SIGNATURE,
            &head,
            &profile,
            &text,
            &palette,
            &data,
            &text,
            &data,
            &end,
        ]
        .concat();
        let needed = [PNG_SIGNATURE, &head, &palette, &data, &data, &end].concat();
        assert_eq!(essential(&all), needed);
        assert_eq!(essential(&needed), needed);
        // The decoder judges a truncated chunk, whatever its declared length.
        let cut = &all[..all.len() - 20];
        assert!(needed.starts_with(&essential(cut)[..needed.len() - 40]));
        assert_eq!(essential(b"\xff\xd8\xff picture"), b"\xff\xd8\xff picture");
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_answer(kind in 0..4_usize, rest in proptest::collection::vec(any::<u8>(), 0..200)) {
            let heads: [&[u8]; 4] = [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8X"];
            let bytes = [heads[kind], &rest].concat();
            let _ = Image::of(&bytes);
            prop_assert!(essential(&bytes).len() <= bytes.len());
        }
    }
}
