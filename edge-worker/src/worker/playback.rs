//! Requests of viewers: `domain::playback` decides, and this module executes the decision with R2,
//! KV and the cache.

use std::rc::Rc;

use domain::object_key::CachePolicy;
use domain::playback::{
    self, Conditions, Config, EdgeAction, Entry, Headers, Lookup, MAX_PLAYLIST_BYTES,
    MAX_WRAPPED_KEY_BYTES, MasterPlan, MediaPlan, ObjectResponse, Refusal, RenewPlan, ServePlan,
};
use futures_util::future::join;
use web_sys::{ReadableStream, Request, Response};
use worker::{Context, Env, Object, Range, ResponseBody, console_error};

use super::bindings::{self, Bindings};
use super::request::EdgeRequest;
use super::response::EdgeResponse;
use super::views::Viewing;
use super::{cache, signatures, store};

/// The reason why a decision could not be executed.
pub(super) struct Failed {
    refusal: Refusal,
    /// `Content-Range`, where the range cannot be satisfied.
    content_range: Option<String>,
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            content_range: None,
        }
    }
}

impl From<worker::Error> for Failed {
    fn from(error: worker::Error) -> Self {
        console_error!("could not serve a request: {error}");
        Refusal::Unavailable.into()
    }
}

/// Responds to a request.
pub(super) async fn respond(
    request: &Request,
    env: &Env,
    context: &Context,
) -> worker::Result<Response> {
    let request = EdgeRequest::new(request);
    let Some(bindings) = bindings::playback(env) else {
        return refused(&Refusal::Unavailable.into(), &request, &Config::default());
    };
    let settings = &bindings.settings;
    let mut asked = request.playback();
    if let Some(signature) = playback::delegated(&asked, &settings.keys) {
        asked.signature = Some(signatures::is_valid(&signature).await);
    }
    let action = playback::decide(&asked, now(), &settings.keys, &settings.config);
    let handler = Handler {
        bindings: Rc::clone(&bindings),
        request: &request,
        context,
    };
    let viewing = Viewing::of(&action, &asked, &request, &bindings);
    let result = handler.carry_out(action).await;
    if let Some(viewing) = viewing {
        let refusal = result.as_ref().err().map(|it| it.refusal);
        viewing.count(refusal, &asked);
    }
    match result {
        Ok(response) => Ok(response),
        Err(failed) => refused(&failed, &request, &settings.config),
    }
}

/// Current time, Unix seconds.
fn now() -> u64 {
    (js_sys::Date::now() / 1000.0) as u64
}

/// The response if a decision could not be executed.
fn refused(
    failed: &Failed,
    request: &EdgeRequest<'_>,
    config: &Config,
) -> worker::Result<Response> {
    let EdgeAction::Refuse(refusal, headers) =
        playback::refuse(failed.refusal, &request.playback(), config)
    else {
        // `refuse` only returns refusals.
        return EdgeResponse::new(500, &Headers::default()).stream(None);
    };
    let mut response = EdgeResponse::new(refusal.status(), &headers);
    if let Some(content_range) = &failed.content_range {
        response = response.header("content-range", content_range);
    }
    response.bytes(refusal.problem().as_bytes(), request.is_head())
}

struct Handler<'a> {
    bindings: Rc<Bindings>,
    request: &'a EdgeRequest<'a>,
    context: &'a Context,
}

impl Handler<'_> {
    async fn carry_out(&self, action: EdgeAction) -> Result<Response, Failed> {
        let (is_head, lookup) = (self.request.is_head(), action.lookup());
        match action {
            EdgeAction::Refuse(refusal, headers) => {
                Ok(EdgeResponse::new(refusal.status(), &headers)
                    .bytes(refusal.problem().as_bytes(), is_head)?)
            }
            EdgeAction::Preflight(headers) => Ok(EdgeResponse::new(204, &headers).stream(None)?),
            EdgeAction::Serve(plan) => self.permitted(lookup, self.serve(&plan)).await,
            EdgeAction::RewriteMaster(plan) => self.master(&plan, lookup).await,
            EdgeAction::RewriteMedia(plan) => self.media(&plan, lookup).await,
            EdgeAction::ReleaseKey(plan) => {
                let reading = store::read(
                    &self.bindings.private,
                    &plan.object,
                    MAX_WRAPPED_KEY_BYTES,
                    Refusal::Key,
                );
                let wrapped = self.permitted(lookup, reading).await?;
                let key =
                    plan.release(&wrapped.bytes, &self.bindings.settings.key_encryption_keys)?;
                Ok(EdgeResponse::new(200, &plan.headers).bytes(key.expose(), is_head)?)
            }
            EdgeAction::Report(plan) => {
                self.permitted(lookup, async { Ok(()) }).await?;
                Ok(EdgeResponse::new(204, &plan.headers).stream(None)?)
            }
            EdgeAction::Renew(plan) => self.renew(&plan, lookup).await,
            EdgeAction::Revoke(plan) => {
                for entry in &plan.entries {
                    self.bindings.list.store(entry).await?;
                }
                Ok(EdgeResponse::new(204, &plan.headers).stream(None)?)
            }
        }
    }

    async fn renew(&self, plan: &RenewPlan, lookup: Option<Lookup>) -> Result<Response, Failed> {
        self.permitted(lookup, async { Ok(()) }).await?;
        let Entry {
            name,
            value,
            seconds,
        } = &plan.entry;
        let key = self.cache_key(name);
        let (stored, ()) = join(
            self.bindings.list.store(&plan.entry),
            cache::store_entry(&key, value, *seconds),
        )
        .await;
        stored?;
        Ok(EdgeResponse::new(200, &plan.headers).bytes(plan.body().as_bytes(), false)?)
    }

    async fn master(&self, plan: &MasterPlan, lookup: Option<Lookup>) -> Result<Response, Failed> {
        let reading = store::read(
            &self.bindings.media,
            &plan.object,
            MAX_PLAYLIST_BYTES,
            Refusal::Playlist,
        );
        let stored = self.permitted(lookup, reading).await?;
        let text = plan.rewrite(utf8(&stored.bytes)?, &self.bindings.settings.keys.passes)?;
        self.playlist(EdgeResponse::new(200, &plan.headers), &text)
    }

    async fn media(&self, plan: &MediaPlan, lookup: Option<Lookup>) -> Result<Response, Failed> {
        let passes = &self.bindings.settings.keys.passes;
        let reading = store::read(
            &self.bindings.media,
            &plan.object,
            MAX_PLAYLIST_BYTES,
            Refusal::Playlist,
        );
        let stored = self.permitted(lookup, reading).await?;
        let tag = plan.etag(&stored.etag, passes);
        if self.request.conditions().not_modified(&tag) {
            return Ok(EdgeResponse::new(304, &plan.headers)
                .header("etag", &tag)
                .stream(None)?);
        }
        let text = plan.rewrite(utf8(&stored.bytes)?, passes)?;
        self.playlist(
            EdgeResponse::new(200, &plan.headers).header("etag", &tag),
            &text,
        )
    }

    /// Compression shrinks playlists to a tenth (Apple HLS authoring specification, 10.1), and
    /// Cloudflare does not compress this type by itself. The runtime does, if the response declares
    /// it.
    fn playlist(&self, response: EdgeResponse, text: &str) -> Result<Response, Failed> {
        match (self.request.takes_gzip(), self.request.is_head()) {
            // The length is unknown until the body is compressed (RFC 9110, 8.6).
            (true, true) => Ok(response.header("content-encoding", "gzip").stream(None)?),
            (true, false) => Ok(response
                .header("content-encoding", "gzip")
                .bytes(text.as_bytes(), false)?),
            (false, is_head) => Ok(response.bytes(text.as_bytes(), is_head)?),
        }
    }

    /// Streams an object without copying its bytes into the memory of WebAssembly.
    async fn serve(&self, plan: &ServePlan) -> Result<Response, Failed> {
        let conditions = self.request.conditions();
        if conditions.need_size() {
            return self.serve_part(plan, &conditions).await;
        }
        let path = plan.object.path();
        let immutable = plan.object.cache_policy() == CachePolicy::Immutable;
        let key = self.cache_key(&path);
        let cached = match immutable {
            true => cache::find(&key).await,
            false => None,
        };
        let (tag, body) = match &cached {
            Some(found) => {
                let tag = found.headers().get("etag").ok().flatten();
                (tag.unwrap_or_default(), found.body())
            }
            None => {
                let reading = self.bindings.media.get(path).execute();
                let object = reading.await?.ok_or(Refusal::NotFound)?;
                (object.http_etag(), Some(body_of(&object)?))
            }
        };
        let (status, body) = match conditions.not_modified(&tag) {
            true => (304, None),
            false => (200, body),
        };
        if status == 200 && immutable && cached.is_none() {
            self.fill_cache(plan, key);
        }
        let response = EdgeResponse::new(status, &plan.headers).header("etag", &tag);
        Ok(response.stream(body.as_ref())?)
    }

    /// Reads an object once more, for the cache. If the viewer and the cache shared one stream, the
    /// runtime would keep what the cache has read and a slow viewer has not: with many of them, more
    /// than the memory of the isolate.
    fn fill_cache(&self, plan: &ServePlan, key: String) {
        let bindings = Rc::clone(&self.bindings);
        if !bindings.fills.begin(now()) {
            return;
        }
        let (path, content_type) = (plan.object.path(), plan.object.content_type());
        self.context.wait_until(async move {
            if let Ok(Some(object)) = bindings.media.get(path).execute().await
                && let Ok(body) = body_of(&object)
            {
                let tag = object.http_etag();
                cache::store_object(&key, &body, content_type, &tag).await;
            }
            bindings.fills.end();
        });
    }

    /// Answers where the size of the object is needed first.
    async fn serve_part(
        &self,
        plan: &ServePlan,
        conditions: &Conditions,
    ) -> Result<Response, Failed> {
        let path = plan.object.path();
        let object = self
            .bindings
            .media
            .head(path.as_str())
            .await?
            .ok_or(Refusal::NotFound)?;
        let tag = object.http_etag();
        let response = |status| EdgeResponse::new(status, &plan.headers).header("etag", &tag);
        let content = match conditions.respond(object.size(), &tag) {
            ObjectResponse::NotModified => return Ok(response(304).stream(None)?),
            ObjectResponse::Unsatisfiable(content_range) => {
                return Err(Failed {
                    refusal: Refusal::Range,
                    content_range: Some(content_range),
                });
            }
            ObjectResponse::Content(content) => content,
        };
        let mut response = response(content.status);
        if let Some(content_range) = &content.content_range {
            response = response.header("content-range", content_range);
        }
        if conditions.is_head {
            return Ok(response.length(content.length)?);
        }
        let mut reading = self.bindings.media.get(path);
        if let Some(range) = content.range {
            reading = reading.range(Range::OffsetWithLength {
                offset: range.start,
                length: content.length,
            });
        }
        let object = reading.execute().await?.ok_or(Refusal::NotFound)?;
        if object.http_etag() != tag {
            return Err(Refusal::Unavailable.into());
        }
        Ok(response.stream(Some(&body_of(&object)?))?)
    }

    fn cache_key(&self, path: &str) -> String {
        format!("{}/{path}", self.request.own_origin())
    }

    /// Reads an object, and looks up at the same time whether the permission was revoked or
    /// renewed.
    async fn permitted<T>(
        &self,
        lookup: Option<Lookup>,
        reading: impl Future<Output = Result<T, Failed>>,
    ) -> Result<T, Failed> {
        let Some(lookup) = lookup else {
            return reading.await;
        };
        let (judged, read) = join(self.judge(lookup), reading).await;
        judged?;
        read
    }

    async fn judge(&self, mut lookup: Lookup) -> Result<(), Failed> {
        let now = now();
        if let Some(name) = lookup.renewal.take() {
            // A renewal that this location has cached is valid until it expires, and saves a KV
            // look-up per segment.
            let here = cache::find_entry(&self.cache_key(&name)).await;
            let renewal = Lookup {
                revocations: vec![],
                renewal: Some(name),
            };
            if renewal.judge(now, |_| here.clone()).is_err() {
                lookup.renewal = renewal.renewal;
            }
        }
        let names: Vec<String> = lookup
            .revocations
            .iter()
            .chain(&lookup.renewal)
            .cloned()
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        // If the look-up fails, nothing is handed out.
        let found = self.bindings.list.find(&names).await?;
        Ok(lookup.judge(now, |name| {
            found.iter().find(|it| it.0 == name).map(|it| it.1.clone())
        })?)
    }
}

fn body_of(object: &Object) -> Result<ReadableStream, Failed> {
    match object.body().ok_or(Refusal::Unavailable)?.response_body()? {
        ResponseBody::Stream(stream) => Ok(stream),
        ResponseBody::Empty | ResponseBody::Body(_) => Err(Refusal::Unavailable.into()),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Failed> {
    std::str::from_utf8(bytes).map_err(|_| {
        console_error!("a stored playlist is not UTF-8");
        Refusal::Playlist.into()
    })
}
