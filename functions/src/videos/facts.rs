//! What callers say of a video, wherever they say it: limits.

use crate::uploads::plan::InvalidUpload;

/// Longest title and external id, bytes.
const TEXT_LIMIT: usize = 1_000;
/// Longest metadata, bytes of JSON.
const METADATA_LIMIT: usize = 16 << 10;

/// Holds what is said against the limits.
///
/// # Errors
/// `TooLong`.
pub(crate) fn check(
    title: Option<&str>,
    external_id: Option<&str>,
    metadata: Option<&serde_json::Map<String, serde_json::Value>>,
) -> Result<(), InvalidUpload> {
    for (field, text) in [("title", title), ("external_id", external_id)] {
        if text.is_some_and(|it| it.len() > TEXT_LIMIT) {
            return Err(InvalidUpload::TooLong { field, limit: TEXT_LIMIT });
        }
    }
    if metadata.and_then(|it| serde_json::to_vec(it).ok()).is_some_and(|it| it.len() > METADATA_LIMIT) {
        return Err(InvalidUpload::TooLong { field: "metadata", limit: METADATA_LIMIT });
    }
    Ok(())
}

/// The name of a file, as its owner calls it. `file`: that name, or a path.
pub(crate) fn file_name(file: &str) -> Option<String> {
    let last = file.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|it| !it.is_control()).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name[..name.floor_char_boundary(TEXT_LIMIT)].to_owned())
}

/// The title of a video, or the name of its file where its creator gave none.
pub(crate) fn title(wish: Option<String>, file: &str) -> Option<String> {
    wish.or_else(|| file_name(file))
}

/// Finds the profile that is asked for, or the one of the installation.
///
/// # Errors
/// `Profile`.
pub(crate) fn profile(wish: Option<String>, config: &crate::ApiConfig) -> Result<String, InvalidUpload> {
    let Some(profile) = wish else { return Ok(config.default_profile.clone()) };
    if config.profiles.contains(&profile) {
        return Ok(profile);
    }
    let found = profile.chars().take(64).collect();
    Err(InvalidUpload::Profile { found, known: config.profiles.clone() })
}
