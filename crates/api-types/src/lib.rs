//! The HTTP API as types: the bodies of requests and responses, and the query parameters.
//!
//! The API, its clients and the tests share these types, so each of them is read and written. There is one module per
//! subject. With the feature `openapi`, each type also has a schema for the OpenAPI document.
//!
//! Requests reject unknown fields, except those of Uppy. Responses accept them, and [`MaybeKnown`] accepts words that a
//! newer API added; the state of a video is always one of this version, because clients decide by it. Sizes are in
//! bytes, and the numbers of parts begin at 1. Times are a [`Timestamp`].
//!
//! A doc comment of a body, a parameter or a field is its description in the OpenAPI document. Names that explain
//! themselves have none.
#![expect(
    missing_docs,
    reason = "a doc comment is a description in the OpenAPI document, see above"
)]

pub mod api_keys;
pub mod captions;
pub mod chapters;
pub mod clips;
pub mod costs;
pub mod dead_letters;
pub mod downloads;
pub mod events;
pub mod health;
mod maybe_known;
pub mod objects;
pub mod per_title;
pub mod posters;
mod present;
pub mod previews;
pub mod problem;
pub mod receipts;
pub mod renditions;
pub mod revocations;
#[cfg(feature = "openapi")]
pub mod schemas;
mod sensitive;
pub mod sessions;
pub mod shares;
pub mod streams;
pub mod thumbnails;
pub mod timelines;
mod timestamp;
pub mod uploads;
pub mod uppy;
pub mod videos;
pub mod views;
pub mod webhooks;

pub use maybe_known::MaybeKnown;
pub use sensitive::Sensitive;
pub use timestamp::Timestamp;

/// Any JSON object: what clients store with a video.
pub type Metadata = serde_json::Map<String, serde_json::Value>;
