//! Checks height limits against the rungs of a video: below the smallest rung, nothing is playable.

use catalog::{RenditionKind, RenditionRecord, Video};
use domain::state::VideoState;

use crate::error::ApiError;
use crate::state::ApiState;

/// Whether a playable video has a rung within this limit. `false`: not yet, the rung is being encoded.
///
/// # Errors
/// An invalid field with the smallest rung, if no rung will ever be within the limit.
pub(crate) async fn has_rung(
    state: &ApiState,
    video: &Video,
    max_height: Option<u32>,
) -> Result<bool, ApiError> {
    let (Some(limit), Some(generation)) = (max_height, &video.generation) else {
        return Ok(true);
    };
    let rungs = state.catalog.renditions(video.id, generation).await?;
    let rungs: Vec<_> = rungs
        .into_iter()
        .filter(|it| it.kind == RenditionKind::Video)
        .collect();
    if let Some(smallest) = smallest(rungs.iter()).filter(|it| *it > limit) {
        return Err(ApiError::invalid(format!(
            "`max_height`: the smallest rung of this video has {smallest} pixels, so nothing would be playable"
        )));
    }
    // While a video grows, only its remuxed rung is playable, if there is one.
    let grows_alone = video.state == VideoState::Playable && rungs.iter().any(|it| it.copied);
    Ok(smallest(rungs.iter().filter(|it| it.copied || !grows_alone)).is_none_or(|it| it <= limit))
}

/// The shorter side of the smallest rung in pixels.
fn smallest<'a>(rungs: impl Iterator<Item = &'a RenditionRecord>) -> Option<u32> {
    rungs.filter_map(|it| Some(it.width?.min(it.height?))).min()
}
