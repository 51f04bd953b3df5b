//! The watermark in a profile. A profile without one has the same fingerprint as before there were
//! watermarks.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::{InvalidProfile, Profile};
use crate::ids::hex;
use crate::image::{Image, ImageKind, InvalidImage};
use crate::watermark::{Corner, ViewerText, Watermark};

/// Maximum size of the image file, bytes.
pub const LARGEST_WATERMARK: u64 = 2 << 20;

/// Maximum side of the image, pixels.
const LARGEST_SIDE: u32 = 4096;

/// Longest file name, bytes.
const LONGEST_NAME: usize = 100;

/// Settings of the watermark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatermarkSettings {
    /// Name of the image file, which is in the directory of the profile; empty: no image. The content
    /// is part of the fingerprint instead of the name.
    #[serde(skip_serializing)]
    image: String,
    /// The image.
    #[serde(
        rename = "image_sha256",
        skip_deserializing,
        skip_serializing_if = "Option::is_none"
    )]
    content: Option<WatermarkImage>,
    /// The corner of the frame.
    pub corner: Corner,
    /// Width of the image, percent of the width of the frame: 1 to 50.
    pub width: f64,
    /// Distance from both edges, percent of the width of the frame: 0 to 25.
    pub margin: f64,
    /// Opacity of the image: above 0, at most 1.
    pub opacity: f64,
    /// Where the web player draws the name of the viewer.
    pub viewer: ViewerText,
}

/// The image of a watermark: a PNG or WebP file.
#[derive(Clone, PartialEq)]
pub struct WatermarkImage {
    bytes: Arc<[u8]>,
    header: Image,
    sha256: String,
}

impl fmt::Debug for WatermarkImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, sha256) = (self.bytes.len(), &self.sha256);
        write!(f, "WatermarkImage({bytes} bytes, {sha256})")
    }
}

/// As its SHA-256.
impl Serialize for WatermarkImage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.sha256)
    }
}

/// Why a file cannot be the image of a watermark. `Display` says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWatermark {
    /// It has another format.
    #[error("it is not a PNG or WebP image")]
    Format,
    /// It is an animation.
    #[error("it is animated: use a single image")]
    Animated,
    /// Its header is damaged.
    #[error("its header is damaged: export the image again")]
    Damaged,
    /// The file is too large.
    #[error("it has more than {LARGEST_WATERMARK} bytes: reduce the image")]
    Bytes,
    /// The image is too large or too small.
    #[error("it has {width}x{height} pixels: each side must have 16 to {LARGEST_SIDE}")]
    Size {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
}

impl WatermarkImage {
    /// Checks the size and the header of an image file.
    ///
    /// # Errors
    /// [`InvalidWatermark`]
    pub fn new(bytes: Vec<u8>) -> Result<Self, InvalidWatermark> {
        if bytes.len() as u64 > LARGEST_WATERMARK {
            return Err(InvalidWatermark::Bytes);
        }
        let header = Image::of(&bytes).map_err(|it| match it {
            InvalidImage::NotAnImage => InvalidWatermark::Format,
            InvalidImage::Damaged => InvalidWatermark::Damaged,
            InvalidImage::Size { width, height } => InvalidWatermark::Size { width, height },
        })?;
        let Image {
            kind,
            width,
            height,
        } = header;
        if kind == ImageKind::Jpeg {
            return Err(InvalidWatermark::Format);
        }
        if is_animated(&bytes) {
            return Err(InvalidWatermark::Animated);
        }
        if width.max(height) > LARGEST_SIDE {
            return Err(InvalidWatermark::Size { width, height });
        }
        let sha256 = hex(&Sha256::digest(&bytes));
        Ok(Self {
            bytes: bytes.into(),
            header,
            sha256,
        })
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its format.
    pub fn kind(&self) -> ImageKind {
        self.header.kind
    }
}

/// Whether a WebP file is an animation (RFC 9649, 2.7: bit 1 of the flags of `VP8X`).
fn is_animated(bytes: &[u8]) -> bool {
    bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|it| it & 2 != 0)
}

impl WatermarkSettings {
    /// Whether there is neither an image nor a viewer's name.
    pub(super) fn is_off(&self) -> bool {
        self.image.is_empty() && self.viewer.is_off()
    }

    /// The image in the frames; `None`: the profile has none.
    pub fn image(&self) -> Option<&WatermarkImage> {
        self.content.as_ref()
    }

    /// The image in the frames, and its place; `None`: the profile has none.
    pub fn watermark(&self) -> Option<Watermark> {
        let image = self.image()?;
        Some(Watermark {
            image_sha256: image.sha256.clone(),
            image_width: image.header.width,
            image_height: image.header.height,
            corner: self.corner,
            width: self.width,
            margin: self.margin,
            opacity: self.opacity,
        })
    }

    /// The first setting that is out of range, with the problem.
    pub(super) fn validate(&self) -> Result<(), (&'static str, &'static str)> {
        let is_plain = self.image.len() <= LONGEST_NAME
            && !self.image.starts_with('.')
            && !self.image.contains(['/', '\\'])
            && !self.image.contains(char::is_control);
        for (holds, setting, problem) in [
            (
                is_plain,
                "watermark.image",
                "must be the name of a file in the directory of the profile, without a path",
            ),
            (
                (1.0..=50.0).contains(&self.width),
                "watermark.width",
                "must be 1 to 50 (percent of the width of the frame)",
            ),
            (
                (0.0..=25.0).contains(&self.margin),
                "watermark.margin",
                "must be 0 to 25 (percent of the width of the frame)",
            ),
            (
                self.opacity > 0.0 && self.opacity <= 1.0,
                "watermark.opacity",
                "must be above 0, and at most 1",
            ),
        ] {
            if !holds {
                return Err((setting, problem));
            }
        }
        Ok(())
    }

    /// Whether the profile names an image.
    pub(super) fn names_image(&self) -> bool {
        !self.image.is_empty()
    }
}

impl Profile {
    /// Reads the image that the profile names, with `read`, which gets the name of the file.
    pub(super) fn read_watermark(
        &mut self,
        read: impl FnOnce(&str) -> Result<Vec<u8>, String>,
    ) -> Result<(), InvalidProfile> {
        let settings = &mut self.watermark;
        if settings.names_image() {
            let invalid = |problem: String| InvalidProfile::Watermark {
                file: settings.image.clone(),
                problem,
            };
            let bytes = read(&settings.image).map_err(invalid)?;
            let image = WatermarkImage::new(bytes).map_err(|it| invalid(it.to_string()))?;
            settings.content = Some(image);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
