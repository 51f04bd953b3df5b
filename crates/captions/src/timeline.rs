//! The cues that a caption decoder has shown.

use crate::limits::{MAX_BYTES, MAX_CUES};
use crate::{Cue, Track};

/// Characters that are written in view form one cue with those before them, unless they come after
/// a pause of this length, milliseconds.
const PAUSE_MS: u64 = 2_000;

/// What viewers see at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// WebVTT cue text in its normal form, not empty.
    text: String,
    /// Whether all of it is in the upper half of the picture.
    is_top: bool,
}

impl Shown {
    /// `None`: the text is empty.
    pub(crate) fn new(text: String, is_top: bool) -> Option<Self> {
        (!text.is_empty()).then_some(Self { text, is_top })
    }
}

/// What viewers see, and the cues of what they have seen. Times are milliseconds, and never
/// decrease.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// What viewers see, and since when.
    shown: Option<(u64, Shown)>,
    /// Characters were written in view at these times, first and last, and are not in `shown` yet.
    written: Option<(u64, u64)>,
    cues: Vec<Cue>,
    /// Size of the text of all cues, bytes.
    bytes: usize,
}

impl Timeline {
    /// A character was written or deleted in view.
    pub(crate) fn note_written(&mut self, now: u64) {
        self.written = match self.written {
            Some((first, _)) => Some((first, now)),
            None => Some((now, now)),
        };
    }

    /// After a pause, what was written before it is a caption of its own.
    pub(crate) fn show_before_pause(&mut self, now: u64, view: impl FnOnce() -> Option<Shown>) {
        if self.written.is_some_and(|it| now - it.1 > PAUSE_MS) {
            self.show_written(view);
        }
    }

    /// Shows what was written in view, since its first character.
    pub(crate) fn show_written(&mut self, view: impl FnOnce() -> Option<Shown>) {
        if let Some((first, _)) = self.written.take() {
            self.hide(first);
            self.shown = view().map(|it| (first, it));
        }
    }

    /// Shows something else from now on.
    pub(crate) fn show(&mut self, now: u64, shown: Option<Shown>) {
        if self.shown.as_ref().map(|it| &it.1) == shown.as_ref() {
            return;
        }
        self.hide(now);
        self.shown = shown.map(|it| (now, it));
    }

    /// Ends what viewers see.
    pub(crate) fn hide(&mut self, end_ms: u64) {
        let Some((start_ms, shown)) = self.shown.take().filter(|it| it.0 < end_ms) else {
            return;
        };
        let settings = if shown.is_top { "line:0" } else { "" };
        if let Some(last) = self.cues.last_mut()
            && last.end_ms == start_ms
            && (&*last.settings, &*last.text) == (settings, &*shown.text)
        {
            last.end_ms = end_ms;
            return;
        }
        self.bytes += shown.text.len();
        if self.cues.len() < MAX_CUES && self.bytes <= MAX_BYTES {
            self.cues.push(Cue {
                start_ms,
                end_ms,
                settings: settings.to_owned(),
                text: shown.text,
            });
        }
    }

    /// The cues, after the end of the video.
    pub(crate) fn finish(mut self, end: u64) -> Track {
        self.hide(end);
        Track { cues: self.cues }
    }
}
