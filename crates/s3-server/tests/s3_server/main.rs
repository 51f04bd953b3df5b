//! The embedded S3 server, tested over the protocol: with the SDK where it can express the request,
//! and with a plain HTTP client as a browser would.

#![expect(
    clippy::unwrap_used,
    reason = "in tests, helpers included, a panic is the report"
)]

mod browser;
mod buckets;
mod checksums;
mod copies;
mod cors;
mod crash;
mod events;
mod folder;
mod keys;
mod listings;
mod memory;
mod multipart;
mod objects;
mod presigned;
mod streaming;
mod support;
mod unreliable;
