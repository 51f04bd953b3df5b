//! The reasons why a request is refused, as the viewer may know them.

/// The reason of a refusal. The code is stable; the message names the rule that refused, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "`message` is their documentation")]
pub enum Refusal {
    Method,
    Path,
    NotFound,
    GrantMissing,
    GrantTwice,
    GrantTooLong,
    GrantMalformed,
    GrantAlgorithm,
    GrantKeyUnknown,
    GrantSignature,
    GrantAudience,
    GrantVideo,
    GrantDiffers,
    GrantExpired,
    GrantNotYetValid,
    PassMalformed,
    PassVersion,
    PassKeyUnknown,
    PassSignature,
    PassPurpose,
    PassExpired,
    PassGeneration,
    PassRendition,
    MaxHeight,
    Address,
    Country,
    Origin,
    Revoked,
    Range,
    Playlist,
    Key,
    Unavailable,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Self; 32] = [
        Self::Method,
        Self::Path,
        Self::NotFound,
        Self::GrantMissing,
        Self::GrantTwice,
        Self::GrantTooLong,
        Self::GrantMalformed,
        Self::GrantAlgorithm,
        Self::GrantKeyUnknown,
        Self::GrantSignature,
        Self::GrantAudience,
        Self::GrantVideo,
        Self::GrantDiffers,
        Self::GrantExpired,
        Self::GrantNotYetValid,
        Self::PassMalformed,
        Self::PassVersion,
        Self::PassKeyUnknown,
        Self::PassSignature,
        Self::PassPurpose,
        Self::PassExpired,
        Self::PassGeneration,
        Self::PassRendition,
        Self::MaxHeight,
        Self::Address,
        Self::Country,
        Self::Origin,
        Self::Revoked,
        Self::Range,
        Self::Playlist,
        Self::Key,
        Self::Unavailable,
    ];

    /// The HTTP status: 401 asks for a grant, 403 means that the presented grant is insufficient.
    pub fn status(self) -> u16 {
        match self {
            Self::Path | Self::GrantTwice => 400,
            Self::GrantMissing => 401,
            Self::NotFound => 404,
            Self::Method => 405,
            Self::Range => 416,
            Self::Playlist | Self::Key => 502,
            Self::Unavailable => 503,
            Self::GrantTooLong
            | Self::GrantMalformed
            | Self::GrantAlgorithm
            | Self::GrantKeyUnknown
            | Self::GrantSignature
            | Self::GrantAudience
            | Self::GrantVideo
            | Self::GrantDiffers
            | Self::GrantExpired
            | Self::GrantNotYetValid
            | Self::PassMalformed
            | Self::PassVersion
            | Self::PassKeyUnknown
            | Self::PassSignature
            | Self::PassPurpose
            | Self::PassExpired
            | Self::PassGeneration
            | Self::PassRendition
            | Self::MaxHeight
            | Self::Address
            | Self::Country
            | Self::Origin
            | Self::Revoked => 403,
        }
    }

    /// The stable code.
    pub fn code(self) -> &'static str {
        self.code_and_message().0
    }

    /// Message for people.
    pub fn message(self) -> &'static str {
        self.code_and_message().1
    }

    /// The problem document (RFC 9457), JSON.
    pub fn problem(self) -> String {
        let (code, message) = self.code_and_message();
        // Codes and messages contain no characters that JSON would escape: a test checks that.
        format!(
            "{{\"type\":\"urn:edgereel:refusal:{code}\",\"title\":\"{message}\",\"status\":{},\"code\":\"{code}\"}}",
            self.status()
        )
    }

    fn code_and_message(self) -> (&'static str, &'static str) {
        match self {
            Self::Method => ("method-not-allowed", "This method is not allowed here."),
            Self::Path => ("bad-path", "This path has characters that are not allowed."),
            Self::NotFound => ("not-found", "Not found at this URL."),
            Self::GrantMissing => ("grant-missing", "A grant is needed to play this video."),
            Self::GrantTwice => ("grant-twice", "More than one grant was sent."),
            Self::GrantTooLong => ("grant-too-long", "The grant is too long."),
            Self::GrantMalformed => ("grant-malformed", "The grant cannot be read."),
            Self::GrantAlgorithm => (
                "grant-algorithm",
                "The grant is signed with an algorithm that is not accepted.",
            ),
            Self::GrantKeyUnknown => (
                "grant-key-unknown",
                "The grant names a key that is not known.",
            ),
            Self::GrantSignature => ("grant-signature", "The signature of the grant is wrong."),
            Self::GrantAudience => ("grant-audience", "The grant is not meant for playback."),
            Self::GrantVideo => ("grant-video", "The grant is for another video."),
            Self::GrantDiffers => (
                "grant-differs",
                "The fresh grant has another viewer, or other limits.",
            ),
            Self::GrantExpired => ("grant-expired", "The grant has expired."),
            Self::GrantNotYetValid => ("grant-not-yet-valid", "The grant is not valid yet."),
            Self::PassMalformed => ("pass-malformed", "This URL cannot be read."),
            Self::PassVersion => ("pass-version", "This URL has an unknown version."),
            Self::PassKeyUnknown => (
                "pass-key-unknown",
                "This URL was signed with an unknown key.",
            ),
            Self::PassSignature => ("pass-signature", "The signature of this URL is wrong."),
            Self::PassPurpose => ("pass-purpose", "This URL was signed for another purpose."),
            Self::PassExpired => ("pass-expired", "This URL has expired."),
            Self::PassGeneration => (
                "pass-generation",
                "This URL was signed for another generation.",
            ),
            Self::PassRendition => (
                "pass-rendition",
                "This quality is not included in the grant.",
            ),
            Self::MaxHeight => (
                "max-height",
                "No quality of this video is included in the grant.",
            ),
            Self::Address => (
                "address-not-allowed",
                "The grant does not allow this network address.",
            ),
            Self::Country => (
                "country-not-allowed",
                "The grant does not allow this country.",
            ),
            Self::Origin => ("origin-not-allowed", "The grant does not allow this page."),
            Self::Revoked => ("revoked", "The permission to play this was revoked."),
            Self::Range => (
                "range-not-satisfiable",
                "The range is outside of the object.",
            ),
            Self::Playlist => ("playlist-unusable", "The stored playlist cannot be used."),
            Self::Key => ("key-unavailable", "Cannot read the key."),
            Self::Unavailable => ("unavailable", "The store cannot be reached; try again."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_json_and_codes_are_unique() {
        let mut codes = std::collections::BTreeSet::new();
        for refusal in Refusal::ALL {
            let problem: serde_json::Value = serde_json::from_str(&refusal.problem()).unwrap();
            assert_eq!(problem["status"], refusal.status());
            assert_eq!(problem["title"], refusal.message());
            assert!(codes.insert(refusal.code()), "{}", refusal.code());
        }
    }
}
