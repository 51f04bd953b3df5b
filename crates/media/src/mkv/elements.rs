//! The elements that planning needs: Info, Tracks, Cues.

use super::ebml::{children, float, unsigned};

/// The kind of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum MkvTrackKind {
    Video,
    Audio,
    Subtitle,
    Other,
}

/// One track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MkvTrack {
    /// Track number, by which blocks and cues refer to it.
    pub number: u64,
    /// Kind of the track.
    pub kind: MkvTrackKind,
    /// Codec id, such as `V_MPEG4/ISO/AVC`.
    pub codec_id: String,
    /// Frame duration in nanoseconds, if the file declares it.
    pub frame_ns: Option<u64>,
    /// Width in pixels, 0 for audio.
    pub width: u64,
    /// Height in pixels, 0 for audio.
    pub height: u64,
    /// Initialisation data of the decoder, such as `avcC`'s payload.
    pub codec_private: Option<Vec<u8>>,
}

/// A keyframe in the file's own index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cue {
    /// Presentation time in ticks of [`MkvIndex::tick_ns`].
    pub time: u64,
    /// Track number.
    pub track: u64,
    /// Offset of its cluster in the file, bytes.
    pub cluster: u64,
}

/// The contents of the head and the Cues.
#[derive(Debug, Clone, PartialEq)]
pub struct MkvIndex {
    /// Nanoseconds per tick; a millisecond by default.
    pub tick_ns: u64,
    /// Duration in ticks; `None` if the file does not declare it, as in live recordings.
    pub duration: Option<f64>,
    /// Tracks in the order of the file.
    pub tracks: Vec<MkvTrack>,
    /// Cues in the order of time; `None` if the file has none.
    pub cues: Option<Vec<Cue>>,
}

impl Default for MkvIndex {
    fn default() -> Self {
        Self {
            tick_ns: 1_000_000,
            duration: None,
            tracks: Vec::new(),
            cues: None,
        }
    }
}

impl MkvIndex {
    /// The first video track.
    pub fn video(&self) -> Option<&MkvTrack> {
        self.tracks.iter().find(|it| it.kind == MkvTrackKind::Video)
    }

    /// Duration of the whole file in seconds, if it is declared.
    pub fn duration_s(&self) -> Option<f64> {
        self.duration.map(|it| it * self.tick_ns as f64 / 1e9)
    }

    /// Keyframe times of the first video track, nanoseconds, increasing. `None` if there are no
    /// Cues.
    ///
    /// A file need not list all its keyframes.
    pub fn keyframes_ns(&self) -> Option<Vec<u64>> {
        let video = self.video()?.number;
        let cues = self.cues.as_ref()?.iter().filter(|it| it.track == video);
        let mut times: Vec<u64> = cues
            .map(|it| it.time.saturating_mul(self.tick_ns))
            .collect();
        times.sort_unstable();
        times.dedup();
        Some(times)
    }

    pub(super) fn read_info(&mut self, payload: &[u8]) {
        for (id, value) in children(payload) {
            match id {
                0x2a_d7b1 => {
                    self.tick_ns = unsigned(value).filter(|&it| it > 0).unwrap_or(self.tick_ns)
                }
                0x4489 => self.duration = float(value).filter(|it| it.is_finite() && *it >= 0.0),
                _ => {}
            }
        }
    }

    pub(super) fn read_tracks(&mut self, payload: &[u8]) {
        let entries = children(payload).filter(|(id, _)| *id == 0xae);
        self.tracks = entries.map(|(_, entry)| track(entry)).collect();
    }

    pub(super) fn read_cues(&mut self, payload: &[u8], segment_start: u64) {
        let mut cues = Vec::new();
        for (_, point) in children(payload).filter(|(id, _)| *id == 0xbb) {
            let time = children(point)
                .find(|(id, _)| *id == 0xb3)
                .and_then(|(_, it)| unsigned(it));
            for (_, position) in children(point).filter(|(id, _)| *id == 0xb7) {
                let field = |wanted| {
                    children(position)
                        .find(|(id, _)| *id == wanted)
                        .and_then(|(_, it)| unsigned(it))
                };
                let (Some(time), Some(track), Some(cluster)) = (time, field(0xf7), field(0xf1))
                else {
                    continue;
                };
                cues.push(Cue {
                    time,
                    track,
                    cluster: cluster.saturating_add(segment_start),
                });
            }
        }
        cues.sort_by_key(|it| it.time);
        self.cues = (!cues.is_empty()).then_some(cues);
    }
}

fn track(entry: &[u8]) -> MkvTrack {
    let mut track = MkvTrack {
        number: 0,
        kind: MkvTrackKind::Other,
        codec_id: String::new(),
        frame_ns: None,
        width: 0,
        height: 0,
        codec_private: None,
    };
    for (id, value) in children(entry) {
        match id {
            0xd7 => track.number = unsigned(value).unwrap_or(0),
            0x83 => {
                track.kind = match unsigned(value) {
                    Some(1) => MkvTrackKind::Video,
                    Some(2) => MkvTrackKind::Audio,
                    Some(17) => MkvTrackKind::Subtitle,
                    _ => MkvTrackKind::Other,
                }
            }
            0x86 => {
                track.codec_id = String::from_utf8_lossy(value)
                    .trim_end_matches('\0')
                    .to_owned()
            }
            0x23_e383 => track.frame_ns = unsigned(value).filter(|&it| it > 0),
            0x63a2 => track.codec_private = Some(value.to_vec()),
            0xe0 => {
                for (id, value) in children(value) {
                    match id {
                        0xb0 => track.width = unsigned(value).unwrap_or(0),
                        0xba => track.height = unsigned(value).unwrap_or(0),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    track
}
