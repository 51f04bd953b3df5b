//! Words of responses: a newer API may use words that a client does not know.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A word of a response. A client accepts words that a newer API added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MaybeKnown<T> {
    /// A word of this version.
    Known(T),
    /// Another word.
    Unknown(String),
}

impl<T> From<T> for MaybeKnown<T> {
    fn from(word: T) -> Self {
        Self::Known(word)
    }
}

impl<T: Serialize> fmt::Display for MaybeKnown<T> {
    /// Writes the word as in JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(word) => match serde_json::to_value(word) {
                Ok(serde_json::Value::String(word)) => f.pad(&word),
                Ok(_) | Err(_) => Err(fmt::Error),
            },
            Self::Unknown(word) => f.pad(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::job::Stage;

    use super::*;

    #[test]
    fn words_of_a_newer_api_are_kept() {
        let read = |text: &str| serde_json::from_str::<MaybeKnown<Stage>>(text).unwrap();
        assert_eq!(read("\"encode\""), Stage::Encode.into());
        assert_eq!(read("\"dub\""), MaybeKnown::Unknown("dub".to_owned()));
        for text in ["encode", "dub"] {
            let word = read(&format!("\"{text}\""));
            assert_eq!(word.to_string(), text);
            assert_eq!(serde_json::to_value(word).unwrap(), text);
        }
        assert!(serde_json::from_str::<MaybeKnown<Stage>>("7").is_err());
    }
}
