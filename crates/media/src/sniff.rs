//! Detects the type of a file by its first bytes: an upload's name and type are not reliable.
//!
//! The result selects FFmpeg's demuxer, so that a disguised playlist or script is never processed
//! as the format that it imitates.

/// Number of bytes that [`sniff`] needs; fewer are sufficient at the end of a file.
pub const SNIFF_BYTES: usize = 4096;

/// The type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A container that may hold video.
    Video(ContainerKind),
    /// A recognised type that is not a video, to be refused by name.
    NotVideo(NotVideo),
}

/// Containers that may hold video.
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

/// Types of files that are uploaded by mistake or with malicious intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum NotVideo {
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
    Mp3,
    Wav,
    Flac,
    /// AAC in ADTS frames.
    Aac,
    Midi,
    Executable,
}

impl NotVideo {
    /// Whether it is an audio-only file.
    pub fn is_audio(self) -> bool {
        matches!(
            self,
            Self::Mp3 | Self::Wav | Self::Flac | Self::Aac | Self::Midi
        )
    }

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
            Self::Mp3 => "an MP3 file, audio without video",
            Self::Wav => "a WAV file, audio without video",
            Self::Flac => "a FLAC file, audio without video",
            Self::Aac => "an AAC file, audio without video",
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
        return Some(Kind::NotVideo(NotVideo::Empty));
    }
    container(head)
        .map(Kind::Video)
        .or_else(|| not_video(head).map(Kind::NotVideo))
}

fn container(head: &[u8]) -> Option<ContainerKind> {
    let magic: [(&[u8], ContainerKind); 10] = [
        (&[0x1a, 0x45, 0xdf, 0xa3], ContainerKind::Matroska),
        (b"FLV\x01", ContainerKind::Flv),
        (
            &[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11],
            ContainerKind::Asf,
        ),
        (b"OggS", ContainerKind::Ogg),
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
        (_, Some(b"ftyp"), Some(brand)) => {
            return (!is_picture_brand(brand)).then_some(ContainerKind::Mp4);
        }
        (_, Some(b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot" | b"styp"), _) => {
            return Some(ContainerKind::Mp4);
        }
        _ => {}
    }
    if is_transport_stream(head) {
        return Some(ContainerKind::MpegTs);
    }
    if is_dv(head) {
        return Some(ContainerKind::Dv);
    }
    elementary_stream(head).or_else(|| has_transport_stream(head).then_some(ContainerKind::MpegTs))
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

fn not_video(head: &[u8]) -> Option<NotVideo> {
    let magic: [(&[u8], NotVideo); 20] = [
        (&[0xff, 0xd8, 0xff], NotVideo::Jpeg),
        (b"\x89PNG\r\n\x1a\n", NotVideo::Png),
        (b"GIF8", NotVideo::Gif),
        (b"BM", NotVideo::Bmp),
        (b"II*\0", NotVideo::Tiff),
        (b"MM\0*", NotVideo::Tiff),
        (b"%PDF", NotVideo::Pdf),
        (b"PK\x03\x04", NotVideo::Zip),
        (b"PK\x05\x06", NotVideo::Zip),
        (&[0x1f, 0x8b], NotVideo::Gzip),
        (b"7z\xbc\xaf\x27\x1c", NotVideo::SevenZip),
        (b"Rar!", NotVideo::Rar),
        (b"ID3", NotVideo::Mp3),
        (b"fLaC", NotVideo::Flac),
        (b"MThd", NotVideo::Midi),
        (b"\x7fELF", NotVideo::Executable),
        (b"MZ", NotVideo::Executable),
        (b"#!", NotVideo::Executable),
        (&[0xff, 0xfb], NotVideo::Mp3),
        (&[0xff, 0xf3], NotVideo::Mp3),
    ];
    if head.get(4..8) == Some(b"ftyp") {
        return Some(NotVideo::Heif);
    }
    match (head.get(..4), head.get(8..12)) {
        (Some(b"RIFF" | b"RF64"), Some(b"WAVE")) => return Some(NotVideo::Wav),
        (Some(b"RIFF"), Some(b"WEBP")) => return Some(NotVideo::WebP),
        _ => {}
    }
    let text = text_kind(head);
    // Text first, because a text may begin with "MZ" or "BM".
    text.or_else(|| {
        magic
            .into_iter()
            .find(|(magic, _)| head.starts_with(magic))
            .map(|(_, kind)| kind)
    })
    .or_else(|| crate::aac::AdtsHeader::parse(head).map(|_| NotVideo::Aac))
}

fn text_kind(head: &[u8]) -> Option<NotVideo> {
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
        () if starts("%pdf") => NotVideo::Pdf,
        () if starts("#extm3u") || lower.contains("\n#extm3u") || lower.contains("#ext-x-") => {
            NotVideo::HlsPlaylist
        }
        () if starts("ffconcat") || lower.contains("\nffconcat") || is_concat_list(&lower) => {
            NotVideo::FfconcatScript
        }
        () if starts("v=0") || lower.contains("\nm=video ") => NotVideo::Sdp,
        () if lower.contains("<mpd") => NotVideo::DashManifest,
        () if starts("<!doctype html") || lower.contains("<html") => NotVideo::Html,
        () if starts("<") => NotVideo::Xml,
        () if starts("webvtt") || (starts("1") && lower.contains(" --> ")) => NotVideo::Subtitles,
        () if starts("#!") => NotVideo::Executable,
        () if starts("{") || starts("[") => NotVideo::Json,
        () => NotVideo::Text,
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
