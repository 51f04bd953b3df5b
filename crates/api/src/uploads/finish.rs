//! Completing and aborting uploads.

use std::collections::BTreeMap;

use api_types::uploads::{CompleteUpload, CompletedUpload, SentPart};
use axum::Json;
use axum::extract::State;
use catalog::UploadKind;
use domain::state::{StateName, VideoEvent, VideoState};
use http::StatusCode;
use platform::clock;
use platform::object_store::uploads::{Part, UploadId};
use platform::object_store::{ETag, StoreError};

use super::error::UploadError;
use super::plan::UploadPlan;
use super::{KnownUpload, progress};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Body, Video};
use crate::state::ApiState;
use crate::videos::{self, remove_all_objects};

pub(crate) mod open;

/// Completes an upload and starts processing, unless the store's event did. May be repeated.
pub(crate) async fn complete(
    State(state): State<ApiState>,
    caller: Caller,
    Video(id): Video,
    Body(completion): Body<CompleteUpload>,
) -> Result<Json<CompletedUpload>, ApiError> {
    let upload = KnownUpload::read(&state, &caller, id).await?;
    let done = |state: StateName| Json(CompletedUpload { video: id, state });
    if !upload.is_open() {
        return Ok(done(upload.start_work(&state).await?));
    }
    match &upload.kind {
        UploadKind::Single => {
            if !progress::is_stored(&state, &upload).await? {
                return Err(UploadError::Incomplete(
                    "the file has not arrived in the store".to_owned(),
                )
                .into());
            }
        }
        UploadKind::Multipart { .. } => {
            let (upload_id, plan) = upload.multipart()?;
            let sent = completion
                .parts
                .map(|it| parts_by_number(it, &plan))
                .transpose()?;
            complete_parts(&state, &upload, &upload_id, &plan, sent).await?;
        }
        UploadKind::Open { upload_id } => {
            let id = UploadId(upload_id.clone());
            let sent = completion
                .parts
                .map(|it| it.into_iter().map(|it| (it.number, it.etag)).collect());
            open::complete(&state, &upload, &id, sent).await?;
        }
    }
    Ok(done(upload.start_work(&state).await?))
}

async fn complete_parts(
    state: &ApiState,
    upload: &KnownUpload,
    id: &UploadId,
    plan: &UploadPlan,
    sent: Option<BTreeMap<u32, String>>,
) -> Result<(), ApiError> {
    let parts = match (state.signer.list_parts(&upload.key, id).await, sent) {
        (Ok(stored), sent) => checked_parts(stored, plan, sent.as_ref())?,
        // Completed before: the object exists and consists of these parts.
        (Err(StoreError::NotFound { .. }), Some(sent)) => sent
            .into_iter()
            .map(|(number, etag)| Part {
                number,
                etag: ETag(etag),
                size: plan.bytes_of(number),
            })
            .collect(),
        (Err(StoreError::NotFound { .. }), None) => {
            let is_stored = progress::is_stored(state, upload).await?;
            return if is_stored {
                Ok(())
            } else {
                Err(UploadError::Gone.into())
            };
        }
        (Err(error), _) => return Err(error.into()),
    };
    assemble(state, upload, id, &parts).await
}

/// Completes the multipart upload in the store.
async fn assemble(
    state: &ApiState,
    upload: &KnownUpload,
    id: &UploadId,
    parts: &[Part],
) -> Result<(), ApiError> {
    match state
        .signer
        .complete_multipart(&upload.key, id, parts)
        .await
    {
        Ok(_) => Ok(()),
        Err(StoreError::NotFound { .. }) => Err(UploadError::Gone.into()),
        Err(StoreError::Refused { code, .. }) => {
            Err(UploadError::Incomplete(format!("the store rejected these parts: {code}")).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The `ETag`s of the client by part number: all parts, each once.
fn parts_by_number(
    sent: Vec<SentPart>,
    plan: &UploadPlan,
) -> Result<BTreeMap<u32, String>, ApiError> {
    let mut parts_by_number = BTreeMap::new();
    for SentPart { number, etag } in sent {
        if !plan.numbers().contains(&number) {
            return Err(ApiError::invalid(format!(
                "`parts`: there is no part {number}; parts are 1 to {}",
                plan.parts()
            )));
        }
        let etag = etag.trim_matches('"').to_owned();
        if parts_by_number.insert(number, etag).is_some() {
            return Err(ApiError::invalid(format!(
                "`parts`: part {number} is listed twice"
            )));
        }
    }
    match plan.numbers().find(|it| !parts_by_number.contains_key(it)) {
        Some(missing) => Err(ApiError::invalid(format!(
            "`parts`: part {missing} of {} is missing",
            plan.parts()
        ))),
        None => Ok(parts_by_number),
    }
}

/// The parts in the store, if all are there with the right sizes and the client's `ETag`s.
fn checked_parts(
    stored: Vec<Part>,
    plan: &UploadPlan,
    sent: Option<&BTreeMap<u32, String>>,
) -> Result<Vec<Part>, ApiError> {
    let mut by_number: BTreeMap<u32, Part> = stored.into_iter().map(|it| (it.number, it)).collect();
    let incomplete = |detail: String| Err(UploadError::Incomplete(detail).into());
    let mut parts = Vec::with_capacity(by_number.len());
    for number in plan.numbers() {
        let Some(part) = by_number.remove(&number) else {
            return incomplete(format!("part {number} of {} has not arrived", plan.parts()));
        };
        let bytes = plan.bytes_of(number);
        if part.size != bytes {
            return incomplete(format!(
                "part {number} has {} bytes instead of {bytes}: upload it again",
                part.size
            ));
        }
        if sent
            .and_then(|it| it.get(&number))
            .is_some_and(|it| *it != part.etag.0)
        {
            return incomplete(format!(
                "part {number} has a different ETag than the client sent: upload it again"
            ));
        }
        parts.push(part);
    }
    Ok(parts)
}

/// Aborts an upload. Repeating the request is not an error, and removes parts that arrived in the meantime.
pub(crate) async fn abort(
    State(state): State<ApiState>,
    caller: Caller,
    Video(id): Video,
) -> Result<StatusCode, ApiError> {
    let mut video = videos::existing_or_deleted(&state, &caller, id).await?;
    if video.state != VideoState::Deleted {
        if !KnownUpload::read(&state, &caller, id).await?.is_open() {
            return Err(UploadError::Complete.into());
        }
        video = state
            .catalog
            .apply(id, &VideoEvent::Deleted, clock::now())
            .await?;
    }
    remove_all_objects(&state, &video).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: UploadPlan = UploadPlan {
        size: 25,
        part_bytes: 10,
    };

    fn part(number: u32, size: u64) -> Part {
        Part {
            number,
            size,
            etag: ETag(format!("tag{number}")),
        }
    }

    #[track_caller]
    fn message_of<T>(result: Result<T, ApiError>) -> String {
        result.err().map(|it| it.to_string()).unwrap_or_default()
    }

    #[test]
    fn every_part_is_named_once() {
        let sent = |numbers: &[u32]| {
            numbers
                .iter()
                .map(|&number| SentPart {
                    number,
                    etag: "\"t\"".to_owned(),
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(parts_by_number(sent(&[3, 1, 2]), &PLAN).unwrap()[&1], "t");
        assert_eq!(
            message_of(parts_by_number(sent(&[1, 2]), &PLAN)),
            "`parts`: part 3 of 3 is missing"
        );
        assert_eq!(
            message_of(parts_by_number(sent(&[1, 2, 3, 4]), &PLAN)),
            "`parts`: there is no part 4; parts are 1 to 3"
        );
        assert_eq!(
            message_of(parts_by_number(sent(&[0]), &PLAN)),
            "`parts`: there is no part 0; parts are 1 to 3"
        );
        assert_eq!(
            message_of(parts_by_number(sent(&[1, 2, 3, 2]), &PLAN)),
            "`parts`: part 2 is listed twice"
        );
    }

    #[test]
    fn the_parts_in_the_store_decide() {
        let all = || vec![part(2, 10), part(1, 10), part(3, 5)];
        let numbers: Vec<u32> = checked_parts(all(), &PLAN, None)
            .unwrap()
            .iter()
            .map(|it| it.number)
            .collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(
            message_of(checked_parts(vec![part(1, 10), part(3, 5)], &PLAN, None)),
            "part 2 of 3 has not arrived"
        );
        let short = vec![part(1, 10), part(2, 9), part(3, 5)];
        assert_eq!(
            message_of(checked_parts(short, &PLAN, None)),
            "part 2 has 9 bytes instead of 10: upload it again"
        );
        let other = BTreeMap::from([
            (1, "tag1".to_owned()),
            (2, "tag2".to_owned()),
            (3, "tag7".to_owned()),
        ]);
        assert_eq!(
            message_of(checked_parts(all(), &PLAN, Some(&other))),
            "part 3 has a different ETag than the client sent: upload it again"
        );
    }
}
