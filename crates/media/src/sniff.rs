//! Detects the type of a file by its first bytes: an upload's name and type are not reliable.
//!
//! The result selects FFmpeg's demuxer, so that a disguised playlist or script is never processed
//! as the format that it imitates.

/// Number of bytes that [`sniff`] needs; fewer are sufficient at the end of a file.
pub const SNIFF_BYTES: usize = 4096;

/// The type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A container that may hold video or audio.
    Media(ContainerKind),
    /// A recognised type that is neither video nor audio, to be refused by name.
    NotMedia(NotMedia),
}

/// Containers that may hold video or audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the standard ones")]
pub enum ContainerKind {
    /// ISO base media file: MP4, MOV, 3GP, M4V.
    Mp4,
    /// Matroska and WebM.
    Matroska,
    MpegTs,
    /// MPEG-1 and MPEG-2 program streams.
    MpegPs,
    Avi,
    Flv,
    /// ASF: WMV.
    Asf,
    Ogg,
    Mxf,
    /// Raw DV.
    Dv,
    /// General Exchange Format (SMPTE 360M).
    Gxf,
    /// Windows recorded television.
    Wtv,
    RealMedia,
    /// IVF: raw VP8, VP9 or AV1.
    Ivf,
    /// An elementary stream of H.264 (ISO/IEC 14496-10, annex B).
    H264,
    /// An elementary stream of HEVC (ISO/IEC 23008-2, annex B).
    Hevc,
    /// An elementary stream of MPEG-1 or MPEG-2 video.
    MpegVideo,
    /// An elementary stream of MPEG-4 part 2.
    Mpeg4Video,
    /// MPEG audio, maybe after an `ID3v2` tag. Something else may follow the tag: see [`after_tag`].
    Mp3,
    Wav,
    Aiff,
    Flac,
    /// AAC in ADTS frames.
    Adts,
}

impl ContainerKind {
    /// The name of FFmpeg's demuxer (`-f`).
    pub fn demuxer(self) -> &'static str {
        match self {
            Self::Mp4 => "mov",
            Self::Matroska => "matroska",
            Self::MpegTs => "mpegts",
            Self::MpegPs => "mpeg",
            Self::Avi => "avi",
            Self::Flv => "flv",
            Self::Asf => "asf",
            Self::Ogg => "ogg",
            Self::Mxf => "mxf",
            Self::Dv => "dv",
            Self::Gxf => "gxf",
            Self::Wtv => "wtv",
            Self::RealMedia => "rm",
            Self::Ivf => "ivf",
            Self::H264 => "h264",
            Self::Hevc => "hevc",
            Self::MpegVideo => "mpegvideo",
            Self::Mpeg4Video => "m4v",
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
            Self::Aiff => "aiff",
            Self::Flac => "flac",
            Self::Adts => "aac",
        }
    }

    /// Whether it contains one stream without time stamps.
    pub fn is_elementary(self) -> bool {
        matches!(
            self,
            Self::H264 | Self::Hevc | Self::MpegVideo | Self::Mpeg4Video
        )
    }
}

/// Types of other files that are uploaded by mistake or with malicious intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum NotMedia {
    Empty,
    Jpeg,
    Png,
    Gif,
    WebP,
    /// HEIF and AVIF images, which are ISO base media files.
    Heif,
    Bmp,
    Tiff,
    Pdf,
    Zip,
    Gzip,
    SevenZip,
    Rar,
    Html,
    Xml,
    Json,
    HlsPlaylist,
    DashManifest,
    FfconcatScript,
    Sdp,
    Subtitles,
    Text,
    Midi,
    Executable,
}

impl NotMedia {
    /// A description with article, to end the message "this is …".
    pub fn describe(self) -> &'static str {
        match self {
            Self::Empty => "an empty file",
            Self::Jpeg => "a JPEG image",
            Self::Png => "a PNG image",
            Self::Gif => "a GIF image",
            Self::WebP => "a WebP image",
            Self::Heif => "a HEIF or AVIF image",
            Self::Bmp => "a BMP image",
            Self::Tiff => "a TIFF image",
            Self::Pdf => "a PDF document",
            Self::Zip => "a ZIP archive",
            Self::Gzip => "a gzip archive",
            Self::SevenZip => "a 7z archive",
            Self::Rar => "a RAR archive",
            Self::Html => "a web page",
            Self::Xml => "an XML document",
            Self::Json => "a JSON document",
            Self::HlsPlaylist => "an HLS playlist, not the video it refers to",
            Self::DashManifest => "a DASH manifest, not the video it refers to",
            Self::FfconcatScript => "an FFmpeg concat script, not the video it refers to",
            Self::Sdp => "a session description, not the video it refers to",
            Self::Subtitles => "a subtitle file",
            Self::Text => "a text",
            Self::Midi => "a MIDI file",
            Self::Executable => "a program",
        }
    }

    /// Whether the file refers to other files or hosts that a careless demuxer would open.
    pub fn is_reference(self) -> bool {
        matches!(
            self,
            Self::HlsPlaylist | Self::DashManifest | Self::FfconcatScript | Self::Sdp
        )
    }
}

/// Detects the type of a file by its first bytes (at least [`SNIFF_BYTES`] if there are as many);
/// `None` if the type is not recognised.
pub fn sniff(head: &[u8]) -> Option<Kind> {
    if head.is_empty() {
        return Some(Kind::NotMedia(NotMedia::Empty));
    }
    container(head)
        .map(Kind::Media)
        .or_else(|| not_media(head).map(Kind::NotMedia))
}

/// Detects the type of a file by the first bytes after its `ID3v2` tags; `None`: the tags stand before
/// nothing that is known.
pub fn after_tag(rest: &[u8]) -> Option<ContainerKind> {
    if rest.starts_with(b"fLaC") {
        return Some(ContainerKind::Flac);
    }
    // Some writers leave a gap of zeros.
    let gap = rest.iter().take_while(|it| **it == 0).count();
    frames_of_audio(&rest[gap..])
}

/// Frames of MPEG audio or of AAC, without a header of the file.
fn frames_of_audio(head: &[u8]) -> Option<ContainerKind> {
    if crate::mpeg_audio::begins_stream(head) {
        return Some(ContainerKind::Mp3);
    }
    crate::aac::AdtsHeader::parse(head).map(|_| ContainerKind::Adts)
}

fn container(head: &[u8]) -> Option<ContainerKind> {
    let magic: [(&[u8], ContainerKind); 11] = [
        (&[0x1a, 0x45, 0xdf, 0xa3], ContainerKind::Matroska),
        (b"FLV\x01", ContainerKind::Flv),
        (
            &[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11],
            ContainerKind::Asf,
        ),
        (b"OggS", ContainerKind::Ogg),
        (b"fLaC", ContainerKind::Flac),
        (
            &[0x06, 0x0e, 0x2b, 0x34, 0x02, 0x05, 0x01, 0x01],
            ContainerKind::Mxf,
        ),
        (
            &[0xb7, 0xd8, 0x00, 0x20, 0x37, 0x49, 0xda, 0x11],
            ContainerKind::Wtv,
        ),
        (b".RMF", ContainerKind::RealMedia),
        (b"DKIF", ContainerKind::Ivf),
        (&[0, 0, 1, 0xba], ContainerKind::MpegPs),
        (&[0, 0, 0, 0, 1, 0xbc], ContainerKind::Gxf),
    ];
    if let Some((_, kind)) = magic.into_iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(kind);
    }
    match (head.get(..4), head.get(4..8), head.get(8..12)) {
        (Some(b"RIFF"), _, Some(b"AVI ")) => return Some(ContainerKind::Avi),
        (Some(b"RIFF" | b"RF64"), _, Some(b"WAVE")) => return Some(ContainerKind::Wav),
        (Some(b"FORM"), _, Some(b"AIFF" | b"AIFC")) => return Some(ContainerKind::Aiff),
        (_, Some(b"ftyp"), Some(brand)) => {
            return (!is_picture_brand(brand)).then_some(ContainerKind::Mp4);
        }
        (_, Some(b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot" | b"styp"), _) => {
            return Some(ContainerKind::Mp4);
        }
        _ => {}
    }
    if crate::id3::tag_bytes(head).is_some() {
        return Some(ContainerKind::Mp3);
    }
    if is_transport_stream(head) {
        return Some(ContainerKind::MpegTs);
    }
    if is_dv(head) {
        return Some(ContainerKind::Dv);
    }
    elementary_stream(head)
        .or_else(|| has_transport_stream(head).then_some(ContainerKind::MpegTs))
        .or_else(|| frames_of_audio(head))
}

/// A start code (`00 00 01`, with more zeros before it) and the type of the stream after it.
fn elementary_stream(head: &[u8]) -> Option<ContainerKind> {
    let zeros = head.iter().take_while(|it| **it == 0).count();
    let rest = head
        .get(zeros..)
        .filter(|_| (2..=8).contains(&zeros))?
        .strip_prefix(&[1])?;
    match (*rest.first()?, *rest.get(1)?) {
        (0xb3, _) => Some(ContainerKind::MpegVideo),
        (0xb0, _) => Some(ContainerKind::Mpeg4Video),
        // A video or sequence parameter set or access unit delimiter of HEVC: layer 0, temporal id 1.
        (0x40 | 0x42 | 0x46, 0x01) => Some(ContainerKind::Hevc),
        // A sequence parameter set (7) or an access unit delimiter (9) of H.264.
        (nal, _) if nal & 0x80 == 0 && matches!(nal & 0x1f, 7 | 9) => Some(ContainerKind::H264),
        _ => None,
    }
}

/// A transport stream after other data: half a packet, or the header of the captured connection.
fn has_transport_stream(head: &[u8]) -> bool {
    const MIN_PACKETS: usize = 8;
    [188usize, 192, 204].into_iter().any(|size| {
        (0..head.len().saturating_sub(MIN_PACKETS * size)).any(|start| {
            head[start..]
                .iter()
                .step_by(size)
                .all(|it| *it == crate::ts::SYNC_BYTE)
        })
    })
}

fn is_picture_brand(brand: &[u8]) -> bool {
    matches!(
        brand,
        b"heic" | b"heix" | b"heim" | b"heis" | b"mif1" | b"avif" | b"jxl " | b"crx "
    )
}

/// Packets of 188 bytes, of 192 (with time codes, as on Blu-ray), or of 204 (with error
/// correction), at any offset within the first packet.
fn is_transport_stream(head: &[u8]) -> bool {
    const MIN_PACKETS: usize = 5;
    [188usize, 192, 204].into_iter().any(|size| {
        (0..size).any(|start| {
            let mut syncs = head.get(start..).unwrap_or_default().iter().step_by(size);
            let packets = syncs.len();
            let lone = packets >= 1 && start == 0 && head.len() <= 2 * size;
            (packets >= MIN_PACKETS || lone) && syncs.all(|&it| it == crate::ts::SYNC_BYTE)
        })
    })
}

/// A DIF block sequence: header, subcode, VAUX blocks at multiples of 80 bytes.
fn is_dv(head: &[u8]) -> bool {
    let block = |at: usize| head.get(at * 80).map(|it| it >> 5);
    head.get(..3)
        .is_some_and(|it| it[0] == 0x1f && it[1] == 0x07 && it[2] == 0x00)
        && (block(1), block(3)) == (Some(1), Some(2))
}

fn not_media(head: &[u8]) -> Option<NotMedia> {
    let magic: [(&[u8], NotMedia); 16] = [
        (&[0xff, 0xd8, 0xff], NotMedia::Jpeg),
        (b"\x89PNG\r\n\x1a\n", NotMedia::Png),
        (b"GIF8", NotMedia::Gif),
        (b"BM", NotMedia::Bmp),
        (b"II*\0", NotMedia::Tiff),
        (b"MM\0*", NotMedia::Tiff),
        (b"%PDF", NotMedia::Pdf),
        (b"PK\x03\x04", NotMedia::Zip),
        (b"PK\x05\x06", NotMedia::Zip),
        (&[0x1f, 0x8b], NotMedia::Gzip),
        (b"7z\xbc\xaf\x27\x1c", NotMedia::SevenZip),
        (b"Rar!", NotMedia::Rar),
        (b"MThd", NotMedia::Midi),
        (b"\x7fELF", NotMedia::Executable),
        (b"MZ", NotMedia::Executable),
        (b"#!", NotMedia::Executable),
    ];
    if head.get(4..8) == Some(b"ftyp") {
        return Some(NotMedia::Heif);
    }
    if let (Some(b"RIFF"), Some(b"WEBP")) = (head.get(..4), head.get(8..12)) {
        return Some(NotMedia::WebP);
    }
    let text = text_kind(head);
    // Text first, because a text may begin with "MZ" or "BM".
    text.or_else(|| {
        magic
            .into_iter()
            .find(|(magic, _)| head.starts_with(magic))
            .map(|(_, kind)| kind)
    })
}

fn text_kind(head: &[u8]) -> Option<NotMedia> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A character may be truncated at the end of the bytes.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    if valid.is_empty()
        || valid
            .chars()
            .any(|it| it.is_control() && !it.is_ascii_whitespace())
    {
        return None;
    }
    let text = valid.trim_start();
    let lower = text
        .get(..text.floor_char_boundary(1024))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let starts = |prefix: &str| lower.starts_with(prefix);
    Some(match () {
        () if starts("%pdf") => NotMedia::Pdf,
        () if starts("#extm3u") || lower.contains("\n#extm3u") || lower.contains("#ext-x-") => {
            NotMedia::HlsPlaylist
        }
        () if starts("ffconcat") || lower.contains("\nffconcat") || is_concat_list(&lower) => {
            NotMedia::FfconcatScript
        }
        () if starts("v=0") || lower.contains("\nm=video ") => NotMedia::Sdp,
        () if lower.contains("<mpd") => NotMedia::DashManifest,
        () if starts("<!doctype html") || lower.contains("<html") => NotMedia::Html,
        () if starts("<") => NotMedia::Xml,
        () if starts("webvtt") || (starts("1") && lower.contains(" --> ")) => NotMedia::Subtitles,
        () if starts("#!") => NotMedia::Executable,
        () if starts("{") || starts("[") => NotMedia::Json,
        () => NotMedia::Text,
    })
}

/// FFmpeg's concat lists are also accepted without their first line.
fn is_concat_list(lower: &str) -> bool {
    lower
        .lines()
        .any(|it| it.starts_with("file '") || it.starts_with("file http"))
}

#[cfg(test)]
mod tests;
