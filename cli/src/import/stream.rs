//! The API of Cloudflare Stream: <https://developers.cloudflare.com/api/resources/stream>.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use api_types::{Metadata, Sensitive, Timestamp};
use domain::time::{UnixMillis, millis};
use http::Method;
use platform::clock;
use platform::secret::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Credentials, ServiceClient, ServiceError};
use super::{Listed, Original};
use crate::catalogue::Asset;

/// The name of the service.
pub(super) const NAME: &str = "Cloudflare Stream";
/// The API.
const BASE: &str = "https://api.cloudflare.com/client/v4";
const REMEDY: &str = "check `CLOUDFLARE_API_TOKEN` and `CLOUDFLARE_ACCOUNT_ID`, and that the token has the permission \
                      `Stream: Edit` for this account";
/// Lifetime of the token for a protected file. Cloudflare permits 24 hours.
const TOKEN: Duration = Duration::from_secs(23 * 3_600);
/// Longest metadata of a video that are kept, in bytes of JSON. The API accepts 16 KiB with everything else.
const META_LIMIT: usize = 8 << 10;

/// An account of Cloudflare.
pub struct Stream {
    client: ServiceClient,
    account: String,
}

#[derive(Deserialize)]
struct Page {
    result: Vec<StreamVideo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StreamVideo {
    uid: String,
    created: Option<String>,
    creator: Option<String>,
    /// -1: unknown.
    duration: Option<f64>,
    /// -1: unknown.
    size: Option<f64>,
    meta: Option<Metadata>,
    ready_to_stream: Option<bool>,
    #[serde(rename = "requireSignedURLs")]
    require_signed_urls: Option<bool>,
    status: Option<Status>,
    live_input: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    state: Option<String>,
    error_reason_text: Option<String>,
}

/// The downloads of a video, or the new one: Cloudflare documents both forms.
#[derive(Deserialize)]
struct Downloads {
    result: Option<DownloadsResult>,
}

#[derive(Deserialize)]
struct DownloadsResult {
    default: Option<Download>,
    #[serde(flatten)]
    created: Download,
}

#[derive(Deserialize)]
struct Download {
    status: Option<String>,
    url: Option<Sensitive>,
}

#[derive(Deserialize)]
struct Token {
    result: TokenResult,
}

#[derive(Deserialize)]
struct TokenResult {
    token: Sensitive,
}

impl Stream {
    /// A client with an API token. `base`: the base URL of another server, for tests.
    ///
    /// # Errors
    /// If the account id has other characters than letters and digits, or the system's certificates cannot be read.
    pub fn new(account: &Secret, token: Secret, base: Option<&str>) -> anyhow::Result<Self> {
        let account = account.expose().to_owned();
        let is_id = !account.is_empty() && account.bytes().all(|it| it.is_ascii_alphanumeric());
        anyhow::ensure!(is_id, "`CLOUDFLARE_ACCOUNT_ID` is not the id of an account");
        let credentials = Credentials::Bearer(token);
        let client = ServiceClient::new(NAME, REMEDY, base.unwrap_or(BASE), credentials)?;
        Ok(Self { client, account })
    }

    /// All videos of the account, oldest first.
    pub(super) async fn list(&self) -> Result<Vec<Listed>, ServiceError> {
        let (mut listed, mut seen, mut after) = (vec![], HashSet::new(), None::<String>);
        loop {
            let mut query = vec![("asc", "true".to_owned())];
            query.extend(after.take().map(|it| ("after", it)));
            // Serialisation cannot fail: all values are text.
            let query = serde_urlencoded::to_string(query).unwrap_or_default();
            let page: Page = self.call(Method::GET, &format!("?{query}"), None).await?;
            let before = seen.len();
            for video in page.result {
                after = video.created.clone().or(after);
                if seen.insert(video.uid.clone()) {
                    listed.push(listed_of(video));
                }
            }
            // The next page begins within the last second of this one, so that no video between two pages is missed.
            after = after.and_then(|it| moment(&it)).map(second_before);
            if seen.len() == before || after.is_none() {
                return Ok(listed);
            }
        }
    }

    /// The MP4 download of a video. The first request creates it.
    pub(super) async fn original(&self, asset: &Asset) -> Result<Original, ServiceError> {
        let id = &asset.id;
        let path = format!("/{id}/downloads");
        let found: Downloads = match self.call(Method::GET, &path, None).await {
            Ok(found) => found,
            Err(error) if error.is_missing() => {
                return Ok(Original::Unavailable(format!(
                    "{NAME}: video {id} was deleted"
                )));
            }
            Err(error) => return Err(error),
        };
        let existing = found.result.and_then(|it| it.default);
        let download = match existing {
            Some(download) => download,
            None => {
                let created: Downloads = self.call(Method::POST, &path, Some(&json!({}))).await?;
                let Some(result) = created.result else {
                    return Ok(Original::Preparing);
                };
                result.default.unwrap_or(result.created)
            }
        };
        match (download.status.as_deref(), download.url) {
            (Some("ready"), Some(url)) if asset.is_signed => self.signed(id, url.expose()).await,
            (Some("ready"), Some(url)) => Ok(Original::Ready(url)),
            (Some("error"), _) => Ok(Original::Unavailable(format!(
                "{NAME}: video {id} has no download: Cloudflare could not create it: upload its original file instead"
            ))),
            _ => Ok(Original::Preparing),
        }
    }

    /// The URL of a protected file: a token takes the place of the id.
    /// <https://developers.cloudflare.com/stream/viewing-videos/securing-your-stream>
    async fn signed(&self, id: &str, url: &str) -> Result<Original, ServiceError> {
        let expires = clock::now() + TOKEN;
        let body = json!({ "downloadable": true, "exp": expires.as_secs() });
        let path = format!("/{id}/token");
        let token: Token = self.call(Method::POST, &path, Some(&body)).await?;
        let signed = url.replacen(id, token.result.token.expose(), 1);
        match signed == url {
            false => Ok(Original::Ready(Sensitive::from(signed))),
            true => Err(self.client.unexpected()),
        }
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, ServiceError> {
        let path = format!("/accounts/{}/stream{path}", self.account);
        self.client.call(method, &path, body).await
    }
}

fn listed_of(found: StreamVideo) -> Listed {
    let unavailable = problem_of(&found);
    let created_at = found.created.as_deref().and_then(moment);
    let meta = found.meta.unwrap_or_default();
    let title = meta
        .get("name")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .filter(|it| !it.trim().is_empty());
    let created = created_at.map(|it| Timestamp::from(it).to_string());
    let creator = found.creator.filter(|it| !it.trim().is_empty());
    let mut details = json!({ "uid": found.uid });
    for (name, value) in [
        ("created", &created),
        ("creator", &creator),
        ("live_input", &found.live_input),
    ] {
        if let Some(value) = value {
            details[name] = json!(value);
        }
    }
    let meta = Value::Object(meta);
    if meta.to_string().len() <= META_LIMIT {
        details["meta"] = meta;
    }
    let asset = Asset {
        playback_ids: vec![found.uid.clone()],
        id: found.uid,
        title,
        creator,
        created_at: created,
        seconds: found.duration.filter(|it| *it > 0.0 && it.is_finite()),
        is_signed: found.require_signed_urls == Some(true),
        metadata: Metadata::from_iter([("stream".to_owned(), details)]),
    };
    Listed {
        asset,
        created_at,
        // Floats saturate in this conversion.
        size: found.size.unwrap_or(0.0).max(0.0) as u64,
        unavailable,
    }
}

/// Why a video cannot be imported, as far as the list says.
fn problem_of(found: &StreamVideo) -> Option<String> {
    let state = found.status.as_ref().and_then(|it| it.state.as_deref());
    let problem = match state {
        Some("error") => {
            let why = found.status.as_ref();
            let why = why.and_then(|it| it.error_reason_text.as_deref());
            format!(
                "failed: {}: upload its original file instead",
                why.unwrap_or("no explanation")
            )
        }
        Some("live-inprogress") => {
            "is a live recording that has not ended: run the command again when it has".to_owned()
        }
        Some("pendingupload") => "was never uploaded: delete it".to_owned(),
        Some("ready") => return None,
        _ if found.ready_to_stream == Some(true) => return None,
        _ => "is not ready yet: run the command again later".to_owned(),
    };
    Some(format!("{NAME}: video {} {problem}", found.uid))
}

/// A time of Cloudflare: RFC 3339 with up to nine digits of a second.
fn moment(text: &str) -> Option<UnixMillis> {
    let time = humantime::parse_rfc3339(text).ok()?;
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(UnixMillis::new(millis(since_1970)))
}

/// The second before a time, as a parameter.
fn second_before(time: UnixMillis) -> String {
    let second = UnixMillis::from_secs(time.as_secs().saturating_sub(1));
    Timestamp::from(second).to_string()
}
