//! Containers and bitstreams, parsed without I/O: MPEG-2 TS, ISO BMFF, Matroska, H.264, AAC.
//!
//! Every parser works on byte slices, or says which bytes it needs next, so that the caller may
//! read a file, a socket or an HTTP range. The input comes from strangers: no parser panics on
//! any bytes, loops without end, or takes memory that the input merely claims to need.

pub mod aac;
pub mod fmp4;
pub mod frame_rate;
pub mod h264;
pub mod mkv;
pub mod mp4;
pub mod sniff;
pub mod ts;

mod bits;
mod read;
