//! Chapters.

use serde::{Deserialize, Serialize};

use crate::MaybeKnown;
use crate::captions::{CaptionOrigin, CaptionStatus};

/// Chapters to store.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChaptersRequest {
    /// In their order, at most 500; each lasts until the next one begins.
    #[cfg_attr(feature = "openapi", schema(max_items = 500))]
    pub chapters: Vec<Chapter>,
}

/// A chapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// When it begins, seconds from the start of the video.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1_000_000))]
    pub start: f64,
    /// Title, at most 200 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub title: String,
}

/// The chapters of a video.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChapterList {
    /// In their order; empty: the video has none.
    pub chapters: Vec<Chapter>,
    /// Where they come from; not there without chapters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<CaptionOrigin>))]
    pub origin: Option<MaybeKnown<CaptionOrigin>>,
    #[cfg_attr(feature = "openapi", schema(value_type = CaptionStatus))]
    pub status: MaybeKnown<CaptionStatus>,
}
