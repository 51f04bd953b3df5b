//! A large library, for tests and measurements of long lists.

use std::time::Duration;

use domain::ids::{Generation, VideoId};
use domain::job::{Generate, Mode};
use domain::object_key::{FileName, ObjectKey};
use domain::time::UnixMillis;

use crate::database::{Database, Tx, sql};
use crate::videos::sql::videos;
use crate::videos::{CatalogError, NewVideo};

/// One creation per minute.
const MINUTE: Duration = Duration::from_secs(60);
const KINDS: [&str; 10] = [
    "Lecture",
    "Interview",
    "Trailer",
    "Keynote",
    "Workshop",
    "Recital",
    "Webinar",
    "Briefing",
    "Match",
    "Concert",
];
const PLACES: [&str; 7] = [
    "harbour",
    "mountain",
    "river",
    "glacier",
    "meadow",
    "lighthouse",
    "desert",
];

/// Adds `count` videos, created one per minute up to `now`. Of twenty, eighteen are ready, one has
/// failed, and one is cancelled: nothing works on them. Half of them belong to one of ten owners. A
/// tenth has "lecture" in its title, and one of 7,000 "Zanzibar"; every fiftieth has no title. Titles
/// and durations of different videos are equal.
pub async fn fill_library(
    database: &Database,
    count: u32,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    let mut tx = database.write().await?;
    for number in 0..count {
        insert(&mut tx, number, now - MINUTE * (count - number)).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn insert(tx: &mut Tx, number: u32, created_ms: UnixMillis) -> Result<(), CatalogError> {
    let at = number as usize;
    // Spreads neighbours, always in the same way.
    let spread = u64::from(number).wrapping_mul(0x9E37_79B9) % 1_000_003;
    let id = VideoId::new(created_ms.get(), [number.to_be_bytes()[3]; 10]);
    let name = format!("recording-{number:06}.mp4");
    let title = format!(
        "{} at the {} {}",
        KINDS[at % KINDS.len()],
        PLACES[at % PLACES.len()],
        spread % 5_000
    );
    let title = if at % 7_000 == 5 {
        format!("Zanzibar: {title}")
    } else {
        title
    };
    let new = NewVideo {
        id,
        owner: at
            .is_multiple_of(2)
            .then(|| format!("owner-{}", at % 20 / 2)),
        title: (at % 50 != 49).then_some(title),
        external_id: Some(format!("item-{number:06}")),
        metadata: serde_json::Map::new(),
        profile: "default".to_owned(),
        mode: Mode::Abr,
        generate: Generate::OnUpload,
        source_key: Some(
            ObjectKey::Source {
                video: id,
                file_name: FileName::clean(&name),
            }
            .path(),
        ),
        file_name: Some(name),
        source_size: Some(1_000_000 + spread * 1_000),
        content_type: Some("video/mp4".to_owned()),
    };
    videos::insert_if_missing(tx, &new, created_ms).await?;
    let (state, failure) = match number % 20 {
        7 => ("failed", Some("not-a-video")),
        13 => ("cancelled", None),
        _ => ("ready", None),
    };
    let is_ready = state == "ready";
    let ready_ms = is_ready.then(|| sql(created_ms + Duration::from_secs(30)));
    sqlx::query(
        "UPDATE videos SET state = $1, failure_code = $2, generation = $3, duration_ms = $4, width = 1920,
            height = 1080, ready_ms = $5, playable_ms = $5 WHERE id = $6",
    )
    .bind(state)
    .bind(failure)
    .bind(is_ready.then(|| Generation::of(&number.to_string(), "default").to_string()))
    .bind(is_ready.then(|| sql(60_000 + spread % 600 * 10_000)))
    .bind(ready_ms)
    .bind(id.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
