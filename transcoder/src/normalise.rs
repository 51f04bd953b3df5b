//! Sources in which seeking is impossible: one run of FFmpeg reads them from their beginning, and
//! passes on frames that the other runs can process.
//!
//! Clocks that jump, frames that change their size, audio that changes its layout, edits, gradual
//! refreshes: a run that started in the middle of such a source would not know its position. One
//! run, the normaliser, therefore decodes the source once. FFmpeg corrects its clocks where they
//! jump (for all streams together, so audio and video stay in sync), every frame is fitted into one
//! size, with bars and without stretching, and all audio is converted to one rate and layout. The
//! frames go to the encoding runs, uncompressed, through the [loopback](crate::loopback): nothing
//! is stored.
//!
//! Before that, the same run surveys the source with its output discarded, so the plan knows each
//! frame's time exactly as the encoders will see it.

use domain::plan::Size;
use domain::probe::{
    AudioStream, Extent, Probe, Ratio, Seeking, SourceIndex, VideoStream, output_rate, source_rate,
};
use domain::profile::Profile;
use media::frame_rate::motion_rate;

use crate::ffmpeg::Tools;
use crate::ffmpeg::arguments::{
    MeteredTrack, deinterlaced, fitted, fitted_in_bt2020, mixed_down, output_matrix,
};
use crate::ffmpeg::probe::{Depth, Found, input_arguments};
use crate::inspect::within;
use crate::tone_map::Light;

mod packets;
mod survey;

pub(crate) use survey::{Survey, survey};

/// The run that reads a source from its beginning.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Normaliser {
    demuxer: String,
    depth: Option<Depth>,
    /// For an elementary stream, which has no time stamps: its constant rate.
    rate: Option<Ratio>,
    video: u32,
    audio: Vec<RawTrack>,
    canvas: Size,
    deinterlacer: Option<&'static str>,
    format: &'static str,
    source: VideoStream,
}

/// An audio track that is passed on.
#[derive(Debug, Clone, PartialEq)]
struct RawTrack {
    index: u32,
    source_channels: u32,
    channels: u32,
}

impl RawTrack {
    /// Filters that convert it to one rate and layout.
    fn filters(&self) -> String {
        let layout = match self.channels {
            1 => "mono",
            2 => "stereo",
            _ => "5.1",
        };
        let mixed = mixed_down(self.source_channels);
        format!("{mixed}aresample={SAMPLE_RATE},aformat=sample_fmts=s16:channel_layouts={layout}")
    }
}

/// An output of the normaliser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Feed {
    /// Video frames.
    Video,
    /// Audio samples.
    Audio,
}

/// Time stamp units per second of the video that is passed on; audio uses its sample rate.
const CLOCK: u32 = 90_000;
const SAMPLE_RATE: u32 = 48_000;

/// FFmpeg's container for raw frames with time stamps.
const RAW: &str = "nut";

impl Normaliser {
    /// A normaliser for the streams that were found. The size in `found` is the largest of the
    /// source. Audio stays in 5.1 if the profile needs it.
    pub(crate) fn new(
        tools: &Tools,
        demuxer: &str,
        found: &Found,
        depth: Option<Depth>,
        profile: &Profile,
    ) -> Self {
        let video = &found.video;
        let elementary = matches!(demuxer, "h264" | "hevc" | "mpegvideo" | "m4v");
        let (width, height) = video.display_size();
        // 4:2:0 requires even sides.
        let even = |side: u32| side.next_multiple_of(2).max(16);
        Self {
            demuxer: demuxer.to_owned(),
            depth,
            rate: elementary.then(|| source_rate(found.rates, None)),
            video: video.index,
            audio: found
                .audio
                .iter()
                .map(|it| RawTrack {
                    index: it.index,
                    source_channels: it.channels,
                    channels: match profile.surround.includes(it.channels) {
                        true => 6,
                        false => it.channels.clamp(1, 2),
                    },
                })
                .collect(),
            canvas: Size {
                width: even(width),
                height: even(height),
            },
            deinterlacer: tools.deinterlacer().filter(|_| video.interlaced),
            // Tone mapping needs all bits.
            format: if Light::of(video).is_some() {
                "yuv420p10le"
            } else {
                "yuv420p"
            },
            source: video.clone(),
        }
    }

    /// The properties of the normaliser's output, as the runs that read it see them.
    pub(crate) fn probe(
        &self,
        found: &Found,
        survey: &Survey,
        size: u64,
        profile: &Profile,
    ) -> Probe {
        let motion = motion_rate(&survey.frame_times);
        let mut video = found.video.clone();
        video.index = 0;
        (video.width, video.height) = (self.canvas.width, self.canvas.height);
        (
            video.pixel_aspect,
            video.rotation,
            video.mirrored,
            video.interlaced,
        ) = (None, 0, false, false);
        video.pixel_format = self.format.to_owned();
        video.hdr_colors.full_range = false;
        if video.hdr.is_none() && !video.wide_gamut {
            // Raw frames carry no tags.
            (video.matrix, video.tagged) = (Some(output_matrix(&found.video)), false);
        }
        video.source_rate = source_rate(found.rates, motion);
        video.frame_rate = output_rate(found.rates, motion, profile.max_frame_rate);
        video.time_base = Ratio { num: 1, den: CLOCK };
        video.start_pts = (survey.video.start * f64::from(CLOCK)).round() as i64;
        let audio = found.audio.iter().zip(&self.audio).zip(&survey.audio);
        // A track of which no sample was decoded is silence from the beginning of the video.
        let silent = Extent {
            start: survey.video.start,
            end: survey.video.start,
        };
        let audio = (0..).zip(audio).map(|(index, ((audio, track), extent))| {
            let extent = extent.unwrap_or(silent);
            AudioStream {
                index,
                codec: "pcm_s16le".to_owned(),
                profile: None,
                channels: track.channels,
                sample_rate: SAMPLE_RATE,
                bit_rate: None,
                start_seconds: extent.start,
                duration_seconds: Some(extent.end - extent.start),
                ..audio.clone()
            }
        });
        let audio: Vec<AudioStream> = match survey.audio_extent() {
            Some(_) => audio.collect(),
            None => vec![],
        };
        let index = SourceIndex {
            keyframes: vec![],
            gop_bytes: vec![],
            video_start: 0,
            video_end: survey.video_ticks(),
            end: survey.video_ticks(),
            longest_frame: survey.longest_frame(),
            closed_gops: false,
            seeking: Seeking::Sequential,
            video_bytes: None,
        };
        Probe {
            demuxer: RAW.to_owned(),
            size,
            video: Some(video),
            audio,
            index: within(index, survey.video, survey.audio_extent()),
        }
    }

    /// The arguments of a run that passes frames on to `feeds`, each to its URL.
    ///
    /// All streams are read whichever are passed on: their clocks are corrected together.
    pub(crate) fn arguments(&self, source: &str, feeds: &[(Feed, String)]) -> Vec<String> {
        let mut arguments = self.input(source);
        let audio = (!self.audio.is_empty()).then_some(Feed::Audio);
        for feed in [Some(Feed::Video), audio].into_iter().flatten() {
            match (feeds.iter().find(|it| it.0 == feed), feed) {
                (Some((_, url)), Feed::Video) => {
                    let filters = format!("{},format={}", self.fitted(), self.format);
                    self.video_output(&mut arguments, &filters);
                    push(&mut arguments, &["-f", RAW, url]);
                }
                (Some((_, url)), Feed::Audio) => {
                    self.audio_output(&mut arguments);
                    push(&mut arguments, &["-f", RAW, url]);
                }
                (None, feed) => {
                    let indexes = match feed {
                        Feed::Video => vec![self.video],
                        Feed::Audio => self.audio.iter().map(|it| it.index).collect(),
                    };
                    for index in indexes {
                        push(&mut arguments, &["-map", &format!("0:{index}")]);
                    }
                    push(&mut arguments, &["-c", "copy", "-f", "null", "-"]);
                }
            }
        }
        arguments
    }

    /// The arguments of a run that lists all frames, as FFmpeg's `framecrc` does, to `output`.
    fn survey_arguments(&self, source: &str, output: &str) -> Vec<String> {
        let mut arguments = self.input(source);
        self.video_output(&mut arguments, "scale=32:32:flags=neighbor,format=gray");
        if !self.audio.is_empty() {
            self.audio_output(&mut arguments);
        }
        push(&mut arguments, &["-f", "framecrc", output]);
        arguments
    }

    /// The arguments that measure the loudness of the audio tracks that are passed on.
    pub(crate) fn loudness(&self, source: &str) -> Vec<String> {
        let tracks = self.audio.iter().map(|it| MeteredTrack {
            index: it.index,
            channels: it.source_channels,
            surround: it.channels > 2,
        });
        let tracks: Vec<_> = tracks.collect();
        crate::ffmpeg::arguments::loudness(self.input(source), &tracks)
    }

    /// The arguments that create one image at a time, seconds on the clock of the frames that are
    /// passed on.
    pub(crate) fn poster(
        &self,
        source: &str,
        seconds: f64,
        size: Size,
        output: &str,
    ) -> Vec<String> {
        let mut arguments = self.input(source);
        let Size { width, height } = size;
        let filters = format!(
            "{},trim=start={seconds:.3},scale={width}:{height}:flags=bicubic,setsar=1,trim=end_frame=1",
            self.fitted()
        );
        push(
            &mut arguments,
            &[
                "-map",
                &format!("0:{}", self.video),
                "-vf",
                &filters,
                "-frames:v",
                "1",
            ],
        );
        crate::ffmpeg::arguments::jpeg(&mut arguments, output);
        arguments
    }

    fn input(&self, source: &str) -> Vec<String> {
        let mut arguments = input_arguments(&self.demuxer);
        arguments.extend(self.depth.into_iter().flat_map(Depth::arguments));
        if let Some(rate) = self.rate {
            push(&mut arguments, &["-r", &rate.to_string()]);
        }
        push(
            &mut arguments,
            &[
                "-i",
                source,
                "-map_metadata",
                "-1",
                "-map_chapters",
                "-1",
                "-sn",
                "-dn",
            ],
        );
        arguments
    }

    fn video_output(&self, arguments: &mut Vec<String>, filters: &str) {
        push(
            arguments,
            &[
                "-map",
                &format!("0:{}", self.video),
                "-vf",
                filters,
                "-c:v",
                "rawvideo",
            ],
        );
        push(
            arguments,
            &[
                "-fps_mode",
                "passthrough",
                "-enc_time_base:v",
                &format!("1:{CLOCK}"),
            ],
        );
    }

    fn audio_output(&self, arguments: &mut Vec<String>) {
        for (position, track) in self.audio.iter().enumerate() {
            let option = match self.audio.len() {
                1 => "-af".to_owned(),
                _ => format!("-filter:a:{position}"),
            };
            let stream = format!("0:{}", track.index);
            push(arguments, &["-map", &stream, &option, &track.filters()]);
        }
        push(arguments, &["-c:a", "pcm_s16le"]);
    }

    /// Scales frames of any size and aspect ratio to the largest size that fits into the canvas,
    /// with bars around them.
    fn fitted(&self) -> String {
        let deinterlace = self
            .deinterlacer
            .map_or_else(String::new, |it| deinterlaced(it) + ",");
        let fitted = match Light::of(&self.source) {
            Some(_) => fitted_in_bt2020(self.canvas),
            None => fitted(self.canvas, &self.source, output_matrix(&self.source)),
        };
        format!("{deinterlace}{fitted}")
    }
}

fn push(arguments: &mut Vec<String>, more: &[&str]) {
    arguments.extend(more.iter().map(|it| (*it).to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn normaliser() -> Normaliser {
        Normaliser {
            demuxer: "mpegts".to_owned(),
            depth: Some(Depth {
                bytes: 9_000_000,
                seconds: 42,
            }),
            rate: None,
            video: 3,
            audio: vec![RawTrack {
                index: 4,
                source_channels: 2,
                channels: 2,
            }],
            canvas: Size {
                width: 640,
                height: 480,
            },
            deinterlacer: Some("bwdif"),
            format: "yuv420p",
            source: domain::probe::cases::standard().video.unwrap(),
        }
    }

    #[test]
    fn a_run_passes_on_video_and_audio() {
        let feeds = [
            (Feed::Video, "PICTURE".to_owned()),
            (Feed::Audio, "SOUND".to_owned()),
        ];
        insta::assert_snapshot!(
            normaliser()
                .arguments("SOURCE", &feeds)
                .join(" ")
                .replace(" -map", "\n-map")
        );
    }

    #[test]
    fn hdr_keeps_its_colours_and_bits_for_the_table() {
        let mut source = domain::probe::cases::standard().video.unwrap();
        source.hdr = Some(domain::probe::HighDynamicRange::Hlg);
        let text = Normaliser {
            source,
            ..normaliser()
        }
        .arguments("SOURCE", &[(Feed::Video, "OUT".to_owned())])
        .join(" ");
        assert!(
            text.contains("in_color_matrix=bt2020:out_color_matrix=bt2020"),
            "{text}"
        );
    }

    #[test]
    fn what_is_made_already_is_read_all_the_same() {
        let feeds = [(Feed::Audio, "SOUND".to_owned())];
        let text = normaliser().arguments("SOURCE", &feeds).join(" ");
        assert!(text.contains("-map 0:3 -c copy -f null -"), "{text}");
        assert!(text.ends_with("-f nut SOUND"), "{text}");
    }

    #[test]
    fn an_elementary_stream_has_a_constant_rate() {
        let normaliser = Normaliser {
            demuxer: "h264".to_owned(),
            rate: Ratio::new(30, 1),
            audio: vec![],
            depth: None,
            ..normaliser()
        };
        let text = normaliser.survey_arguments("SOURCE", "OUT").join(" ");
        assert!(text.contains("-f h264 -r 30/1 -i SOURCE"), "{text}");
    }
}
