//! Remuxes transport streams into one MP4 file (ISO/IEC 14496-12 and 14496-15), without decoding.
//!
//! Everything that players need to start and to seek, the `moov` box, is at the beginning of the
//! file, although it is known last. So the caller leaves room for it: [`head_bound`] says how much,
//! and [`Remuxer::head`] fills it. The media data goes out as it comes in; only the tables of the
//! samples stay in memory, about 12 bytes per frame.

use crate::aac::AudioConfig;
use crate::fmp4::{FragmentSamples, Init, SampleError};
use crate::mux::Unsupported;
use crate::mux::audio::{AudioTrack, ticks_at};
use crate::mux::parameter_sets::{FrameClass, ParameterSets, VideoCodec};
use crate::mux::video::VideoTrack;
use crate::nal::nal_units;
use crate::ts::{EsCodec, PesUnit, SplitError, TICKS_PER_SECOND, pes_units};

mod moov;
mod part;
#[cfg(test)]
mod tests;

pub use part::Part;

const NO_AUDIO: RemuxError = RemuxError::Unsupported("the file was begun without audio");
const NO_VIDEO: RemuxError = RemuxError::Unsupported("the file was begun without video");

/// Latest time of a fragment, in any timescale: months. Sums and products of times stay in 64 bits.
const LATEST: i64 = 1 << 40;

/// Longest stretch of one track before the other one follows, ticks.
const CHUNK_TICKS: i64 = TICKS_PER_SECOND as i64;

/// The streams cannot become an MP4 file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemuxError {
    /// A segment is not what it should be.
    #[error(transparent)]
    Segment(#[from] SplitError),
    /// A fragment is not what it should be.
    #[error(transparent)]
    Fragment(#[from] SampleError),
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

impl From<Unsupported> for RemuxError {
    fn from(Unsupported(property): Unsupported) -> Self {
        Self::Unsupported(property)
    }
}

/// A run of samples of one track in the file.
struct Chunk {
    /// Offset from the first byte of media data.
    offset: u64,
    samples: u32,
}

/// The tracks of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracks {
    /// A rung without audio.
    Video,
    /// Audio alone (M4A).
    Audio,
    /// A rung and its audio.
    Both,
}

/// Joins the segments of a rung and of its audio.
pub struct Remuxer {
    origin: i64,
    part: Option<Part>,
    video: Option<VideoTrack>,
    audio: Option<AudioTrack>,
    video_chunks: Vec<Chunk>,
    audio_chunks: Vec<Chunk>,
    /// End of the chunks that were taken, ticks.
    taken: i64,
    /// Bytes of media data that were taken.
    bytes: u64,
}

impl Remuxer {
    /// `origin`: the time at which the presentation begins, 90 kHz.
    pub fn new(origin: u64, tracks: Tracks) -> Self {
        let (has_video, has_audio) = (tracks != Tracks::Audio, tracks != Tracks::Video);
        Self {
            origin: origin as i64,
            part: None,
            video: has_video.then(|| VideoTrack::new(VideoCodec::H264)),
            audio: has_audio.then(AudioTrack::default),
            video_chunks: vec![],
            audio_chunks: vec![],
            taken: origin as i64,
            bytes: 0,
        }
    }

    /// Joins a part of the presentation. The caller adds the segments from the one at the start of
    /// the part on, in each step first that of the rung and then that of the audio.
    pub fn of_part(part: Part, tracks: Tracks) -> Self {
        Self {
            part: Some(part),
            ..Self::new(part.start, tracks)
        }
    }

    /// Adds the next segment of the rung: H.264.
    ///
    /// # Errors
    /// If it is damaged, or [`Self::new`] was called without video. Nothing is skipped.
    pub fn push_video(&mut self, segment: &[u8]) -> Result<(), RemuxError> {
        let video = self.video.as_mut().ok_or(NO_VIDEO)?;
        let units = pes_units(segment, EsCodec::H264, video.last_time())?;
        let kept = match self.part {
            Some(part) => {
                let frames: Vec<_> = units.iter().map(|it| (it.pts, is_idr(it))).collect();
                part.frames(&frames, !video.sizes.is_empty())
            }
            None => 0..units.len(),
        };
        for unit in &units[kept] {
            video.push(unit)?;
        }
        check_start(video)?;
        self.begin_part();
        Ok(())
    }

    /// A part that need not be exact begins with its first frame.
    fn begin_part(&mut self) {
        let first = self.video.as_ref().filter(|it| !it.sizes.is_empty());
        if let (Some(part), Some(first)) = (self.part, first)
            && !part.exact
        {
            self.origin = first.min_pts;
        }
    }

    /// Adds the next segment of the audio: AAC.
    ///
    /// # Errors
    /// As [`Self::push_video`]; also if [`Self::new`] was called without audio.
    pub fn push_audio(&mut self, segment: &[u8]) -> Result<(), RemuxError> {
        let audio = self.audio.as_mut().ok_or(NO_AUDIO)?;
        let video_end = self.video.as_ref().and_then(VideoTrack::end);
        audio.kept = self.part.map(|it| it.audio(self.origin, video_end));
        for unit in pes_units(segment, EsCodec::AacAdts, audio.last_time())? {
            audio.push(&unit)?;
        }
        Ok(())
    }

    /// As [`Self::push_video`], from a segment of fragmented MP4 with its initialisation section:
    /// H.264, with the clock of the transport stream.
    ///
    /// # Errors
    /// As [`Self::push_video`]; also if the timescale is not 90,000.
    pub fn push_video_fragment(&mut self, init: &Init, segment: &[u8]) -> Result<(), RemuxError> {
        let video = self.video.as_mut().ok_or(NO_VIDEO)?;
        let read = FragmentSamples::read(init, segment)?;
        if u64::from(read.timescale) != TICKS_PER_SECOND {
            return Err(RemuxError::Unsupported("the timescale is not 90,000"));
        }
        let sets = read.entry.and_then(ParameterSets::from_entry);
        let sets = sets.ok_or(RemuxError::Unsupported("the video has another codec"))?;
        if video.sizes.is_empty() {
            video.sets = sets;
        } else if !video.sets.equal(&sets) {
            return Err(RemuxError::Unsupported("the video changes its parameters"));
        }
        check_times(&read)?;
        let kept = match self.part {
            Some(part) => {
                let is_sync = |data: &[u8]| VideoCodec::H264.class_of(data).is_sync();
                let samples = read.samples.iter();
                let frames: Vec<_> = samples.map(|it| (it.pts, is_sync(it.data))).collect();
                part.frames(&frames, !video.sizes.is_empty())
            }
            None => 0..read.samples.len(),
        };
        for sample in &read.samples[kept] {
            video.push_sample(sample.pts, sample.dts, sample.data.to_vec())?;
        }
        check_start(video)?;
        self.begin_part();
        Ok(())
    }

    /// As [`Self::push_audio`], from a segment of fragmented MP4 with its initialisation section:
    /// AAC, with its sample rate as the timescale.
    ///
    /// # Errors
    /// As [`Self::push_audio`]; also if the timescale is not the sample rate.
    pub fn push_audio_fragment(&mut self, init: &Init, segment: &[u8]) -> Result<(), RemuxError> {
        let audio = self.audio.as_mut().ok_or(NO_AUDIO)?;
        let video_end = self.video.as_ref().and_then(VideoTrack::end);
        audio.kept = self.part.map(|it| it.audio(self.origin, video_end));
        let read = FragmentSamples::read(init, segment)?;
        let config = read.entry.filter(|it| &it.fourcc == b"mp4a");
        let config = config.and_then(|it| AudioConfig::from_esds(it.config.as_deref()?));
        let config = config.ok_or(RemuxError::Unsupported("the audio has another codec"))?;
        if read.timescale != config.sample_rate {
            return Err(RemuxError::Unsupported(
                "the timescale is not the sample rate",
            ));
        }
        check_times(&read)?;
        for sample in read.samples {
            let pts = ticks_at(sample.pts, i64::from(config.sample_rate));
            if !audio.keeps(pts) {
                continue;
            }
            audio.begin(pts);
            audio.push_frame(config, pts, sample.data)?;
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
            it.video.as_ref().is_none_or(|it| it.pending.is_empty())
                && it.audio.as_ref().is_none_or(|it| it.pending.is_empty())
        };
        while !is_empty(self) {
            self.take_chunks(out);
        }
    }

    fn take_chunks(&mut self, out: &mut Vec<u8>) {
        self.taken += CHUNK_TICKS;
        let video = self.video.as_mut();
        let video = video.map(|it| (&mut it.pending, &mut self.video_chunks));
        let audio = self.audio.as_mut();
        let audio = audio.map(|it| (&mut it.pending, &mut self.audio_chunks));
        for (pending, chunks) in video.into_iter().chain(audio) {
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
    /// `NoRoom`, or `Unsupported` if nothing was added to the first track.
    pub fn head(&self, room: Option<u64>) -> Result<Vec<u8>, RemuxError> {
        moov::head(self, room)
    }
}

/// Whether an access unit of H.264 is an IDR frame.
fn is_idr(unit: &PesUnit) -> bool {
    nal_units(&unit.data).any(|it| it.first().is_some_and(|it| it & 0x1f == 5))
}

fn check_start(video: &VideoTrack) -> Result<(), RemuxError> {
    match video.classes.first() {
        Some(FrameClass::Sync) | None => Ok(()),
        Some(_) => Err(RemuxError::Unsupported(
            "the video does not begin with an IDR frame",
        )),
    }
}

fn check_times(read: &FragmentSamples<'_>) -> Result<(), RemuxError> {
    let late = |time: i64| !(-LATEST..LATEST).contains(&time);
    match read.samples.iter().any(|it| late(it.dts) || late(it.pts)) {
        true => Err(RemuxError::Unsupported("a time is out of range")),
        false => Ok(()),
    }
}
