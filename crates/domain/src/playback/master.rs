//! The master playlist for one viewer: renditions that they may not watch are omitted, the others get a pass.

use std::collections::HashSet;

use crate::grant::VerifiedGrant;
use crate::ids::Generation;
use crate::keyring::PassKeys;
use crate::object_key::{ObjectKey, RenditionName};
use crate::pass::{Pass, Purpose};
use hls::parse::{MasterPlaylist, MediaType, Variant};
use hls::rewrite::{Edit, ReferenceKind, rewrite};
use hls::write::START_AT_BEGINNING;

use super::{Config, Headers, Refusal, Request, Subject, pace};

/// A master playlist to read and to rewrite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterPlan {
    /// The object of the master playlist.
    pub object: ObjectKey,
    /// The viewer and session of the request.
    pub subject: Subject,
    /// Headers of the response. It has no ETag, because its content depends on the time.
    pub headers: Headers,
    /// Expiry of the passes in it, Unix seconds.
    pub expires: u64,
    limits: crate::grant::Limits,
    base: String,
    /// The query of the playlist URLs while the video grows, for a player that needs pace.
    pace: Option<String>,
}

/// A reference in a stored master playlist: `{generation}/{rendition}/{file}`.
struct Target {
    generation: Generation,
    rendition: RenditionName,
}

impl MasterPlan {
    pub(super) fn new(
        verified: &VerifiedGrant,
        now: u64,
        request: &Request<'_>,
        config: &Config,
    ) -> Self {
        let grant = &verified.grant;
        let object = ObjectKey::Master { video: grant.video };
        let subject = Subject {
            video: grant.video,
            viewer: verified.viewer,
            session: verified.session,
            renewed: None,
            check_segments: grant.limits.check_segments,
        };
        let headers = Headers::object(&object, &grant.limits, request, config);
        let expires = config.pass_end(grant, now);
        let pace = pace::is_needed(request).then(|| pace::query(now));
        Self {
            object,
            subject,
            headers,
            expires,
            limits: grant.limits.clone(),
            base: config.base.clone(),
            pace,
        }
    }

    /// The playlist for this viewer.
    pub fn rewrite(&self, text: &str, keys: &PassKeys) -> Result<String, Refusal> {
        let playlist = MasterPlaylist::parse(text).playlist;
        let (dropped, stay) = self.filter(&playlist)?;
        let targets = stay
            .iter()
            .map(|uri| target(uri).ok_or(Refusal::Playlist))
            .collect::<Result<Vec<_>, _>>()?;
        let generation = targets
            .first()
            .map(|it| it.generation.clone())
            .ok_or(Refusal::Playlist)?;
        if targets.iter().any(|it| it.generation != generation) {
            return Err(Refusal::Playlist);
        }
        let renditions = self.limits.max_height.map(|_| {
            let mut names: Vec<RenditionName> = Vec::with_capacity(targets.len());
            for Target { rendition, .. } in targets {
                let place = names.iter().take_while(|it| **it < rendition).count();
                if names.get(place) != Some(&rendition) {
                    names.insert(place, rendition);
                }
            }
            names
        });
        let pass = Pass {
            purpose: Purpose::Stream,
            video: self.subject.video,
            generation,
            session: self.subject.session,
            viewer: self.subject.viewer,
            expires: self.expires,
            renditions,
            limits: self.limits.clone(),
        };
        let prefix = format!(
            "{}/s/{}/",
            self.base,
            pass.sign(keys).map_err(|_| Refusal::Playlist)?
        );
        let pace = self
            .pace
            .as_ref()
            .filter(|_| text.ends_with(START_AT_BEGINNING));
        Ok(rewrite(text, &dropped, |reference, out| {
            // Keys are in the media playlists, where they have their own passes.
            if reference.kind != ReferenceKind::SessionKey && is_relative(reference.uri) {
                out.push_str(&prefix);
            }
            let Some(query) = pace else { return Edit::Keep };
            out.push_str(reference.uri);
            out.push_str(query);
            Edit::Replace
        }))
    }

    /// The lines to omit, and the URIs of the renditions that remain.
    fn filter<'p>(
        &self,
        playlist: &'p MasterPlaylist,
    ) -> Result<(Vec<u32>, Vec<&'p str>), Refusal> {
        let allowed = |variant: &Variant| match (self.limits.max_height, variant.resolution) {
            (None, _) => true,
            (Some(limit), Some(size)) => size.width.min(size.height) <= limit,
            // A variant without a resolution may be too large; audio alone has none.
            (Some(_), None) => variant.codecs.as_deref().is_some_and(is_audio),
        };
        let mut dropped: Vec<u32> = playlist.session_keys.iter().map(|it| it.line).collect();
        let mut stay = vec![];
        for variant in playlist.variants.iter().chain(&playlist.iframes) {
            if allowed(variant) {
                stay.push(variant.uri.as_str());
            } else {
                dropped.extend([variant.line, variant.uri_line]);
            }
        }
        if !playlist.variants.iter().any(allowed) {
            return Err(if playlist.variants.is_empty() {
                Refusal::Playlist
            } else {
                Refusal::MaxHeight
            });
        }
        let used: HashSet<(MediaType, &str)> = playlist
            .variants
            .iter()
            .filter(|it| allowed(it))
            .flat_map(groups)
            .collect();
        let known: HashSet<(MediaType, &str)> = playlist.variants.iter().flat_map(groups).collect();
        for media in &playlist.media {
            let group = media.media_type.zip(media.group.as_deref());
            if group.is_some_and(|it| known.contains(&it) && !used.contains(&it)) {
                dropped.push(media.line);
            } else {
                stay.extend(media.uri.as_deref());
            }
        }
        dropped.sort_unstable();
        dropped.dedup();
        Ok((dropped, stay))
    }
}

/// The groups that a variant refers to.
fn groups(variant: &Variant) -> impl Iterator<Item = (MediaType, &str)> {
    let groups = [
        (MediaType::Audio, &variant.audio),
        (MediaType::Video, &variant.video),
        (MediaType::Subtitles, &variant.subtitles),
        (MediaType::ClosedCaptions, &variant.closed_captions),
    ];
    groups
        .into_iter()
        .filter_map(|(kind, group)| Some((kind, group.as_deref()?)))
}

/// Whether codecs (RFC 6381) are all audio codecs.
fn is_audio(codecs: &str) -> bool {
    codecs.split(',').all(|it| {
        ["mp4a.", "ac-3", "ec-3", "ac-4", "opus", "Opus", "fLaC"]
            .iter()
            .any(|name| it.trim().starts_with(name))
    })
}

/// `{generation}/{rendition}/{file}`, as the transcoder writes it. Anything else could escape the pass.
fn target(uri: &str) -> Option<Target> {
    let mut parts = uri.split('/');
    let generation = parts.next()?.parse().ok()?;
    let rendition: RenditionName = parts.next()?.parse().ok()?;
    let file = parts.next()?.strip_suffix(".m3u8")?;
    (parts.next().is_none() && file == rendition.as_str()).then_some(Target {
        generation,
        rendition,
    })
}

/// Whether a URI is a path relative to the playlist.
pub(super) fn is_relative(uri: &str) -> bool {
    let scheme = uri
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default()
        .contains(':');
    !uri.is_empty() && !uri.starts_with(['/', '?', '#']) && !scheme
}
