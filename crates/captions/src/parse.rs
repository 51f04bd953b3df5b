//! From the bytes of a file to a track: format, limits, warnings.

use std::fmt;

use crate::decode::decode;
use crate::limits::{MAX_BYTES, MAX_CUE_CHARACTERS, MAX_CUES, MAX_WARNINGS};
use crate::markup::{self, Cleaned};
use crate::{Cue, Track, srt, ttml, vtt};

/// The format of a caption file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// SubRip.
    Srt,
    /// WebVTT.
    Vtt,
    /// TTML, with its profiles DFXP, EBU-TT-D and IMSC text.
    Ttml,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Srt => "SRT",
            Self::Vtt => "WebVTT",
            Self::Ttml => "TTML",
        })
    }
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// Its cues, at least one.
    pub track: Track,
    /// The format that the content has.
    pub format: Format,
    /// Faults that were corrected, at most 50.
    pub warnings: Vec<Warning>,
}

/// A fault of a file that was corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Line of the file, from 1; `None`: the fault concerns the whole file.
    pub line: Option<usize>,
    /// The fault, and its correction.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// A file that cannot be used. `Display` names the line and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionError {
    /// Line of the file, from 1; `None`: the reason concerns the whole file.
    pub line: Option<usize>,
    /// The reason.
    pub reason: Reason,
}

impl fmt::Display for CaptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.reason),
            None => self.reason.fmt(f),
        }
    }
}

impl std::error::Error for CaptionError {}

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The content is in no format that can be read.
    #[error("the file is not SRT, WebVTT or TTML")]
    UnknownFormat,
    /// A text format that cannot be read.
    #[error("{0} cannot be read: convert the file to SRT, WebVTT or TTML")]
    OtherFormat(&'static str),
    /// Subtitles that are images.
    #[error("{0} subtitles are images, which cannot be converted to text")]
    Bitmap(&'static str),
    /// More than [`MAX_BYTES`].
    #[error("the file has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// More than [`MAX_CUES`].
    #[error("the file has more than {MAX_CUES} cues")]
    TooManyCues,
    /// More than [`MAX_CUE_CHARACTERS`].
    #[error("the text of a cue has more than {MAX_CUE_CHARACTERS} characters")]
    CueTooLong,
    /// Every cue was left out, or none was there.
    #[error("the file has no cue with a text")]
    NoCues,
    /// A time line or attribute that is not a time.
    #[error("`{0}` is not a time such as {1}")]
    Time(String, &'static str),
    /// A text where a cue should begin.
    #[error("expected a cue, such as `00:00:01,000 --> 00:00:04,000` and a line of text")]
    ExpectedCue,
    /// The XML is not well-formed.
    #[error("the XML is not well-formed: {0}")]
    Xml(String),
    /// A document type definition, or an entity that XML does not predefine.
    #[error("the XML has a {0}, which is not accepted")]
    Unsafe(&'static str),
}

impl Reason {
    pub(crate) fn at(self, line: usize) -> CaptionError {
        CaptionError {
            line: Some(line),
            reason: self,
        }
    }

    /// The text of the user, shortened for a message.
    pub(crate) fn time(text: &str, example: &'static str) -> Self {
        Self::Time(text.chars().take(40).collect(), example)
    }
}

impl From<Reason> for CaptionError {
    fn from(reason: Reason) -> Self {
        Self { line: None, reason }
    }
}

/// Reads a caption file. Its content decides about the format.
///
/// # Errors
/// [`CaptionError`] if the file is in another format or too large, if a time cannot be read, or if
/// no cue with a text is left.
pub fn parse(bytes: &[u8]) -> Result<Parsed, CaptionError> {
    if bytes.len() > MAX_BYTES {
        return Err(Reason::TooLarge.into());
    }
    read(bytes)
}

/// Reads a file that [`Track::to_vtt`] wrote, and which may be longer than the file from which the
/// track came: times and escapes have one form.
///
/// # Errors
/// As [`parse`].
pub fn parse_stored(bytes: &[u8]) -> Result<Track, CaptionError> {
    Ok(read(bytes)?.track)
}

fn read(bytes: &[u8]) -> Result<Parsed, CaptionError> {
    if let Some(name) = bitmap(bytes) {
        return Err(Reason::Bitmap(name).into());
    }
    let decoded = decode(bytes);
    let format = detect(&decoded.text)?;
    let mut cues = Cues::default();
    if let Some(assumed) = decoded.assumed {
        let message = format!("the file is neither UTF-8 nor marked: it was read as {assumed}");
        cues.warn(None, message);
    }
    match format {
        Format::Srt => srt::read(&decoded.text, &mut cues)?,
        Format::Vtt => vtt::read(&decoded.text, &mut cues)?,
        Format::Ttml => ttml::read(&decoded.text, &mut cues)?,
    }
    let (track, warnings) = cues.finish()?;
    Ok(Parsed {
        track,
        format,
        warnings,
    })
}

/// Subtitles that are images, by the first bytes of their files.
fn bitmap(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'P', b'G', ..] if !bytes.is_ascii() => Some("PGS (Blu-ray)"),
        [0, 0, 1, 0xba, ..] => Some("VobSub (DVD)"),
        _ if bytes.starts_with(b"# VobSub index file") => Some("VobSub (DVD)"),
        _ => None,
    }
}

fn detect(text: &str) -> Result<Format, CaptionError> {
    let text = text.trim_start();
    if text.is_empty() {
        return Err(Reason::NoCues.into());
    }
    let after = text.strip_prefix("WEBVTT");
    if after.is_some_and(|it| it.is_empty() || it.starts_with([' ', '\t', '\n'])) {
        return Ok(Format::Vtt);
    }
    if text.starts_with('<') {
        return Ok(Format::Ttml);
    }
    let mut head = text.lines().take(20);
    if text.starts_with("[Script Info]") {
        return Err(Reason::OtherFormat("SubStation Alpha").into());
    }
    if text.starts_with('{') && text[1..].starts_with(|it: char| it.is_ascii_digit()) {
        return Err(Reason::OtherFormat("MicroDVD").into());
    }
    if text.starts_with("Scenarist_SCC") {
        return Err(Reason::OtherFormat("Scenarist SCC").into());
    }
    if head.any(|it| it.contains("-->")) {
        return Ok(Format::Srt);
    }
    Err(Reason::UnknownFormat.into())
}

/// The cues so far, and the corrections.
#[derive(Default)]
pub(crate) struct Cues {
    cues: Vec<Cue>,
    warnings: Vec<Warning>,
    left_out: usize,
}

impl Cues {
    /// Adds a cue whose text is markup of SRT or WebVTT.
    pub(crate) fn add(
        &mut self,
        line: usize,
        (start_ms, end_ms): (u64, u64),
        settings: String,
        source: &str,
    ) -> Result<(), CaptionError> {
        let Cleaned {
            text,
            settings: asked,
            changed,
        } = markup::clean(source);
        if changed {
            self.warn(
                Some(line),
                "markup that WebVTT does not have was removed or escaped",
            );
        }
        let settings = if settings.is_empty() { asked } else { settings };
        self.add_clean(line, (start_ms, end_ms), settings, text)
    }

    /// Adds a cue whose text is in its normal form.
    pub(crate) fn add_clean(
        &mut self,
        line: usize,
        (start_ms, end_ms): (u64, u64),
        settings: String,
        text: String,
    ) -> Result<(), CaptionError> {
        if text.chars().count() > MAX_CUE_CHARACTERS {
            return Err(Reason::CueTooLong.at(line));
        }
        if markup::plain(&text).trim().is_empty() {
            self.warn(Some(line), "a cue without text was left out");
            return Ok(());
        }
        if end_ms <= start_ms {
            self.warn(Some(line), "a cue that ends before it begins was left out");
            return Ok(());
        }
        if self.cues.len() == MAX_CUES {
            return Err(Reason::TooManyCues.at(line));
        }
        self.cues.push(Cue {
            start_ms,
            end_ms,
            settings,
            text,
        });
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.cues.is_empty()
    }

    pub(crate) fn warn(&mut self, line: Option<usize>, message: impl Into<String>) {
        let message = message.into();
        if self.warnings.len() == MAX_WARNINGS {
            self.left_out += 1;
            return;
        }
        self.warnings.push(Warning { line, message });
    }

    pub(crate) fn into_cues(self) -> Vec<Cue> {
        self.cues
    }

    fn finish(mut self) -> Result<(Track, Vec<Warning>), CaptionError> {
        if self.cues.is_empty() {
            return Err(Reason::NoCues.into());
        }
        if !self.cues.is_sorted_by_key(|it| it.start_ms) {
            self.warn(
                None,
                "cues that were not in the order of their times were sorted",
            );
            // Stable: cues that begin at once keep their order.
            self.cues.sort_by_key(|it| it.start_ms);
        }
        if self.left_out > 0
            && let Some(last) = self.warnings.last_mut()
        {
            *last = Warning {
                line: None,
                message: format!("{} more corrections", self.left_out + 1),
            };
        }
        Ok((Track { cues: self.cues }, self.warnings))
    }
}
