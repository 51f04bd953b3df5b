//! The content keys of a generation.

use std::collections::HashMap;
use std::sync::Arc;

use domain::object_key::RenditionName;
use domain::plan::EncodePlan;

use super::TranscodeRequest;
use crate::content_keys::RenditionKeys;
use crate::error::TranscodeError;

/// The keys of each rendition; empty: nothing is encrypted. The first key of each exists afterwards, and
/// all keys of reused renditions.
pub(super) async fn content_keys(
    request: &TranscodeRequest,
    plan: &EncodePlan,
) -> Result<HashMap<RenditionName, RenditionKeys>, TranscodeError> {
    if !plan.encrypt {
        return Ok(HashMap::new());
    }
    let keys = plan.all_renditions().into_iter().map(|it| async move {
        let name = &it.name;
        let keys = RenditionKeys::new(Arc::clone(&request.content_keys), name.clone());
        match &request.reused {
            Some(reused) if reused.has(name) => {
                reused.content_keys(it).await?;
            }
            _ => drop(keys.key(name).await?),
        }
        Ok((name.clone(), keys))
    });
    futures::future::try_join_all(keys)
        .await
        .map(|it| it.into_iter().collect())
}
