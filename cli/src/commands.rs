//! One module per command.

pub mod api;
pub mod catalogue;
pub mod check;
pub mod convert;
pub mod cost;
pub mod demo;
pub mod dev;
pub mod doctor;
pub mod edge;
pub mod grant;
pub mod healthcheck;
pub mod import;
pub mod ingest;
pub mod keys;
pub mod ls;
pub mod manual;
pub mod migrate;
pub mod redrive;
pub mod rm;
pub mod serve;
pub mod show;
pub mod transcode;
pub mod transcoder;
pub mod upload;
