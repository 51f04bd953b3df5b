//! The view of a player: playlists through the edge, and the objects that they refer to.

use std::collections::BTreeMap;

use hls::SegmentDecryptor;
use hls::parse::KeyMethod;
use hls::{MasterPlaylist, MediaPlaylist};
use url::Url;

/// Sends the requests of a player.
#[derive(Debug, Clone)]
pub struct Player {
    /// The HTTP client.
    pub http: reqwest::Client,
}

/// A media playlist at one moment.
#[derive(Debug, Clone)]
pub struct Media {
    /// URL of the playlist, to resolve relative URIs.
    pub url: Url,
    /// The parsed playlist.
    pub playlist: MediaPlaylist,
    /// The text of the playlist.
    pub text: String,
}

/// A master playlist and all its media playlists, at one moment.
#[derive(Debug, Clone)]
pub struct Presentation {
    /// The text of the master playlist.
    pub text: String,
    /// The parsed master playlist.
    pub master: MasterPlaylist,
    /// Media playlists by the name of their rendition.
    pub media: BTreeMap<String, Media>,
}

impl Default for Player {
    fn default() -> Self {
        Self::new()
    }
}

impl Player {
    /// A player without a cache.
    ///
    /// # Panics
    /// Never on a machine with a network stack.
    pub fn new() -> Self {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(std::time::Duration::from_secs(20))
            .build();
        Self {
            http: client.expect("an HTTP client can be created"),
        }
    }

    /// Fetches a URL: status and body.
    ///
    /// # Errors
    /// If the server does not respond.
    pub async fn get(&self, url: &str) -> reqwest::Result<(u16, Vec<u8>)> {
        let response = self.http.get(url).send().await?;
        let status = response.status().as_u16();
        Ok((status, response.bytes().await?.to_vec()))
    }

    /// Fetches the master playlist and all its media playlists; `None`: there is no master playlist
    /// yet.
    ///
    /// # Errors
    /// If the server does not respond.
    ///
    /// # Panics
    /// If a playlist is missing or invalid.
    pub async fn presentation(&self, master: &str) -> reqwest::Result<Option<Presentation>> {
        let (status, body) = self.get(master).await?;
        if status == 404 {
            return Ok(None);
        }
        assert_eq!(
            status,
            200,
            "the master playlist: {}",
            String::from_utf8_lossy(&body)
        );
        let base = Url::parse(master).expect("the edge gives absolute addresses");
        let text = String::from_utf8(body).expect("playlists are UTF-8 (RFC 8216, 4.1)");
        let parsed = MasterPlaylist::parse(&text);
        assert!(
            parsed.problems.is_empty(),
            "{:?} in {text}",
            parsed.problems
        );
        let master = parsed.playlist;
        let variants = master
            .variants
            .iter()
            .chain(&master.iframes)
            .map(|it| it.uri.clone());
        let uris: Vec<String> = variants
            .chain(master.media.iter().filter_map(|it| it.uri.clone()))
            .collect();
        assert!(
            !master.variants.is_empty(),
            "a master playlist without variants: {text}"
        );
        let mut media = BTreeMap::new();
        for uri in uris {
            let url = base.join(&uri).expect("URIs in playlists are URIs");
            let found = self.media(&url).await?;
            media.insert(rendition(&url), found);
        }
        Ok(Some(Presentation {
            text,
            master,
            media,
        }))
    }

    async fn media(&self, url: &Url) -> reqwest::Result<Media> {
        let (status, body) = self.get(url.as_str()).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(status, 200, "{} is missing: {text}", url.path());
        let parsed = MediaPlaylist::parse(&text);
        assert!(
            parsed.problems.is_empty(),
            "{:?} in {text}",
            parsed.problems
        );
        assert!(
            !parsed.playlist.segments.is_empty(),
            "a playlist without segments: {text}"
        );
        Ok(Media {
            url: url.clone(),
            playlist: parsed.playlist,
            text,
        })
    }

    /// The content key of a segment.
    ///
    /// # Panics
    /// If the segment is not encrypted, or its key is refused.
    pub async fn key(&self, media: &Media, segment: usize) -> ([u8; 16], [u8; 16], Url) {
        let segment = &media.playlist.segments[segment];
        let key = &media.playlist.keys[*segment.keys.first().expect("the segment is encrypted")];
        assert_eq!(key.method, KeyMethod::Aes128);
        let url = media
            .url
            .join(key.uri.as_deref().expect("a key has a URI"))
            .expect("a URI");
        let (status, body) = self.get(url.as_str()).await.expect("the edge answers");
        assert_eq!(status, 200, "the key at {}", url.path());
        let iv = key.iv_at(segment.sequence);
        (body.try_into().expect("a key has 16 bytes"), iv, url)
    }

    /// The URL of a segment.
    ///
    /// # Panics
    /// If the URI is invalid.
    pub fn segment_url(media: &Media, segment: usize) -> Url {
        media
            .url
            .join(&media.playlist.segments[segment].uri)
            .expect("URIs in playlists are URIs")
    }

    /// A segment as it is stored.
    ///
    /// # Panics
    /// If it is missing.
    pub async fn segment(&self, media: &Media, segment: usize) -> Vec<u8> {
        let url = Self::segment_url(media, segment);
        let (status, body) = self.get(url.as_str()).await.expect("the edge answers");
        assert_eq!(status, 200, "{} is missing", url.path());
        body
    }

    /// A decrypted segment.
    ///
    /// # Panics
    /// If it cannot be decrypted.
    pub async fn clear_segment(&self, media: &Media, segment: usize) -> Vec<u8> {
        let (key, iv, _) = self.key(media, segment).await;
        let (stored, mut clear) = (self.segment(media, segment).await, vec![]);
        let mut decryptor = SegmentDecryptor::new(&key, iv);
        decryptor.update(&stored, &mut clear);
        decryptor.finish(&mut clear).expect("the padding is right");
        clear
    }
}

/// The name of the rendition of a media playlist: `.../1080p/1080p.m3u8`.
pub fn rendition(url: &Url) -> String {
    let file = url
        .path_segments()
        .and_then(|mut it| it.next_back())
        .unwrap_or_default();
    file.trim_end_matches(".m3u8").to_owned()
}
