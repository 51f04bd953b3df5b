//! The chapters of a video, as a document that players load.

use catalog::ChaptersRecord;
use domain::ids::VideoId;
use domain::object_key::ObjectKey;
use platform::object_store::{ObjectStore, PutCondition, StoreError};

/// Stores the document of chapters. Returns its URI, relative to the master playlist. The document
/// of a list never changes, so it may be there already.
pub(crate) async fn write_chapters(
    store: &dyn ObjectStore,
    video: VideoId,
    record: &ChaptersRecord,
) -> Result<String, StoreError> {
    let key = ObjectKey::Chapters {
        video,
        chapters: record.id.clone(),
    };
    if !record.published {
        let document = record.chapters.to_json().into();
        match store.put(&key, document, PutCondition::Absent).await {
            Ok(_) | Err(StoreError::ConditionFailed { .. }) => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(format!("chapters/{}.json", record.id))
}
