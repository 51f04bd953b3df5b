//! Reads a presentation: the playlists first, then keys, initialisation sections and segments,
//! several concurrently.

mod playlists;
mod segments;

use hls::Playlist;
use hls::parse::{MasterPlaylist, MediaType};
use url::Url;

use crate::fetch::{Fetch, FetchError};
use crate::report::Place;
use crate::tree::{Document, Master, Role, Tree};
use crate::{Options, place};

use playlists::{Loaded, load_playlist};

/// Progress of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The media playlists have been read.
    Playlists {
        /// Number of media playlists.
        count: usize,
    },
    /// A segment has been read.
    Segments {
        /// Number of segments read so far.
        done: usize,
        /// Total number of segments to read.
        total: usize,
    },
}

/// The target cannot be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The target cannot be read.
    #[error("cannot read `{target}`")]
    Unreadable {
        /// URL without query and credentials.
        target: String,
        /// The reason of the failure.
        #[source]
        source: FetchError,
    },
    /// The target is not a playlist.
    #[error("`{target}` is not a playlist: it does not begin with #EXTM3U")]
    NotAPlaylist {
        /// URL without query and credentials.
        target: String,
    },
    /// The master playlist refers to too many playlists.
    #[error("the master playlist names {count} playlists; at most {max} are checked")]
    TooManyPlaylists {
        /// Number of playlists that it refers to.
        count: usize,
        /// Maximum number.
        max: usize,
    },
    /// The HTTP client cannot be created on this machine.
    #[error(transparent)]
    Client(#[from] FetchError),
}

/// Reads everything below `target`.
pub(crate) async fn load(
    fetch: &dyn Fetch,
    target: &Url,
    options: &Options,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Tree, LoadError> {
    let shown = place::short(target, target);
    let first = load_playlist(fetch, target, target, options).await;
    let first = first.map_err(|source| LoadError::Unreadable {
        target: shown.clone(),
        source,
    })?;
    if !first
        .text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with("#EXTM3U")
    {
        return Err(LoadError::NotAPlaylist { target: shown });
    }
    let mut tree = Tree {
        target: shown,
        master: None,
        renditions: vec![],
        counts: Default::default(),
    };
    tree.counts.playlists = 1;
    match Playlist::parse(&first.text).playlist {
        Playlist::Master(playlist) => {
            load_renditions(fetch, target, first, playlist, options, &mut tree).await?;
        }
        Playlist::Media(_) => {
            let named_at = Place {
                playlist: first.document.place.clone(),
                line: None,
                segment: None,
            };
            tree.renditions
                .push(playlists::rendition(Ok(first), vec![Role::Alone], named_at));
        }
    }
    progress(Progress::Playlists {
        count: tree.renditions.len(),
    });
    segments::load(fetch, &mut tree, options, progress).await;
    Ok(tree)
}

async fn load_renditions(
    fetch: &dyn Fetch,
    target: &Url,
    first: Loaded,
    playlist: MasterPlaylist,
    options: &Options,
    tree: &mut Tree,
) -> Result<(), LoadError> {
    let mut document = first.document;
    document.problems = first.problems;
    document.uris = playlists::master_uris(&playlist);
    let named = named(&playlist);
    if named.len() > options.max_playlists {
        return Err(LoadError::TooManyPlaylists {
            count: named.len(),
            max: options.max_playlists,
        });
    }
    let mut urls: Vec<Option<Url>> = vec![];
    for (role, line, uri) in named {
        let url = crate::fetch::resolve(&document.url, &uri);
        let known = url
            .as_ref()
            .ok()
            .and_then(|url| urls.iter().position(|it| it.as_ref() == Some(url)));
        if let Some(known) = known {
            tree.renditions[known].roles.push(role);
            continue;
        }
        let loaded = match &url {
            Ok(url) => load_playlist(fetch, target, url, options).await,
            Err(error) => Err(error.clone()),
        };
        tree.counts.playlists += u64::from(loaded.is_ok());
        let loaded = loaded.map_err(|error| (unread(target, url.as_ref().ok(), &uri), error));
        tree.renditions
            .push(playlists::rendition(loaded, vec![role], document.at(line)));
        urls.push(url.ok());
    }
    tree.master = Some(Master { document, playlist });
    Ok(())
}

/// A placeholder for a playlist that could not be read.
fn unread(target: &Url, url: Option<&Url>, uri: &str) -> Document {
    Document {
        place: url.map_or_else(|| place::written(uri), |it| place::short(target, it)),
        url: url.unwrap_or(target).clone(),
        content_type: None,
        gzip: false,
        not_utf8: false,
        problems: vec![],
        uris: vec![],
    }
}

/// All media playlists of a master playlist: role, line, URI.
fn named(playlist: &MasterPlaylist) -> Vec<(Role, u32, String)> {
    let variants = playlist.variants.iter().enumerate();
    let mut named: Vec<_> = variants
        .map(|(at, it)| (Role::Variant(at), it.uri_line, it.uri.clone()))
        .collect();
    for (at, media) in playlist.media.iter().enumerate() {
        if let Some(uri) = &media.uri
            && media.media_type != Some(MediaType::ClosedCaptions)
        {
            named.push((Role::Media(at), media.line, uri.clone()));
        }
    }
    let iframes = playlist.iframes.iter().enumerate();
    named.extend(iframes.map(|(at, it)| (Role::IFrames(at), it.line, it.uri.clone())));
    named
}

/// A loaded playlist, or its placeholder and the reason why it could not be read.
pub(crate) type LoadedOr = Result<Loaded, (Document, FetchError)>;
