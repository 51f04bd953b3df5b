//! FFmpeg command lines: pure functions of the plan, so that tests can read them.
//!
//! All renditions share one clock: the first frame of the source is at [`ORIGIN`] in every transport
//! stream, whichever run made it.

use std::ops::Range;

use domain::object_key::RenditionName;
use domain::plan::{AudioPlan, ChunkPlan, EncodePlan, RungPlan, Size};
use domain::probe::{HighDynamicRange, Probe, Seeking};
use domain::profile::{EncoderSettings, RateControl};
use domain::segment::{TICKS_PER_SECOND, seconds};

use crate::ffmpeg::probe::input_arguments;
use crate::sink::ORIGIN;

/// What every command line needs to know.
pub struct Context<'a> {
    /// What is to be made.
    pub plan: &'a EncodePlan,
    /// Of what.
    pub probe: &'a Probe,
    /// How to encode.
    pub encoder: &'a EncoderSettings,
    /// Where the source is read.
    pub source: &'a str,
    /// Where an output is delivered: of its name, and a file name with `%d` for the number.
    pub output: &'a (dyn Fn(&str, &str) -> String + Sync),
}

/// The muxer adds twice its delay to every time stamp; the rest of [`ORIGIN`] is an offset.
const MUX_DELAY: f64 = 0.35;

/// Tables once, at the start of every segment. FFmpeg would repeat them ten times a second, for receivers
/// that tune in: a third of the bytes of a low-rate audio rendition.
///
/// Every segment counts its packets from 0 and says so, since no run knows where the one before it ended
/// (ISO/IEC 13818-1, 2.4.3.5: `discontinuity_indicator`): otherwise a player that counts takes the join for a loss.
const SEGMENT_MUXER: &str = "pat_period=3600:sdt_period=3600:mpegts_flags=+initial_discontinuity";

/// What is added to time stamps before the muxer adds its own, seconds.
fn offset() -> f64 {
    ORIGIN as f64 / TICKS_PER_SECOND as f64 - 2.0 * MUX_DELAY
}

impl Context<'_> {
    /// The arguments of one chunk of encoding: decode once, scale each rung from the next larger one.
    ///
    /// `threads` of each encoder; one is the most efficient, where other chunks use the other cores.
    pub fn encode(&self, chunk: &ChunkPlan, threads: u32) -> Vec<String> {
        let span = self.plan.span(&chunk.segments);
        let start = seconds(span.start.ticks);
        let mut arguments = self.seek(start, span.start.ticks);
        if self.plan.rungs.is_empty() {
            // Only stills are wanted: decoding keyframes is enough.
            push(&mut arguments, &["-skip_frame", "nokey"]);
        }
        push(&mut arguments, &["-threads", &threads.to_string()]);
        self.input(&mut arguments);
        push(&mut arguments, &["-filter_complex_threads", "1", "-filter_complex", &self.graph(&span)]);
        let boundaries = &self.plan.boundaries[chunk.segments.start as usize..=chunk.segments.end as usize];
        let starts: Vec<f64> = boundaries.iter().map(|it| self.frame_time(it.frame)).collect();
        for rung in &self.plan.rungs {
            push(&mut arguments, &["-map", &format!("[{}]", rung.name)]);
            self.x264(&mut arguments, rung, &starts[..starts.len() - 1], threads);
            let cut = Cut { first: chunk.segments.start, first_ticks: span.start.ticks, starts: starts.clone() };
            self.segments(&mut arguments, &rung.name, &cut, self.frame_time(1) / 2.0, 0.0);
        }
        push(&mut arguments, &["-map", "[iframes]", "-c:v", "libx264", "-preset", self.encoder.preset.as_str()]);
        push(&mut arguments, &["-threads", "1", "-crf", "26", "-g", "1", "-bf", "0", "-fps_mode", "passthrough"]);
        muxing(&mut arguments, offset());
        let file = format!("{}.ts", chunk.index);
        push(&mut arguments, &["-f", "mpegts", &(self.output)(RenditionName::iframes().as_str(), &file)]);
        arguments
    }

    /// The arguments that remux the top rung and its sound, from the first segment of `chunk` to the end.
    pub fn copy(&self, rendition: &RenditionName, chunk: &ChunkPlan) -> Vec<String> {
        let rest = self.rest(chunk);
        let half_frame = self.frame_time(1) / 2.0;
        let start = if chunk.segments.start > 0 { rest.starts[0] - half_frame } else { 0.0 };
        let mut arguments = self.seek(start, rest.first_ticks);
        self.input(&mut arguments);
        let shift = -self.probe.video.start_seconds();
        // The keyframe may lie a rounding before its own time: seek earlier, and drop what comes before it.
        push(&mut arguments, &["-copypriorss", "0", "-map", &format!("0:{}", self.probe.video.index)]);
        push(&mut arguments, &["-c:v", "copy"]);
        self.segments(&mut arguments, rendition, &rest, half_frame, shift);
        let copied = self.plan.audio.iter().filter(|it| it.copied);
        for (audio, source) in copied.zip(&self.probe.audio) {
            push(&mut arguments, &["-map", &format!("0:{}", source.index), "-c:a", "copy"]);
            drop_before(&mut arguments, rest.starts[0] - half_unit(audio) - shift);
            self.segments(&mut arguments, &audio.name, &rest, half_unit(audio), shift);
        }
        arguments
    }

    /// The arguments that encode the audio, from the first segment of `chunk` to the end.
    pub fn audio(&self, source_index: u32, chunk: &ChunkPlan) -> Vec<String> {
        let rest = self.rest(chunk);
        let start = rest.starts[0];
        // Decoders of audio need a while until they are right: begin well before.
        let mut arguments = self.seek((start - 2.0).max(0.0), rest.first_ticks);
        push(&mut arguments, &["-vn"]);
        self.input(&mut arguments);
        let encoded: Vec<&AudioPlan> = self.plan.audio.iter().filter(|it| !it.copied).collect();
        push(&mut arguments, &["-filter_complex", &self.audio_graph(source_index, &encoded, start)]);
        for audio in encoded {
            push(&mut arguments, &["-map", &format!("[{}]", audio.name), "-c:a", "aac"]);
            push(&mut arguments, &["-b:a", &format!("{}k", audio.kbps), "-ac", &audio.channels.to_string()]);
            // An encoder begins with a unit of silence before the first sample, and a resumed one a few
            // units early: they are dropped, so that sound and picture begin together.
            drop_before(&mut arguments, start - half_unit(audio));
            self.segments(&mut arguments, &audio.name, &rest, half_unit(audio), 0.0);
        }
        arguments
    }

    /// The arguments that make one picture of a moment of the source.
    pub fn poster(&self, ticks: u64, size: Size) -> Vec<String> {
        let start = seconds(ticks);
        let mut arguments = self.seek(start, ticks);
        push(&mut arguments, &["-threads", "1"]);
        self.input(&mut arguments);
        let video = self.probe.video.index;
        let filters = [
            format!("[0:{video}]setpts=PTS-{}", self.probe.video.start_pts),
            format!("trim=start={:.6}", (start - self.frame_time(1)).max(0.0)),
            self.picture(size),
            "trim=end_frame=1[poster]".to_owned(),
        ];
        push(&mut arguments, &["-filter_complex", &filters.join(","), "-map", "[poster]", "-frames:v", "1"]);
        jpeg(&mut arguments, &(self.output)("poster", "%d.jpg"));
        arguments
    }

    /// Seeks to the keyframe at or before a moment, seconds from the first frame.
    fn seek(&self, start: f64, ticks: u64) -> Vec<String> {
        if start <= 0.0 {
            return vec!["-copyts".to_owned()];
        }
        let index = &self.probe.index;
        let target = match index.seeking {
            Seeking::Indexed => start,
            // Without an index, asking for a moment may lead past it: ask for one before its keyframe.
            Seeking::Approximate => seconds(index.keyframe_before(ticks)) - 1.0,
        };
        let target = target + self.probe.video.start_seconds();
        ["-copyts", "-noaccurate_seek", "-seek_timestamp", "1", "-ss", &format!("{target:.6}")]
            .map(str::to_owned)
            .to_vec()
    }

    fn input(&self, arguments: &mut Vec<String>) {
        arguments.extend(input_arguments(&self.probe.demuxer));
        push(arguments, &["-i", self.source, "-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn"]);
    }

    /// When a frame of the constant output rate is shown, seconds from the first one.
    fn frame_time(&self, frame: u64) -> f64 {
        let rate = self.plan.frame_rate;
        frame as f64 * f64::from(rate.den) / f64::from(rate.num)
    }

    /// One decoder, a constant frame rate on the grid of the whole presentation, all rungs.
    fn graph(&self, span: &Range<domain::plan::Boundary>) -> String {
        let plan = self.plan;
        let frames = span.end.frame - span.start.frame;
        let mut steps = vec![format!("[0:{}]setpts=PTS-{}", self.probe.video.index, self.probe.video.start_pts)];
        if self.probe.video.interlaced {
            steps.push("bwdif=mode=send_frame:deint=interlaced".to_owned());
        }
        steps.push(format!(
            "fps=fps={}:start_time={:.9}:round=near",
            plan.frame_rate,
            self.frame_time(span.start.frame)
        ));
        // The end of a variable rate: the last frame may be shown for as long as any other.
        let held = (seconds(self.probe.index.longest_frame) * plan.frame_rate.as_f64()).ceil() as u64 + 1;
        steps.push(format!("tpad=stop_mode=clone:stop={held},trim=end_frame={frames}"));
        // A picture for every second; the first frame of a chunk is always one of them.
        let every = iframe_interval(plan);
        let select = format!("select='not(mod(n\\,{every}))'");
        if plan.rungs.is_empty() {
            return format!("{},{select},{}[iframes]", steps.join(","), self.picture(plan.iframes));
        }
        let mut graph = format!("{},{}", steps.join(","), self.picture(plan.rungs[0].size));
        for (place, rung) in plan.rungs.iter().enumerate() {
            match plan.rungs.get(place + 1) {
                Some(next) => {
                    graph += &format!(",split=2[{}][to-{}];[to-{}]", rung.name, next.name, next.name);
                    graph += &scale(next.size);
                }
                None => {
                    graph += &format!(",split=2[{}][to-iframes];[to-iframes]{select}", rung.name);
                    if rung.size != plan.iframes {
                        graph += &format!(",{}", scale(plan.iframes));
                    }
                    graph += "[iframes]";
                }
            }
        }
        graph
    }

    /// From a decoded frame (which FFmpeg has turned upright) to 8-bit 4:2:0 SDR of some size.
    fn picture(&self, size: Size) -> String {
        let video = &self.probe.video;
        let (width, height) = (size.width, size.height);
        let Some(hdr) = video.hdr else {
            return format!("{}:out_range=tv,setsar=1,format=yuv420p", scale_size(size));
        };
        // Scaled down first: tone mapping in linear light is the expensive part.
        let transfer = match hdr {
            HighDynamicRange::Pq => "smpte2084",
            HighDynamicRange::Hlg => "arib-std-b67",
        };
        format!(
            "zscale=w={width}:h={height}:tin={transfer}:min=bt2020nc:pin=bt2020:t=linear:npl=203,format=gbrpf32le,\
             zscale=p=bt709,tonemap=tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,setsar=1,format=yuv420p"
        )
    }

    fn x264(&self, arguments: &mut Vec<String>, rung: &RungPlan, starts: &[f64], threads: u32) {
        let kbps = rung.video_kbps;
        let forced: Vec<String> = starts.iter().map(|it| format!("{it:.6}")).collect();
        push(
            arguments,
            &["-c:v", "libx264", "-preset", self.encoder.preset.as_str(), "-threads", &threads.to_string()],
        );
        push(arguments, &["-g", &self.plan.keyframe_interval.to_string(), "-sc_threshold", "0"]);
        push(arguments, &["-force_key_frames", &forced.join(","), "-fps_mode", "passthrough"]);
        match self.encoder.rate_control {
            RateControl::CappedCrf => {
                // A buffer of a second and a half keeps segments near the cap, and every chunk begins with it half
                // full: a full one would be spent on top of the cap, chunk by chunk.
                push(arguments, &["-crf", &self.encoder.crf.to_string(), "-maxrate", &format!("{kbps}k")]);
                push(arguments, &["-bufsize", &format!("{}k", kbps * 3 / 2), "-x264-params", "vbv-init=0.5"]);
            }
            RateControl::Cbr => {
                push(arguments, &["-b:v", &format!("{kbps}k"), "-minrate", &format!("{kbps}k")]);
                push(arguments, &["-maxrate", &format!("{kbps}k"), "-bufsize", &format!("{kbps}k")]);
                push(arguments, &["-x264-params", "nal-hrd=cbr"]);
            }
        }
    }

    /// Cuts an output into segments. `early`: one may begin this much before its boundary; `shift`: added
    /// to all times; both in seconds.
    fn segments(&self, arguments: &mut Vec<String>, rendition: &RenditionName, cut: &Cut, early: f64, shift: f64) {
        let inner = &cut.starts[1..cut.starts.len() - 1];
        let times: Vec<String> = inner.iter().map(|it| format!("{:.6}", it + offset() - early)).collect();
        push(arguments, &["-f", "segment", "-segment_format", "mpegts", "-segment_format_options", SEGMENT_MUXER]);
        if times.is_empty() {
            push(arguments, &["-segment_time", "1000000"]);
        } else {
            push(arguments, &["-segment_times", &times.join(",")]);
        }
        push(arguments, &["-segment_start_number", &cut.first.to_string()]);
        muxing(arguments, offset() + shift);
        arguments.push((self.output)(rendition.as_str(), "%d.ts"));
    }

    /// Where a run cuts that goes from the first segment of `chunk` to the end.
    fn rest(&self, chunk: &ChunkPlan) -> Cut {
        let first = chunk.segments.start;
        let boundaries = &self.plan.boundaries[first as usize..];
        Cut { first, first_ticks: boundaries[0].ticks, starts: boundaries.iter().map(|it| seconds(it.ticks)).collect() }
    }

    fn audio_graph(&self, source_index: u32, encoded: &[&AudioPlan], start: f64) -> String {
        let rate = encoded[0].sample_rate;
        let layout = if encoded[0].channels == 1 { "mono" } else { "stereo" };
        let source_rate = self.probe.audio.as_ref().map_or(rate, |it| it.sample_rate);
        let shift = (self.probe.video.start_seconds() * f64::from(source_rate)).round() as i64;
        // Holes are filled with silence and overlaps cut, sample by sample. Stretching instead (`async` above 1)
        // makes time stamps that overlap where a source jitters.
        // Access units lie on one grid of 1,024 samples whichever run makes them; a resumed run begins
        // four units before its first one, so that the encoder is past its beginning.
        let first = ((start * f64::from(rate) / 1024.0) as i64 - 4).max(0) * 1024;
        let end = (seconds(self.plan.duration()) * f64::from(rate)).round() as i64;
        let mut graph = format!(
            "[0:{source_index}]asetpts=PTS-{shift},aresample={rate}:async=1:min_hard_comp=0.04:first_pts={first}\
             ,aformat=sample_fmts=fltp:channel_layouts={layout},apad,atrim=end_pts={end},asplit={}",
            encoded.len()
        );
        for audio in encoded {
            graph += &format!("[{}]", audio.name);
        }
        graph
    }
}

/// Where an output is cut.
struct Cut {
    /// Number of the first segment.
    first: u32,
    /// When it begins.
    first_ticks: u64,
    /// When each segment begins, and the last one ends, seconds.
    starts: Vec<f64>,
}

/// Half an access unit, seconds: the one that begins nearest to a boundary is the first of its segment.
fn half_unit(audio: &AudioPlan) -> f64 {
    512.0 / f64::from(audio.sample_rate)
}

/// Drops packets that are presented before a time, seconds.
///
/// The filter sees the clock of the transport stream, whatever it says of its own time base (FFmpeg 5.1).
fn drop_before(arguments: &mut Vec<String>, start: f64) {
    let ticks = (start * TICKS_PER_SECOND as f64).round() as i64;
    push(arguments, &["-bsf:a", &format!("noise=drop='lt(pts,{ticks})'")]);
}

/// Frames from one picture of the trick-play rendition to the next: those of a second (Apple 6.2).
pub fn iframe_interval(plan: &EncodePlan) -> u64 {
    (plan.frame_rate.as_f64().round() as u64).max(1)
}

/// Arguments that make pictures of I-frames, which are read from a transport stream at `input`:
/// each one of `size`, and if `columns` is given, all of them on one sheet.
pub fn pictures(input: &str, size: Size, sheet: Option<(u32, u32)>, output: &str) -> Vec<String> {
    let mut arguments = input_arguments("mpegts");
    // The same picture may be wanted twice in a row: times are counted, not taken from the stream.
    let mut filters = format!("setpts=N/TB,{}", scale_size(size));
    if let Some((columns, rows)) = sheet {
        filters += &format!(",tile={columns}x{rows}");
    }
    push(&mut arguments, &["-threads", "1", "-i", input, "-vf", &filters, "-fps_mode", "passthrough"]);
    jpeg(&mut arguments, output);
    arguments
}

/// Arguments that make one JPEG of what is read at `input`: of its first picture, or of the one that is shown `offset`
/// seconds later. It is of `size`, or lies on its side, if FFmpeg turns it upright.
pub fn still(input: &str, demuxer: &str, size: Size, offset: f64, output: &str) -> Vec<String> {
    let mut arguments = input_arguments(demuxer);
    let side = size.width.max(size.height);
    let filters = format!(
        "setpts=PTS-STARTPTS,trim=start={:.6},\
         scale={side}:{side}:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bicubic,setsar=1,\
         trim=end_frame=1",
        // The frame that is on at that moment began a little earlier: a hundredth of a second makes up for rounding.
        (offset - 0.01).max(0.0)
    );
    push(&mut arguments, &["-threads", "1", "-i", input, "-an", "-sn", "-dn", "-map_metadata", "-1"]);
    push(&mut arguments, &["-vf", &filters, "-frames:v", "1", "-fps_mode", "passthrough"]);
    jpeg(&mut arguments, output);
    arguments
}

fn jpeg(arguments: &mut Vec<String>, output: &str) {
    push(arguments, &["-c:v", "mjpeg", "-q:v", "4", "-pix_fmt", "yuvj420p", "-f", "image2", output]);
}

fn muxing(arguments: &mut Vec<String>, offset: f64) {
    push(arguments, &["-output_ts_offset", &format!("{offset:.6}")]);
    push(arguments, &["-muxdelay", &MUX_DELAY.to_string(), "-muxpreload", "0"]);
}

fn scale(size: Size) -> String {
    format!("{},setsar=1", scale_size(size))
}

fn scale_size(size: Size) -> String {
    format!("scale={}:{}:flags=bicubic", size.width, size.height)
}

fn push(arguments: &mut Vec<String>, more: &[&str]) {
    arguments.extend(more.iter().map(|it| (*it).to_owned()));
}

#[cfg(test)]
mod tests;
