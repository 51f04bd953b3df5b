//! Selects the streams of a source, and parses ffprobe's description of them.

use domain::failure::SourceProblem;
use domain::probe::{AudioPurpose, AudioStream, Rates, Ratio, VideoStream};

mod colors;
mod raw;
mod subtitles;

use colors::{hdr_colors, hdr_of, is_known, matrix_of, unknown_colors};
use raw::{Disposition, RawChapter, RawProbe, RawProgram, RawStream, SideData};

pub(crate) use subtitles::{CaptionedVideo, Subtitles, TextTrack};

/// The selected streams of a source.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Streams {
    /// It has video.
    Video(Box<Found>),
    /// It has only audio. An image of a cover is not video.
    Audio(FoundAudio),
}

#[cfg(test)]
impl Streams {
    /// The streams of a source that has video.
    pub(crate) fn of_video(self) -> Found {
        match self {
            Self::Video(found) => *found,
            Self::Audio(found) => panic!("it has no video: {found:?}"),
        }
    }
}

/// The audio tracks of a source.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FoundAudio {
    /// The tracks that can be decoded, the default one first, at most [`MOST_TRACKS`].
    pub tracks: Vec<AudioStream>,
    /// Whether others are left out, because they have no decoder, or are too many.
    pub left_out: bool,
    /// The subtitle streams.
    pub subtitles: Subtitles,
    /// The chapters, with their starts on the clock of the container.
    pub chapters: Vec<(f64, String)>,
    /// Duration of the whole container, seconds, if it is declared.
    pub duration_seconds: Option<f64>,
}

/// The selected streams of a source that has video.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// The video stream. Its frame rate is an estimate until its frames are known.
    pub video: VideoStream,
    /// Whether its frames consist of fields, according to the container or the headers; `None`: not
    /// declared.
    pub fields: Option<bool>,
    /// Frame rates that the container declares.
    pub rates: Rates,
    /// The audio tracks that can be decoded, the default one first, at most [`MOST_TRACKS`].
    pub audio: Vec<AudioStream>,
    /// Whether other audio tracks are left out.
    pub left_out: bool,
    /// The subtitle streams.
    pub subtitles: Subtitles,
    /// The chapters, with their starts on the clock of the container.
    pub chapters: Vec<(f64, String)>,
    /// Whether audio or video streams are declared of which no packet was found.
    pub announced: bool,
    /// Duration of the whole container, seconds, if it is declared.
    pub duration_seconds: Option<f64>,
}

/// Maximum sample rate, Hz: twice the highest rate of recorders.
const HIGHEST_SAMPLE_RATE: u32 = 768_000;

/// Maximum number of audio tracks that are converted.
pub(crate) const MOST_TRACKS: usize = 8;

/// Parses ffprobe's JSON and selects the streams.
pub(crate) fn parse_streams(json: &str) -> Result<Streams, SourceProblem> {
    let raw: RawProbe = serde_json::from_str(json).map_err(|_| SourceProblem::NotAVideo)?;
    let protected = |it: &RawStream| {
        matches!(
            it.codec_tag_string.as_deref(),
            Some("encv" | "enca" | "drmi" | "drms")
        )
    };
    if raw.streams.iter().any(protected) {
        return Err(SourceProblem::EncryptedSource);
    }
    let used = |it: &&RawStream| it.is("video") || it.is("audio");
    // Resampling from such a rate would need memory in proportion to it.
    if raw
        .streams
        .iter()
        .filter(used)
        .any(|it| it.sample_rate().is_some_and(|it| it > HIGHEST_SAMPLE_RATE))
    {
        return Err(SourceProblem::Damaged);
    }
    let announced = raw.streams.iter().filter(used).any(|it| !it.is_there());
    // A playable stream is preferred to the container's default, which may be only declared, or in
    // a format without a decoder; after that, the order of the file decides.
    let choice = |it: &&RawStream| {
        (
            !it.is_there(),
            !it.is_decodable(),
            it.disposition.default == 0,
            it.index,
        )
    };
    let duration_seconds = raw.format.duration.as_deref().and_then(positive);
    let videos = raw.streams.iter().filter(|it| it.is("video"));
    let Some(video) = videos.min_by_key(choice) else {
        return only_audio(&raw, duration_seconds).map(Streams::Audio);
    };
    let codec =
        video
            .codec()
            .map(str::to_owned)
            .ok_or_else(|| SourceProblem::UnsupportedCodec {
                codec: video.name_of_codec(),
            })?;
    if let Some(colors) = unknown_colors(video) {
        return Err(SourceProblem::UnsupportedCodec { codec: colors });
    }
    let (Some(width), Some(height)) = (video.width, video.height) else {
        return Err(SourceProblem::Damaged);
    };
    let rates = Rates {
        real: video.r_frame_rate.as_deref().and_then(ratio),
        average: video.avg_frame_rate.as_deref().and_then(ratio),
    };
    let (audio, left_out) = tracks(&raw, Some(video));
    let (rotation, mirrored) = orientation(&video.side_data_list);
    Ok(Streams::Video(Box::new(Found {
        fields: match video.field_order.as_deref() {
            Some("tt" | "bb" | "tb" | "bt") => Some(true),
            Some("progressive") => Some(false),
            _ => None,
        },
        video: VideoStream {
            index: video.index,
            codec,
            width,
            height,
            pixel_aspect: video
                .sample_aspect_ratio
                .as_deref()
                .and_then(ratio)
                .filter(visible),
            rotation,
            mirrored,
            pixel_format: video.pix_fmt.clone().unwrap_or_default(),
            frame_rate: rates
                .average
                .or(rates.real)
                .unwrap_or(Ratio { num: 30, den: 1 }),
            source_rate: rates
                .average
                .or(rates.real)
                .unwrap_or(Ratio { num: 30, den: 1 }),
            interlaced: matches!(
                video.field_order.as_deref(),
                Some("tt" | "bb" | "tb" | "bt")
            ),
            hdr: hdr_of(video),
            hdr_colors: hdr_colors(video),
            wide_gamut: video.color_primaries.as_deref() == Some("bt2020")
                || video
                    .color_space
                    .as_deref()
                    .is_some_and(|it| it.starts_with("bt2020")),
            matrix: matrix_of(video, height),
            tagged: [
                &video.color_space,
                &video.color_primaries,
                &video.color_transfer,
            ]
            .into_iter()
            .all(is_known),
            start_pts: video.start_pts.unwrap_or(0),
            time_base: video
                .time_base
                .as_deref()
                .and_then(ratio)
                .unwrap_or(Ratio { num: 1, den: 1000 }),
        },
        rates,
        audio,
        left_out,
        subtitles: Subtitles::of(&raw, Some(video)),
        chapters: chapters(&raw),
        announced,
        duration_seconds,
    })))
}

/// The audio of a source without video.
fn only_audio(raw: &RawProbe, duration_seconds: Option<f64>) -> Result<FoundAudio, SourceProblem> {
    let (tracks, left_out) = tracks(raw, None);
    let mut audio = raw.streams.iter().filter(|it| it.is("audio")).peekable();
    if audio.peek().is_none() {
        return Err(SourceProblem::NoVideoStream);
    }
    if tracks.is_empty() {
        return Err(match audio.find(|it| it.is_there()) {
            Some(there) => SourceProblem::UnsupportedCodec {
                codec: there.name_of_codec(),
            },
            None => SourceProblem::Damaged,
        });
    }
    Ok(FoundAudio {
        subtitles: Subtitles::of(raw, None),
        tracks,
        left_out,
        chapters: chapters(raw),
        duration_seconds,
    })
}

/// The audio tracks that can be decoded, the default one first, and whether others are left out.
/// Those of another programme than the video are not part of the presentation.
fn tracks(raw: &RawProbe, video: Option<&RawStream>) -> (Vec<AudioStream>, bool) {
    let foreign = |it: &RawStream| {
        let together =
            |program: &RawProgram, index| program.streams.iter().any(|it| it.index == index);
        let Some(video) = video else { return false };
        let mut of_video = raw
            .programs
            .iter()
            .filter(|program| together(program, video.index))
            .peekable();
        of_video.peek().is_some() && !of_video.any(|program| together(program, it.index))
    };
    let there = |it: &&RawStream| it.is("audio") && it.is_there();
    let all: Vec<&RawStream> = raw.streams.iter().filter(there).collect();
    let first = all.iter().min_by_key(|it| {
        (
            !it.is_decodable(),
            foreign(it),
            it.disposition.default == 0,
            it.index,
        )
    });
    let Some(first) = first else {
        return (vec![], false);
    };
    let others = all.iter().filter(|it| it.index != first.index);
    let own: Vec<&RawStream> = [first]
        .into_iter()
        .chain(others.filter(|it| !foreign(it)))
        .copied()
        .collect();
    let decodable = own.iter().filter(|it| it.is_decodable());
    let tracks: Vec<AudioStream> = decodable
        .filter_map(|it| audio_stream(it))
        .take(MOST_TRACKS)
        .collect();
    let left_out = tracks.len() < own.len();
    (tracks, left_out)
}

fn chapters(raw: &RawProbe) -> Vec<(f64, String)> {
    let chapter = |it: &RawChapter| {
        let start: f64 = it.start_time.as_deref()?.parse().ok()?;
        let title = it.tags.title.clone()?;
        start.is_finite().then_some((start, title))
    };
    raw.chapters.iter().filter_map(chapter).collect()
}

fn audio_stream(raw: &RawStream) -> Option<AudioStream> {
    Some(AudioStream {
        index: raw.index,
        codec: raw.codec()?.to_owned(),
        profile: raw.profile.clone(),
        channels: raw.channels?,
        sample_rate: raw.sample_rate()?,
        bit_rate: raw.bit_rate.as_deref().and_then(|it| it.parse().ok()),
        start_seconds: raw
            .start_time
            .as_deref()
            .and_then(|it| it.parse().ok())
            .unwrap_or(0.0),
        duration_seconds: raw.duration.as_deref().and_then(positive),
        language: raw.tags.language.clone().filter(|it| it != "und"),
        title: raw.tags.title.clone(),
        purpose: purpose(&raw.disposition),
        loudness: None,
        surround_loudness: None,
    })
}

fn purpose(disposition: &Disposition) -> AudioPurpose {
    if disposition.visual_impaired == 1 || disposition.descriptions == 1 {
        AudioPurpose::Descriptions
    } else if disposition.hearing_impaired == 1 {
        AudioPurpose::HearingImpaired
    } else if disposition.comment == 1 {
        AudioPurpose::Commentary
    } else {
        AudioPurpose::Main
    }
}

/// The clockwise rotation in degrees that turns the frame upright, and whether it is mirrored as
/// well. For a mirrored frame, only the exchange of width and height matters: 0 or 90.
fn orientation(side_data: &[SideData]) -> (u32, bool) {
    let matrix = side_data
        .iter()
        .find_map(|it| it.displaymatrix.as_deref())
        .and_then(matrix);
    if let Some([a, b, c, d]) = matrix
        && a * d - b * c < 0
    {
        return (if a.abs() < b.abs() { 90 } else { 0 }, true);
    }
    let rotation = side_data.iter().find_map(|it| it.rotation).unwrap_or(0.0);
    // The matrix rotates counter-clockwise; to undo that, the frame is rotated clockwise.
    (
        ((-rotation / 90.0).round() as i64).rem_euclid(4) as u32 * 90,
        false,
    )
}

/// Parses the upper left of a display matrix, printed as lines of `00000000:        65536
/// 0           0`.
fn matrix(text: &str) -> Option<[i64; 4]> {
    let mut rows = text
        .lines()
        .filter_map(|it| it.split_once(':'))
        .map(|(_, row)| {
            let mut cells = row.split_whitespace().map(str::parse::<i64>);
            Some((cells.next()?.ok()?, cells.next()?.ok()?))
        });
    let ((a, b), (c, d)) = (rows.next()??, rows.next()??);
    Some([a, b, c, d])
}

fn positive(text: &str) -> Option<f64> {
    text.parse()
        .ok()
        .filter(|it: &f64| it.is_finite() && *it > 0.0)
}

/// Parses `30000/1001` and `4:3`.
fn ratio(text: &str) -> Option<Ratio> {
    let (num, den) = text.split_once(['/', ':'])?;
    Ratio::new(num.parse().ok()?, den.parse().ok()?)
}

/// Whether an aspect ratio is visible: scaling 1920x1080 to 854x480 leaves one of 1280:1281, which
/// is not.
fn visible(aspect: &Ratio) -> bool {
    (aspect.as_f64() - 1.0).abs() > 0.005
}

#[cfg(test)]
mod tests;
