//! The embedded S3 server, spoken to in the protocol: by the SDK where it can say what is meant, and by a
//! plain HTTP client as a browser would.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included, a panic is the report")]

mod checksums;
mod cors;
mod events;
mod folder;
mod keys;
mod listings;
mod multipart;
mod objects;
mod presigned;
mod streaming;
mod support;
mod unreliable;
