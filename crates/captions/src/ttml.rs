//! TTML (<https://www.w3.org/TR/ttml2/>) and its profiles: DFXP, EBU-TT-D, IMSC text.
//!
//! The reader takes the paragraphs with their times, line breaks, and the styles italic, bold and
//! underlined. A document type definition, and entities that XML does not predefine, are refused:
//! they could make a small file large.

mod body;
mod time;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::limits::MAX_DEPTH;
use crate::parse::{CaptionError, Cues, Reason};

use body::Body;
use time::Rates;

pub(crate) fn read(text: &str, cues: &mut Cues) -> Result<(), CaptionError> {
    let mut reader = Reader::from_str(text);
    let mut document = Document {
        body: Body::default(),
        depth: 0,
        is_tt: false,
        has_images: false,
    };
    let mut lines = Lines {
        text,
        at: 0,
        line: 1,
    };
    loop {
        let line = lines.at(reader.buffer_position());
        let event = reader.read_event();
        match event.map_err(|it| Reason::Xml(it.to_string()).at(line))? {
            Event::Start(element) => document.start(&element, line, cues)?,
            Event::Empty(element) => {
                document.start(&element, line, cues)?;
                document.end(cues)?;
            }
            Event::End(_) => document.end(cues)?,
            Event::Text(text) => {
                let text = text.decode();
                document
                    .body
                    .text(&text.map_err(|it| Reason::Xml(it.to_string()).at(line))?);
            }
            Event::CData(text) => {
                let text = text.decode();
                document
                    .body
                    .text(&text.map_err(|it| Reason::Xml(it.to_string()).at(line))?);
            }
            Event::GeneralRef(reference) => {
                let name = reference.decode();
                let name = name.map_err(|it| Reason::Xml(it.to_string()).at(line))?;
                let c = match reference.resolve_char_ref() {
                    Ok(Some(c)) => Some(c.to_string()),
                    Ok(None) => quick_xml::escape::resolve_xml_entity(&name).map(ToOwned::to_owned),
                    Err(problem) => return Err(Reason::Xml(problem.to_string()).at(line)),
                };
                let c = c.ok_or_else(|| Reason::Unsafe("reference to an entity").at(line))?;
                document.body.text(&c);
            }
            Event::DocType(_) => {
                return Err(Reason::Unsafe("document type definition").at(line));
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if document.depth > 0 {
        let last = text.lines().count();
        return Err(Reason::Xml("the end of the file is missing".to_owned()).at(last));
    }
    if !document.is_tt {
        return Err(Reason::UnknownFormat.into());
    }
    if document.has_images && cues.is_empty() {
        return Err(Reason::Bitmap("IMSC image").into());
    }
    Ok(())
}

/// The lines of positions that only grow.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of a position, from 1.
    fn at(&mut self, position: u64) -> usize {
        let position = position as usize;
        if let Some(passed) = self.text.get(self.at..position) {
            self.line += passed.matches('\n').count();
            self.at = position;
        }
        self.line
    }
}

struct Document {
    body: Body,
    depth: usize,
    is_tt: bool,
    has_images: bool,
}

impl Document {
    fn start(
        &mut self,
        element: &BytesStart<'_>,
        line: usize,
        cues: &mut Cues,
    ) -> Result<(), CaptionError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Reason::Xml(format!("more than {MAX_DEPTH} nested elements")).at(line));
        }
        let name = String::from_utf8_lossy(element.local_name().as_ref()).into_owned();
        let attributes = attributes(element, line)?;
        if self.depth == 1 {
            self.is_tt = name == "tt";
            self.body.rates = Rates::of(&attributes, line, cues);
        }
        let is_image = name == "image" || attributes.get("backgroundImage").is_some();
        if is_image && !self.has_images {
            self.has_images = true;
            cues.warn(
                Some(line),
                "images were left out: they cannot be converted to text",
            );
        }
        self.body.start(&name, &attributes, line)
    }

    fn end(&mut self, cues: &mut Cues) -> Result<(), CaptionError> {
        self.depth = self.depth.saturating_sub(1);
        self.body.end(cues)
    }
}

/// Attributes by their local names.
pub(crate) struct Attributes(Vec<(String, String)>);

impl Attributes {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|it| it.0 == name);
        found.map(|it| it.1.as_str())
    }
}

fn attributes(element: &BytesStart<'_>, line: usize) -> Result<Attributes, CaptionError> {
    let malformed = |it: &dyn std::fmt::Display| Reason::Xml(it.to_string()).at(line);
    let mut all = vec![];
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|it| malformed(&it))?;
        let name = attribute.key.local_name();
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        let value = value.map_err(|it| malformed(&it))?.into_owned();
        all.push((String::from_utf8_lossy(name.as_ref()).into_owned(), value));
    }
    Ok(Attributes(all))
}
