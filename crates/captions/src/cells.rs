//! The characters of caption decoders, with their attributes, and their text as a cue.

use crate::markup::push_escaped;

/// The attributes of a character that cues can have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) italic: bool,
    pub(crate) underline: bool,
}

/// A character in the memory of a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) character: char,
    pub(crate) style: Style,
}

/// A cell without a character.
pub(crate) const BLANK: Cell = Cell {
    character: ' ',
    style: Style {
        italic: false,
        underline: false,
    },
};

/// Appends a row to a text, unless it is blank. Returns whether it has characters.
pub(crate) fn append_row(out: &mut String, cells: &[Cell]) -> bool {
    if cells.iter().all(|it| it.character == ' ') {
        return false;
    }
    if !out.is_empty() {
        out.push('\n');
    }
    write_row(out, cells);
    true
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
