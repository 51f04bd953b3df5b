//! The encoding profiles of an installation, which API and transcoders read from the same files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use domain::profile::{InvalidProfile, LARGEST_WATERMARK, Profile};

/// The profiles that requests may select, besides those that are built in.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Profiles")]
pub struct ProfileArgs {
    /// Profile (TOML file) that requests may select, besides `default` and `auto`. Can be repeated.
    #[arg(long = "profile", value_name = "FILE")]
    pub profiles: Vec<PathBuf>,
    /// A directory of such profiles (TOML files). API and transcoders read the same files.
    #[arg(long, env = "EDGEREEL_PROFILES_DIR", value_name = "DIR")]
    pub profiles_dir: Option<PathBuf>,
}

/// Why profiles cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// A file or the directory cannot be read.
    #[error("cannot read the profiles in `{}`: {source}", .path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A profile is invalid.
    #[error("invalid profile `{}`: {source}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: InvalidProfile,
    },
    /// Two profiles have the same name.
    #[error("two profiles have the name `{name}`; the second is `{}`", .path.display())]
    Duplicate {
        /// The name.
        name: String,
        /// The second file.
        path: PathBuf,
    },
}

impl ProfileError {
    /// A machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "failed",
            Self::Invalid { .. } | Self::Duplicate { .. } => "invalid-profile",
        }
    }
}

impl ProfileArgs {
    /// Reads the profiles, by their name.
    ///
    /// # Errors
    /// If a file cannot be read, a setting is invalid, or two profiles have the same name.
    pub fn read(&self) -> Result<HashMap<String, Profile>, ProfileError> {
        let in_directory = self
            .profiles_dir
            .as_deref()
            .map_or_else(|| Ok(vec![]), files_in)?;
        let mut profiles = HashMap::new();
        for path in self.profiles.iter().chain(&in_directory) {
            let profile = read_profile(path)?;
            let name = profile.name.to_string();
            if profiles.insert(name.clone(), profile).is_some() {
                return Err(ProfileError::Duplicate {
                    name,
                    path: path.clone(),
                });
            }
        }
        Ok(profiles)
    }
}

/// Reads the profile with this path, or else the built-in one with this name.
///
/// # Errors
/// As [`read_profile`].
pub fn read_or_built_in(path: &Path) -> Result<Profile, ProfileError> {
    match path.to_str().and_then(Profile::built_in) {
        Some(profile) if !path.exists() => Ok(profile),
        _ => read_profile(path),
    }
}

/// Reads one profile, and the image of its watermark, which is in the same directory.
///
/// # Errors
/// If the file cannot be read, or a setting is invalid, or the image cannot be used.
pub fn read_profile(path: &Path) -> Result<Profile, ProfileError> {
    let text = std::fs::read_to_string(path).map_err(|source| ProfileError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let image = |name: &str| read_image(&path.with_file_name(name)).map_err(|it| it.to_string());
    Profile::parse_with_image(&text, image).map_err(|source| ProfileError::Invalid {
        path: path.to_owned(),
        source,
    })
}

/// Reads a file that may be an image: no more bytes than show that it is too large.
fn read_image(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    // A named pipe would block the program.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    let mut bytes = vec![];
    let file = std::fs::File::open(path)?;
    file.take(LARGEST_WATERMARK + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The TOML files in a directory.
fn files_in(directory: &Path) -> Result<Vec<PathBuf>, ProfileError> {
    let unreadable = |source| ProfileError::Unreadable {
        path: directory.to_owned(),
        source,
    };
    let entries = std::fs::read_dir(directory).map_err(unreadable)?;
    let paths = entries
        .map(|entry| entry.map(|it| it.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(unreadable)?;
    let mut files: Vec<_> = paths
        .into_iter()
        .filter(|it| it.extension().is_some_and(|it| it == "toml"))
        .collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(folder: &Path, files: &[(&str, &str)], also: &[&str]) -> ProfileArgs {
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let profiles = also.iter().map(|it| folder.join(it)).collect();
        ProfileArgs {
            profiles,
            profiles_dir: Some(folder.to_owned()),
        }
    }

    #[test]
    fn the_toml_files_of_the_directory_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("a.toml", "name = \"small\""),
            ("b.toml", "name = \"large\""),
            ("notes.txt", "no profile"),
        ];
        let mut names: Vec<_> = args(folder.path(), &files, &[])
            .read()
            .unwrap()
            .into_keys()
            .collect();
        names.sort();
        assert_eq!(names, ["large", "small"]);
        assert!(ProfileArgs::default().read().unwrap().is_empty());
    }

    /// API and transcoders agree about the generation as long as their files are the same.
    #[test]
    fn the_image_is_beside_the_profile() {
        let folder = tempfile::tempdir().unwrap();
        let text = "name = \"marked\"\n[watermark]\nimage = \"logo.png\"";
        let arguments = args(folder.path(), &[("marked.toml", text)], &[]);
        let fingerprint = |last: u8| {
            let head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x40\0\0\0\x40";
            std::fs::write(
                folder.path().join("logo.png"),
                [&head[..], &[last]].concat(),
            )
            .unwrap();
            let profile = arguments.read().unwrap().remove("marked").unwrap();
            assert!(profile.watermark.image().is_some());
            profile.fingerprint(domain::job::Mode::Abr)
        };
        let (one, two) = (fingerprint(1), fingerprint(2));
        assert_ne!(one, two);
        assert_eq!(fingerprint(1), one);
    }

    #[test]
    fn unusable_profiles_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let twice = args(
            folder.path(),
            &[("a.toml", "name = \"small\"")],
            &["a.toml"],
        )
        .read()
        .unwrap_err()
        .to_string();
        assert!(
            twice.starts_with("two profiles have the name `small`"),
            "{twice}"
        );
        let wrong = args(folder.path(), &[("a.toml", "segment_seconds = 99.0")], &[])
            .read()
            .unwrap_err()
            .to_string();
        assert!(wrong.contains("a.toml`: "), "{wrong}");
        let image = "[watermark]\nimage = \"logo.png\"";
        let gone = args(folder.path(), &[("a.toml", image)], &[])
            .read()
            .unwrap_err()
            .to_string();
        assert!(
            gone.contains("a.toml`: `watermark.image`: `logo.png` cannot be used: No such file"),
            "{gone}"
        );
        std::fs::create_dir(folder.path().join("logo.png")).unwrap();
        let directory = args(folder.path(), &[], &[]).read().unwrap_err();
        assert!(
            directory.to_string().contains("it is not a file"),
            "{directory}"
        );
        let none = args(folder.path(), &[("a.toml", "")], &["none.toml"])
            .read()
            .unwrap_err()
            .to_string();
        assert!(none.contains("none.toml"), "{none}");
    }

    #[test]
    fn a_file_wins_over_a_built_in_profile() {
        let read = |path: &Path| read_or_built_in(path).map(|it| it.per_title.enabled);
        assert_eq!(read(Path::new("auto")).ok(), Some(true));
        assert_eq!(read(Path::new("default")).ok(), Some(false));
        assert!(read(Path::new("unknown")).is_err());
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("auto");
        assert!(read(&own).is_err(), "a path is not a name");
        std::fs::write(&own, "name = \"auto\"").unwrap();
        assert_eq!(read(&own).ok(), Some(false));
    }
}
