//! What ffprobe says of a source, in our words.

use std::process::Stdio;
use std::time::Duration;

use domain::failure::SourceProblem;
use domain::probe::{AudioStream, HighDynamicRange, Ratio, VideoStream};
use serde::Deserialize;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;

/// Longer than this, a header is hostile.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// What ffprobe says of the streams that are used.
#[derive(Debug, Clone, PartialEq)]
pub struct Streams {
    /// The picture. Its frame rate is a first guess, until the frames were counted.
    pub video: VideoStream,
    /// Rates as the container says: the lowest rate that fits all times, and the average one.
    pub rates: Rates,
    /// The sound, if there is any.
    pub audio: Option<AudioStream>,
    /// Of the whole container, seconds, if it says so.
    pub duration_seconds: Option<f64>,
    /// Of the video stream, seconds, if the container says so.
    pub video_duration_seconds: Option<f64>,
}

/// Frame rates as the container says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// The lowest rate at which all times can be written exactly.
    pub real: Option<Ratio>,
    /// Frames over time.
    pub average: Option<Ratio>,
}

/// What every run that reads the source begins with. The demuxer is forced, never guessed: an upload
/// that is a playlist or a script must not make FFmpeg read a file or call a host.
pub fn input_arguments(demuxer: &str) -> Vec<String> {
    ["-protocol_whitelist", "http,tcp", "-format_whitelist", demuxer, "-f", demuxer].map(str::to_owned).to_vec()
}

/// Asks ffprobe for the streams of a source.
pub async fn streams(tools: &Tools, demuxer: &str, url: &str) -> Result<Streams, TranscodeError> {
    let mut arguments = input_arguments(demuxer);
    arguments.extend(["-show_streams", "-show_format", "-of", "json"].map(str::to_owned));
    let output = ffprobe(tools, &arguments, url).await?;
    parse_streams(&output).map_err(TranscodeError::Source)
}

/// Runs ffprobe and gives back what it printed.
pub async fn ffprobe(tools: &Tools, arguments: &[String], url: &str) -> Result<String, TranscodeError> {
    let mut command = tokio::process::Command::new(&tools.ffprobe);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.args(["-hide_banner", "-loglevel", "error"]).args(arguments).arg(url);
    let child = command.spawn().map_err(TranscodeError::Spawn)?;
    let output = tokio::time::timeout(TIME_LIMIT, child.wait_with_output())
        .await
        .map_err(|_| TranscodeError::TimedOut { task: "read the header".to_owned(), log_tail: String::new() })?
        .map_err(TranscodeError::Spawn)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let log = String::from_utf8_lossy(&output.stderr);
    Err(problem_of(&log).into())
}

/// Which fault of the file ffprobe speaks of.
fn problem_of(log: &str) -> SourceProblem {
    if log.contains("moov atom not found") || log.contains("partial file") {
        SourceProblem::Truncated
    } else {
        SourceProblem::NotAVideo
    }
}

#[derive(Deserialize)]
struct RawProbe {
    #[serde(default)]
    streams: Vec<RawStream>,
    #[serde(default)]
    format: RawFormat,
}

#[derive(Deserialize, Default)]
struct RawFormat {
    duration: Option<String>,
}

#[derive(Deserialize)]
struct RawStream {
    index: u32,
    codec_type: Option<String>,
    codec_name: Option<String>,
    codec_tag_string: Option<String>,
    profile: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    sample_aspect_ratio: Option<String>,
    pix_fmt: Option<String>,
    field_order: Option<String>,
    color_transfer: Option<String>,
    color_space: Option<String>,
    color_primaries: Option<String>,
    r_frame_rate: Option<String>,
    avg_frame_rate: Option<String>,
    time_base: Option<String>,
    start_pts: Option<i64>,
    start_time: Option<String>,
    duration: Option<String>,
    bit_rate: Option<String>,
    channels: Option<u32>,
    sample_rate: Option<String>,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    tags: Tags,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    default: u8,
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Deserialize, Default)]
struct Tags {
    language: Option<String>,
}

#[derive(Deserialize, Default)]
struct SideData {
    rotation: Option<f64>,
}

/// Reads ffprobe's JSON.
fn parse_streams(json: &str) -> Result<Streams, SourceProblem> {
    let raw: RawProbe = serde_json::from_str(json).map_err(|_| SourceProblem::NotAVideo)?;
    let of_kind = |kind: &'static str| {
        let mut found: Vec<&RawStream> = raw
            .streams
            .iter()
            .filter(|it| it.codec_type.as_deref() == Some(kind) && it.disposition.attached_pic == 0)
            .collect();
        // The container's own choice first, then the order of the file.
        found.sort_by_key(|it| (it.disposition.default == 0, it.index));
        found.into_iter().next()
    };
    let protected = |it: &RawStream| matches!(it.codec_tag_string.as_deref(), Some("encv" | "enca" | "drmi" | "drms"));
    if raw.streams.iter().any(protected) {
        return Err(SourceProblem::EncryptedSource);
    }
    let video = of_kind("video").ok_or(SourceProblem::NoVideoStream)?;
    let codec = video.codec_name.clone().filter(|it| it != "none" && it != "unknown").ok_or_else(|| {
        let tag = video.codec_tag_string.clone().unwrap_or_else(|| "unknown".to_owned());
        SourceProblem::UnsupportedCodec { codec: tag }
    })?;
    // Containers can hold pictures that move (animated GIF, MJPEG) and pictures that do not.
    if matches!(codec.as_str(), "png" | "bmp" | "tiff" | "webp" | "ansi") {
        return Err(SourceProblem::NoVideoStream);
    }
    let (Some(width), Some(height)) = (video.width, video.height) else { return Err(SourceProblem::Damaged) };
    let rates = Rates {
        real: video.r_frame_rate.as_deref().and_then(ratio),
        average: video.avg_frame_rate.as_deref().and_then(ratio),
    };
    let rotation = video.side_data_list.iter().find_map(|it| it.rotation).unwrap_or(0.0);
    Ok(Streams {
        video: VideoStream {
            index: video.index,
            codec,
            width,
            height,
            pixel_aspect: video.sample_aspect_ratio.as_deref().and_then(ratio).filter(visible),
            // The matrix turns counter-clockwise; to undo it, the picture is turned clockwise.
            rotation: ((-rotation / 90.0).round() as i64).rem_euclid(4) as u32 * 90,
            pixel_format: video.pix_fmt.clone().unwrap_or_default(),
            frame_rate: rates.average.or(rates.real).unwrap_or(Ratio { num: 30, den: 1 }),
            source_rate: rates.average.or(rates.real).unwrap_or(Ratio { num: 30, den: 1 }),
            interlaced: matches!(video.field_order.as_deref(), Some("tt" | "bb" | "tb" | "bt")),
            hdr: match video.color_transfer.as_deref() {
                Some("smpte2084") => Some(HighDynamicRange::Pq),
                Some("arib-std-b67") => Some(HighDynamicRange::Hlg),
                _ => None,
            },
            wide_gamut: video.color_primaries.as_deref() == Some("bt2020")
                || video.color_space.as_deref().is_some_and(|it| it.starts_with("bt2020")),
            start_pts: video.start_pts.unwrap_or(0),
            time_base: video.time_base.as_deref().and_then(ratio).unwrap_or(Ratio { num: 1, den: 1000 }),
        },
        rates,
        audio: of_kind("audio").and_then(audio),
        duration_seconds: raw.format.duration.as_deref().and_then(positive),
        video_duration_seconds: video.duration.as_deref().and_then(positive),
    })
}

/// The audio stream, unless it is one that cannot be decoded: then the video plays without.
fn audio(raw: &RawStream) -> Option<AudioStream> {
    Some(AudioStream {
        index: raw.index,
        codec: raw.codec_name.clone().filter(|it| it != "none" && it != "unknown")?,
        profile: raw.profile.clone(),
        channels: raw.channels.filter(|it| *it > 0)?,
        sample_rate: raw.sample_rate.as_deref()?.parse().ok().filter(|it| *it > 0)?,
        bit_rate: raw.bit_rate.as_deref().and_then(|it| it.parse().ok()),
        start_seconds: raw.start_time.as_deref().and_then(|it| it.parse().ok()).unwrap_or(0.0),
        duration_seconds: raw.duration.as_deref().and_then(positive),
        language: raw.tags.language.clone().filter(|it| it != "und"),
    })
}

fn positive(text: &str) -> Option<f64> {
    text.parse().ok().filter(|it: &f64| it.is_finite() && *it > 0.0)
}

/// `30000/1001` and `4:3`.
fn ratio(text: &str) -> Option<Ratio> {
    let (num, den) = text.split_once(['/', ':'])?;
    Ratio::new(num.parse().ok()?, den.parse().ok()?)
}

/// Scaling 1920x1080 to 854x480 leaves an aspect of 1280:1281, which nobody can see and nobody meant.
fn visible(aspect: &Ratio) -> bool {
    (aspect.as_f64() - 1.0).abs() > 0.005
}

/// Rates that cameras and editors use; what lies near one of them is meant to be it.
const STANDARD_RATES: [(u32, u32); 9] =
    [(24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (48, 1), (50, 1), (60_000, 1001), (60, 1)];

/// The constant rate for the output of a source, at most `max`.
///
/// `counted`: frames over time, from an index; more trustworthy than what headers say.
pub fn output_rate(rates: Rates, counted: Option<f64>, max: f64) -> Ratio {
    let average = counted.or(rates.average.map(Ratio::as_f64)).or(rates.real.map(Ratio::as_f64)).unwrap_or(30.0);
    let exact = [rates.real, rates.average]
        .into_iter()
        .flatten()
        .find(|it| (it.as_f64() / average - 1.0).abs() < 0.01 && it.num <= 1_000_000);
    // A variable rate: the next standard one above, so that no frame is lost.
    let standard = || {
        let near = STANDARD_RATES.iter().find(|(num, den)| f64::from(*num) / f64::from(*den) >= average * 0.9995);
        near.map_or_else(|| Ratio { num: average.ceil() as u32, den: 1 }, |(num, den)| Ratio { num: *num, den: *den })
    };
    let low = || Ratio { num: average.round().max(1.0) as u32, den: 1 };
    let mut rate = exact.unwrap_or_else(|| if average < 20.0 { low() } else { standard() });
    while rate.as_f64() > max + 0.01 {
        rate = Ratio { num: rate.num, den: rate.den * 2 };
    }
    rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_rate(real: &str, average: &str, counted: Option<f64>, expected: &str) {
        let rates = Rates { real: ratio(real), average: ratio(average) };
        assert_eq!(output_rate(rates, counted, 60.0).to_string(), expected, "{real} {average} {counted:?}");
    }

    #[test]
    fn output_rates() {
        check_rate("30/1", "30/1", None, "30/1");
        check_rate("30000/1001", "2700000/90089", None, "30000/1001");
        check_rate("90000/3001", "90000/3001", None, "90000/3001");
        check_rate("120/1", "120/1", None, "120/2");
        check_rate("240/1", "240/1", None, "240/4");
        check_rate("60/1", "810000/13487", None, "60/1");
        // Variable rates: what was counted decides.
        check_rate("600/1", "600/1", Some(23.98), "24000/1001");
        check_rate("60/1", "1000/1", Some(24.1), "25/1");
        check_rate("90000/1", "0/0", Some(12.3), "12/1");
        check_rate("1000/1", "0/0", Some(29.4), "30000/1001");
        check_rate("0/0", "0/0", None, "30/1");
    }

    #[test]
    fn what_ffprobe_says_is_understood() {
        let json = r#"{"streams":[
            {"index":0,"codec_type":"audio","codec_name":"aac","profile":"LC","channels":6,"sample_rate":"48000",
             "start_time":"0.043991","duration":"1.0","bit_rate":"192580","tags":{"language":"und"}},
            {"index":1,"codec_type":"video","codec_name":"mjpeg","width":300,"height":300,"disposition":{"attached_pic":1}},
            {"index":2,"codec_type":"video","codec_name":"hevc","width":1920,"height":1080,"pix_fmt":"yuv420p10le",
             "sample_aspect_ratio":"1:1","field_order":"tt","color_transfer":"arib-std-b67","color_primaries":"bt2020",
             "r_frame_rate":"30000/1001","avg_frame_rate":"30000/1001","time_base":"1/90000","start_pts":3003,
             "side_data_list":[{"side_data_type":"Display Matrix","rotation":-90}]}],
            "format":{"duration":"12.5"}}"#;
        let streams = parse_streams(json).unwrap();
        assert_eq!((streams.video.index, streams.video.rotation, streams.video.interlaced), (2, 90, true));
        assert_eq!(streams.video.hdr, Some(HighDynamicRange::Hlg));
        assert_eq!((streams.video.start_pts, streams.video.pixel_aspect), (3003, None));
        assert_eq!(streams.duration_seconds, Some(12.5));
        let audio = streams.audio.unwrap();
        assert_eq!((audio.index, audio.channels, audio.language), (0, 6, None));
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let of = |json: &str| parse_streams(json).unwrap_err();
        assert_eq!(of("{}"), SourceProblem::NoVideoStream);
        assert_eq!(of("rubbish"), SourceProblem::NotAVideo);
        assert_eq!(
            of(r#"{"streams":[{"index":0,"codec_type":"video","codec_tag_string":"encv"}]}"#),
            SourceProblem::EncryptedSource
        );
        assert_eq!(
            of(r#"{"streams":[{"index":0,"codec_type":"video","codec_tag_string":"vvc1","width":1,"height":1}]}"#),
            SourceProblem::UnsupportedCodec { codec: "vvc1".to_owned() }
        );
    }
}
