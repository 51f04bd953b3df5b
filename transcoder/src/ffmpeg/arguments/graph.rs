//! Filter graphs: from decoded frames to the frames of all rungs.

use std::ops::Range;

use domain::plan::{Boundary, ChunkPlan, EncodePlan, RungPlan, Size};
use domain::probe::{ColorMatrix, Seeking, VideoStream};
use domain::segment::{Lane, seconds};

use super::CommandInputs;
use super::hdr::kept;

impl CommandInputs<'_> {
    /// A graph with one decoder, a constant frame rate on the grid of the whole presentation, and
    /// all rungs of the lane, and with I-frames of this size.
    pub(super) fn graph(
        &self,
        video: &VideoStream,
        (lane, iframes): (Lane, Size),
        chunks: &[ChunkPlan],
    ) -> String {
        let plan = self.plan;
        let span = plan.span(&segments(chunks));
        let frames = self.frames(video, span.start.ticks, span.start.frame..span.end.frame);
        // One image per second; the first frame of a chunk is always among them.
        let select = format!(
            "select='not(mod({}\\,{}))'",
            frame_in_chunk(plan, chunks),
            iframe_interval(plan)
        );
        let iframes = (lane != Lane::First).then_some((select.as_str(), iframes));
        let (sdr, hdr): (Vec<_>, Vec<_>) = plan.rungs_of(lane).partition(|it| it.hdr.is_none());
        let sdr = match (sdr.first(), iframes) {
            (Some(largest), _) => Some(self.picture(video, largest.size) + &chain(&sdr, iframes)),
            (None, Some((select, size))) => {
                Some(format!("{select},{}[iframes]", self.picture(video, size)))
            }
            (None, None) => None,
        };
        let hdr = hdr.first().and_then(|largest| {
            let colors = kept(largest.size, video, largest.hdr?);
            Some(colors + &chain(&hdr, None))
        });
        // Names of renditions have no underscores.
        match (sdr, hdr) {
            (Some(sdr), Some(hdr)) => {
                format!("{frames},split=2[_sdr][_hdr];[_sdr]{sdr};[_hdr]{hdr}")
            }
            (sdr, hdr) => format!("{frames},{}", sdr.or(hdr).unwrap_or_default()),
        }
    }

    /// A graph with one decoder and the frames of a span in the sizes of some rungs, largest first.
    /// Empty if the source has only audio, or without rungs.
    pub(super) fn sample_graph(&self, span: Range<Boundary>, rungs: &[&RungPlan]) -> String {
        let (Some(video), Some(largest)) = (&self.probe.video, rungs.first()) else {
            return String::new();
        };
        let frames = self.frames(video, span.start.ticks, span.start.frame..span.end.frame);
        format!(
            "{frames},{}{}",
            self.converted(video, largest.size),
            chain(rungs, None)
        )
    }

    /// The graph that turns one frame of the source into an image.
    pub(super) fn frame_graph(&self, video: &VideoStream, ticks: u64, size: Size) -> String {
        let frame = self.plan.frame_rate.frame_at(ticks);
        let scaled = format!(
            "{},{}{IMAGE_COLORS}",
            self.picture(video, size),
            scale_size(size)
        );
        format!(
            "{},{scaled}[poster]",
            self.frames(video, ticks, frame..frame + 1)
        )
    }

    /// Decoded frames at the constant rate: exactly those with these numbers, from a run that
    /// sought `ticks`.
    ///
    /// Before the first frame of the source, its first one is repeated; after the last one, its
    /// last one.
    fn frames(&self, video: &VideoStream, ticks: u64, numbers: Range<u64>) -> String {
        let mut steps = vec![format!(
            "[0:{}]setpts=PTS-({})",
            video.index,
            self.probe.origin_pts(video)
        )];
        if video.interlaced {
            steps.push(deinterlaced(self.deinterlacer));
        }
        let decoded_from = match self.probe.index.seeking {
            Seeking::Indexed | Seeking::Approximate if ticks > 0 => {
                self.probe.index.keyframe_before(ticks)
            }
            Seeking::Indexed | Seeking::Approximate | Seeking::Sequential => 0,
        };
        let rate = self.plan.frame_rate;
        steps.push(format!(
            "fps=fps={rate}:start_time={:.9}:round=near",
            seconds(decoded_from)
        ));
        steps.push("tpad=stop=-1:stop_mode=clone".to_owned());
        steps.push(format!(
            "trim=start_pts={}:end_pts={}",
            numbers.start, numbers.end
        ));
        steps.join(",")
    }

    /// As [`Self::converted`], with the watermark.
    fn picture(&self, video: &VideoStream, size: Size) -> String {
        self.marked(self.converted(video, size), video, size)
    }

    /// Converts a decoded frame (which FFmpeg has turned upright) to 8-bit 4:2:0 SDR of some size.
    fn converted(&self, video: &VideoStream, size: Size) -> String {
        let matrix = output_matrix(video);
        let Some(table) = self.tone_map else {
            return format!(
                "{},format=yuv420p,{}",
                fitted(size, video, matrix),
                tags(matrix)
            );
        };
        // Scaled down first, because the table is the expensive part. It is fast for 16 bits only.
        format!(
            "{},format=gbrp16le,lut3d=file={}:interp=tetrahedral,\
             scale=flags=bicubic:out_color_matrix=bt709:out_range=tv,format=yuv420p,{}",
            fitted_to("in_color_matrix=bt2020:out_range=pc", size),
            table.display(),
            tags(matrix)
        )
    }
}

/// The rest of a chain after the largest of some rungs: each of the others is scaled from the one
/// before. `iframes`: which frames of the smallest rung also become I-frames, and in which size.
fn chain(rungs: &[&RungPlan], iframes: Option<(&str, Size)>) -> String {
    let mut graph = String::new();
    for (index, rung) in rungs.iter().enumerate() {
        let name = &rung.rendition.name;
        match (rungs.get(index + 1), iframes) {
            (Some(next), _) => {
                let to = &next.rendition.name;
                graph += &format!(",split=2[{name}][to-{to}];[to-{to}]");
                graph += &scale(next.size);
            }
            (None, None) => graph += &format!("[{name}]"),
            (None, Some((select, size))) => {
                graph += &format!(",split=2[{name}][to-iframes];[to-iframes]{select}");
                if rung.size != size {
                    graph += &format!(",{}", scale(size));
                }
                graph += "[iframes]";
            }
        }
    }
    graph
}

/// The segments of consecutive chunks.
pub(super) fn segments(chunks: &[ChunkPlan]) -> Range<u32> {
    let start = chunks.first().map_or(0, |it| it.segments.start);
    start..chunks.last().map_or(start, |it| it.segments.end)
}

/// Number of frames between two images of the trick-play rendition: those of a second (Apple 6.2).
pub(crate) fn iframe_interval(plan: &EncodePlan) -> u64 {
    (plan.frame_rate.as_f64().round() as u64).max(1)
}

/// An expression for the number of a frame in its chunk, in a run of these chunks.
pub(super) fn frame_in_chunk(plan: &EncodePlan, chunks: &[ChunkPlan]) -> String {
    let frames = |it: &ChunkPlan| {
        let span = plan.span(&it.segments);
        span.end.frame - span.start.frame
    };
    if chunks.len() < 2 {
        return "n".to_owned();
    }
    let lengths: Vec<u64> = chunks.iter().map(frames).collect();
    let number = |Equal { start, length }: Equal| match start {
        0 => format!("mod(n\\,{length})"),
        start => format!("mod(n-{start}\\,{length})"),
    };
    let mut equal = equal_chunks(&lengths).into_iter().rev();
    let mut next = equal.next();
    let mut expression = next.map_or("n".to_owned(), number);
    for before in equal {
        let start = next.map_or(0, |it| it.start);
        expression = format!("if(lt(n\\,{start})\\,{}\\,{expression})", number(before));
        next = Some(before);
    }
    expression
}

/// Consecutive chunks of one length, frames; the last of them may be shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Equal {
    /// Number of the first frame in the run.
    start: u64,
    length: u64,
}

/// The chunks of a run, by their lengths.
fn equal_chunks(lengths: &[u64]) -> Vec<Equal> {
    let mut found: Vec<Equal> = vec![];
    let mut start = 0;
    for (index, &length) in lengths.iter().enumerate() {
        let is_last = index + 1 == lengths.len();
        let continues = |it: &Equal| it.length == length || is_last && it.length > length;
        if !found.last().is_some_and(continues) {
            found.push(Equal { start, length });
        }
        start += length;
    }
    found
}

/// Scales frames of any size and aspect ratio to the largest size that fits, with bars around them.
/// One instance survives a change of the frame size. Up to four pixels of rounding are removed by
/// stretching, so that ordinary sources get no thin bars.
///
/// The result has the colours of `matrix`.
pub(crate) fn fitted(size: Size, video: &VideoStream, matrix: ColorMatrix) -> String {
    // The matrix of untagged video must not be guessed from the size after scaling: SD rungs of HD
    // sources keep their colours.
    let known = video
        .matrix
        .filter(|_| !video.tagged)
        .map_or(String::new(), |it| {
            format!("in_color_matrix={}:", scale_matrix(it))
        });
    fitted_to(
        &format!(
            "{known}out_color_matrix={}:out_range=tv",
            scale_matrix(matrix)
        ),
        size,
    )
}

/// As [`fitted`], for BT.2020 frames that keep their colours: the table that maps them to SDR
/// follows later.
pub(crate) fn fitted_in_bt2020(size: Size) -> String {
    fitted_to(
        "in_color_matrix=bt2020:out_color_matrix=bt2020:out_range=tv",
        size,
    )
}

/// `colors`: options of the scaler.
pub(super) fn fitted_to(colors: &str, size: Size) -> String {
    let Size { width, height } = size;
    let (near_width, near_height) = (width.saturating_sub(4), height.saturating_sub(4));
    // A broken header may declare that pixels are 200 times as wide as high.
    let aspect = "if(between(sar\\,0.1\\,10)\\,dar\\,a)";
    format!(
        "scale=w='st(0\\,{aspect})*0+if(gte({height}*ld(0)\\,{near_width})\\,{width}\\,max(2\\,trunc({height}*ld(0)/2+0.5)*2))'\
         :h='st(0\\,{aspect})*0+if(gte({width}/ld(0)\\,{near_height})\\,{height}\\,max(2\\,trunc({width}/ld(0)/2+0.5)*2))'\
         :eval=frame:flags=bicubic:{colors},pad={width}:{height}:-1:-1:eval=frame,setsar=1"
    )
}

/// Combines the fields of interlaced frames.
pub(crate) fn deinterlaced(filter: &str) -> String {
    format!("{filter}=mode=send_frame:deint=interlaced")
}

/// FFmpeg's scaler has one name for both variants of BT.601.
pub(super) fn scale_matrix(matrix: ColorMatrix) -> &'static str {
    match matrix {
        ColorMatrix::Bt709 => "bt709",
        ColorMatrix::Smpte170m | ColorMatrix::Bt470bg => "bt601",
    }
}

/// The colour matrix of the rungs.
pub(crate) fn output_matrix(video: &VideoStream) -> ColorMatrix {
    video
        .matrix
        .filter(|_| video.hdr.is_none() && !video.wide_gamut)
        .unwrap_or(ColorMatrix::Bt709)
}

/// Tags frames with their colours; encoders write the tags into the bitstream of every rung.
pub(super) fn tags(matrix: ColorMatrix) -> String {
    let (matrix, primaries) = (matrix.as_str(), primaries(matrix));
    format!(
        "setparams=range=tv:colorspace={matrix}:color_primaries={primaries}:color_trc={primaries}"
    )
}

/// The primaries and transfer characteristics that go with a matrix. Chromium darkens video that is
/// tagged with those of BT.470.
fn primaries(matrix: ColorMatrix) -> &'static str {
    match matrix {
        ColorMatrix::Bt709 => "bt709",
        ColorMatrix::Smpte170m | ColorMatrix::Bt470bg => "smpte170m",
    }
}

/// A bitstream filter that writes the colours into untagged H.264 (ITU-T H.264, annex E).
pub(super) fn color_metadata(matrix: ColorMatrix) -> String {
    let number = match matrix {
        ColorMatrix::Bt709 => 1,
        ColorMatrix::Smpte170m | ColorMatrix::Bt470bg => 6,
    };
    format!(
        "h264_metadata=colour_primaries={number}:transfer_characteristics={number}:matrix_coefficients={number}\
         :video_full_range_flag=0"
    )
}

/// Filters after a scaler for the colours of a JPEG or WebP image, which are those of BT.601 by
/// definition (JFIF 1.02; RFC 6386, 9.2).
pub(super) const IMAGE_COLORS: &str =
    ":out_color_matrix=bt601:out_range=tv,format=yuv420p,setparams=range=tv:colorspace=bt470bg";

fn scale(size: Size) -> String {
    format!("{},setsar=1", scale_size(size))
}

pub(super) fn scale_size(size: Size) -> String {
    format!("scale={}:{}:flags=bicubic", size.width, size.height)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn chunks_of_a_length_are_together() {
        let equal = |lengths: &[u64]| -> Vec<(u64, u64)> {
            let found = equal_chunks(lengths).into_iter();
            found.map(|it| (it.start, it.length)).collect()
        };
        assert_eq!(equal(&[180, 360, 360, 90]), [(0, 180), (180, 360)]);
        assert_eq!(
            equal(&[150, 290, 250, 250]),
            [(0, 150), (150, 290), (440, 250)]
        );
        assert_eq!(equal(&[250, 250, 260]), [(0, 250), (500, 260)]);
        assert_eq!(equal(&[7]), [(0, 7)]);
    }

    proptest! {
        #[test]
        fn every_frame_has_its_number(lengths in prop::collection::vec(1_u64..40, 1..8)) {
            let equal = equal_chunks(&lengths);
            let mut frame = 0;
            for length in lengths {
                for number in 0..length {
                    let own = equal.iter().rfind(|it| it.start <= frame).unwrap();
                    prop_assert_eq!((frame - own.start) % own.length, number);
                    frame += 1;
                }
            }
        }
    }
}
