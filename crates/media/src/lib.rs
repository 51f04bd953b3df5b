//! Containers and bitstreams, parsed without I/O: MPEG-2 TS, ISO BMFF, Matroska, H.264, HEVC, AV1,
//! AAC, AC-3, and the caption data inside video.
//!
//! Every parser works on byte slices, or names the bytes that it needs next, so that the caller may
//! read a file, a socket or an HTTP range. The input is untrusted: no parser panics on any bytes,
//! loops forever, or allocates memory that the input merely declares.

pub mod a53;
pub mod aac;
pub mod ac3;
pub mod audio_frames;
pub mod av1;
pub mod cmaf;
pub mod fmp4;
pub mod frame_rate;
pub mod h264;
pub mod h265;
pub mod id3;
pub mod mkv;
pub mod mp4;
pub mod mpeg_audio;
pub mod remux;
pub mod segment;
pub mod sniff;
pub mod ts;

mod bits;
mod mux;
mod nal;
mod read;
mod video_signal;
