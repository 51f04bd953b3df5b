//! The content types that uploads may have.

use std::fmt;
use std::str::FromStr;

/// The content type of unknown files.
pub const ANY_TYPE: &str = "application/octet-stream";

/// Content types of video and audio outside `video/` and `audio/`.
const OTHER_TYPES: [&str; 5] = [
    ANY_TYPE,
    "application/mp4",
    "application/mxf",
    "application/x-matroska",
    "application/ogg",
];

/// Accepted content types. They only reject files that are obviously neither video nor audio; the
/// transcoder decides by the content of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadTypes(Vec<String>);

/// The text is not a content type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a content type: use `video/mp4`, or `video/*`")]
pub struct InvalidType(String);

/// An upload has a content type that this installation does not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not accepted: announce one of {accepted}")]
pub struct UnacceptedType {
    /// The announced content type.
    pub found: String,
    /// The content types that this installation accepts.
    pub accepted: UploadTypes,
}

impl Default for UploadTypes {
    fn default() -> Self {
        Self(
            ["video/*", "audio/*"]
                .iter()
                .chain(&OTHER_TYPES)
                .map(ToString::to_string)
                .collect(),
        )
    }
}

impl FromStr for UploadTypes {
    type Err = InvalidType;

    /// Parses a comma-separated list.
    fn from_str(text: &str) -> Result<Self, InvalidType> {
        let types = text
            .split(',')
            .map(|it| it.trim().to_ascii_lowercase())
            .filter(|it| !it.is_empty());
        let types = types.map(|text| match text.split_once('/') {
            Some((kind, "*")) if is_token(kind) => Ok(text),
            Some((kind, which)) if is_token(kind) && is_token(which) => Ok(text),
            _ => Err(InvalidType(text.chars().take(100).collect())),
        });
        types.collect::<Result<Vec<_>, _>>().map(Self)
    }
}

impl fmt::Display for UploadTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted: Vec<String> = self.0.iter().map(|it| format!("`{it}`")).collect();
        f.write_str(&quoted.join(", "))
    }
}

impl UploadTypes {
    /// The content type to store: lower case, without parameters. A missing type becomes
    /// [`ANY_TYPE`].
    ///
    /// # Errors
    /// [`UnacceptedType`]
    pub fn check(&self, announced: Option<&str>) -> Result<String, UnacceptedType> {
        let announced = announced
            .map(str::trim)
            .filter(|it| !it.is_empty())
            .unwrap_or(ANY_TYPE);
        let essence = announced
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let legal = essence
            .split_once('/')
            .filter(|(kind, which)| is_token(kind) && is_token(which));
        let accepts = |kind: &str| {
            self.0.iter().any(|it| {
                *it == essence || it.strip_suffix("/*").is_some_and(|family| family == kind)
            })
        };
        if legal.is_some_and(|(kind, _)| accepts(kind)) {
            return Ok(essence);
        }
        Err(UnacceptedType {
            found: announced.chars().take(100).collect(),
            accepted: self.clone(),
        })
    }
}

/// Whether a text is a valid half of a content type (RFC 6838).
fn is_token(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b);
    (1..=100).contains(&text.len()) && text.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_type(types: &UploadTypes, announced: &str, stored: Option<&str>) {
        let checked = types.check(Some(announced));
        assert_eq!(checked.as_deref().ok(), stored, "{announced}");
        assert!(stored.is_some() || checked.is_err(), "{announced}");
    }

    #[test]
    fn only_video_and_audio_are_announced() {
        let types = UploadTypes::default();
        for (announced, stored) in [
            ("video/mp4", "video/mp4"),
            ("Video/MP4; codecs=\"avc1\"", "video/mp4"),
            ("video/x-matroska", "video/x-matroska"),
            ("audio/mpeg", "audio/mpeg"),
            ("audio/x-m4a", "audio/x-m4a"),
            ("", ANY_TYPE),
            ("application/octet-stream", ANY_TYPE),
            ("application/mxf", "application/mxf"),
        ] {
            check_type(&types, announced, Some(stored));
        }
        assert_eq!(types.check(None).as_deref(), Ok(ANY_TYPE));
        let long = format!("video/{}", "x".repeat(101));
        for refused in [
            "text/html",
            "image/jpeg",
            "video/",
            "video",
            "video/a b",
            "video/*",
            "video/\r\nx: y",
            "application/vnd.apple.mpegurl",
            &long,
        ] {
            check_type(&types, refused, None);
        }
    }

    #[test]
    fn an_installation_may_take_fewer_types() {
        let types: UploadTypes = "Video/MP4, audio/*".parse().unwrap();
        check_type(&types, "video/mp4", Some("video/mp4"));
        check_type(&types, "audio/flac", Some("audio/flac"));
        check_type(&types, "video/webm", None);
        let message = types.check(None).unwrap_err().to_string();
        assert_eq!(
            message,
            "`application/octet-stream` is not accepted: announce one of `video/mp4`, `audio/*`"
        );
        for wrong in ["video", "*/*", "*", "video/m p4", "/mp4", "video/mp4/2"] {
            assert!(wrong.parse::<UploadTypes>().is_err(), "{wrong}");
        }
    }
}
