//! A media playlist for one viewer: keys get their own passes, segments may come from a public host.

use crate::ids::hex;
use crate::keyring::PassKeys;
use crate::object_key::{ObjectKey, RenditionName};
use crate::pass::{Pass, Purpose};
use hls::rewrite::{Edit, Reference, ReferenceKind, rewrite, rewrite_tags};
use sha2::{Digest as _, Sha256};

use super::master::is_relative;
use super::{Config, Headers, Refusal, Request, Subject, pace};

/// A media playlist to read and to rewrite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaPlan {
    /// The object of the media playlist.
    pub object: ObjectKey,
    /// The viewer and session of the request.
    pub subject: Subject,
    /// Headers of the response.
    pub headers: Headers,
    rendition: RenditionName,
    pass: Pass,
    /// The pass as it was in the path.
    text: String,
    base: String,
    cdn: Option<String>,
    /// Reveals the playlist at the pace of playback, as far as after these seconds.
    elapsed: Option<u64>,
}

impl MediaPlan {
    pub(super) fn new(
        object: ObjectKey,
        rendition: RenditionName,
        text: &str,
        (pass, subject): (Pass, Subject),
        request: &Request<'_>,
        (now, config): (u64, &Config),
    ) -> Self {
        let headers = Headers::object(&object, &pass.limits, request, config);
        Self {
            subject,
            object,
            headers,
            rendition,
            pass,
            text: text.to_owned(),
            base: config.base.clone(),
            cdn: config.cdn.clone(),
            elapsed: pace::elapsed(request.query, now),
        }
    }

    /// The playlist for this viewer. The same text, pass, keys and elapsed time give the same result.
    pub fn rewrite(&self, text: &str, keys: &PassKeys) -> Result<String, Refusal> {
        let revealed = self.elapsed.and_then(|elapsed| pace::reveal(text, elapsed));
        let text = revealed.as_deref().unwrap_or(text);
        // Clear segments go through the edge, because a public host would serve them to anyone. So do looked-up ones.
        let segments = self
            .cdn
            .as_ref()
            .filter(|_| !self.pass.limits.check_segments && !has_clear_segments(text))
            .map(|cdn| {
                let video = self.pass.video;
                format!(
                    "{cdn}/hls/{video}/{}/{}/",
                    self.pass.generation, self.rendition
                )
            });
        // One key serves many segments, and rotated keys follow one another: the last URL is cached.
        let mut last: Option<(String, String)> = None;
        let mut failed = None;
        let edit = |reference: Reference<'_>, out: &mut String| match reference.kind {
            ReferenceKind::Key | ReferenceKind::SessionKey => {
                if last.as_ref().is_none_or(|it| it.0 != reference.uri) {
                    match self.key_url(reference.uri, keys) {
                        Ok(url) => last = Some((reference.uri.to_owned(), url)),
                        Err(refusal) => failed = Some(refusal),
                    }
                }
                if let Some((_, url)) = &last {
                    out.push_str(url);
                }
                Edit::Replace
            }
            // An initialisation section is never encrypted, so it goes through the edge too.
            ReferenceKind::Segment => {
                if let Some(prefix) = segments.as_ref().filter(|_| is_relative(reference.uri)) {
                    out.push_str(prefix);
                }
                Edit::Keep
            }
            _ => Edit::Keep,
        };
        let out = if segments.is_some() {
            rewrite(text, &[], edit)
        } else {
            rewrite_tags(text, edit)
        };
        failed.map_or(Ok(out), Err)
    }

    /// The ETag of the response, for a playlist stored with the ETag `stored`. Weak: the response may be compressed.
    pub fn etag(&self, stored: &str, keys: &PassKeys) -> String {
        let mut hash = Sha256::new();
        let current = keys.current().map_or("", |it| it.0.as_str());
        for part in [
            self.text.as_str(),
            current,
            &self.base,
            self.cdn.as_deref().unwrap_or_default(),
        ] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        if let Some(elapsed) = self.elapsed {
            hash.update(elapsed.to_be_bytes());
        }
        let stored: String = stored
            .chars()
            .filter(|it| it.is_ascii_alphanumeric() || *it == '-')
            .collect();
        format!("W/\"{stored}-{}\"", hex(&hash.finalize()[..4]))
    }

    /// Stored playlists refer to a relative `{key}.key`; the URL carries a pass for that key only.
    fn key_url(&self, uri: &str, keys: &PassKeys) -> Result<String, Refusal> {
        let key: RenditionName = uri
            .strip_suffix(".key")
            .and_then(|it| it.parse().ok())
            .ok_or(Refusal::Playlist)?;
        let pass = Pass {
            purpose: Purpose::Key,
            renditions: Some(vec![key.clone()]),
            ..self.pass.clone()
        };
        let signed = pass.sign(keys).map_err(|_| Refusal::Playlist)?;
        Ok(format!(
            "{}/k/{signed}/{}/{key}.key",
            self.base, self.pass.generation
        ))
    }
}

/// Whether no key, or none of AES-128, applies to one of the segments. A key applies until the next one
/// is named; initialisation sections are clear, so the method is NONE before each of them.
fn has_clear_segments(text: &str) -> bool {
    const KEY: &str = "#EXT-X-KEY:METHOD=";
    let names_segment =
        |part: &str| (part.lines().skip(1)).any(|it| !it.is_empty() && !it.starts_with('#'));
    // The first line is that of EXTM3U, or the rest of a key.
    let mut parts = text.split(KEY);
    parts.next().is_some_and(names_segment)
        || parts.any(|it| !it.starts_with("AES-128") && names_segment(it))
}

#[cfg(test)]
mod tests {
    use super::has_clear_segments;

    #[test]
    fn keys_apply_until_the_next_one() {
        let (key, none, map) = (
            "#EXT-X-KEY:METHOD=AES-128,URI=\"a.key\"\n",
            "#EXT-X-KEY:METHOD=NONE\n",
            "#EXT-X-MAP:URI=\"a_init.mp4\"\n",
        );
        let segment = "#EXTINF:6,\na_00000.m4s\n";
        for (parts, is_clear) in [
            (vec![], false),
            (vec![segment], true),
            (vec![key, segment], false),
            (vec![map, key, segment], false),
            (vec![segment, key, segment], true),
            (vec![key, segment, none, segment], true),
            (vec![key, segment, none, map, key, segment], false),
            (vec![key, segment, none, map], false),
            (
                vec!["#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"a.key\"\n", segment],
                true,
            ),
        ] {
            let text = format!("#EXTM3U\n{}#EXT-X-ENDLIST\n", parts.concat());
            assert_eq!(has_clear_segments(&text), is_clear, "{text}");
        }
    }
}
