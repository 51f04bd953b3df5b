//! A video track: access units with lengths in front of their NAL units, instead of start codes, or
//! temporal units of AV1.

use std::collections::VecDeque;

use super::parameter_sets::{FrameClass, ParameterSets, VideoCodec};
use super::{Pending, Unsupported};
use crate::ts::PesUnit;

/// Duration of the only frame of a track, ticks.
pub(crate) const DEFAULT_DURATION: u32 = 3_000;

/// The samples of the video.
pub(crate) struct VideoTrack {
    /// Parameter sets of the first frame.
    pub(crate) sets: ParameterSets,
    /// Whether a later frame has other parameter sets, which are then in its sample.
    pub(crate) changed: bool,
    /// Decoding time of the first frame, ticks.
    pub(crate) first_dts: i64,
    /// Presentation time of the first frame, ticks.
    pub(crate) first_pts: i64,
    /// Earliest presentation time, ticks.
    pub(crate) min_pts: i64,
    /// Latest presentation time, and the frame's number.
    pub(crate) max_pts: (i64, usize),
    /// Sizes in bytes, one per frame, as the tables below.
    pub(crate) sizes: Vec<u32>,
    /// Ticks until the next frame is decoded; the last frame has none yet.
    pub(crate) durations: Vec<u32>,
    /// Ticks from decoding to presentation.
    pub(crate) offsets: Vec<i32>,
    /// The dependence of each frame on others.
    pub(crate) classes: Vec<FrameClass>,
    pub(crate) pending: VecDeque<Pending>,
    last_dts: Option<i64>,
    /// Number of the last CRA frame, until a frame comes that is not one of its leading frames.
    open_access: Option<usize>,
}

impl VideoTrack {
    pub(crate) fn new(codec: VideoCodec) -> Self {
        Self {
            sets: ParameterSets::new(codec),
            changed: false,
            first_dts: 0,
            first_pts: 0,
            min_pts: 0,
            max_pts: (0, 0),
            sizes: vec![],
            durations: vec![],
            offsets: vec![],
            classes: vec![],
            pending: VecDeque::new(),
            last_dts: None,
            open_access: None,
        }
    }

    /// Decoding time of the last frame.
    pub(crate) fn last_time(&self) -> Option<i64> {
        self.last_dts
    }

    /// Presentation time at which the last frame ends, ticks; `None`: it has no frame. The duration of
    /// the last frame in decoding order is that of the one before it.
    pub(crate) fn end(&self) -> Option<i64> {
        let (pts, number) = self.max_pts;
        let duration = self.durations.get(number).or(self.durations.last());
        let duration = duration.copied().unwrap_or(DEFAULT_DURATION);
        (!self.sizes.is_empty()).then_some(pts + i64::from(duration))
    }

    /// Adds an access unit of a byte stream. Parameter sets that are the same as those of the first
    /// one are in the sample entry, so they are left out.
    pub(crate) fn push(&mut self, unit: &PesUnit) -> Result<(), Unsupported> {
        let is_first = self.sizes.is_empty();
        let mut data = Vec::with_capacity(unit.data.len() + 16);
        self.changed |= self.sets.convert(&unit.data, is_first, &mut data);
        if is_first && !self.sets.are_complete() {
            return Err(Unsupported(
                "the video does not begin with its parameter sets",
            ));
        }
        self.push_sample(unit.pts, unit.dts, data)
    }

    /// Adds a sample: NAL units after their lengths of four bytes, or OBUs.
    pub(crate) fn push_sample(
        &mut self,
        pts: i64,
        dts: i64,
        data: Vec<u8>,
    ) -> Result<(), Unsupported> {
        if data.is_empty() {
            return Err(Unsupported("a frame has no data"));
        }
        // Decoding times have to grow. Presentation times stay as they are.
        let dts = match self.last_dts {
            Some(last) => dts.max(last + 1),
            None => dts,
        };
        let offset = i32::try_from(pts - dts);
        let offset = offset.map_err(|_| Unsupported("a frame is shown too late"))?;
        match self.last_dts {
            Some(last) => {
                let duration = u32::try_from(dts - last);
                let duration = duration.map_err(|_| Unsupported("a frame is too long"))?;
                self.durations.push(duration);
            }
            None => {
                (self.first_dts, self.first_pts) = (dts, pts);
                (self.min_pts, self.max_pts.0) = (pts, pts);
            }
        }
        self.last_dts = Some(dts);
        let number = self.sizes.len();
        if number == 0 {
            self.sets.note_hdr(&data);
        }
        self.min_pts = self.min_pts.min(pts);
        if pts >= self.max_pts.0 {
            self.max_pts = (pts, number);
        }
        let class = self.sets.codec.class_of(&data);
        self.note_class(class, number);
        self.offsets.push(offset);
        self.sizes.push(data.len() as u32);
        self.pending.push_back(Pending { time: dts, data });
        Ok(())
    }

    /// Records the class of a frame. A frame that is skipped after random access (RASL) shows that
    /// its CRA frame does not start a closed group.
    fn note_class(&mut self, class: FrameClass, number: usize) {
        match class {
            FrameClass::OpenAccess => self.open_access = Some(number),
            FrameClass::Skipped => {
                if let Some(access) = self.open_access.take() {
                    self.classes[access] = FrameClass::Intra;
                }
            }
            FrameClass::Sync => self.open_access = None,
            FrameClass::Intra | FrameClass::Inter => {}
        }
        self.classes.push(class);
    }

    /// Numbers of the sync samples, from 0.
    pub(crate) fn sync(&self) -> impl Iterator<Item = u32> {
        let numbered = (0..).zip(&self.classes);
        numbered.filter(|(_, it)| it.is_sync()).map(|(it, _)| it)
    }
}
