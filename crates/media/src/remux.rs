//! Remuxes transport streams into one MP4 file (ISO/IEC 14496-12 and 14496-15), without decoding.
//!
//! Everything that players need to start and to seek, the `moov` box, is at the beginning of the
//! file, although it is known last. So the caller leaves room for it: [`head_bound`] says how much,
//! and [`Remuxer::head`] fills it. The media data goes out as it comes in; only the tables of the
//! samples stay in memory, about 12 bytes per frame.

use crate::ts::{EsCodec, SplitError, TICKS_PER_SECOND, pes_units};

mod audio;
mod boxes;
mod moov;
#[cfg(test)]
mod tests;
mod video;

use audio::AudioTrack;
use video::VideoTrack;

/// Longest stretch of one track before the other one follows, ticks.
const CHUNK_TICKS: i64 = TICKS_PER_SECOND as i64;

/// The streams cannot become an MP4 file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemuxError {
    /// A segment is not what it should be.
    #[error(transparent)]
    Segment(#[from] SplitError),
    /// The stream has a property that MP4 cannot express, or that our segments never have.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The index is larger than the room for it.
    #[error("the index needs {needed} bytes, but there is room for {room}")]
    NoRoom {
        /// Size of the index, bytes.
        needed: u64,
        /// Room for it, bytes.
        room: u64,
    },
}

/// Upper bound of the size of a head, bytes, for so many frames of video and audio in so many
/// seconds.
pub fn head_bound(video_frames: u64, audio_frames: u64, seconds: u64) -> u64 {
    // stsz, stts, ctts and stss of a video frame; stsz and stts of an audio frame; stsc and co64 of
    // the chunks of both tracks.
    8_192 + video_frames * 24 + audio_frames * 12 + (seconds + 64) * 2 * 20
}

/// A sample that is not in the file yet.
struct Pending {
    /// Decoding time, ticks of the transport stream.
    time: i64,
    data: Vec<u8>,
}

/// A run of samples of one track in the file.
struct Chunk {
    /// Offset from the first byte of media data.
    offset: u64,
    samples: u32,
}

/// Joins the segments of a rung and of its audio.
pub struct Remuxer {
    origin: i64,
    video: VideoTrack,
    audio: Option<AudioTrack>,
    /// End of the chunks that were taken, ticks.
    taken: i64,
    /// Bytes of media data that were taken.
    bytes: u64,
}

impl Remuxer {
    /// `origin`: the time at which the presentation begins, 90 kHz.
    pub fn new(origin: u64, has_audio: bool) -> Self {
        Self {
            origin: origin as i64,
            video: VideoTrack::default(),
            audio: has_audio.then(AudioTrack::default),
            taken: origin as i64,
            bytes: 0,
        }
    }

    /// Adds the next segment of the rung: H.264.
    ///
    /// # Errors
    /// If it is damaged. Nothing is skipped.
    pub fn push_video(&mut self, segment: &[u8]) -> Result<(), RemuxError> {
        for unit in pes_units(segment, EsCodec::H264, self.video.last_time())? {
            self.video.push(&unit)?;
        }
        Ok(())
    }

    /// Adds the next segment of the audio: AAC.
    ///
    /// # Errors
    /// As [`Self::push_video`]; also if [`Self::new`] was called without audio.
    pub fn push_audio(&mut self, segment: &[u8]) -> Result<(), RemuxError> {
        let missing = RemuxError::Unsupported("the file was begun without audio");
        let audio = self.audio.as_mut().ok_or(missing)?;
        for unit in pes_units(segment, EsCodec::AacAdts, audio.last_time())? {
            audio.push(&unit)?;
        }
        Ok(())
    }

    /// Appends the media data of whole seconds before `until` to `out`: the end of the segments that
    /// were added, 90 kHz. Samples that come later, in spite of their times, follow later.
    pub fn take(&mut self, until: u64, out: &mut Vec<u8>) {
        while self.taken + CHUNK_TICKS <= until as i64 {
            self.take_chunks(out);
        }
    }

    /// Appends the rest of the media data to `out`.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let is_empty = |it: &Self| {
            it.video.pending.is_empty() && it.audio.as_ref().is_none_or(|it| it.pending.is_empty())
        };
        while !is_empty(self) {
            self.take_chunks(out);
        }
    }

    fn take_chunks(&mut self, out: &mut Vec<u8>) {
        self.taken += CHUNK_TICKS;
        let video = (&mut self.video.pending, &mut self.video.chunks);
        let audio = self.audio.as_mut();
        let audio = audio.map(|it| (&mut it.pending, &mut it.chunks));
        for (pending, chunks) in std::iter::once(video).chain(audio) {
            let (offset, mut samples) = (self.bytes, 0);
            while let Some(sample) = pending.pop_front_if(|it| it.time < self.taken) {
                out.extend_from_slice(&sample.data);
                self.bytes += sample.data.len() as u64;
                samples += 1;
            }
            if samples > 0 {
                chunks.push(Chunk { offset, samples });
            }
        }
    }

    /// The beginning of the file, up to its first byte of media data, once all of it was taken.
    /// `room`: with exactly so many bytes; `None`: with as few as possible.
    ///
    /// # Errors
    /// `NoRoom`, or `Unsupported` if no video was added.
    pub fn head(&self, room: Option<u64>) -> Result<Vec<u8>, RemuxError> {
        moov::head(self, room)
    }
}
