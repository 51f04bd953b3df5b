//! Scopes: the permissions of an API caller.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A permission. The names follow the syntax of OAuth scopes (RFC 6749, 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Upload and import videos.
    Upload,
    /// Read metadata of videos, without playback.
    Read,
    /// Update and delete videos.
    Write,
    /// Issue playback URLs.
    Play,
    /// Download the sources of videos.
    Download,
    /// Create and revoke API keys.
    Keys,
    /// Manage webhooks.
    Webhooks,
    /// Report events of the private bucket. An event may name any video, so no owner can have this
    /// scope.
    Events,
    /// Revoke grants. The edge's list does not know owners, so no owner can have this scope.
    Revocations,
    /// All permissions, for every owner.
    Admin,
}

/// Scopes that apply to every owner's videos.
const OF_THE_INSTALLATION: [Scope; 3] = [Scope::Events, Scope::Revocations, Scope::Admin];

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 10] = [
        Self::Upload,
        Self::Read,
        Self::Write,
        Self::Play,
        Self::Download,
        Self::Keys,
        Self::Webhooks,
        Self::Events,
        Self::Revocations,
        Self::Admin,
    ];

    /// Whether it applies to the videos of every owner, so that a caller with an owner cannot have
    /// it.
    pub fn is_of_the_installation(self) -> bool {
        OF_THE_INSTALLATION.contains(&self)
    }

    /// The scope as it is written in tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Read => "read",
            Self::Write => "write",
            Self::Play => "play",
            Self::Download => "download",
            Self::Keys => "keys",
            Self::Webhooks => "webhooks",
            Self::Events => "events",
            Self::Revocations => "revocations",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the name of a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a scope: use upload, read, write, play, download, keys, webhooks, events, revocations or admin"
)]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL
            .into_iter()
            .find(|it| it.as_str() == text)
            .ok_or_else(|| UnknownScope(text.chars().take(64).collect()))
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Scopes(u16);

impl Scopes {
    /// The default scopes of an owner whose credentials list none: everything for their own videos,
    /// except `keys`. A caller that creates keys hands out a permission that outlives its own, so
    /// that scope is never implied.
    pub fn owner_default() -> Self {
        Scope::ALL
            .into_iter()
            .filter(|it| !it.is_of_the_installation() && *it != Scope::Keys)
            .collect()
    }

    /// The scopes of the operator.
    pub fn of_an_admin() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Whether the set contains this scope.
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u16) != 0
    }

    /// Whether the set permits this: `admin` permits everything.
    pub fn allows(self, scope: Scope) -> bool {
        self.contains(scope) || self.contains(Scope::Admin)
    }

    /// Whether the holder of this set may do everything that a holder of the other may.
    pub fn covers(self, other: Self) -> bool {
        other.iter().all(|it| self.allows(it))
    }

    /// Whether it permits nothing.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes in it, each once.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |it| self.contains(*it))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, it| set | 1 << it as u16))
    }
}

/// Formats scopes separated by spaces, as in OAuth.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(Scope::as_str).collect();
        f.write_str(&words.join(" "))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    /// Parses the output of `Display`; an unknown scope is an error.
    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        text.split_ascii_whitespace().map(str::parse).collect()
    }
}

/// Serialises as a list of names.
impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Scope::as_str))
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        words
            .iter()
            .map(|it| it.parse::<Scope>())
            .collect::<Result<_, _>>()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_print_and_parse() {
        for bits in 0..1 << Scope::ALL.len() {
            let set = Scopes(bits);
            assert_eq!(set.to_string().parse(), Ok(set));
            assert_eq!(
                serde_json::from_str::<Scopes>(&serde_json::to_string(&set).unwrap()).unwrap(),
                set
            );
        }
        assert_eq!(
            "play  upload\tplay".parse::<Scopes>().unwrap().to_string(),
            "upload play"
        );
        assert!(
            "read Write".parse::<Scopes>().is_err(),
            "case counts, as in OAuth"
        );
        assert!(
            serde_json::from_str::<Scopes>(r#"["root"]"#)
                .unwrap_err()
                .to_string()
                .contains("`root`")
        );
    }

    #[test]
    fn no_set_covers_more_than_it_has() {
        let set = |text: &str| text.parse::<Scopes>().unwrap();
        for (holder, other, covered) in [
            ("read", "read", true),
            ("read", "", true),
            ("", "read", false),
            ("read write", "read", true),
            ("read", "read write", false),
            ("admin", "read write keys", true),
            ("admin", "admin", true),
            (
                "upload read write play download keys webhooks",
                "admin",
                false,
            ),
        ] {
            assert_eq!(
                set(holder).covers(set(other)),
                covered,
                "{holder} / {other}"
            );
        }
        assert!(
            !Scopes::owner_default().allows(Scope::Admin)
                && !Scopes::owner_default().allows(Scope::Keys)
        );
        assert!(Scopes::of_an_admin().covers(Scopes::owner_default()));
    }
}
