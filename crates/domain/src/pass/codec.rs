//! The binary encoding of a pass.
//!
//! `version purpose kid video(16) generation(8) session(8) viewer(8) expires(8) flags [renditions] [max_height(4)] ip geo
//! origins`, where text is a length and its bytes, and a list is a count and its items. The flags state which optional
//! fields follow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::grant::{Country, Fingerprint, Geo, IpPrefix, Limits};
use crate::ids::{Generation, VideoId};
use crate::keyring::KeyId;
use crate::playback::Refusal;

use super::{Pass, Purpose};

const VERSION: u8 = 1;

/// A list of renditions follows.
const RENDITIONS: u8 = 1;
/// The grant's `max_height` follows.
const MAX_HEIGHT: u8 = 2;
/// Revocations are looked up for every segment.
const CHECK_SEGMENTS: u8 = 4;

/// `None`: a list or text is longer than a pass can encode.
pub(super) fn encode(pass: &Pass, key: &KeyId) -> Option<Vec<u8>> {
    let mut out = vec![
        VERSION,
        match pass.purpose {
            Purpose::Stream => b's',
            Purpose::Key => b'k',
        },
    ];
    put_text(&mut out, key.as_str().as_bytes())?;
    out.extend_from_slice(&pass.video.to_bytes());
    out.extend_from_slice(&pass.generation.to_bytes());
    out.extend_from_slice(&pass.session.0);
    out.extend_from_slice(&pass.viewer.0);
    out.extend_from_slice(&pass.expires.to_be_bytes());
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    out.push(
        flag(pass.renditions.is_some(), RENDITIONS)
            | flag(pass.limits.max_height.is_some(), MAX_HEIGHT)
            | flag(pass.limits.check_segments, CHECK_SEGMENTS),
    );
    if let Some(names) = &pass.renditions {
        out.push(u8::try_from(names.len()).ok()?);
        for name in names {
            put_text(&mut out, name.as_str().as_bytes())?;
        }
    }
    if let Some(height) = pass.limits.max_height {
        out.extend_from_slice(&height.to_be_bytes());
    }
    put_places(&mut out, &pass.limits)?;
    Some(out)
}

/// The encoding of the limits, for the name of a session: any change of them changes the bytes.
pub(super) fn limits(limits: &Limits) -> Option<Vec<u8>> {
    let mut out = vec![
        u8::from(limits.max_height.is_some()),
        u8::from(limits.check_segments),
    ];
    out.extend_from_slice(&limits.max_height.unwrap_or_default().to_be_bytes());
    put_places(&mut out, limits)?;
    Some(out)
}

/// Writes the restrictions on location and pages.
fn put_places(out: &mut Vec<u8>, limits: &Limits) -> Option<()> {
    out.push(u8::try_from(limits.ip.len()).ok()?);
    for prefix in &limits.ip {
        match prefix.address() {
            IpAddr::V4(address) => {
                out.extend_from_slice(&[4, prefix.bits()]);
                out.extend_from_slice(&address.octets());
            }
            IpAddr::V6(address) => {
                out.extend_from_slice(&[6, prefix.bits()]);
                out.extend_from_slice(&address.octets());
            }
        }
    }
    let (kind, countries) = match &limits.geo {
        None => (0, &[][..]),
        Some(Geo::Allow(list)) => (1, list.as_slice()),
        Some(Geo::Deny(list)) => (2, list.as_slice()),
    };
    out.extend_from_slice(&[kind, u8::try_from(countries.len()).ok()?]);
    for country in countries {
        out.extend_from_slice(&country.0);
    }
    out.push(u8::try_from(limits.origins.len()).ok()?);
    for origin in &limits.origins {
        put_text16(out, origin.as_str().as_bytes())?;
    }
    Some(())
}

/// The id of the key that a payload claims to be signed with.
pub(super) fn key_id(payload: &[u8]) -> Result<&[u8], Refusal> {
    let mut reader = Reader(payload);
    if reader.byte() != Some(VERSION) {
        return Err(Refusal::PassVersion);
    }
    reader.byte().ok_or(Refusal::PassMalformed)?;
    reader.text().ok_or(Refusal::PassMalformed)
}

/// Only for a payload whose signature was verified; returns `None` and never panics for an invalid one.
pub(super) fn decode(payload: &[u8]) -> Option<Pass> {
    let mut reader = Reader(payload);
    reader.byte().filter(|it| *it == VERSION)?;
    let purpose = match reader.byte()? {
        b's' => Purpose::Stream,
        b'k' => Purpose::Key,
        _ => return None,
    };
    reader.text()?;
    let video = VideoId::from_bytes(reader.array()?);
    let generation = Generation::from_bytes(reader.array()?);
    let session = Fingerprint(reader.array()?);
    let viewer = Fingerprint(reader.array()?);
    let expires = u64::from_be_bytes(reader.array()?);
    let flags = reader.byte()?;
    if flags & !(RENDITIONS | MAX_HEIGHT | CHECK_SEGMENTS) != 0 {
        return None;
    }
    let renditions = if flags & RENDITIONS == 0 {
        None
    } else {
        let count = reader.byte()?;
        let names = (0..count).map(|_| std::str::from_utf8(reader.text()?).ok()?.parse().ok());
        Some(names.collect::<Option<Vec<_>>>()?)
    };
    let max_height = if flags & MAX_HEIGHT == 0 {
        None
    } else {
        Some(u32::from_be_bytes(reader.array()?))
    };
    let count = reader.byte()?;
    let ip = (0..count)
        .map(|_| reader.prefix())
        .collect::<Option<Vec<_>>>()?;
    let (kind, count) = (reader.byte()?, reader.byte()?);
    let countries = (0..count)
        .map(|_| reader.array().map(Country))
        .collect::<Option<Vec<_>>>()?;
    let geo = match kind {
        0 => None,
        1 => Some(Geo::Allow(countries)),
        2 => Some(Geo::Deny(countries)),
        _ => return None,
    };
    let count = reader.byte()?;
    let origins = (0..count).map(|_| std::str::from_utf8(reader.text16()?).ok()?.parse().ok());
    let origins = origins.collect::<Option<Vec<_>>>()?;
    let limits = Limits {
        max_height,
        ip,
        geo,
        origins,
        check_segments: flags & CHECK_SEGMENTS != 0,
    };
    let pass = Pass {
        purpose,
        video,
        generation,
        session,
        viewer,
        expires,
        renditions,
        limits,
    };
    reader.0.is_empty().then_some(pass)
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) -> Option<()> {
    out.push(u8::try_from(text.len()).ok()?);
    out.extend_from_slice(text);
    Some(())
}

fn put_text16(out: &mut Vec<u8>, text: &[u8]) -> Option<()> {
    out.extend_from_slice(&u16::try_from(text.len()).ok()?.to_be_bytes());
    out.extend_from_slice(text);
    Some(())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.byte()?;
        self.take(length.into())
    }

    fn text16(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.array()?);
        self.take(length.into())
    }

    fn prefix(&mut self) -> Option<IpPrefix> {
        let (family, bits) = (self.byte()?, self.byte()?);
        let address = match family {
            4 => IpAddr::V4(Ipv4Addr::from(self.array::<4>()?)),
            6 => IpAddr::V6(Ipv6Addr::from(self.array::<16>()?)),
            _ => return None,
        };
        IpPrefix::new(address, bits)
    }
}
