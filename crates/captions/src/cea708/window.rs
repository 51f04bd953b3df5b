//! A window of a service: rows of characters, and their place in the picture.

use crate::cells::{BLANK, Cell, Style, append_row};
use crate::limits::MAX_CUE_CHARACTERS;

/// Maximum number of rows.
const ROWS: usize = 16;

/// Number of columns that are kept, whatever the width of the window is: text beyond its edge is
/// better than no text.
const COLUMNS: usize = 64;

/// Height of a row, percent of the picture: 15 rows fill the safe area.
const ROW_PERCENT: f32 = 100.0 / 15.0;

/// The parameters of the command `DefineWindow` (CTA-708-E, 8.10.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Definition {
    parameters: [u8; 6],
    visible: bool,
    /// Number of rows, at least 1.
    rows: usize,
    /// Vertical place of the anchor, percent of the picture.
    anchor_percent: u8,
    /// Whether the anchor is at the window's top (0), middle (1) or bottom (2).
    anchor_side: u8,
}

impl Definition {
    pub(super) fn read(parameters: [u8; 6]) -> Self {
        let [flags, vertical, _, anchor, _, _] = parameters;
        let (is_relative, vertical) = (vertical & 0x80 != 0, vertical & 0x7f);
        Self {
            parameters,
            visible: flags & 0x20 != 0,
            rows: usize::from(anchor & 0xf) + 1,
            anchor_percent: match is_relative {
                true => vertical.min(100),
                // One of 75 lines.
                false => (u32::from(vertical.min(75)) * 100 / 75) as u8,
            },
            anchor_side: (anchor >> 4).min(8) / 3,
        }
    }
}

impl Definition {
    /// Whether it sets the pen to a predefined style, none of which is italic or underlined
    /// (CTA-708-E, table 27).
    fn has_pen_style(&self) -> bool {
        self.parameters[5] & 7 != 0
    }
}

/// A window.
#[derive(Debug, Clone)]
pub(super) struct Window {
    definition: Definition,
    /// Whether viewers see it: commands change that after its definition.
    visible: bool,
    cells: Box<[[Cell; COLUMNS]; ROWS]>,
    row: usize,
    column: usize,
    style: Style,
}

impl Window {
    /// A window without text.
    pub(super) fn new(definition: Definition) -> Self {
        Self {
            definition,
            visible: definition.visible,
            cells: Box::new([[BLANK; COLUMNS]; ROWS]),
            row: 0,
            column: 0,
            style: Style::default(),
        }
    }

    /// Defines the window again. Its text stays where there is a row for it. The same definition is
    /// sent again and again, for receivers that are switched on later, and changes nothing.
    pub(super) fn redefine(&mut self, definition: Definition) {
        if definition.parameters == self.definition.parameters {
            return;
        }
        (self.definition, self.visible) = (definition, definition.visible);
        if definition.has_pen_style() {
            self.style = Style::default();
        }
        self.cells[definition.rows..].fill([BLANK; COLUMNS]);
        self.row = self.row.min(definition.rows - 1);
    }

    pub(super) fn is_visible(&self) -> bool {
        self.visible
    }

    pub(super) fn set_visible(&mut self, visible: bool) {
        self.visible = visible;
    }

    /// Whether it has characters.
    pub(super) fn has_text(&self) -> bool {
        self.cells.iter().flatten().any(|it| it.character != ' ')
    }

    pub(super) fn set_style(&mut self, style: Style) {
        self.style = style;
    }

    pub(super) fn move_to(&mut self, row: usize, column: usize) {
        (self.row, self.column) = (row.min(self.definition.rows - 1), column.min(COLUMNS - 1));
    }

    /// Writes a character.
    pub(super) fn put(&mut self, character: char) {
        self.cells[self.row][self.column.min(COLUMNS - 1)] = Cell {
            character,
            style: self.style,
        };
        self.column = (self.column + 1).min(COLUMNS);
    }

    /// Deletes the character before the pen.
    pub(super) fn backspace(&mut self) {
        if self.column > 0 {
            self.column -= 1;
            self.cells[self.row][self.column] = BLANK;
        }
    }

    /// Moves the pen to the next row. In the last row, the text rolls up.
    pub(super) fn carriage_return(&mut self) {
        self.column = 0;
        let last = self.definition.rows - 1;
        if self.row < last {
            self.row += 1;
            return;
        }
        self.cells[..=last].rotate_left(1);
        self.cells[last] = [BLANK; COLUMNS];
    }

    /// Deletes the text of the row.
    pub(super) fn clear_row(&mut self) {
        self.cells[self.row] = [BLANK; COLUMNS];
        self.column = 0;
    }

    /// Deletes the text. The pen stays.
    pub(super) fn clear(&mut self) {
        self.cells.fill([BLANK; COLUMNS]);
    }

    /// Appends the rows to a text, as far as a cue can have them.
    pub(super) fn append(&self, text: &mut String) {
        for row in self.cells.iter() {
            let before = text.len();
            append_row(text, row);
            if text.chars().count() > MAX_CUE_CHARACTERS {
                text.truncate(before);
                return;
            }
        }
    }

    /// The upper and lower edge of its text, percent of the picture.
    pub(super) fn edges(&self) -> (f32, f32) {
        let has_text = |row: &[Cell; COLUMNS]| row.iter().any(|it| it.character != ' ');
        let first = self.cells.iter().position(has_text).unwrap_or(0);
        let last = self.cells.iter().rposition(has_text).unwrap_or(0);
        let above_anchor =
            self.definition.rows as f32 * f32::from(self.definition.anchor_side) / 2.0;
        let top = f32::from(self.definition.anchor_percent) - above_anchor * ROW_PERCENT;
        (
            top + first as f32 * ROW_PERCENT,
            top + (last + 1) as f32 * ROW_PERCENT,
        )
    }
}
