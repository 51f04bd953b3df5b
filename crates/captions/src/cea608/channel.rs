//! One channel of captions: its memories, and the cues that it has shown.

use crate::Track;
use crate::cells::{Cell, Style};
use crate::timeline::Timeline;

use super::code::Code;
use super::screen::{COLUMNS, ROWS, Screen};

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
    timeline: Timeline,
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
                self.timeline.hide(now);
                self.displayed = Screen::default();
            }
            Code::EraseHidden => self.hidden = Screen::default(),
            Code::EndOfCaption => {
                self.set_mode(Mode::PopOn, now);
                std::mem::swap(&mut self.displayed, &mut self.hidden);
                self.timeline.show(now, self.displayed.shown());
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
        self.timeline.finish(end)
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
                    self.timeline.note_written(now);
                }
            }
            Some(Mode::PopOn | Mode::PaintOn) | None => {
                self.timeline.hide(now);
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
                    self.timeline.note_written(now);
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
                    self.timeline.note_written(now);
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
                    self.timeline.note_written(now);
                }
                self.row = base;
            }
            Some(Mode::PopOn | Mode::PaintOn) | None => self.row = row,
        }
    }

    /// After a pause, what was written before it is a caption of its own.
    fn show_before_pause(&mut self, now: u64) {
        let displayed = &self.displayed;
        self.timeline.show_before_pause(now, || displayed.shown());
    }

    /// Shows what was written in view.
    fn show_written(&mut self) {
        let displayed = &self.displayed;
        self.timeline.show_written(|| displayed.shown());
    }
}
