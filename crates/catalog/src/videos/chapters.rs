//! Chapters of a video, as the catalog records them.

use domain::chapter::Chapters;
use domain::ids::ChaptersId;

use super::CaptionOrigin;

/// The chapters of a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChaptersRecord {
    /// Id of the list.
    pub id: ChaptersId,
    /// The chapters; empty: they were deleted.
    pub chapters: Chapters,
    /// Where they come from.
    pub origin: CaptionOrigin,
    /// Whether the master playlist names them; for an empty list, whether it names none.
    pub published: bool,
}
