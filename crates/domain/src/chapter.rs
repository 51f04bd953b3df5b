//! Chapters of a video: titles of its parts.

use serde::{Deserialize, Serialize};
use serde_json::json;

/// Largest number of chapters of a video.
pub const MAX_CHAPTERS: usize = 500;

/// Longest title, characters.
pub const MAX_TITLE_CHARACTERS: usize = 200;

/// A chapter: it lasts until the next one begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chapter {
    /// When it begins, milliseconds from the start of the video.
    pub start_ms: u64,
    /// Title.
    pub title: String,
}

/// Why a list of chapters is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChapters {
    /// More than [`MAX_CHAPTERS`].
    #[error("a video has at most {MAX_CHAPTERS} chapters")]
    TooMany,
    /// A title without a visible character.
    #[error("chapter {0} has no title")]
    NoTitle(usize),
    /// Longer than [`MAX_TITLE_CHARACTERS`].
    #[error("the title of chapter {0} has more than {MAX_TITLE_CHARACTERS} characters")]
    LongTitle(usize),
    /// Not later than the one before it.
    #[error("chapter {0} does not begin after the one before it")]
    Order(usize),
}

/// Chapters in their order, each with a title.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chapters(Vec<Chapter>);

impl Chapters {
    /// Checks a list that a user wrote. Chapters are counted from 1 in errors.
    pub fn new(mut chapters: Vec<Chapter>) -> Result<Self, InvalidChapters> {
        if chapters.len() > MAX_CHAPTERS {
            return Err(InvalidChapters::TooMany);
        }
        let mut earliest = 0;
        for (number, chapter) in (1..).zip(&mut chapters) {
            chapter.title = visible(&chapter.title);
            if chapter.title.is_empty() {
                return Err(InvalidChapters::NoTitle(number));
            }
            if chapter.title.chars().count() > MAX_TITLE_CHARACTERS {
                return Err(InvalidChapters::LongTitle(number));
            }
            if chapter.start_ms < earliest {
                return Err(InvalidChapters::Order(number));
            }
            earliest = chapter.start_ms + 1;
        }
        Ok(Self(chapters))
    }

    /// The chapters of a source, of which some may be unusable: they are sorted, and those without
    /// a title, after the end of the video or at the start of another one are left out. A single
    /// chapter divides nothing.
    pub fn of_source(mut chapters: Vec<Chapter>, duration_ms: u64) -> Self {
        for chapter in &mut chapters {
            let title = visible(&chapter.title);
            chapter.title = title.chars().take(MAX_TITLE_CHARACTERS).collect();
        }
        chapters.retain(|it| !it.title.is_empty() && it.start_ms < duration_ms);
        chapters.sort_by_key(|it| it.start_ms);
        chapters.dedup_by_key(|it| it.start_ms);
        chapters.truncate(MAX_CHAPTERS);
        if chapters.len() < 2 {
            chapters.clear();
        }
        Self(chapters)
    }

    /// The chapters.
    pub fn as_slice(&self) -> &[Chapter] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The JSON document that players load (Apple, "Providing JavaScript Object Notation Chapters").
    pub fn to_json(&self) -> String {
        let chapter = |(number, it): (usize, &Chapter)| {
            json!({
                "chapter": number,
                "start-time": it.start_ms as f64 / 1000.0,
                "titles": [{ "language": "und", "title": it.title }],
            })
        };
        let all: Vec<_> = (1..).zip(&self.0).map(chapter).collect();
        json!(all).to_string()
    }
}

/// A title in one line.
fn visible(title: &str) -> String {
    let plain: String = title
        .chars()
        .map(|it| if it.is_control() { ' ' } else { it })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chapter(start_ms: u64, title: &str) -> Chapter {
        Chapter {
            start_ms,
            title: title.to_owned(),
        }
    }

    #[test]
    fn lists_of_users_are_checked() {
        let long = "x".repeat(MAX_TITLE_CHARACTERS + 1);
        for (chapters, expected) in [
            (vec![], Ok(0)),
            (vec![chapter(0, "One")], Ok(1)),
            (vec![chapter(5, " One\n"), chapter(6, "Two")], Ok(2)),
            (
                vec![chapter(0, " \u{7} ")],
                Err(InvalidChapters::NoTitle(1)),
            ),
            (vec![chapter(0, &long)], Err(InvalidChapters::LongTitle(1))),
            (
                vec![chapter(0, "One"), chapter(0, "Two")],
                Err(InvalidChapters::Order(2)),
            ),
            (
                vec![chapter(9, "One"), chapter(3, "Two")],
                Err(InvalidChapters::Order(2)),
            ),
            (
                (0..501).map(|it| chapter(it, "It")).collect(),
                Err(InvalidChapters::TooMany),
            ),
        ] {
            let found = Chapters::new(chapters.clone()).map(|it| it.as_slice().len());
            assert_eq!(found, expected, "{chapters:?}");
        }
    }

    #[test]
    fn chapters_of_a_source_are_cleaned() {
        let found = Chapters::of_source(
            vec![
                chapter(60_000, "Second"),
                chapter(0, "First"),
                chapter(70_000, ""),
                chapter(60_000, "Same time"),
                chapter(99_000, "After the end"),
            ],
            90_000,
        );
        assert_eq!(
            found.as_slice(),
            [chapter(0, "First"), chapter(60_000, "Second")]
        );
        assert!(Chapters::of_source(vec![chapter(0, "All")], 9).is_empty());
    }

    #[test]
    fn players_load_json() {
        let chapters = Chapters::new(vec![chapter(0, "\"One\""), chapter(61_500, "Two")]);
        insta::assert_snapshot!(chapters.unwrap().to_json(), @r#"[{"chapter":1,"start-time":0.0,"titles":[{"language":"und","title":"\"One\""}]},{"chapter":2,"start-time":61.5,"titles":[{"language":"und","title":"Two"}]}]"#);
    }
}
