//! Whether other transcoders take part.

use domain::plan::EncodePlan;
use domain::segment::Lane;

use super::TranscodeRequest;
use crate::error::TranscodeError;
use crate::fan_out::Lead;
use crate::inspect::Inspected;
use crate::publish::Publisher;
use crate::sink::GenerationWriter;

/// Lets other transcoders take part in a long encoding. One that reads its source through a normaliser,
/// or only some rungs, has one transcoder.
pub(super) async fn lead<'a>(
    request: &'a TranscodeRequest,
    source: &Inspected,
    plan: &EncodePlan,
    writer: &GenerationWriter,
    publisher: &Publisher,
) -> Result<Option<Lead<'a>>, TranscodeError> {
    let Some(services) = &request.fan_out else {
        return Ok(None);
    };
    let is_divisible = source.normaliser.is_none() && request.reused.is_none();
    let records = publisher.records();
    let missing = |it: &u32| !records.has(Lane::Encode, *it);
    let chunks = plan.encode_chunks.iter().map(|it| it.index);
    let missing: Vec<u32> = chunks.filter(missing).collect();
    if !is_divisible || missing.is_empty() || !plan.fans_out(&source.probe, &request.profile) {
        Lead::end_earlier(services).await?;
        return Ok(None);
    }
    let lead = Lead::begin(services, writer, plan, &source.probe, missing.into_iter()).await?;
    Ok(Some(lead))
}
