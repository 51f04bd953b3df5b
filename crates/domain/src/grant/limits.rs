//! The restrictions of a grant. A pass inherits all of them.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::playback::Refusal;

/// Restrictions on quality, location and pages. Empty: no restriction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// Maximum height of a rendition: pixels of the shorter side.
    pub max_height: Option<u32>,
    /// The client's address must be in one of these.
    pub ip: Vec<IpPrefix>,
    /// Allowed or denied countries of the client.
    pub geo: Option<Geo>,
    /// The page's origin must be one of these.
    pub origins: Vec<Origin>,
    /// Whether revocations are also looked up for every segment, so that they stop running
    /// playback.
    pub check_segments: bool,
}

/// The location of a client. Queried only when a limit depends on it: most do not, and each call
/// out of WebAssembly costs.
pub trait ClientLocation: fmt::Debug {
    /// The client's address, as seen by the trusted front of the server.
    fn ip(&self) -> Option<IpAddr>;
    /// The country of that address, ISO 3166-1 alpha-2.
    fn country(&self) -> Option<Cow<'_, str>>;
}

/// A fixed location, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FixedLocation<'a> {
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// The country of that address.
    pub country: Option<&'a str>,
}

impl ClientLocation for FixedLocation<'_> {
    fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    fn country(&self) -> Option<Cow<'_, str>> {
        self.country.map(Cow::Borrowed)
    }
}

/// Maximum number of entries of each list: the capacity of a pass.
pub(crate) const MAX_ENTRIES: usize = 32;

impl Limits {
    /// Checks the client's location; an unknown location is rejected if a limit depends on it.
    /// [`Limits::check_origin`] checks the origin.
    pub fn check(&self, client: Option<&dyn ClientLocation>) -> Result<(), Refusal> {
        let inside = |ip: IpAddr| self.ip.iter().any(|it| it.contains(ip));
        if !self.ip.is_empty() && !client.and_then(ClientLocation::ip).is_some_and(inside) {
            return Err(Refusal::Address);
        }
        // Cloudflare reports `XX` for an unknown country, and `T1`, which is not a country either,
        // for Tor.
        let known = |it: &Country| it.0 != *b"XX";
        let country = || {
            client
                .and_then(ClientLocation::country)
                .and_then(|it| it.parse().ok())
                .filter(known)
        };
        match &self.geo {
            Some(geo) if !geo.permits(country()) => Err(Refusal::Country),
            _ => Ok(()),
        }
    }

    /// Checks the origin of the requesting page.
    pub fn check_origin(&self, origin: Option<&str>) -> Result<(), Refusal> {
        let known = |origin: &str| self.origins.iter().any(|it| it.as_str() == origin);
        if self.origins.is_empty() || origin.is_some_and(known) {
            Ok(())
        } else {
            Err(Refusal::Origin)
        }
    }
}

/// An address (v4 or v6) and the number of its significant leading bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpPrefix {
    address: IpAddr,
    bits: u8,
}

impl IpPrefix {
    /// `None`: more bits than the address has. A v4 prefix in v6 form (`::ffff:192.0.2.0/120`) is a
    /// v4 prefix.
    pub fn new(address: IpAddr, bits: u8) -> Option<Self> {
        match (address, address.to_canonical()) {
            (IpAddr::V4(_), _) => (bits <= 32).then_some(Self { address, bits }),
            (_, canonical @ IpAddr::V4(_)) if (96..=128).contains(&bits) => Some(Self {
                address: canonical,
                bits: bits - 96,
            }),
            _ => (bits <= 128).then_some(Self { address, bits }),
        }
    }

    /// The address.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// The number of significant leading bits.
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// Whether an address begins with this prefix. A v4 address in v6 form is a v4 address.
    pub fn contains(self, ip: IpAddr) -> bool {
        let same = |ours: u128, theirs: u128, width: u32| {
            let ignored = width.saturating_sub(self.bits.into());
            ours.checked_shr(ignored) == theirs.checked_shr(ignored)
        };
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                same(u32::from(ours).into(), u32::from(theirs).into(), 32)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => same(ours.into(), theirs.into(), 128),
            _ => false,
        }
    }
}

impl FromStr for IpPrefix {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) if !bits.starts_with('+') => {
                (address, Some(bits.parse().map_err(|_| ())?))
            }
            Some(_) => return Err(()),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        Self::new(address, bits.unwrap_or(whole)).ok_or(())
    }
}

impl fmt::Display for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// A country, ISO 3166-1 alpha-2, upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country(pub(crate) [u8; 2]);

impl FromStr for Country {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Ok(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
            }
            _ => Err(()),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.0[0]), char::from(self.0[1]))
    }
}

/// Allowed or denied countries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Geo {
    /// Only these; a client whose country is unknown is rejected.
    Allow(Vec<Country>),
    /// All except these; a client whose country is unknown is rejected too.
    Deny(Vec<Country>),
}

impl Geo {
    fn permits(&self, country: Option<Country>) -> bool {
        let Some(country) = country else { return false };
        match self {
            Self::Allow(list) => list.contains(&country),
            Self::Deny(list) => !list.contains(&country),
        }
    }
}

/// The origin of a page, as browsers send it: `https://example.com`, `http://localhost:8080`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// Maximum length in bytes: the longest host name and a port.
    const MAX_BYTES: usize = 270;

    /// The origin as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The origin of a URL, such as a `Referer`: the part before its path.
    pub fn of_url(url: &str) -> Option<&str> {
        let host = url.find("://")? + 3;
        let length = url[host..]
            .find(['/', '?', '#'])
            .unwrap_or(url.len() - host);
        Some(&url[..host + length])
    }
}

impl FromStr for Origin {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (scheme, host) = text.split_once("://").ok_or(())?;
        // Apps have their own schemes: `capacitor://localhost`.
        let scheme_legal = !scheme.is_empty()
            && scheme
                .bytes()
                .all(|it| it.is_ascii_lowercase() || it == b'-');
        let host_legal = !host.is_empty()
            && host.bytes().all(|it| {
                it.is_ascii_lowercase() || it.is_ascii_digit() || b".-:[]_".contains(&it)
            });
        if scheme_legal && host_legal && text.len() <= Self::MAX_BYTES {
            Ok(Self(text.to_owned()))
        } else {
            Err(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(prefix: &str, address: &str, expected: bool) {
        let prefix: IpPrefix = prefix.parse().unwrap();
        assert_eq!(
            prefix.contains(address.parse().unwrap()),
            expected,
            "{address} in {prefix}"
        );
    }

    #[test]
    fn prefixes_of_both_families() {
        check("192.0.2.1", "192.0.2.1", true);
        check("192.0.2.1", "192.0.2.2", false);
        check("192.0.2.0/24", "192.0.2.255", true);
        check("192.0.2.0/24", "192.0.3.0", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::", false);
        check("2001:db8::1", "2001:db8::1", true);
        check("::/0", "2001:db8::1", true);
        check("::/0", "192.0.2.1", false);
        check("192.0.2.0/24", "::ffff:192.0.2.7", true);
        check("::ffff:192.0.2.7", "192.0.2.7", true);
        check("::ffff:192.0.2.7", "192.0.2.8", false);
    }

    #[test]
    fn odd_prefixes_are_refused() {
        for text in [
            "",
            "192.0.2.0/33",
            "::/129",
            "192.0.2",
            "192.0.2.0/",
            "192.0.2.0/+8",
            "192.0.2.0/-1",
            "a",
        ] {
            assert!(text.parse::<IpPrefix>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_country_does_not_bypass_limits() {
        let limits = |geo| Limits {
            geo: Some(geo),
            ..Limits::default()
        };
        let de: Country = "de".parse().unwrap();
        for (geo, country, allowed) in [
            (Geo::Allow(vec![de]), Some("DE"), true),
            (Geo::Allow(vec![de]), Some("FR"), false),
            (Geo::Allow(vec![de]), None, false),
            (Geo::Deny(vec![de]), Some("DE"), false),
            (Geo::Deny(vec![de]), Some("FR"), true),
            (Geo::Deny(vec![de]), None, false),
            (Geo::Deny(vec![de]), Some("D"), false),
            (Geo::Deny(vec![de]), Some("XX"), false),
            (Geo::Deny(vec![de]), Some("T1"), false),
        ] {
            let client = FixedLocation { ip: None, country };
            assert_eq!(
                limits(geo.clone()).check(Some(&client)).is_ok(),
                allowed,
                "{geo:?} {country:?}"
            );
        }
    }

    #[test]
    fn origins_are_compared_whole() {
        let limits = Limits {
            origins: vec!["https://a.example".parse().unwrap()],
            ..Limits::default()
        };
        assert!(limits.check_origin(Some("https://a.example")).is_ok());
        for origin in [
            None,
            Some("null"),
            Some("https://a.example.evil.example"),
            Some("http://a.example"),
        ] {
            assert_eq!(
                limits.check_origin(origin),
                Err(Refusal::Origin),
                "{origin:?}"
            );
        }
        assert_eq!(
            Origin::of_url("https://a.example/page?x"),
            Some("https://a.example")
        );
        assert_eq!(
            Origin::of_url("https://a.example"),
            Some("https://a.example")
        );
        assert_eq!(Origin::of_url("a.example"), None);
        for text in [
            "",
            "https://",
            "https://a/",
            "a.example",
            "https://A.example",
            "https://a b",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
