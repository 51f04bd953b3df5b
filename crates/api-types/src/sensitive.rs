//! Text that must not reach a log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A secret, or a URL that permits what it names, such as a presigned one. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sensitive(String);

impl Sensitive {
    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_exposed(self) -> String {
        self.0
    }
}

impl From<String> for Sensitive {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sensitive(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sent_but_not_printed() {
        let url = Sensitive::from("https://edge.example/v/1?grant=a".to_owned());
        assert_eq!(format!("{:?}", Some(&url)), "Some(Sensitive(..))");
        assert_eq!(serde_json::to_value(&url).unwrap(), url.expose());
    }
}
