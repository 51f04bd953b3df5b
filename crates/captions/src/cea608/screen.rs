//! The memory of a caption decoder: 15 rows of 32 characters, and their text as a cue.

use crate::markup::push_escaped;

/// Number of rows.
pub(super) const ROWS: usize = 15;
/// Number of columns.
pub(super) const COLUMNS: usize = 32;

/// The attributes of a character that cues can have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) italic: bool,
    pub(super) underline: bool,
}

/// A character of the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) character: char,
    pub(super) style: Style,
}

/// A cell without a character.
const BLANK: Cell = Cell {
    character: ' ',
    style: Style {
        italic: false,
        underline: false,
    },
};

/// The text of a memory as a cue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// WebVTT cue text in its normal form, not empty.
    pub(super) text: String,
    /// Whether all rows are in the upper half.
    pub(super) is_top: bool,
}

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
        let mut shown = Shown {
            text: String::new(),
            is_top: true,
        };
        for (row, cells) in self.rows.iter().enumerate() {
            if cells.iter().all(|it| it.character == ' ') {
                continue;
            }
            if !shown.text.is_empty() {
                shown.text.push('\n');
            }
            write_row(&mut shown.text, cells);
            shown.is_top = row < ROWS / 2;
        }
        (!shown.text.is_empty()).then_some(shown)
    }
}

/// Appends the text of a row, without the spaces around it. Spaces in it are one: those beside a
/// change of the style are an artefact of the format.
fn write_row(out: &mut String, cells: &[Cell]) {
    let (mut style, mut is_first, mut has_space) = (Style::default(), true, false);
    for cell in cells {
        if cell.character == ' ' {
            has_space = !is_first;
            continue;
        }
        if cell.style != style {
            close(out, style);
        }
        if std::mem::take(&mut has_space) {
            out.push(' ');
        }
        if cell.style != style {
            style = cell.style;
            open(out, style);
        }
        is_first = false;
        // Otherwise a text could spell an override of SubStation Alpha, which readers of captions
        // understand.
        if !(cell.character == '\\' && out.ends_with('{')) {
            push_escaped(out, cell.character);
        }
    }
    close(out, style);
}

fn open(out: &mut String, style: Style) {
    out.push_str(if style.italic { "<i>" } else { "" });
    out.push_str(if style.underline { "<u>" } else { "" });
}

fn close(out: &mut String, style: Style) {
    out.push_str(if style.underline { "</u>" } else { "" });
    out.push_str(if style.italic { "</i>" } else { "" });
}
