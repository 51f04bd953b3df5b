//! The command line that encodes audio.

use domain::loudness::Gain;
use domain::plan::{AudioPlan, ChunkPlan, Codec, Size};
use domain::probe::AudioStream;
use domain::segment::seconds;

use super::cut::{Cut, Units};
use super::graph::IMAGE_COLORS;
use super::{CommandInputs, jpeg, push};

/// Number of access units that an audio encoder produces before the first one that is kept.
const WARM_UP_UNITS: u64 = 4;

/// Colours of a waveform, and the gain of its envelope: a mean is lower than the peaks.
const WAVE_COLOR: &str = "0x7fb2d6";
const WAVE_GROUND: &str = "0x12161d";
const WAVE_GAIN: u32 = 3;

/// Audio decoders need some time until their output is correct, seconds.
const WARM_UP_SECONDS: f64 = 2.0;

impl CommandInputs<'_> {
    /// The arguments that encode the audio, from the first segment of `chunk` to the end.
    pub(crate) fn audio(&self, chunk: &ChunkPlan) -> Vec<String> {
        let starts = self.starts(chunk);
        let ticks = self.plan.boundaries[chunk.segments.start as usize].ticks;
        let mut arguments = self.seek((starts[0] - WARM_UP_SECONDS).max(0.0), ticks);
        push(&mut arguments, &["-vn"]);
        self.input(&mut arguments);
        let encoded: Vec<&AudioPlan> = self.plan.audio.iter().filter(|it| !it.copied).collect();
        let begin = begin(&encoded, starts[0]);
        push(
            &mut arguments,
            &["-filter_complex", &self.audio_graph(&encoded, begin)],
        );
        for audio in encoded {
            let units = Units::encoded(audio);
            let first = units.nearest(starts[0]);
            // AAC starts with a unit of silence. Units are dropped by number: since FFmpeg 7.0 the
            // filter sees time stamps in other units than before.
            let dropped = first - begin / units.samples() + units.silent();
            push(
                &mut arguments,
                &[
                    "-map",
                    &format!("[{}]", audio.rendition.name),
                    "-c:a",
                    encoder(audio),
                ],
            );
            push(
                &mut arguments,
                &[
                    "-b:a",
                    &format!("{}k", audio.kbps),
                    "-ac",
                    &audio.channels.to_string(),
                ],
            );
            push(
                &mut arguments,
                &["-bsf:a", &format!("noise=drop='lt(n,{dropped})'")],
            );
            let times = starts[1..].to_vec();
            let number = chunk.segments.start;
            let cut = Cut {
                number,
                first: units.time(first),
                times,
                early: units.early(),
                origin: 0.0,
            };
            cut.arguments(&mut arguments, self.segments_of(&audio.rendition));
        }
        arguments
    }

    /// The arguments that draw the waveform of the first track, as the poster of a source that has
    /// only audio.
    pub(crate) fn waveform(&self, source: &AudioStream, size: Size) -> Vec<String> {
        let mut arguments = vec!["-vn".to_owned()];
        self.input(&mut arguments);
        let Size { width, height } = size;
        // FFmpeg holds all samples that it draws in memory, so it gets the envelope instead: the mean
        // of the amplitude, 200 times a second.
        let graph = format!(
            "[0:{}]{}aresample=4000,aformat=sample_fmts=dblp:channel_layouts=mono,aeval='abs(val(0))':c=mono\
             ,aresample=200,aformat=sample_fmts=s16:channel_layouts=mono,volume={WAVE_GAIN}\
             ,showwavespic=s={}x{}:colors={WAVE_COLOR}:scale=sqrt[wave];color=c={WAVE_GROUND}:s={width}x{height}:r=1:d=1[ground]\
             ;[ground][wave]overlay=x={}:y={}:format=rgb,scale={width}:{height}:flags=bicubic{IMAGE_COLORS}[poster]",
            source.index,
            mixed_down(source.channels),
            width - width / 8,
            height / 2,
            width / 16,
            height / 4,
        );
        push(
            &mut arguments,
            &[
                "-filter_complex",
                &graph,
                "-map",
                "[poster]",
                "-frames:v",
                "1",
            ],
        );
        jpeg(&mut arguments, &(self.output)("poster", "%d.jpg"));
        arguments
    }

    /// The audio of every track, decoded once for all of its renditions.
    fn audio_graph(&self, encoded: &[&AudioPlan], first: u64) -> String {
        let chains = (0..).zip(&self.probe.audio).map(|(track, source)| {
            let own = encoded.iter().copied().filter(|it| it.track == track);
            self.track_graph(source, &own.collect::<Vec<_>>(), first)
        });
        chains.collect::<Vec<_>>().join(";")
    }

    /// The audio of a track at one rate, without gaps, from sample `first` to the end of the
    /// presentation: a track that ends before it continues as silence. In one layout, or in stereo and
    /// surround.
    fn track_graph(&self, source: &AudioStream, encoded: &[&AudioPlan], first: u64) -> String {
        let AudioStream {
            index, channels, ..
        } = source;
        let shift = (self.probe.origin_seconds() * f64::from(source.sample_rate)).round() as i64;
        let begin = format!("[0:{index}]asetpts=PTS-({shift}),");
        let (surround, stereo): (Vec<_>, Vec<_>) =
            encoded.iter().copied().partition(|it| it.is_surround());
        if surround.is_empty() {
            let mixed = mixed_down(*channels);
            return begin + &mixed + &self.layout_graph(&stereo, first);
        }
        // A filter that converts is free to mix audio down if any filter after it needs stereo, so the
        // audio is split before all of them.
        let mut graph = format!("{begin}asplit=2[stereo{index}][surround{index}]");
        for (name, encoded) in [("stereo", stereo), ("surround", surround)] {
            graph += &format!(";[{name}{index}]{}", self.layout_graph(&encoded, first));
        }
        graph
    }

    /// Converts the audio of a track into the rate and layout of these renditions, with their gain, from
    /// sample `first` to the end of the presentation.
    fn layout_graph(&self, encoded: &[&AudioPlan], first: u64) -> String {
        let AudioPlan {
            sample_rate: rate,
            channels,
            gain,
            ..
        } = encoded[0];
        let layout = match channels {
            1 => "mono",
            2 => "stereo",
            // With side channels, AAC would need a program config element, which many decoders and
            // MP4 files cannot have: the layout is the one with back channels.
            _ => "5.1",
        };
        // Gaps are filled with silence and overlaps cut, sample by sample. Stretching instead
        // (`async` above 1) produces overlapping time stamps if the source jitters. `first_pts`
        // counts samples of the filter's input, so the rate is converted before.
        let end = (seconds(self.plan.duration()) * f64::from(*rate)).round() as i64;
        let mut graph = format!(
            "aresample={rate},aresample=async=1:min_hard_comp=0.04:first_pts={first}\
             ,aformat=sample_fmts=fltp:channel_layouts={layout}{},apad,atrim=end_pts={end},asplit={}",
            gain.map(gained).unwrap_or_default(),
            encoded.len()
        );
        for audio in encoded {
            graph += &format!("[{}]", audio.rendition.name);
        }
        graph
    }
}

/// The first sample that is encoded for a run whose first segment starts at `start`, seconds.
///
/// Access units lie on one grid whichever run produces them; a resumed run starts a few units early,
/// so that the encoders have settled. A unit of each codec begins at the sample.
fn begin(encoded: &[&AudioPlan], start: f64) -> u64 {
    let units = || encoded.iter().map(|it| Units::encoded(it));
    let early = |it: Units| it.nearest(start).saturating_sub(WARM_UP_UNITS) * it.samples();
    let first = units().map(early).min().unwrap_or(0);
    let step = units().map(Units::samples).fold(1, least_common_multiple);
    first / step * step
}

fn least_common_multiple(a: u64, b: u64) -> u64 {
    let (mut divisor, mut rest) = (a, b);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    a / divisor.max(1) * b
}

/// FFmpeg's name of the encoder.
fn encoder(audio: &AudioPlan) -> &'static str {
    match audio.rendition.codec {
        Codec::Ac3 => "ac3",
        Codec::Eac3 => "eac3",
        Codec::Aac | Codec::H264 | Codec::Hevc | Codec::Av1 => "aac",
    }
}

/// Filters that amplify audio, preceded by a comma. The limiter delays what it passes on by its
/// attack; with `latency`, FFmpeg takes the delay away again.
fn gained(gain: Gain) -> String {
    let limiter = gain.limit_dbfs.map(|limit| {
        let limit = limit.amplitude();
        format!(
            ",alimiter=limit={limit:.4}:attack=5:release=50:level=disabled:latency=1\
             ,aformat=sample_fmts=fltp"
        )
    });
    let amplified = format!(",volume={:.1}dB", gain.db.as_f64());
    amplified + &limiter.unwrap_or_default()
}

/// A filter that mixes many channels down to stereo, before other filters: FFmpeg knows layouts of
/// up to eight channels only. A recorder's channels have no positions, so they are assigned to both
/// sides alternately.
pub(crate) fn mixed_down(channels: u32) -> String {
    if channels <= 8 {
        return String::new();
    }
    let side = |first| {
        (first..channels)
            .step_by(2)
            .map(|it| format!("c{it}"))
            .collect::<Vec<_>>()
            .join("+")
    };
    format!("pan=stereo|c0<{}|c1<{},", side(0), side(1))
}
