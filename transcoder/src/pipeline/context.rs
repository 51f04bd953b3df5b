//! What the runs of FFmpeg for one generation share, made from a plan and the services of a transcoder.

use std::collections::HashMap;

use domain::object_key::RenditionName;
use domain::plan::EncodePlan;
use domain::probe::Probe;
use domain::profile::Profile;
use tokio_util::sync::CancellationToken;

use crate::content_keys::RenditionKeys;
use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::arguments::NewerCodecs;
use crate::lanes::{EncodeContext, FirstRungProgress};
use crate::loopback::Loopback;
use crate::sink::GenerationWriter;
use crate::tone_map::ToneMap;
use crate::watermark::WatermarkFile;

/// The materials of a context.
pub(crate) struct Materials<'a> {
    /// FFmpeg and ffprobe.
    pub tools: &'a Tools,
    /// Settings of the encoders, and the watermark.
    pub profile: &'a Profile,
    /// The properties of the source.
    pub probe: &'a Probe,
    /// The server from which FFmpeg reads the source.
    pub loopback: Loopback,
    /// Writer of the objects.
    pub writer: GenerationWriter,
    /// Content key of each rendition; empty: nothing is encrypted.
    pub keys: HashMap<RenditionName, RenditionKeys>,
    /// Number of parallel encoders: see [`encoders_for`].
    pub encoders: usize,
}

impl Materials<'_> {
    /// The context for `work`, which is all or a part of `plan`.
    pub(crate) async fn context(
        self,
        plan: &EncodePlan,
        work: EncodePlan,
        cancel: CancellationToken,
    ) -> Result<EncodeContext, TranscodeError> {
        let (tools, profile, probe) = (self.tools, self.profile, self.probe);
        Ok(EncodeContext {
            tools: tools.clone(),
            plan: work,
            probe: probe.clone(),
            encoder: profile.encoder.clone(),
            newer: NewerCodecs::new(profile, tools.av1_library()),
            loopback: self.loopback,
            feeds: HashMap::new(),
            tone_map: match &probe.video {
                Some(video) => ToneMap::write(video).await?,
                None => None,
            },
            watermark: WatermarkFile::of(profile, plan).await?,
            writer: self.writer,
            keys: self.keys,
            encoders: self.encoders,
            first_rung: FirstRungProgress::new(plan.first.is_some()),
            cancel,
        })
    }
}

/// How many of `encoders` the memory of this machine, and its hardware, permit for a plan.
pub(crate) fn encoders_for(
    tools: &Tools,
    profile: &Profile,
    (plan, probe): (&EncodePlan, &Probe),
    encoders: usize,
) -> usize {
    let newer = NewerCodecs::new(profile, tools.av1_library());
    tools.encoders(plan, probe, (&profile.encoder, &newer), encoders)
}
