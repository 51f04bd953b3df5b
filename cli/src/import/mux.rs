//! The Video API of Mux: <https://www.mux.com/docs/api-reference/video/assets>.

use api_types::{Metadata, Sensitive, Timestamp};
use domain::time::UnixMillis;
use http::Method;
use platform::secret::Secret;
use serde::Deserialize;
use serde_json::json;

use super::client::{Credentials, ServiceClient, ServiceError};
use super::{Listed, Original};
use crate::catalogue::Asset;

/// The name of the service.
pub(super) const NAME: &str = "Mux";
/// The API.
const BASE: &str = "https://api.mux.com";
const REMEDY: &str = "check `MUX_TOKEN_ID` and `MUX_TOKEN_SECRET`, and that the token has the permissions \
                      `Mux Video: Read` and `Write`";
/// Assets in a page: the most that Mux returns.
const PAGE: u32 = 100;

/// An environment of Mux.
pub struct Mux {
    client: ServiceClient,
    /// Whether assets are imported that Mux plays only with DRM.
    include_drm: bool,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<MuxAsset>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct One {
    data: MuxAsset,
}

#[derive(Deserialize)]
struct MuxAsset {
    id: String,
    status: Option<String>,
    /// Seconds since 1970, as text.
    created_at: Option<String>,
    duration: Option<f64>,
    playback_ids: Option<Vec<PlaybackId>>,
    passthrough: Option<String>,
    meta: Option<Meta>,
    is_live: Option<bool>,
    errors: Option<Errors>,
    master_access: Option<String>,
    master: Option<Master>,
}

#[derive(Deserialize)]
struct PlaybackId {
    id: String,
    policy: Option<String>,
}

#[derive(Default, Deserialize)]
struct Meta {
    title: Option<String>,
    creator_id: Option<String>,
    external_id: Option<String>,
}

#[derive(Deserialize)]
struct Errors {
    messages: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Master {
    status: Option<String>,
    url: Option<Sensitive>,
}

impl Mux {
    /// A client with an access token. `base`: the base URL of another server, for tests.
    ///
    /// # Errors
    /// If the system's certificates cannot be read.
    pub fn new(
        id: Secret,
        secret: Secret,
        base: Option<&str>,
        include_drm: bool,
    ) -> anyhow::Result<Self> {
        let credentials = Credentials::Basic(id, secret);
        let client = ServiceClient::new(NAME, REMEDY, base.unwrap_or(BASE), credentials)?;
        Ok(Self {
            client,
            include_drm,
        })
    }

    /// All assets of the environment.
    pub(super) async fn list(&self) -> Result<Vec<Listed>, ServiceError> {
        let (mut listed, mut cursor) = (vec![], None::<String>);
        loop {
            let mut query = vec![("limit", PAGE.to_string())];
            query.extend(cursor.clone().map(|it| ("cursor", it)));
            // Serialisation cannot fail: all values are text.
            let query = serde_urlencoded::to_string(query).unwrap_or_default();
            let path = format!("/video/v1/assets?{query}");
            let page: Page = self.client.call(Method::GET, &path, None).await?;
            let is_empty = page.data.is_empty();
            listed.extend(page.data.into_iter().map(|it| self.listed(it)));
            if page.next_cursor.is_none() || is_empty {
                return Ok(listed);
            }
            if page.next_cursor == cursor {
                return Err(self.client.unexpected());
            }
            cursor = page.next_cursor;
        }
    }

    /// The master of an asset. The first request enables access to it for a day.
    pub(super) async fn original(&self, asset: &Asset) -> Result<Original, ServiceError> {
        let id = &asset.id;
        let path = format!("/video/v1/assets/{id}");
        let one: One = match self.client.call(Method::GET, &path, None).await {
            Ok(one) => one,
            Err(error) if error.is_missing() => {
                return Ok(Original::Unavailable(format!(
                    "{NAME}: asset {id} was deleted"
                )));
            }
            Err(error) => return Err(error),
        };
        let has_access = one.data.master_access.as_deref() == Some("temporary");
        if let Some(master) = one.data.master.filter(|_| has_access) {
            return Ok(original_of(master, id));
        }
        let path = format!("{path}/master-access");
        let body = json!({ "master_access": "temporary" });
        let granted: Result<One, _> = self.client.call(Method::PUT, &path, Some(&body)).await;
        match granted {
            Ok(one) => Ok(one
                .data
                .master
                .map_or(Original::Preparing, |it| original_of(it, id))),
            Err(ServiceError::Rejected { status, detail, .. }) => {
                Ok(Original::Unavailable(format!(
                    "{NAME}: asset {id} has no master: {status}: {detail}: upload its original file instead"
                )))
            }
            Err(error) => Err(error),
        }
    }

    fn listed(&self, found: MuxAsset) -> Listed {
        let unavailable = self.problem_of(&found);
        let seconds = found.created_at.as_deref().and_then(|it| it.parse().ok());
        let created_at = seconds.map(UnixMillis::from_secs);
        let meta = found.meta.unwrap_or_default();
        let ids = found.playback_ids.unwrap_or_default();
        let playback_ids: Vec<_> = ids.into_iter().map(|it| it.id).collect();
        let created = created_at.map(|it| Timestamp::from(it).to_string());
        let mut details = json!({ "asset_id": found.id, "playback_ids": playback_ids });
        for (name, value) in [
            ("created_at", &created),
            ("passthrough", &found.passthrough),
            ("external_id", &meta.external_id),
            ("creator_id", &meta.creator_id),
        ] {
            if let Some(value) = value {
                details[name] = json!(value);
            }
        }
        let metadata = Metadata::from_iter([("mux".to_owned(), details)]);
        let is_text = |it: &String| !it.trim().is_empty();
        let asset = Asset {
            id: found.id,
            playback_ids,
            title: meta
                .title
                .filter(is_text)
                .or(found.passthrough.filter(is_text)),
            creator: meta.creator_id.filter(is_text),
            created_at: created,
            seconds: found.duration.filter(|it| *it > 0.0 && it.is_finite()),
            is_signed: false,
            metadata,
        };
        Listed {
            asset,
            created_at,
            size: 0,
            unavailable,
        }
    }

    /// Why an asset cannot be imported, as far as the list says.
    fn problem_of(&self, found: &MuxAsset) -> Option<String> {
        let id = &found.id;
        let of_ids = found.playback_ids.as_deref().unwrap_or_default();
        let is_drm = |it: &PlaybackId| it.policy.as_deref() == Some("drm");
        let problem = match found.status.as_deref() {
            Some("errored") => {
                let errors = found.errors.as_ref().and_then(|it| it.messages.as_deref());
                let why = errors.unwrap_or_default().join("; ");
                format!("is errored: {why}: upload its original file instead")
            }
            _ if found.is_live == Some(true) => {
                "is a live stream that has not ended: run the command again when it has".to_owned()
            }
            Some("preparing") => "is not ready yet: run the command again later".to_owned(),
            _ if !of_ids.is_empty() && of_ids.iter().all(is_drm) && !self.include_drm => {
                "is played only with DRM, which Edgereel does not have: add --include-drm to import it without".to_owned()
            }
            _ => return None,
        };
        Some(format!("{NAME}: asset {id} {problem}"))
    }
}

fn original_of(master: Master, id: &str) -> Original {
    match (master.status.as_deref(), master.url) {
        (Some("ready"), Some(url)) => Original::Ready(url),
        (Some("errored"), _) => Original::Unavailable(format!(
            "{NAME}: asset {id} has no master: Mux could not prepare it: ask its support, or upload its original file"
        )),
        _ => Original::Preparing,
    }
}
