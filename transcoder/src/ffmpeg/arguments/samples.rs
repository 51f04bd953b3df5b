//! Command lines of per-title encoding: a sample of the source, encoded several times, and the
//! comparison of these encodings with the source.
//!
//! The plan of a sample has one segment, and a rung for each encoding.

use domain::per_title::Measure;
use domain::plan::{RungPlan, Size};

use super::{CommandInputs, push};
use crate::ffmpeg::probe::input_arguments;

/// Container of the encodings: it takes every codec, and a reader needs no seeking.
pub(crate) const SAMPLE_DEMUXER: &str = "matroska";

/// Pixels of a frame of which every fourth is compared by VMAF: its cost is that of the pixels.
const PIXELS_OF_FOURTHS: u64 = 1920 * 1080;

/// A comparison of an encoding with the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// The frames of the source: a name, by which the log reports the score, and the size.
    pub reference: RungPlan,
    /// Position of the encoding.
    pub encoding: usize,
}

impl CommandInputs<'_> {
    /// The arguments that encode the sample once for each rung of the plan, and decode it once for all
    /// of them.
    pub(crate) fn sample(&self, threads: u32) -> Vec<String> {
        let rungs: Vec<&RungPlan> = self.plan.rungs.iter().collect();
        let mut arguments = self.start(threads);
        self.input(&mut arguments);
        self.filters(&mut arguments, &rungs, "");
        for rung in rungs {
            let name = &rung.rendition.name;
            push(&mut arguments, &["-map", &format!("[{name}]")]);
            self.encoder(&mut arguments, rung, &(0..1), threads);
            let url = (self.output)(name.as_str(), "0.mkv");
            push(&mut arguments, &["-f", SAMPLE_DEMUXER, &url]);
        }
        arguments
    }

    /// The arguments that compare encodings, read from `urls`, with the sample. `comparisons`: the
    /// largest size first. The scores are in the log: see [`score_in`].
    pub(crate) fn comparison(
        &self,
        measure: Measure,
        urls: &[String],
        comparisons: &[Comparison],
        threads: u32,
    ) -> Vec<String> {
        let mut arguments = self.start(threads);
        self.source_input(&mut arguments);
        for url in urls {
            // They are many: one thread each, and with it the memory of one.
            push(&mut arguments, &["-threads", "1"]);
            arguments.extend(input_arguments(SAMPLE_DEMUXER));
            push(&mut arguments, &["-i", url]);
        }
        // Frames are paired by number: the clocks of containers round. Samples are compared as they
        // are, so they lose their tags: if only one of the two had some, FFmpeg would convert one.
        let rate = self.plan.frame_rate;
        let paired = format!(
            "settb=AVTB,setpts=N/({rate}*TB),format=yuv420p,\
             setparams=range=unknown:color_primaries=unknown:color_trc=unknown:colorspace=unknown"
        );
        let mut graph = String::new();
        for (input, _) in (1..).zip(urls) {
            let own = comparisons.iter().filter(|it| it.encoding + 1 == input);
            let own: Vec<&Comparison> = own.collect();
            let names = own
                .iter()
                .map(|it| format!("[_{}]", it.reference.rendition.name));
            let names: String = names.collect();
            graph += &format!(";[{input}:v:0]split={}{names}", own.len());
        }
        for Comparison { reference, .. } in comparisons {
            let (name, Size { width, height }) = (&reference.rendition.name, reference.size);
            let filter = filter(measure, reference, threads);
            graph += &format!(
                ";[_{name}]scale={width}:{height}:flags=bicubic,{paired}[_{name}-made];\
                 [{name}]{paired}[_{name}-real];[_{name}-made][_{name}-real]{filter}[_{name}-out]"
            );
        }
        let references: Vec<&RungPlan> = comparisons.iter().map(|it| &it.reference).collect();
        self.filters(&mut arguments, &references, &graph);
        for reference in references {
            let output = format!("[_{}-out]", reference.rendition.name);
            push(&mut arguments, &["-map", &output, "-f", "null", "-"]);
        }
        arguments
    }

    /// Seeks to the sample.
    fn start(&self, threads: u32) -> Vec<String> {
        let start = self.plan.span(&(0..1)).start.ticks;
        let mut arguments = self.seek(domain::segment::seconds(start), start);
        push(&mut arguments, &["-threads", &threads.to_string()]);
        arguments
    }

    /// The frames of the sample in the sizes of some rungs, and further chains.
    fn filters(&self, arguments: &mut Vec<String>, rungs: &[&RungPlan], more: &str) {
        let graph = self.sample_graph(self.plan.span(&(0..1)), rungs) + more;
        push(
            arguments,
            &["-filter_complex_threads", "1", "-filter_complex", &graph],
        );
    }
}

/// The filter that measures, with the name of the comparison.
fn filter(measure: Measure, reference: &RungPlan, threads: u32) -> String {
    let name = &reference.rendition.name;
    match measure {
        Measure::Ssim => format!("ssim@{name}"),
        Measure::Vmaf => {
            let Size { width, height } = reference.size;
            let pixels = u64::from(width) * u64::from(height);
            let every = (4 * pixels / PIXELS_OF_FOURTHS).clamp(1, 16);
            format!("libvmaf@{name}=n_threads={threads}:n_subsample={every}")
        }
    }
}

/// The score of a comparison in the log of FFmpeg (5.1 to 9.0); `None`: it has none.
pub(crate) fn score_in(log: &[String], measure: Measure, name: &str) -> Option<f64> {
    let (filter, label) = match measure {
        Measure::Vmaf => (format!("[libvmaf@{name} "), "VMAF score: "),
        Measure::Ssim => (format!("[ssim@{name} "), "SSIM Y:"),
    };
    let own = log.iter().filter(|it| it.contains(&filter));
    let value = own.filter_map(|it| it.split_once(label)).next_back()?.1;
    let number = value.split_whitespace().next()?.parse::<f64>().ok()?;
    number.is_finite().then_some(number)
}

/// Whether a line of the log has a score.
pub(crate) fn has_score(line: &str) -> bool {
    line.contains("VMAF score: ") || line.contains("SSIM Y:")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
[Parsed_null_1 @ 0x1] [info] something
[ssim@t0 @ 0x5588] [info] SSIM Y:0.991234 (20.572) U:0.99 (20.0) V:0.99 (20.0) All:0.99 (20.0)
[ssim@t10 @ 0x5588] [info] SSIM Y:nan (inf) U:0 (0) V:0 (0) All:0 (0)
[libvmaf@t1 @ 0x5599] [info] VMAF score: 93.415926";

    #[test]
    fn scores_are_found_by_their_names() {
        let log: Vec<String> = LOG.lines().map(str::to_owned).collect();
        for (measure, name, expected) in [
            (Measure::Ssim, "t0", Some(0.991_234)),
            (Measure::Vmaf, "t1", Some(93.415_926)),
            (Measure::Vmaf, "t0", None),
            (Measure::Ssim, "t1", None),
            (Measure::Ssim, "t10", None),
        ] {
            assert_eq!(score_in(&log, measure, name), expected, "{name}");
        }
        assert_eq!(log.iter().filter(|it| has_score(it)).count(), 3);
    }
}
