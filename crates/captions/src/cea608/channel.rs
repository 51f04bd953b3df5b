//! One channel of captions: its memories, and the cues that it has shown.

use crate::limits::{MAX_BYTES, MAX_CUES};
use crate::{Cue, Track};

use super::code::Code;
use super::screen::{COLUMNS, Cell, ROWS, Screen, Shown, Style};

/// Characters that are written in view form one cue with those before them, unless they come after
/// a pause of this length, milliseconds.
const PAUSE_MS: u64 = 2_000;

/// How captions appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    PopOn,
    /// In a window of so many rows.
    RollUp(usize),
    PaintOn,
}

/// The state of a channel.
#[derive(Debug, Default)]
pub(super) struct Channel {
    /// `None`: no code has set it, so characters are ignored.
    mode: Option<Mode>,
    /// Whether characters and cursor belong to text mode.
    in_text: bool,
    displayed: Screen,
    hidden: Screen,
    row: usize,
    column: usize,
    style: Style,
    /// What viewers see, and since when.
    shown: Option<(u64, Shown)>,
    /// Characters were written in view at these times, first and last, and are not in `shown` yet.
    written: Option<(u64, u64)>,
    cues: Vec<Cue>,
    /// Size of the text of all cues, bytes.
    bytes: usize,
}

impl Channel {
    /// Applies a code at a time, which never decreases, milliseconds.
    pub(super) fn apply(&mut self, code: Code, now: u64) {
        match code {
            Code::PopOn => self.set_mode(Mode::PopOn, now),
            Code::PaintOn => self.set_mode(Mode::PaintOn, now),
            Code::RollUp(rows) => self.set_mode(Mode::RollUp(rows), now),
            Code::Text => self.in_text = true,
            Code::EraseDisplayed => {
                self.show_written();
                self.hide(now);
                self.displayed = Screen::default();
            }
            Code::EraseHidden => self.hidden = Screen::default(),
            Code::EndOfCaption => {
                self.set_mode(Mode::PopOn, now);
                self.hide(now);
                std::mem::swap(&mut self.displayed, &mut self.hidden);
                self.shown = self.displayed.shown().map(|it| (now, it));
            }
            _ if self.in_text => {}
            Code::Character(c) => self.put(c, now),
            Code::MidRow(style) => {
                self.put(' ', now);
                self.style = style;
            }
            Code::Extended(c) => {
                self.column = self.column.saturating_sub(1);
                self.put(c, now);
            }
            Code::Backspace if self.column > 0 => {
                self.column -= 1;
                self.delete(1, now);
            }
            Code::Backspace => {}
            Code::DeleteToEnd => self.delete(COLUMNS, now),
            Code::CarriageReturn => self.carriage_return(),
            Code::Address { row, column, style } => self.move_to(row, column, style, now),
            Code::Tab(columns) => self.column = (self.column + columns).min(COLUMNS - 1),
        }
    }

    /// The cues, after the end of the video.
    pub(super) fn finish(mut self, end: u64) -> Track {
        self.show_written();
        self.hide(end);
        Track { cues: self.cues }
    }

    fn set_mode(&mut self, mode: Mode, now: u64) {
        self.show_written();
        self.in_text = false;
        let before = self.mode.replace(mode);
        let Mode::RollUp(rows) = mode else { return };
        match before {
            Some(Mode::RollUp(before)) => {
                // A smaller window loses its upper rows.
                if rows < before {
                    self.displayed.move_window(self.row, self.row, rows);
                    self.note_written(now);
                }
            }
            Some(Mode::PopOn | Mode::PaintOn) | None => {
                self.hide(now);
                self.displayed = Screen::default();
                self.hidden = Screen::default();
                (self.row, self.column, self.style) = (ROWS - 1, 0, Style::default());
            }
        }
    }

    fn put(&mut self, character: char, now: u64) {
        // Characters after the last column replace the one in it.
        let (row, column) = (self.row, self.column.min(COLUMNS - 1));
        let cell = Cell {
            character,
            style: self.style,
        };
        self.column = (self.column + 1).min(COLUMNS);
        match self.mode {
            None => {}
            Some(Mode::PopOn) => {
                self.hidden.put(row, column, cell);
            }
            Some(Mode::PaintOn | Mode::RollUp(_)) => {
                self.show_before_pause(now);
                if self.displayed.put(row, column, cell) {
                    self.note_written(now);
                }
            }
        }
    }

    /// Deletes so many characters from the cursor on.
    fn delete(&mut self, count: usize, now: u64) {
        match self.mode {
            None => {}
            Some(Mode::PopOn) => {
                self.hidden.delete(self.row, self.column, count);
            }
            Some(Mode::PaintOn | Mode::RollUp(_)) => {
                self.show_before_pause(now);
                if self.displayed.delete(self.row, self.column, count) {
                    self.note_written(now);
                }
            }
        }
    }

    /// Rolls up. Viewers see the row that was completed; the window without its first row is only
    /// shown with the next text, which follows at once in most streams.
    fn carriage_return(&mut self) {
        if let Some(Mode::RollUp(rows)) = self.mode {
            self.show_written();
            self.displayed.roll(self.row, rows);
            (self.column, self.style) = (0, Style::default());
        }
    }

    fn move_to(&mut self, row: usize, column: usize, style: Style, now: u64) {
        (self.column, self.style) = (column, style);
        match self.mode {
            Some(Mode::RollUp(rows)) => {
                // The window has a place for all of its rows.
                let base = row.max(rows - 1);
                if self.displayed.move_window(self.row, base, rows) {
                    self.note_written(now);
                }
                self.row = base;
            }
            Some(Mode::PopOn | Mode::PaintOn) | None => self.row = row,
        }
    }

    fn note_written(&mut self, now: u64) {
        self.written = match self.written {
            Some((first, _)) => Some((first, now)),
            None => Some((now, now)),
        };
    }

    /// After a pause, what was written before it is a caption of its own.
    fn show_before_pause(&mut self, now: u64) {
        if self.written.is_some_and(|it| now - it.1 > PAUSE_MS) {
            self.show_written();
        }
    }

    /// Shows what was written in view, since its first character.
    fn show_written(&mut self) {
        if let Some((first, _)) = self.written.take() {
            self.hide(first);
            self.shown = self.displayed.shown().map(|it| (first, it));
        }
    }

    /// Ends what viewers see.
    fn hide(&mut self, end_ms: u64) {
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
}
