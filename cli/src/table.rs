//! Tables for terminals.

use console::measure_text_width;

/// Rows of text with aligned columns.
#[derive(Debug, Clone)]
pub(crate) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// A table with the names of its columns.
    pub(crate) fn new(names: [&str; N]) -> Self {
        Self {
            rows: vec![names.map(str::to_owned)],
        }
    }

    /// Adds a row. Control characters, which could move the cursor, are left out.
    pub(crate) fn add(&mut self, row: [String; N]) {
        self.rows.push(row.map(|it| visible(&it)));
    }

    /// The lines of the table, without a line end after the last one.
    pub(crate) fn render(&self) -> String {
        let widths: [usize; N] = std::array::from_fn(|column| {
            let widths = self.rows.iter().map(|it| measure_text_width(&it[column]));
            widths.max().unwrap_or(0)
        });
        let lines = self.rows.iter().map(|row| {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                line += cell;
                line += &" ".repeat(width - measure_text_width(cell) + 2);
            }
            line.trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// A text without characters that could move the cursor or change the order of others.
pub(crate) fn visible(text: &str) -> String {
    let directs = |it: &char| matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let kept = |it: &char| !it.is_control() && !directs(it);
    text.chars().filter(kept).collect()
}

/// A duration in seconds, as `1:02:03` or `2:03`.
pub(crate) fn duration(seconds: f64) -> String {
    let seconds = seconds.round().max(0.0) as u64;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{rest:02}"),
        _ => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["NAME", "LENGTH", "TITLE"]);
        table.add(["a".to_owned(), "1:00".to_owned(), "One".to_owned()]);
        table.add([
            "日本".to_owned(),
            String::new(),
            "\u{1b}[31mred\n".to_owned(),
        ]);
        assert_eq!(
            table.render(),
            "NAME  LENGTH  TITLE\na     1:00    One\n日本          [31mred"
        );
    }

    #[test]
    fn durations() {
        let shown = [0.4, 59.6, 61.0, 3_723.0].map(duration);
        assert_eq!(shown, ["0:00", "1:00", "1:01", "1:02:03"]);
    }
}
