//! The claims of a grant as JSON.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::playback::Refusal;

use super::limits::MAX_ENTRIES;
use super::names::Spelt;
use super::{AUDIENCE, Geo, Grant, Limits};

/// The parsed claims; the caller checks the audience.
pub(super) struct Claims {
    pub(super) audiences: Vec<String>,
    pub(super) grant: Grant,
}

#[derive(Serialize, Deserialize)]
struct Json {
    aud: OneOrMany,
    vid: String,
    exp: Number,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "said"
    )]
    nbf: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "said"
    )]
    max_height: Option<u32>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "said"
    )]
    ip: Option<OneOrMany>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "said"
    )]
    geo: Option<GeoJson>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "said"
    )]
    origins: Option<OneOrMany>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    check_segments: bool,
}

/// Deserialises a limit that is present. `null`, which a backend writes for an unknown value, is an
/// error, because it could not be meant as a limit.
pub(super) fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(list) => list,
        }
    }
}

/// A `NumericDate` (RFC 7519, 2): some libraries write fractions.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(u64),
    Fraction(f64),
}

impl Number {
    fn seconds(&self) -> Result<u64, Refusal> {
        match *self {
            Self::Whole(seconds) => Ok(seconds),
            Self::Fraction(seconds) if (0.0..=1e15).contains(&seconds) => Ok(seconds as u64),
            Self::Fraction(_) => Err(Refusal::GrantMalformed),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum GeoJson {
    Allow(Vec<String>),
    Deny(Vec<String>),
}

pub(super) fn read(bytes: &[u8]) -> Result<Claims, Refusal> {
    serde_json::from_slice::<Spelt>(bytes).map_err(|_| Refusal::GrantMalformed)?;
    let json: Json = serde_json::from_slice(bytes).map_err(|_| Refusal::GrantMalformed)?;
    let geo = match json.geo {
        Some(GeoJson::Allow(list)) => Some(Geo::Allow(entries(&list)?)),
        Some(GeoJson::Deny(list)) => Some(Geo::Deny(entries(&list)?)),
        None => None,
    };
    let limits = Limits {
        max_height: json.max_height,
        ip: limit(json.ip)?,
        geo,
        origins: limit(json.origins)?,
        check_segments: json.check_segments,
    };
    let grant = Grant {
        video: json.vid.parse().map_err(|_| Refusal::GrantMalformed)?,
        viewer: json.sub,
        id: json.jti,
        expires: json.exp.seconds()?,
        not_before: json.nbf.map(|it| it.seconds()).transpose()?,
        limits,
    };
    Ok(Claims {
        audiences: json.aud.into_vec(),
        grant,
    })
}

/// A list of allowed values. An empty list is an error, because it cannot be meant to allow
/// everything.
fn limit<T: FromStr>(list: Option<OneOrMany>) -> Result<Vec<T>, Refusal> {
    let Some(list) = list.map(OneOrMany::into_vec) else {
        return Ok(vec![]);
    };
    if list.is_empty() {
        Err(Refusal::GrantMalformed)
    } else {
        entries(&list)
    }
}

fn entries<T: FromStr>(list: &[String]) -> Result<Vec<T>, Refusal> {
    if list.len() > MAX_ENTRIES {
        return Err(Refusal::GrantMalformed);
    }
    list.iter()
        .map(|it| it.parse().map_err(|_| Refusal::GrantMalformed))
        .collect()
}

pub(super) fn write(grant: &Grant) -> String {
    let many = |list: Vec<String>| (!list.is_empty()).then_some(OneOrMany::Many(list));
    let strings = |list: &[super::Country]| list.iter().map(ToString::to_string).collect();
    let limits = &grant.limits;
    let json = Json {
        aud: OneOrMany::One(AUDIENCE.to_owned()),
        vid: grant.video.to_string(),
        exp: Number::Whole(grant.expires),
        nbf: grant.not_before.map(Number::Whole),
        sub: grant.viewer.clone(),
        jti: grant.id.clone(),
        max_height: limits.max_height,
        ip: many(limits.ip.iter().map(ToString::to_string).collect()),
        geo: limits.geo.as_ref().map(|it| match it {
            Geo::Allow(list) => GeoJson::Allow(strings(list)),
            Geo::Deny(list) => GeoJson::Deny(strings(list)),
        }),
        origins: many(
            limits
                .origins
                .iter()
                .map(|it| it.as_str().to_owned())
                .collect(),
        ),
        check_segments: limits.check_segments,
    };
    serde_json::to_string(&json).expect("strings and numbers always serialise")
}
