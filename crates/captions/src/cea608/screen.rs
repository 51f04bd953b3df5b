//! The memory of a caption decoder: 15 rows of 32 characters, and their text as a cue.

use crate::cells::{BLANK, Cell, append_row};
use crate::timeline::Shown;

/// Number of rows.
pub(super) const ROWS: usize = 15;
/// Number of columns.
pub(super) const COLUMNS: usize = 32;

/// A memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Screen {
    rows: Box<[[Cell; COLUMNS]; ROWS]>,
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            rows: Box::new([[BLANK; COLUMNS]; ROWS]),
        }
    }
}

impl Screen {
    /// Writes a character. Returns whether that changes the text.
    pub(super) fn put(&mut self, row: usize, column: usize, cell: Cell) -> bool {
        let place = self.rows.get_mut(row).and_then(|it| it.get_mut(column));
        place.is_some_and(|place| {
            let before = std::mem::replace(place, cell);
            before != cell && (before.character, cell.character) != (' ', ' ')
        })
    }

    /// Deletes the characters of a row from a column on, or only `count` of them. Returns whether
    /// there was one.
    pub(super) fn delete(&mut self, row: usize, column: usize, count: usize) -> bool {
        let cells = self.rows.get_mut(row).into_iter().flatten();
        let mut any = false;
        for cell in cells.skip(column).take(count) {
            any |= cell.character != ' ';
            *cell = BLANK;
        }
        any
    }

    /// Moves the rows above and with `base`, so many of them, up by one.
    pub(super) fn roll(&mut self, base: usize, count: usize) {
        let top = (base + 1).saturating_sub(count);
        self.rows.copy_within(top + 1..=base, top);
        self.delete(base, 0, COLUMNS);
    }

    /// Moves the window of `count` rows that ends with `from` to another base row. All other rows
    /// are erased. Returns whether the text moved.
    pub(super) fn move_window(&mut self, from: usize, to: usize, count: usize) -> bool {
        let before = std::mem::take(self);
        let mut any = false;
        for offset in 0..count.min(from + 1).min(to + 1) {
            self.rows[to - offset] = before.rows[from - offset];
            any |= self.rows[to - offset].iter().any(|it| it.character != ' ');
        }
        any && from != to
    }

    /// The text as a cue; `None`: it is empty.
    pub(super) fn shown(&self) -> Option<Shown> {
        let (mut text, mut is_top) = (String::new(), true);
        for (row, cells) in self.rows.iter().enumerate() {
            if append_row(&mut text, cells) {
                is_top = row < ROWS / 2;
            }
        }
        Shown::new(text, is_top)
    }
}
