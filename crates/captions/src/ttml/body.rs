//! The elements of a TTML document: styles, regions, and text with its times.

use std::collections::{HashMap, HashSet};

use super::Attributes;
use super::time::Rates;
use crate::markup::{push_escaped, without_empty_lines};
use crate::parse::{CaptionError, Cues, Reason};

const EXAMPLE: &str = "`00:00:01.000` or `1.5s`";

/// How a text looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Style {
    italic: bool,
    bold: bool,
    underlined: bool,
}

impl Style {
    const TAGS: [&str; 3] = ["i", "b", "u"];

    fn flags(self) -> [bool; 3] {
        [self.italic, self.bold, self.underlined]
    }

    fn apply(&mut self, attributes: &Attributes) {
        let is = |name: &str, on: &str, before: bool| {
            attributes
                .get(name)
                .map_or(before, |it| it.split(' ').any(|it| it == on))
        };
        self.italic = is("fontStyle", "italic", self.italic) || is("fontStyle", "oblique", false);
        self.bold = is("fontWeight", "bold", self.bold);
        self.underlined = is("textDecoration", "underline", self.underlined);
    }
}

/// An open element.
#[derive(Debug, Clone, Default)]
struct Open {
    name: String,
    begin_ms: u64,
    end_ms: Option<u64>,
    style: Style,
    region: Option<String>,
    keeps_space: bool,
    line: usize,
}

/// A piece of the text of a paragraph, with the time of the element that contains it.
struct Piece {
    begin_ms: u64,
    end_ms: Option<u64>,
    text: String,
}

#[derive(Default)]
pub(super) struct Body {
    pub(super) rates: Rates,
    styles: HashMap<String, Style>,
    /// Regions at the top of the video.
    top: HashSet<String>,
    open: Vec<Open>,
    /// The paragraph that is open.
    pieces: Option<Vec<Piece>>,
}

impl Body {
    pub(super) fn start(
        &mut self,
        name: &str,
        attributes: &Attributes,
        line: usize,
    ) -> Result<(), CaptionError> {
        let parent = self.open.last().cloned().unwrap_or_default();
        let mut style = parent.style;
        for id in attributes
            .get("style")
            .unwrap_or_default()
            .split_whitespace()
        {
            let named = self.styles.get(id).copied().unwrap_or_default();
            style.italic |= named.italic;
            style.bold |= named.bold;
            style.underlined |= named.underlined;
        }
        style.apply(attributes);
        let id = attributes.get("id");
        if name == "style" && parent.name != "region" {
            self.styles.extend(id.map(|it| (it.to_owned(), style)));
        }
        let own_region = if name == "region" {
            id
        } else {
            attributes.get("region")
        };
        let region = own_region.map(ToOwned::to_owned).or(parent.region.clone());
        if (name == "region" || parent.name == "region")
            && attributes.get("displayAlign") == Some("before")
            && attributes.get("origin").is_none_or(is_upper)
        {
            self.top.extend(region.clone());
        }
        let time = |name: &str| {
            let time = attributes.get(name).map(|it| {
                let ms = self.rates.ms(it);
                ms.ok_or_else(|| Reason::time(it, EXAMPLE).at(line))
            });
            time.transpose()
        };
        let (begin, end, duration) = (time("begin")?, time("end")?, time("dur")?);
        // Times count from the start of the parent (12.2.1), and do not reach beyond its end.
        let begin_ms = parent.begin_ms + begin.unwrap_or(0);
        let ends = [
            end.map(|it| parent.begin_ms + it),
            duration.map(|it| begin_ms + it),
            parent.end_ms,
        ];
        let keeps_space = match attributes.get("space") {
            Some(space) => space == "preserve",
            None => parent.keeps_space,
        };
        if name == "p" && self.pieces.is_none() {
            self.pieces = Some(vec![]);
        }
        let open = Open {
            name: name.to_owned(),
            begin_ms,
            end_ms: ends.into_iter().flatten().min(),
            style,
            region,
            keeps_space,
            line,
        };
        if name == "br" {
            self.push(&open, "\n".to_owned());
        }
        self.open.push(open);
        Ok(())
    }

    pub(super) fn text(&mut self, text: &str) {
        let Some(open) = self.open.last().cloned() else {
            return;
        };
        // The words of metadata in a paragraph are not shown.
        if self.pieces.is_none() || !matches!(open.name.as_str(), "p" | "span") {
            return;
        }
        let mut styled = String::new();
        let visible = open
            .style
            .flags()
            .into_iter()
            .zip(Style::TAGS)
            .filter(|it| it.0);
        let tags: Vec<&str> = visible.map(|it| it.1).collect();
        let is_blank = text.trim().is_empty();
        if !is_blank {
            tags.iter()
                .for_each(|it| styled.push_str(&format!("<{it}>")));
        }
        let mut was_space = false;
        for c in text
            .chars()
            .filter(|it| !it.is_control() || it.is_whitespace())
        {
            let is_space = matches!(c, ' ' | '\t' | '\n' | '\r');
            match (is_space, open.keeps_space) {
                (true, false) if was_space => {}
                (true, false) => styled.push(' '),
                (true, true) => styled.push(if c == '\n' { '\n' } else { ' ' }),
                (false, _) => push_escaped(&mut styled, c),
            }
            was_space = is_space;
        }
        if !is_blank {
            tags.iter()
                .rev()
                .for_each(|it| styled.push_str(&format!("</{it}>")));
        }
        self.push(&open, styled);
    }

    fn push(&mut self, open: &Open, text: String) {
        let Some(pieces) = &mut self.pieces else {
            return;
        };
        match pieces.last_mut() {
            // A line break belongs to the text around it, also where that has a time of its own.
            Some(last)
                if text == "\n" || (last.begin_ms, last.end_ms) == (open.begin_ms, open.end_ms) =>
            {
                last.text.push_str(&text);
            }
            _ => pieces.push(Piece {
                begin_ms: open.begin_ms,
                end_ms: open.end_ms,
                text,
            }),
        }
    }

    pub(super) fn end(&mut self, cues: &mut Cues) -> Result<(), CaptionError> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        if open.name != "p" || self.open.iter().any(|it| it.name == "p") {
            return Ok(());
        }
        let is_top = open.region.as_ref().is_some_and(|it| self.top.contains(it));
        let settings = if is_top { "line:0" } else { "" };
        for piece in self.pieces.take().unwrap_or_default() {
            let text = without_empty_lines(&piece.text);
            if text.is_empty() {
                continue;
            }
            let Some(end_ms) = piece.end_ms else {
                cues.warn(Some(open.line), "a paragraph without an end was left out");
                continue;
            };
            let times = (piece.begin_ms, end_ms);
            cues.add(open.line, times, settings.to_owned(), &text)?;
        }
        Ok(())
    }
}

/// Whether an origin (`x% y%`) is in the upper half.
fn is_upper(origin: &str) -> bool {
    let y = origin
        .split_whitespace()
        .nth(1)
        .and_then(|it| it.strip_suffix('%'));
    y.and_then(|it| it.parse::<f64>().ok())
        .is_some_and(|it| it < 50.0)
}
