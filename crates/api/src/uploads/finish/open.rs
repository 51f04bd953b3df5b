//! Completing an upload whose parts the client chose: the parts must be valid for R2, and the size within the
//! limit.

use std::collections::BTreeMap;

use platform::object_store::StoreError;
use platform::object_store::uploads::{Part, UploadId};

use super::super::error::UploadError;
use super::super::plan::check_size;
use super::super::{KnownUpload, progress};
use crate::error::ApiError;
use crate::state::ApiState;

/// Completes the upload with the parts in the store. `sent`: the client's `ETag`s by part number.
pub(crate) async fn complete(
    state: &ApiState,
    upload: &KnownUpload,
    id: &UploadId,
    sent: Option<BTreeMap<u32, String>>,
) -> Result<(), ApiError> {
    let stored = match state.signer.list_parts(&upload.key, id).await {
        Ok(stored) => stored,
        Err(StoreError::NotFound { .. }) => {
            // Completed or aborted before.
            let is_stored = progress::is_stored(state, upload).await?;
            return if is_stored {
                Ok(())
            } else {
                Err(UploadError::Gone.into())
            };
        }
        Err(error) => return Err(error.into()),
    };
    fits(&stored, sent.as_ref()).map_err(UploadError::Incomplete)?;
    let arrived: u64 = stored.iter().map(|it| it.size).sum();
    if let Some(announced) = upload.size.filter(|it| *it != arrived) {
        return Err(UploadError::Incomplete(format!(
            "{arrived} of {announced} bytes have arrived"
        ))
        .into());
    }
    check_size(arrived, state.config.max_upload_bytes)?;
    super::assemble(state, upload, id, &stored).await
}

/// Checks for parts 1 to n of equal size (the last may be smaller) with the client's `ETag`s.
fn fits(stored: &[Part], sent: Option<&BTreeMap<u32, String>>) -> Result<(), String> {
    let Some(first) = stored.first() else {
        return Err("no part has arrived".to_owned());
    };
    let last = stored.len() as u32;
    for (part, number) in stored.iter().zip(1..) {
        if part.number != number {
            return Err(format!("part {number} has not arrived"));
        }
        let equal = if number == last {
            part.size <= first.size
        } else {
            part.size == first.size
        };
        if !equal {
            let (found, expected) = (part.size, first.size);
            return Err(format!(
                "part {number} has {found} bytes but the first part has {expected}: parts must be equal"
            ));
        }
        let etag = sent.and_then(|it| it.get(&number));
        if sent.is_some() && etag.map(|it| it.trim_matches('"')) != Some(part.etag.0.as_str()) {
            return Err(format!(
                "part {number} has a different ETag than the client sent: upload it again"
            ));
        }
    }
    match sent.and_then(|it| it.keys().next_back()) {
        Some(number) if *number > last => Err(format!("part {number} has not arrived")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use platform::object_store::ETag;

    use super::*;

    fn parts(sizes: &[u64]) -> Vec<Part> {
        sizes
            .iter()
            .zip(1..)
            .map(|(size, number)| Part {
                number,
                etag: ETag(format!("e{number}")),
                size: *size,
            })
            .collect()
    }

    fn sent(numbers: &[u32]) -> BTreeMap<u32, String> {
        numbers
            .iter()
            .map(|it| (*it, format!("\"e{it}\"")))
            .collect()
    }

    #[test]
    fn equal_parts_fit() {
        for good in [&[5][..], &[5, 5], &[5, 5, 1]] {
            assert_eq!(fits(&parts(good), None), Ok(()), "{good:?}");
        }
        assert_eq!(fits(&parts(&[5, 5, 1]), Some(&sent(&[1, 2, 3]))), Ok(()));
    }

    #[test]
    fn other_part_sizes_are_rejected() {
        for bad in [&[][..], &[5, 6], &[5, 4, 5]] {
            assert!(fits(&parts(bad), None).is_err(), "{bad:?}");
        }
        let hole: Vec<Part> = parts(&[5, 5, 5])
            .into_iter()
            .filter(|it| it.number != 2)
            .collect();
        assert_eq!(fits(&hole, None), Err("part 2 has not arrived".to_owned()));
        let all = parts(&[5, 5]);
        assert!(
            fits(&all, Some(&sent(&[1]))).is_err(),
            "a part that nobody sent"
        );
        assert_eq!(
            fits(&all, Some(&sent(&[1, 2, 3]))),
            Err("part 3 has not arrived".to_owned())
        );
        let wrong = BTreeMap::from([(1, "e1".to_owned()), (2, "other".to_owned())]);
        assert!(fits(&all, Some(&wrong)).is_err());
    }
}
