//! Which objects are converted.

use anyhow::Context as _;
use api_types::objects::ListedObject;
use domain::time::UnixMillis;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Extensions of files with video or audio, as in the web app. The transcoder decides by the content.
const MEDIA: [&str; 32] = [
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "m2ts", "mts", "wmv", "flv",
    "3gp", "ogv", "mxf", "vob", "dv", "mp3", "mp2", "m4a", "m4b", "aac", "wav", "aif", "aiff",
    "flac", "ogg", "oga", "opus", "mka", "wma",
];

/// Filters of objects.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    include: Option<GlobSet>,
    exclude: GlobSet,
    newer_than: Option<UnixMillis>,
    larger_than: Option<u64>,
}

/// Whether an object takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Selected {
    /// It is to be converted.
    Yes,
    /// A filter leaves it out.
    FilteredOut,
    /// It has no bytes.
    Empty,
    /// Its name is not that of a video, and no filter asks for it.
    NotMedia,
}

impl Selection {
    /// The objects that match one of `include`, or whose names are those of videos if it is empty, and none of
    /// `exclude`; that were written after `newer_than`, and have more than `larger_than` bytes.
    ///
    /// # Errors
    /// If a pattern is not valid.
    pub fn new(
        include: &[String],
        exclude: &[String],
        newer_than: Option<UnixMillis>,
        larger_than: Option<u64>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            include: (!include.is_empty()).then(|| globs(include)).transpose()?,
            exclude: globs(exclude)?,
            newer_than,
            larger_than,
        })
    }

    /// Whether an object takes part.
    pub(super) fn select(&self, object: &ListedObject) -> Selected {
        let key = object.key.as_str();
        let is_new = self
            .newer_than
            .is_none_or(|it| UnixMillis::from(object.modified_at) > it);
        let is_large = self.larger_than.is_none_or(|it| object.size > it);
        let is_included = self.include.as_ref().is_none_or(|it| it.is_match(key));
        if !is_new || !is_large || !is_included || self.exclude.is_match(key) {
            return Selected::FilteredOut;
        }
        match (object.size, &self.include) {
            (0, _) => Selected::Empty,
            (_, None) if !is_media(key) => Selected::NotMedia,
            _ => Selected::Yes,
        }
    }
}

/// Patterns without `/` match the name of a file in any folder.
fn globs(patterns: &[String]) -> anyhow::Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let anywhere = match pattern.contains('/') {
            true => pattern.clone(),
            false => format!("**/{pattern}"),
        };
        let glob = GlobBuilder::new(&anywhere)
            .literal_separator(true)
            .case_insensitive(true)
            .build();
        set.add(glob.with_context(|| format!("`{pattern}` is not a pattern"))?);
    }
    Ok(set.build()?)
}

fn is_media(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    let extension = name.rsplit_once('.').map(|it| it.1.to_ascii_lowercase());
    extension.is_some_and(|it| MEDIA.contains(&it.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, size: u64) -> ListedObject {
        ListedObject {
            key: key.to_owned(),
            size,
            etag: "a".to_owned(),
            modified_at: UnixMillis::new(1_000).into(),
            content_type: None,
            video: None,
        }
    }

    #[track_caller]
    fn selected(include: &[&str], exclude: &[&str], key: &str) -> Selected {
        let owned = |it: &[&str]| it.iter().map(ToString::to_string).collect::<Vec<_>>();
        let selection = Selection::new(&owned(include), &owned(exclude), None, None);
        selection.unwrap().select(&object(key, 1))
    }

    #[test]
    fn patterns_select_objects() {
        use Selected::{FilteredOut, NotMedia, Yes};
        for (include, exclude, key, expected) in [
            (&[][..], &[][..], "films/a.MP4", Yes),
            (&[], &[], "films/a.jpg", NotMedia),
            (&[], &[], "films.mp4/readme", NotMedia),
            (&["*.jpg"], &[], "films/a.jpg", Yes),
            (&["*.mp4"], &[], "films/2024/a.MP4", Yes),
            (&["*.mp4"], &[], "films/a.mov", FilteredOut),
            (&["films/*.mp4"], &[], "films/a.mp4", Yes),
            (&["films/*.mp4"], &[], "films/2024/a.mp4", FilteredOut),
            (&["films/**/*.mp4"], &[], "films/2024/b/a.mp4", Yes),
            (&["*.{mp4,mov}"], &[], "a.mov", Yes),
            (&["*"], &["*-preview.*"], "films/a-preview.mp4", FilteredOut),
            (&[], &["films/old/**"], "films/old/b/a.mp4", FilteredOut),
            (&[], &["films/old/**"], "films/a.mp4", Yes),
        ] {
            let found = selected(include, exclude, key);
            assert_eq!(found, expected, "{include:?} {exclude:?} {key}");
        }
        assert!(Selection::new(&["[a".to_owned()], &[], None, None).is_err());
    }

    #[test]
    fn size_and_time_select_objects() {
        let large = Selection::new(&[], &[], None, Some(10)).unwrap();
        assert_eq!(large.select(&object("a.mp4", 10)), Selected::FilteredOut);
        assert_eq!(large.select(&object("a.mp4", 11)), Selected::Yes);
        for (since, expected) in [(999, Selected::Yes), (1_000, Selected::FilteredOut)] {
            let since = Some(UnixMillis::new(since));
            let newer = Selection::new(&[], &[], since, None).unwrap();
            assert_eq!(newer.select(&object("a.mp4", 1)), expected);
        }
        let all = Selection::default();
        assert_eq!(all.select(&object("a.mp4", 0)), Selected::Empty);
    }
}
