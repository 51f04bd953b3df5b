//! Reads playlists.

use std::io::Read as _;

use hls::parse::{MasterPlaylist, MediaPlaylist, Problem};
use hls::{LineKind, lines};
use url::Url;

use crate::fetch::{Fetch, FetchError, read};
use crate::report::Place;
use crate::tree::{Document, Rendition, Role, Segment};
use crate::{Options, place};

use super::LoadedOr;

/// A playlist's text, and its response headers.
pub(crate) struct Loaded {
    pub(crate) document: Document,
    pub(crate) text: String,
    pub(crate) problems: Vec<Problem>,
}

pub(super) async fn load_playlist(
    fetch: &dyn Fetch,
    target: &Url,
    url: &Url,
    options: &Options,
) -> Result<Loaded, FetchError> {
    let resource = fetch.open(url, None, true).await?;
    let gzip = resource.content_encoding.as_deref() == Some("gzip");
    let (content_type, final_url) = (resource.content_type.clone(), resource.url.clone());
    let mut bytes = read(resource, options.max_playlist_bytes).await?;
    if gzip {
        bytes = gunzip(&bytes, options.max_playlist_bytes)?;
    }
    let not_utf8 = std::str::from_utf8(&bytes).is_err();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let problems = hls::Playlist::parse(&text).problems;
    let document = Document {
        place: place::short(target, url),
        url: final_url,
        content_type,
        gzip,
        not_utf8,
        problems: vec![],
        uris: vec![],
    };
    Ok(Loaded {
        document,
        text,
        problems,
    })
}

fn gunzip(bytes: &[u8], max: u64) -> Result<Vec<u8>, FetchError> {
    let mut plain = Vec::new();
    let mut decoder = flate2::read::MultiGzDecoder::new(bytes).take(max + 1);
    decoder
        .read_to_end(&mut plain)
        .map_err(|_| FetchError::Unreachable("its gzip encoding is damaged".to_owned()))?;
    if plain.len() as u64 > max {
        Err(FetchError::TooLarge(max))
    } else {
        Ok(plain)
    }
}

/// A media playlist with its segments, none of them read yet.
pub(super) fn rendition(loaded: LoadedOr, roles: Vec<Role>, named_at: Place) -> Rendition {
    let empty = |document, error| Rendition {
        document,
        roles: vec![],
        named_at: Place {
            playlist: String::new(),
            line: None,
            segment: None,
        },
        playlist: Err(error),
        segments: vec![],
        maps: vec![],
        keys: vec![],
    };
    let mut rendition = match loaded {
        Err((document, error)) => empty(document, error),
        Ok(loaded) => {
            let parsed = MediaPlaylist::parse(&loaded.text);
            let mut document = loaded.document;
            document.problems = parsed.problems;
            document.uris = media_uris(&loaded.text, &parsed.playlist);
            let mut rendition = empty(document, FetchError::NotFound);
            rendition.segments = segments(&parsed.playlist);
            rendition.playlist = Ok(parsed.playlist);
            rendition
        }
    };
    rendition.roles = roles;
    rendition.named_at = named_at;
    rendition
}

fn segments(playlist: &MediaPlaylist) -> Vec<Segment> {
    let segments = playlist.segments.iter().map(|it| Segment {
        line: it.line,
        uri: it.uri.clone(),
        byte_range: it.byte_range.map(|it| it.value),
        extinf: it.duration.map(|it| it.value),
        discontinuity: it.discontinuity.is_some(),
        encrypted: !it.keys.is_empty(),
        outcome: None,
    });
    segments.collect()
}

fn media_uris(text: &str, playlist: &MediaPlaylist) -> Vec<(u32, String)> {
    let segments = lines(text).filter_map(|it| match it.kind {
        LineKind::Uri(uri) => Some((it.number, uri.to_owned())),
        _ => None,
    });
    let keys = playlist
        .keys
        .iter()
        .filter_map(|it| Some((it.line, it.uri.clone()?)));
    let maps = playlist.maps.iter().map(|it| (it.line, it.uri.clone()));
    segments.chain(keys).chain(maps).collect()
}

pub(super) fn master_uris(playlist: &MasterPlaylist) -> Vec<(u32, String)> {
    let variants = playlist
        .variants
        .iter()
        .map(|it| (it.uri_line, it.uri.clone()));
    let iframes = playlist.iframes.iter().map(|it| (it.line, it.uri.clone()));
    let media = playlist
        .media
        .iter()
        .filter_map(|it| Some((it.line, it.uri.clone()?)));
    let keys = playlist
        .session_keys
        .iter()
        .filter_map(|it| Some((it.line, it.uri.clone()?)));
    variants.chain(iframes).chain(media).chain(keys).collect()
}
