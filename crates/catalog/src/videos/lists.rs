//! Lists of videos: filter, order and page.

use domain::ids::VideoId;
use domain::state::StateName;

use super::Video;

/// Filter, order and page of a list of videos.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VideoFilter {
    /// Only videos of this owner.
    pub owner: Option<String>,
    /// Only videos in one of these states; empty: in any state but `deleted`.
    pub states: Vec<StateName>,
    /// Only videos with this external id.
    pub external_id: Option<String>,
    /// Only videos whose source is this object.
    pub source_key: Option<String>,
    /// Only videos with this text in their title, file name or external id, ignoring case in every
    /// script.
    pub text: Option<String>,
    /// Only videos whose captions have this text, which was folded as the words of captions are.
    pub words: Option<String>,
    /// The order.
    pub sort: VideoSort,
    /// The `next` cursor of the previous page, which had the same order.
    pub after: Option<VideoCursor>,
    /// Page size, 1 to 1,000; 0 means 100.
    pub limit: u32,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoSort {
    /// What is compared. Equal videos follow each other by creation.
    pub by: SortKey,
    /// Largest first.
    pub descending: bool,
}

impl Default for VideoSort {
    /// Newest first.
    fn default() -> Self {
        Self {
            by: SortKey::Created,
            descending: true,
        }
    }
}

/// A property by which lists are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// The time of creation, which the id begins with.
    Created,
    /// The title without case, by code points; videos without a title have the smallest one.
    Title,
    /// The duration; 0 until it is known.
    Duration,
    /// The size of the source; 0 until it is known.
    Size,
}

/// The position of a video in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoCursor {
    /// The value that is compared.
    pub value: SortValue,
    /// The video.
    pub video: VideoId,
}

/// The value of a [`SortKey`] for one video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortValue {
    /// Of [`SortKey::Created`]: the id is enough.
    Id,
    /// Of [`SortKey::Title`].
    Text(String),
    /// Of [`SortKey::Duration`], milliseconds, and of [`SortKey::Size`], bytes.
    Number(u64),
}

/// The number of videos of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VideoCount {
    /// How many were counted.
    pub videos: u64,
    /// Counting stopped there: the list may have more.
    pub is_lower_bound: bool,
}

impl VideoCount {
    /// Of a list in which at most `limit` videos and one more were counted.
    pub(super) fn up_to(limit: u32, counted: u64) -> Self {
        let limit = u64::from(limit);
        Self {
            videos: counted.min(limit),
            is_lower_bound: counted > limit,
        }
    }
}

/// A page of videos.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VideoPage {
    /// At most `limit` videos. A page of a search can have fewer, even none, although others follow.
    pub videos: Vec<Video>,
    /// Cursor of the next page; `None` on the last page.
    pub next: Option<VideoCursor>,
}
