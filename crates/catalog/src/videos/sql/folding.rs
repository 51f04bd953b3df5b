//! Case folding of text, so that a search ignores case and Unicode form.

use caseless::Caseless as _;
use unicode_normalization::UnicodeNormalization as _;

use crate::database::text;

/// Folds a text for comparisons that ignore case in every script, and whether an accented letter is
/// composed or decomposed (Unicode, 3.13, D146: compatibility caseless matching).
pub(super) fn folded(title: &str) -> String {
    let folded: String = title
        .chars()
        .nfd()
        .default_case_fold()
        .nfkd()
        .default_case_fold()
        .nfkc()
        .collect();
    text(&folded)
}

/// The text in which a search finds a video: one line for each of its names.
pub(super) fn search_text(names: &[&Option<String>]) -> String {
    names
        .iter()
        .map(|it| it.as_deref().map(folded).unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_form_do_not_matter() {
        for (written, sought) in [
            ("ÜBER UNS", "über"),
            ("Straße", "STRASSE"),
            ("ΟΔΟΣ Αθηνών", "οδοσ αθ"),
            ("Οδός", "οδόσ"),
            ("ЖИЗНЬ", "жизнь"),
            ("Cafe\u{301}", "CAFÉ"),
            ("ＦＩＬＭ", "film"),
            ("ﬁlm", "FILM"),
            ("日本語", "本"),
        ] {
            assert!(
                folded(written).contains(&folded(sought)),
                "{written} / {sought}"
            );
        }
        assert!(
            !folded("Cafe").contains(&folded("café")),
            "an accent is another letter"
        );
    }
}
