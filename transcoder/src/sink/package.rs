//! Turns the transport streams that FFmpeg delivers into the objects that viewers get: packaged as
//! the rendition says, and encrypted.

use domain::content_key::ContentKey;
use domain::object_key::SegmentFormat;
use domain::plan::Codec;
use hls::SegmentEncryptor;
use media::cmaf::{PackageError, Place, package, package_iframes};
use media::ts::{EsCodec, cut_iframes};

use super::Output;
use crate::error::TranscodeError;

/// A segment as it is stored.
pub(super) struct Packaged {
    /// The initialisation section that it needs, in clear; `None`: none.
    pub(super) init: Option<Vec<u8>>,
    /// The segment, encrypted.
    pub(super) object: Vec<u8>,
}

/// Builds the object of a segment while its bytes arrive.
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack")]
pub(super) enum Packager<'a> {
    /// A transport stream stays as it is, so it is encrypted at once.
    Stream(Option<SegmentEncryptor>, Vec<u8>),
    /// Another container needs all of it.
    Whole(&'a Output, u32, Option<&'a ContentKey>, Vec<u8>),
}

impl<'a> Packager<'a> {
    /// For the segment `index` of an output, with its content key.
    pub(super) fn new(output: &'a Output, index: u32, key: Option<&'a ContentKey>) -> Self {
        let buffer = Vec::with_capacity(1 << 20);
        match output.rendition.format {
            SegmentFormat::Fmp4 => Self::Whole(output, index, key, buffer),
            SegmentFormat::MpegTs | SegmentFormat::WebVtt => {
                Self::Stream(encryptor(key, index), buffer)
            }
        }
    }

    /// Takes the next bytes of the transport stream.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Stream(Some(encryptor), object) => encryptor.update(bytes, object),
            Self::Stream(None, object) | Self::Whole(_, _, _, object) => {
                object.extend_from_slice(bytes);
            }
        }
    }

    /// The object.
    ///
    /// # Errors
    /// `NotCopyable` for a remuxed rendition, or else `Verification`, if it cannot be packaged.
    pub(super) fn finish(self) -> Result<Packaged, TranscodeError> {
        match self {
            Self::Stream(encryptor, mut object) => {
                if let Some(encryptor) = encryptor {
                    encryptor.finish(&mut object);
                }
                Ok(Packaged { init: None, object })
            }
            Self::Whole(output, index, key, clear) => {
                let place = Place {
                    sequence: index + 1,
                    after: None,
                    end: output.end(index),
                };
                let made = package(&clear, codec(output), &place)
                    .map_err(|it| unpackaged(output, index, it))?;
                drop(clear);
                let mut object = Vec::with_capacity(made.media.len() + 16);
                match encryptor(key, index) {
                    Some(mut encryptor) => {
                        encryptor.update(&made.media, &mut object);
                        encryptor.finish(&mut object);
                    }
                    None => object = made.media,
                }
                let init = Some(made.init);
                Ok(Packaged { init, object })
            }
        }
    }
}

/// An I-frame in clear.
pub(super) struct IFrame {
    /// Presentation time on the clock of the transport stream.
    pub(super) pts: i64,
    pub(super) bytes: Vec<u8>,
}

/// The I-frames of a chunk, each as a segment of its own, with the initialisation section that they
/// need. `first`: the media sequence number of the first one.
///
/// # Errors
/// `Verification` if they cannot be packaged.
pub(super) fn iframes(
    output: &Output,
    index: u32,
    first: u32,
    clear: &[u8],
) -> Result<(Option<Vec<u8>>, Vec<IFrame>), TranscodeError> {
    if output.rendition.format != SegmentFormat::Fmp4 {
        let cuts = cut_iframes(clear)
            .map_err(|it| TranscodeError::Verification(format!("trick play: {it}")))?;
        let frames = cuts.into_iter().map(|it| IFrame {
            pts: it.pts,
            bytes: it.bytes,
        });
        return Ok((None, frames.collect()));
    }
    let place = Place {
        sequence: first + 1,
        after: None,
        end: output.end(index),
    };
    let made = package_iframes(clear, codec(output), &place)
        .map_err(|it| unpackaged(output, index, it))?;
    let frames = made.frames.into_iter().map(|it| IFrame {
        pts: it.pts,
        bytes: it.bytes,
    });
    Ok((Some(made.init), frames.collect()))
}

fn encryptor(key: Option<&ContentKey>, index: u32) -> Option<SegmentEncryptor> {
    Some(SegmentEncryptor::new(key?.expose(), u64::from(index)))
}

fn codec(output: &Output) -> EsCodec {
    match output.rendition.codec {
        Codec::H264 => EsCodec::H264,
        Codec::Hevc => EsCodec::Hevc,
        Codec::Av1 => EsCodec::Av1,
        Codec::Aac => EsCodec::AacAdts,
        Codec::Ac3 => EsCodec::Ac3,
        Codec::Eac3 => EsCodec::Eac3,
    }
}

/// A source whose video changes its parameters can still be encoded.
fn unpackaged(output: &Output, index: u32, problem: PackageError) -> TranscodeError {
    let what = format!(
        "segment {index} of {} cannot be packaged: {problem}",
        output.rendition.name
    );
    if output.copied {
        TranscodeError::NotCopyable(what)
    } else {
        TranscodeError::Verification(what)
    }
}
