//! Captions of a video: their language, and the rendition that viewers get.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::CaptionId;
use crate::object_key::RenditionName;

mod languages;

use languages::{NAMES, SHORT_CODES};

/// A language tag (BCP 47) in its canonical case: `en`, `pt-BR`, `zh-Hant-TW`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

/// A text that is not a language tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a language tag such as `en`, `pt-BR` or `zh-Hant` (BCP 47)")]
pub struct InvalidLanguage(String);

impl Language {
    /// Maximum length, characters (RFC 5646, 4.4.1).
    pub const MAX_LENGTH: usize = 35;

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the language in itself, for the menus of players: `Deutsch`, `Português (BR)`. The
    /// tag, if the language is not a common one.
    pub fn display_name(&self) -> String {
        let (first, rest) = self.0.split_once('-').unwrap_or((&self.0, ""));
        let name = NAMES.iter().find(|it| it.0 == first).map(|it| it.1);
        match (name, rest) {
            (None, _) => self.0.clone(),
            (Some(name), "") => name.to_owned(),
            (Some(name), rest) => format!("{name} ({rest})"),
        }
    }

    /// The language of a stream in a container, which has a code of three letters in most of them:
    /// `eng` becomes `en`. `None`: the code says that the language is unknown, or is not a tag.
    pub fn of_stream(code: &str) -> Option<Self> {
        let code = code.trim();
        if code.eq_ignore_ascii_case("und") || code.is_empty() {
            return None;
        }
        let (first, rest) = code.split_once('-').unwrap_or((code, ""));
        let lower = first.to_ascii_lowercase();
        let short = SHORT_CODES.iter().find(|it| it.0 == lower);
        let first = short.map_or(first, |it| it.1);
        let tag = if rest.is_empty() {
            first.to_owned()
        } else {
            format!("{first}-{rest}")
        };
        tag.parse().ok()
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Language {
    type Err = InvalidLanguage;

    /// Accepts the form of a tag in any case (RFC 5646, 2.1), not only registered subtags.
    fn from_str(text: &str) -> Result<Self, InvalidLanguage> {
        canonical(text)
            .map(Self)
            .ok_or_else(|| InvalidLanguage(text.chars().take(64).collect()))
    }
}

impl TryFrom<String> for Language {
    type Error = InvalidLanguage;

    fn try_from(text: String) -> Result<Self, InvalidLanguage> {
        text.parse()
    }
}

impl From<Language> for String {
    fn from(language: Language) -> String {
        language.0
    }
}

fn canonical(text: &str) -> Option<String> {
    if text.len() > Language::MAX_LENGTH {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let (mut after_singleton, mut ends_with_singleton, mut is_private) = (false, false, false);
    for (at, part) in text.split('-').enumerate() {
        let letters = part.bytes().all(|it| it.is_ascii_alphabetic());
        let legal = (1..=8).contains(&part.len())
            && part.bytes().all(|it| it.is_ascii_alphanumeric())
            && (at > 0 || letters && part.len() >= 2);
        if !legal {
            return None;
        }
        if at > 0 {
            out.push('-');
        }
        let lower = part.to_ascii_lowercase();
        match part.len() {
            _ if at == 0 || after_singleton => out.push_str(&lower),
            2 if letters => out.push_str(&lower.to_ascii_uppercase()),
            4 if letters => {
                out.push_str(&lower[..1].to_ascii_uppercase());
                out.push_str(&lower[1..]);
            }
            _ => out.push_str(&lower),
        }
        // Extensions and private use have no case of their own.
        ends_with_singleton = part.len() == 1 && !is_private;
        after_singleton |= ends_with_singleton;
        // In private use, parts of one letter are no singletons.
        is_private |= lower == "x";
    }
    (!ends_with_singleton).then_some(out)
}

/// The rendition of captions in a generation.
pub fn rendition(captions: &CaptionId) -> RenditionName {
    format!("{PREFIX}{captions}")
        .parse()
        .expect("the prefix and 16 hex digits are a name")
}

/// The beginning of the names of these renditions.
const PREFIX: &str = "captions-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_get_their_canonical_case() {
        for (text, tag) in [
            ("en", Some("en")),
            ("EN-gb", Some("en-GB")),
            ("zh-hant-tw", Some("zh-Hant-TW")),
            ("es-419", Some("es-419")),
            ("sl-rozaj-biske", Some("sl-rozaj-biske")),
            ("de-1996", Some("de-1996")),
            ("de-x-Ab", Some("de-x-ab")),
            ("de-x-1", Some("de-x-1")),
            ("de-u-1", None),
            ("en-u-co-phonebk", Some("en-u-co-phonebk")),
            ("gsw", Some("gsw")),
            ("", None),
            ("e", None),
            ("en-", None),
            ("-en", None),
            ("en_GB", None),
            ("en-x", None),
            ("1a", None),
            ("english-words", Some("english-words")),
            ("abcdefghi", None),
            ("../../etc", None),
            ("en-abcdefgh-abcdefgh-abcdefgh-abcdefgh", None),
        ] {
            let read = text.parse::<Language>().ok();
            assert_eq!(read.as_ref().map(Language::as_str), tag, "{text}");
        }
    }

    #[test]
    fn languages_have_names() {
        for (tag, name) in [
            ("de", "Deutsch"),
            ("pt-BR", "Português (BR)"),
            ("gsw", "gsw"),
        ] {
            let language: Language = tag.parse().unwrap();
            assert_eq!(language.display_name(), name);
        }
        let is_sorted = |it: &[(&str, &str)]| it.is_sorted_by_key(|it| it.0);
        assert!(is_sorted(&SHORT_CODES) && is_sorted(&NAMES));
    }

    #[test]
    fn streams_have_longer_codes() {
        for (code, tag) in [
            ("eng", Some("en")),
            ("ger", Some("de")),
            ("DEU", Some("de")),
            ("fra-CA", Some("fr-CA")),
            ("gsw", Some("gsw")),
            ("und", None),
            ("", None),
            ("```", None),
        ] {
            let read = Language::of_stream(code);
            assert_eq!(read.as_ref().map(Language::as_str), tag, "{code}");
        }
    }

    #[test]
    fn a_rendition_has_the_id_of_its_captions() {
        let id = CaptionId::of("en", "text", 7);
        assert_eq!(rendition(&id).as_str(), format!("captions-{id}"));
    }
}
