//! Converts objects that are in the private bucket already, through the API.
//!
//! The API is the only truth: the list of objects names the video of each object, so a run that was killed at any
//! moment is continued by the next one. The report is written for people, and never read.

mod inventory;
mod request;
mod select;

use domain::job::Mode;

pub use inventory::{Inventory, take};
pub use select::Selection;

use crate::api::Api;
use crate::catalogue::{Item, ItemState, Sent, Source};
use inventory::again;
use request::{body_of, create};

/// How objects are converted.
#[derive(Debug, Clone, Default)]
pub struct ConvertOptions {
    /// Name of the profile. Default: the profile of the installation.
    pub profile: Option<String>,
    /// How to convert. Default: the mode of the installation.
    pub mode: Option<Mode>,
    /// Owner of the videos.
    pub owner: Option<String>,
    /// Whether the external id of a video is the key of its object.
    pub keys_are_external_ids: bool,
}

/// The objects of the private bucket as sources of videos.
pub struct Objects<'a> {
    /// The API.
    pub api: &'a Api,
    /// How they are converted.
    pub options: ConvertOptions,
}

impl Source for Objects<'_> {
    async fn send(&self, item: &Item) -> anyhow::Result<Sent> {
        let item = match again(self.api, &item.key).await? {
            Some(found) if matches!(found.state, ItemState::Waiting(_)) => found,
            Some(found) => return Ok(Sent::Found(Box::new(found))),
            None => item.clone(),
        };
        let body = body_of(&item, &self.options);
        match create(self.api, &body, &item.etag).await {
            Ok(video) => Ok(Sent::Requested(Box::new(item), Box::new(video))),
            Err(error) if error.is_of_source() => {
                Ok(Sent::Rejected(ItemState::Failed, error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
