//! The API with the real embedded services: SQLite catalog and queue, and the S3 server on loopback.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod arrivals;
mod auth;
mod callers;
mod captions;
mod chapters;
mod clips;
mod convert;
mod costs;
mod dead_letters;
mod deletion;
mod delivery;
mod document;
mod downloads;
mod event_lists;
mod events;
mod idempotency;
mod imports;
mod keys;
mod limits;
mod lists;
mod live;
mod oidc;
mod posters;
mod previews;
mod receiver;
mod request_ids;
mod revocations;
mod sessions;
mod shares;
mod sweeping;
mod thumbnails;
mod transcriptions;
mod upload_limits;
mod uploads;
mod uppy;
mod videos;
mod views;
mod webhooks;
mod work;
mod world;
