//! Imports the assets of other video services, through their HTTP APIs and ours.
//!
//! Our API fetches each file by its URL. The external id of a video names its asset, so the API knows what was imported,
//! and a run that was killed at any moment is continued by the next one.

mod client;
mod existing;
mod inventory;
mod mux;
mod stream;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use api_types::Sensitive;
use api_types::videos::{CreateVideo, Video};
use domain::ids::hex;
use domain::job::Mode;
use platform::clock;
use sha2::{Digest as _, Sha256};

pub use client::ServiceError;
pub use inventory::{Inventory, take};
pub use mux::Mux;
pub use stream::Stream;

use crate::api::{Api, ApiError};
use crate::catalogue::{Asset, Item, ItemState, Sent, Source};
use existing::{Existing, existing};

/// Time between the first two looks at a file that the service prepares; doubled each time.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// Longest time between two looks.
const LAST_LOOK: Duration = Duration::from_secs(30);
/// How long a service may prepare a file.
const PREPARATION: Duration = Duration::from_secs(3_600);
/// For this time, an earlier request with the same idempotency key may still be at work.
const SETTLING: Duration = Duration::from_secs(2);
/// Longest title of the API in bytes.
const TITLE_LIMIT: usize = 1_000;

/// How assets are imported.
#[derive(Debug, Clone, Default)]
pub struct ImportSettings {
    /// Name of the profile. Default: the profile of the installation.
    pub profile: Option<String>,
    /// How to convert. Default: the mode of the installation.
    pub mode: Option<Mode>,
    /// Owner of the videos.
    pub owner: Option<String>,
    /// Whether the creator of an asset becomes the owner of its video.
    pub creators_are_owners: bool,
}

/// Another video service.
pub enum Service {
    /// Mux.
    Mux(Mux),
    /// Cloudflare Stream.
    Stream(Stream),
}

/// An asset as a service lists it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listed {
    /// The asset.
    pub asset: Asset,
    /// When it was created, as far as it is known.
    pub created_at: Option<domain::time::UnixMillis>,
    /// The size of the uploaded file in bytes; 0: unknown.
    pub size: u64,
    /// Why it cannot be imported, and what to do.
    pub unavailable: Option<String>,
}

/// The file of an asset.
#[derive(Debug, Clone)]
pub enum Original {
    /// The URL, which is a secret: with it, the file can be read by anyone for a while.
    Ready(Sensitive),
    /// The service prepares it.
    Preparing,
    /// The service does not provide it: the reason, and what to do.
    Unavailable(String),
}

impl Service {
    /// The name of the service.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mux(_) => mux::NAME,
            Self::Stream(_) => stream::NAME,
        }
    }

    /// The external id of the video of an asset.
    pub fn external_id(&self, asset: &Asset) -> String {
        match self {
            Self::Mux(_) => format!("mux:{}", asset.id),
            Self::Stream(_) => format!("stream:{}", asset.id),
        }
    }

    /// All assets of the account.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn list(&self) -> Result<Vec<Listed>, ServiceError> {
        match self {
            Self::Mux(it) => it.list().await,
            Self::Stream(it) => it.list().await,
        }
    }

    /// The file of an asset in its best quality. Repeated until it is ready.
    async fn original(&self, asset: &Asset) -> Result<Original, ServiceError> {
        let found = match self {
            Self::Mux(it) => it.original(asset).await,
            Self::Stream(it) => it.original(asset).await,
        };
        match found {
            // The service may respond in another way to others.
            Err(error) if error.is_of_asset() => Ok(Original::Unavailable(format!(
                "{}: asset {}: {error}",
                self.name(),
                asset.id
            ))),
            found => found,
        }
    }
}

/// The assets of a service as sources of videos.
pub struct Assets<'a> {
    api: &'a Api,
    service: &'a Service,
    settings: ImportSettings,
    /// The files that the service prepares, by external id.
    waits: Mutex<HashMap<String, Wait>>,
}

/// The wait for a file.
#[derive(Debug, Clone, Copy)]
struct Wait {
    since: Instant,
    next: Instant,
    pause: Duration,
}

impl<'a> Assets<'a> {
    /// The assets of a service.
    pub fn new(api: &'a Api, service: &'a Service, settings: ImportSettings) -> Self {
        Self {
            api,
            service,
            settings,
            waits: Mutex::default(),
        }
    }

    /// The video of an item that was made before, unless its file never arrived: such a video is deleted, because the
    /// URL that it has may have expired.
    async fn made_before(&self, item: &Item) -> Result<Option<Item>, ApiError> {
        match existing(self.api, &item.key).await? {
            Existing::Nothing => Ok(None),
            Existing::Video(video) => Ok(Some(existing::of_video(item, &video))),
            Existing::WithoutSource(id) => match self.api.delete_video(id).await {
                Err(error) if !error.is_missing() => Err(error),
                _ => Ok(None),
            },
        }
    }

    /// Whether it is time to look at the file of an item again.
    fn is_due(&self, key: &str) -> bool {
        let waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.get(key).is_none_or(|it| Instant::now() >= it.next)
    }

    /// Notes that a file is being prepared. Returns whether it takes too long.
    fn note_wait(&self, key: &str) -> bool {
        let now = Instant::now();
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = waits.entry(key.to_owned()).or_insert(Wait {
            since: now,
            next: now,
            pause: FIRST_LOOK,
        });
        wait.next = now + wait.pause;
        wait.pause = (wait.pause * 2).min(LAST_LOOK);
        now.duration_since(wait.since) > PREPARATION
    }

    /// The request for the video of an asset.
    fn body_of(&self, item: &Item, asset: &Asset, url: Sensitive) -> CreateVideo {
        let settings = &self.settings;
        let creator = asset
            .creator
            .clone()
            .filter(|_| settings.creators_are_owners);
        let title = asset.title.as_ref().unwrap_or(&asset.id);
        CreateVideo {
            url: Some(url),
            owner: creator.or_else(|| settings.owner.clone()),
            title: Some(title[..title.floor_char_boundary(TITLE_LIMIT)].to_owned()),
            external_id: Some(item.key.clone()),
            metadata: asset.metadata.clone(),
            profile: settings.profile.clone(),
            mode: settings.mode,
            ..CreateVideo::default()
        }
    }

    /// Creates the video of an item, or returns the one that another request has created.
    async fn create(&self, item: &Item, body: &CreateVideo) -> Result<Sent, ApiError> {
        let requested = |video: Video| Sent::Requested(Box::new(item.clone()), Box::new(video));
        // The same in every run, whatever the URL: a request that was killed is not executed beside this one.
        let key = key_of(&item.key);
        match self.api.create_video(body, &key).await {
            Ok(video) => match self.api.video(video.summary.id).await {
                // The response was of an earlier run, and the video was deleted since.
                Err(error) if error.is_missing() => {}
                video => return video.map(requested),
            },
            Err(error) if error.code() == "idempotency-key-reused" => {
                // An earlier request had another URL. It may be at work yet.
                tokio::time::sleep(SETTLING).await;
                if let Some(found) = self.made_before(item).await? {
                    return Ok(Sent::Found(Box::new(found)));
                }
            }
            // A rejection may be of an earlier run as well: the API keeps it for a day.
            Err(error) if error.is_rejection() => {}
            Err(error) => return Err(error),
        }
        let key = format!("{key}-{}", clock::now().get());
        self.api.create_video(body, &key).await.map(requested)
    }
}

impl Source for Assets<'_> {
    async fn send(&self, item: &Item) -> anyhow::Result<Sent> {
        let unavailable = |why: String| Ok(Sent::Rejected(ItemState::Unavailable, why));
        let Some(asset) = item.asset.as_deref() else {
            return unavailable("it is not an asset".to_owned());
        };
        if !self.is_due(&item.key) {
            return Ok(Sent::Preparing);
        }
        if let Some(found) = self.made_before(item).await? {
            return Ok(Sent::Found(Box::new(found)));
        }
        let url = match self.service.original(asset).await? {
            Original::Ready(url) => url,
            Original::Unavailable(why) => return unavailable(why),
            Original::Preparing if self.note_wait(&item.key) => {
                return unavailable(format!(
                    "{}: asset {}: its file was not prepared within an hour: run the command again later",
                    self.service.name(),
                    asset.id
                ));
            }
            Original::Preparing => return Ok(Sent::Preparing),
        };
        match self.create(item, &self.body_of(item, asset, url)).await {
            Err(error) if error.is_of_source() => {
                Ok(Sent::Rejected(ItemState::Failed, error.to_string()))
            }
            sent => Ok(sent?),
        }
    }

    fn is_passing(&self, error: &anyhow::Error) -> bool {
        let of_service = error.downcast_ref::<ServiceError>();
        let of_api = error.downcast_ref::<ApiError>();
        of_service.is_some_and(ServiceError::is_passing) || of_api.is_some_and(ApiError::is_passing)
    }
}

/// The `Idempotency-Key` of the request for an asset.
fn key_of(external_id: &str) -> String {
    format!("import-{}", hex(&Sha256::digest(external_id)))
}

#[cfg(test)]
mod tests;
