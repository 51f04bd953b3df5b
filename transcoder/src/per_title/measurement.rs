//! The runs of FFmpeg that measure samples.
//!
//! Encodings stay in memory: two seconds of every rung are some megabytes. Each sample is decoded once
//! for all of its encodings, where they fit into the memory of the job together, and once more for the
//! comparison.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::per_title::{Measure, MeasuredRung, Sample, TRIALS, Trial};
use domain::plan::{CopyDecision, EncodePlan, RungPlan, Size};
use domain::probe::Probe;
use domain::segment::seconds;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::TranscodeRequest;
use crate::error::TranscodeError;
use crate::ffmpeg::arguments::{CommandInputs, Comparison, NewerCodecs, score_in};
use crate::ffmpeg::launcher::Weight;
use crate::ffmpeg::process::{self, Ended, Run};
use crate::loopback::{Loopback, SegmentReceiver};
use crate::sink::broken_off;

/// Maximum size of an encoding, bytes: two seconds at 100 Mbit/s.
const LARGEST_ENCODING: usize = 25 << 20;

/// How long a delivery may take after its run has ended.
const LATE: Duration = Duration::from_secs(10);

/// Limit of the threads of an encoder: a sample has few frames.
const MOST_THREADS: usize = 8;

/// A measurement of one source.
pub(super) struct Measurement<'a> {
    pub(super) request: &'a TranscodeRequest,
    pub(super) loopback: &'a Loopback,
    pub(super) probe: &'a Probe,
    /// The rungs to measure, without choices.
    pub(super) plan: &'a EncodePlan,
    /// The size at which rungs are compared with each other: see [`full_size`].
    pub(super) full: Size,
    pub(super) measure: Measure,
    pub(super) cancel: &'a CancellationToken,
    /// When the time limit is reached.
    pub(super) ends: Instant,
    /// CPU time so far.
    pub(super) cpu: Duration,
}

/// An encoding of a rung: one of all samples.
struct Encoding<'a> {
    rung: &'a RungPlan,
    crf: u8,
    /// Whether it is also compared at the size of the largest rung.
    full_size: bool,
}

/// What one sample shows of one encoding.
#[derive(Debug, Clone, Copy, Default)]
struct Shown {
    bytes: usize,
    score: f64,
    full_size: Option<f64>,
}

impl Measurement<'_> {
    /// Measures samples, and returns their number with the means for each rung. If the time limit is
    /// reached, these are of the samples until then.
    ///
    /// # Errors
    /// If a run fails, or not even the first sample is measured within the time limit.
    pub(super) async fn run(
        &mut self,
        samples: &[Sample],
    ) -> Result<(u32, Vec<MeasuredRung>), TranscodeError> {
        let plan = self.plan;
        let encodings = encodings(self.request, plan, self.full);
        let mut shown = vec![];
        let mut length = 0.0;
        for sample in samples {
            match self.sample(sample, &encodings).await {
                Ok(one) => {
                    shown.push(one);
                    length += seconds(sample.end.ticks - sample.start.ticks);
                }
                Err(problem) if shown.is_empty() => return Err(problem),
                Err(problem @ TranscodeError::Cancelled) => return Err(problem),
                // The samples until then decide.
                Err(_) => break,
            }
        }
        Ok((shown.len() as u32, means(&encodings, &shown, length)))
    }

    async fn sample(
        &mut self,
        sample: &Sample,
        encodings: &[Encoding<'_>],
    ) -> Result<Vec<Shown>, TranscodeError> {
        // A third of the encodings is as large as the ladder.
        let TranscodeRequest { tools, profile, .. } = self.request;
        let newer = NewerCodecs::new(profile, tools.av1_library());
        let with = (&profile.encoder, &newer);
        let fitting = tools.encoders(self.plan, self.probe, with, TRIALS);
        match self
            .in_groups(sample, encodings, TRIALS.div_ceil(fitting))
            .await
        {
            // The memory was estimated, or the operator limits it.
            Err(TranscodeError::OutOfMemory { .. }) if fitting > 1 => {
                self.in_groups(sample, encodings, TRIALS).await
            }
            outcome => outcome,
        }
    }

    /// Encodes and compares a sample, a group of the encodings at a time.
    async fn in_groups(
        &mut self,
        sample: &Sample,
        encodings: &[Encoding<'_>],
        groups: usize,
    ) -> Result<Vec<Shown>, TranscodeError> {
        let comparisons = comparisons(encodings, self.full);
        let mut shown = vec![Shown::default(); encodings.len()];
        for group in 0..groups {
            // Every n-th, so that each group has all sizes.
            let numbers: Vec<usize> = (group..encodings.len()).step_by(groups).collect();
            let mut made = self.encode(sample, encodings, numbers.clone()).await?;
            made.sort_by_key(|it| it.0);
            for (number, bytes) in &made {
                shown[*number].bytes = bytes.len();
            }
            // By the position in the group.
            let own = comparisons.iter().filter_map(|it| {
                let encoding = numbers.iter().position(|number| *number == it.encoding)?;
                let reference = it.reference.clone();
                Some((
                    it,
                    Comparison {
                        reference,
                        encoding,
                    },
                ))
            });
            let (own, local): (Vec<&Comparison>, Vec<Comparison>) = own.unzip();
            let bytes = made.into_iter().map(|it| it.1).collect();
            let log = self.compare(sample, bytes, &local).await?;
            for comparison in own {
                let name = comparison.reference.rendition.name.as_str();
                let score = score_in(&log, self.measure, name).ok_or_else(|| {
                    TranscodeError::Verification(format!("the comparison {name} has no score"))
                })?;
                let one = &mut shown[comparison.encoding];
                match is_full_size(comparison) {
                    true => one.full_size = Some(score),
                    false => one.score = score,
                }
            }
        }
        Ok(shown)
    }

    /// Encodes a sample; returns each encoding with its number.
    async fn encode(
        &mut self,
        sample: &Sample,
        encodings: &[Encoding<'_>],
        numbers: Vec<usize>,
    ) -> Result<Vec<(usize, Bytes)>, TranscodeError> {
        let rungs = numbers.iter().map(|number| RungPlan {
            crf: Some(encodings[*number].crf),
            ..renamed(encodings[*number].rung, &format!("t{number}"))
        });
        let plan = plan_of(self.plan, sample, rungs.collect());
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let delivery = self.loopback.deliver_to(Arc::new(EncodingSink { sender }));
        let output = |name: &str, file: &str| delivery.url(name, file);
        let threads = self.threads();
        let arguments = self.arguments(&plan, &output, |it| it.sample(threads));
        self.ffmpeg("encode a sample", sample, arguments).await?;
        let mut made = vec![];
        for _ in &numbers {
            // FFmpeg may end before its last bytes are taken.
            let delivered = tokio::time::timeout(LATE, receiver.recv()).await;
            let Ok(Some((name, bytes))) = delivered else {
                let problem = "FFmpeg did not deliver every encoding of a sample";
                return Err(TranscodeError::Verification(problem.to_owned()));
            };
            let number = name.strip_prefix('t').and_then(|it| it.parse().ok());
            made.extend(
                number
                    .filter(|it| numbers.contains(it))
                    .map(|it| (it, bytes)),
            );
        }
        Ok(made)
    }

    /// Compares the encodings of a sample with the source; returns the log.
    async fn compare(
        &mut self,
        sample: &Sample,
        made: Vec<Bytes>,
        comparisons: &[Comparison],
    ) -> Result<Vec<String>, TranscodeError> {
        let feeds = made.into_iter().map(|bytes| {
            let feed = self.loopback.feed();
            // It fits: a feed buffers one part. The end of the sender is the end of the stream.
            drop(feed.sender.try_send(bytes));
            feed.url
        });
        let urls: Vec<String> = feeds.collect();
        let plan = plan_of(self.plan, sample, vec![]);
        let (measure, threads) = (self.measure, self.threads());
        let no_output = |_: &str, _: &str| String::new();
        let arguments = self.arguments(&plan, &no_output, |it| {
            it.comparison(measure, &urls, comparisons, threads)
        });
        let ended = self.ffmpeg("compare a sample", sample, arguments).await?;
        Ok(ended.report)
    }

    fn arguments(
        &self,
        plan: &EncodePlan,
        output: &(dyn Fn(&str, &str) -> String + Sync),
        of: impl Fn(&CommandInputs<'_>) -> Vec<String>,
    ) -> Vec<String> {
        let TranscodeRequest { tools, profile, .. } = self.request;
        of(&CommandInputs {
            plan,
            probe: self.probe,
            encoder: &profile.encoder,
            newer: &NewerCodecs::new(profile, tools.av1_library()),
            deinterlacer: tools.deinterlacer().unwrap_or("bwdif"),
            tone_map: None,
            // Both sides of a comparison are without the image.
            watermark: None,
            device: &tools.hardware.device,
            source: &self.loopback.source_url(),
            output,
        })
    }

    async fn ffmpeg(
        &mut self,
        task: &str,
        sample: &Sample,
        arguments: Vec<String>,
    ) -> Result<Ended, TranscodeError> {
        let task = format!("{task} at {:.0} s", seconds(sample.start.ticks));
        let left = self.ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let log_tail = String::new();
            return Err(TranscodeError::TimedOut { task, log_tail });
        }
        let run = Run {
            tools: &self.request.tools,
            port: self.loopback.port(),
            files: vec![],
            weight: Weight::Heavy { runs: 1 },
            hardware: vec![],
            task,
            arguments,
            time_limit: left,
        };
        let ended = process::run(run, self.cancel).await?;
        self.cpu += ended.cost.cpu;
        Ok(ended)
    }

    fn threads(&self) -> u32 {
        self.request.encoders.clamp(1, MOST_THREADS) as u32
    }
}

/// The size at which rungs are compared with each other: that of the remuxed rung, or of the largest.
pub(super) fn full_size(plan: &EncodePlan) -> Size {
    let copied = match &plan.copy {
        CopyDecision::Remux(rung) => Some(rung.size),
        CopyDecision::Encode(_) => None,
    };
    let largest = plan.rungs.iter().map(|it| it.size);
    let sizes = largest.chain(copied);
    sizes.max_by_key(|it| it.short_side()).unwrap_or(Size {
        width: 2,
        height: 2,
    })
}

/// The encodings of every sample: the rungs at [`TRIALS`] values of CRF, lowest first.
fn encodings<'a>(
    request: &TranscodeRequest,
    plan: &'a EncodePlan,
    full: Size,
) -> Vec<Encoding<'a>> {
    let of = |rung: &'a RungPlan| {
        let crfs = request.profile.trial_crfs(rung.rendition.codec);
        (0..).zip(crfs).map(move |(number, crf)| Encoding {
            rung,
            crf,
            full_size: number == TRIALS / 2 && rung.size != full,
        })
    };
    plan.rungs.iter().flat_map(of).collect()
}

/// All comparisons of a sample, the largest size first.
fn comparisons(encodings: &[Encoding<'_>], full: Size) -> Vec<Comparison> {
    let own = encodings
        .iter()
        .enumerate()
        .map(|(encoding, it)| Comparison {
            reference: renamed(it.rung, &format!("t{encoding}")),
            encoding,
        });
    let upscaled = encodings.iter().enumerate().filter(|it| it.1.full_size);
    let upscaled = upscaled.map(|(encoding, it)| Comparison {
        reference: RungPlan {
            size: full,
            ..renamed(it.rung, &format!("{UPSCALED}{encoding}"))
        },
        encoding,
    });
    let mut all: Vec<Comparison> = upscaled.chain(own).collect();
    all.sort_by_key(|it| std::cmp::Reverse(it.reference.size.short_side()));
    all
}

/// The first letter of the names of comparisons at the size of the largest rung.
const UPSCALED: char = 'u';

fn is_full_size(comparison: &Comparison) -> bool {
    let name = &comparison.reference.rendition.name;
    name.as_str().starts_with(UPSCALED)
}

/// A rung under another name, a letter with a number.
fn renamed(rung: &RungPlan, name: &str) -> RungPlan {
    let mut rung = rung.clone();
    rung.rendition.name = name.parse().expect("a letter and digits are a legal name");
    rung
}

/// The plan of a sample: one segment.
fn plan_of(plan: &EncodePlan, sample: &Sample, rungs: Vec<RungPlan>) -> EncodePlan {
    EncodePlan {
        boundaries: vec![sample.start, sample.end],
        rungs,
        first: None,
        ..plan.clone()
    }
}

/// The means of all samples, which together last `length` seconds.
fn means(encodings: &[Encoding<'_>], shown: &[Vec<Shown>], length: f64) -> Vec<MeasuredRung> {
    let mean = |number: usize, of: &dyn Fn(&Shown) -> f64| {
        shown.iter().map(|it| of(&it[number])).sum::<f64>() / shown.len().max(1) as f64
    };
    let mut measured: Vec<MeasuredRung> = vec![];
    for (number, encoding) in encodings.iter().enumerate() {
        let bytes: usize = shown.iter().map(|it| it[number].bytes).sum();
        let trial = Trial {
            crf: encoding.crf,
            score: mean(number, &|it| it.score).into(),
            kbps: (bytes as f64 * 8.0 / 1000.0 / length.max(0.1)).round() as u32,
        };
        let upscaled = encoding
            .full_size
            .then(|| mean(number, &|it| it.full_size.unwrap_or_default()).into());
        match measured.last_mut().filter(|it| it.rung == *encoding.rung) {
            Some(of_rung) => {
                of_rung.trials.push(trial);
                of_rung.full_size = of_rung.full_size.or(upscaled);
            }
            None => measured.push(MeasuredRung {
                rung: encoding.rung.clone(),
                trials: vec![trial],
                full_size: upscaled,
            }),
        }
    }
    measured
}

/// Receives encodings, each with the name of its output.
struct EncodingSink {
    sender: mpsc::UnboundedSender<(String, Bytes)>,
}

#[async_trait::async_trait]
impl SegmentReceiver for EncodingSink {
    async fn receive(
        &self,
        output: &str,
        _index: u32,
        body: axum::body::Body,
    ) -> Result<(), TranscodeError> {
        let bytes = axum::body::to_bytes(body, LARGEST_ENCODING)
            .await
            .map_err(broken_off)?;
        drop(self.sender.send((output.to_owned(), bytes)));
        Ok(())
    }
}
