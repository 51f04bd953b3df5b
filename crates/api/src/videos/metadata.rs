//! Validation of titles, external ids, metadata and profiles.

use crate::uploads::plan::InvalidUpload;

/// Longest title and external id in bytes.
const TEXT_LIMIT: usize = 1_000;
/// Longest metadata in bytes of JSON.
const METADATA_LIMIT: usize = 16 << 10;

/// Checks lengths.
///
/// # Errors
/// [`InvalidUpload::TooLong`].
pub(crate) fn check(
    title: Option<&str>,
    external_id: Option<&str>,
    metadata: Option<&serde_json::Map<String, serde_json::Value>>,
) -> Result<(), InvalidUpload> {
    for (field, text) in [("title", title), ("external_id", external_id)] {
        if text.is_some_and(|it| it.len() > TEXT_LIMIT) {
            return Err(InvalidUpload::TooLong {
                field,
                limit: TEXT_LIMIT,
            });
        }
    }
    if metadata
        .and_then(|it| serde_json::to_vec(it).ok())
        .is_some_and(|it| it.len() > METADATA_LIMIT)
    {
        return Err(InvalidUpload::TooLong {
            field: "metadata",
            limit: METADATA_LIMIT,
        });
    }
    Ok(())
}

/// The file name for display. `file`: a name or a path.
pub(crate) fn file_name(file: &str) -> Option<String> {
    let last = file.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|it| !it.is_control()).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name[..name.floor_char_boundary(TEXT_LIMIT)].to_owned())
}

/// The requested title, or the file name.
pub(crate) fn title(requested: Option<String>, file: &str) -> Option<String> {
    requested.or_else(|| file_name(file))
}

/// The requested profile, or the default profile.
///
/// # Errors
/// [`InvalidUpload::Profile`].
pub(crate) fn profile(
    requested: Option<String>,
    config: &crate::ApiConfig,
) -> Result<String, InvalidUpload> {
    let Some(profile) = requested else {
        return Ok(config.default_profile.clone());
    };
    if config.profiles.contains(&profile) {
        return Ok(profile);
    }
    let found = profile.chars().take(64).collect();
    Err(InvalidUpload::Profile {
        found,
        known: config.profiles.clone(),
    })
}
