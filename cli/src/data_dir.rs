//! The data directory of `edgereel dev`: its lock, its secrets, and the file with its URLs.

use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64ct::{Base64, Encoding as _};
use platform::clock;
use platform::object_store::s3::S3StoreConfig;
use platform::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::output::CommandError;
use crate::random;

/// The addresses of a running `edgereel dev`: the content of `dev.json`.
#[derive(Clone, Serialize, Deserialize)]
pub struct DevInfo {
    /// Base URL of the API, without a trailing slash.
    pub api: String,
    /// Base URL of the edge, without a trailing slash.
    pub edge: String,
    /// The store.
    pub s3: S3Info,
    /// The installation token.
    pub token: String,
}

/// Address and credentials of the store.
#[derive(Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words of S3")]
pub struct S3Info {
    pub endpoint: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub private_bucket: String,
    pub media_bucket: String,
}

impl S3Info {
    /// The client configuration for this store.
    pub fn store_config(&self) -> S3StoreConfig {
        S3StoreConfig {
            endpoint: self.endpoint.clone(),
            public_endpoint: None,
            region: "auto".to_owned(),
            access_key_id: self.access_key_id.clone(),
            secret_access_key: Secret::new(&self.secret_access_key),
            private_bucket: self.private_bucket.clone(),
            media_bucket: self.media_bucket.clone(),
            force_path_style: true,
        }
    }
}

impl std::fmt::Debug for DevInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevInfo")
            .field("api", &self.api)
            .field("edge", &self.edge)
            .finish_non_exhaustive()
    }
}

impl DevInfo {
    /// Reads `dev.json`; `None` if no `edgereel dev` is running.
    ///
    /// # Errors
    /// If the file exists and cannot be read.
    pub fn read(data: &Path) -> anyhow::Result<Option<Self>> {
        let path = data.join(INFO);
        match std::fs::read(&path) {
            Ok(text) => {
                let info = serde_json::from_slice(&text);
                Ok(Some(info.with_context(|| {
                    format!("cannot parse `{}`", path.display())
                })?))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
        }
    }
}

/// The secrets of an installation, which must not be lost.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// The installation token.
    pub api_token: String,
    /// Credentials of the store.
    pub s3_access_key_id: String,
    /// Credentials of the store.
    pub s3_secret_access_key: String,
    /// Keys that sign grants: `id:HS256:base64`.
    pub grant_keys: String,
    /// Keys that sign passes: `id:base64`.
    pub pass_keys: String,
    /// Keys that wrap content keys: `id:base64`. Without them, no video can be decrypted.
    pub key_encryption_keys: String,
    /// Keys that encrypt the secrets of webhooks: `id:base64`. Directories of earlier versions use the key-encryption
    /// keys.
    #[serde(default)]
    pub webhook_keys: String,
}

const LOCK: &str = "lock";
const INFO: &str = "dev.json";
const SECRETS: &str = "secrets.json";

/// A locked data directory. Dropping it removes `dev.json`.
pub struct DataDir {
    path: PathBuf,
    secrets: Secrets,
    /// Holds the lock.
    _lock: File,
}

impl DataDir {
    /// Creates the directory if necessary, locks it, and reads or creates its secrets.
    ///
    /// # Errors
    /// `data-dir-in-use` if another process uses it; otherwise the file that cannot be created or read.
    pub fn open(path: &Path) -> Result<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder
            .create(path)
            .with_context(|| format!("cannot create the directory `{}`", path.display()))?;
        let path = path
            .canonicalize()
            .with_context(|| format!("cannot resolve the directory `{}`", path.display()))?;
        let lock = take_lock(&path)?;
        if let Some(mode) = open_to_others(&path) {
            let shown = path.display();
            tracing::warn!(
                "other users of this machine can read the directory `{shown}` (mode {mode:03o}): run `chmod -R go= {shown}`"
            );
        }
        // Left by a process that was killed: its addresses are no longer valid.
        remove_info(&path);
        let secrets = read_secrets(&path)?.map_or_else(|| create_secrets(&path), Ok)?;
        Ok(Self {
            path,
            secrets,
            _lock: lock,
        })
    }

    /// A path in the directory.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The absolute path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The secrets.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Replaces the secrets. The old ones stay in a file of their own, whose name is returned: without the key that wrapped
    /// them, videos are lost.
    ///
    /// # Errors
    /// If a file cannot be written; then the old secrets stay.
    pub fn replace_secrets(&mut self, secrets: Secrets) -> anyhow::Result<String> {
        let kept = format!("secrets-until-{}.json", clock::now().get());
        write_private(&self.path, &kept, &self.secrets)?;
        write_private(&self.path, SECRETS, &secrets)?;
        self.secrets = secrets;
        Ok(kept)
    }

    /// Writes `dev.json`. Call it when all listeners are ready.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn announce(&self, info: &DevInfo) -> anyhow::Result<()> {
        write_private(&self.path, INFO, info)
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        remove_info(&self.path);
    }
}

/// The mode of a directory if other users can access it; `None` if they cannot, or if it is unknown.
pub fn open_to_others(path: &Path) -> Option<u32> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o055 != 0).then_some(mode)
}

fn remove_info(path: &Path) {
    // A missing file is fine.
    let _ = std::fs::remove_file(path.join(INFO));
}

fn take_lock(path: &Path) -> Result<File> {
    let file = path.join(LOCK);
    let cannot = || format!("cannot use the directory `{}`", path.display());
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&file)
        .with_context(cannot)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            let other = DevInfo::read(path)
                .ok()
                .flatten()
                .map_or_else(String::new, |it| format!(" at {}", it.api));
            let shown = path.display();
            Err(CommandError::failed(
                "data-dir-in-use",
                anyhow::anyhow!(
                    "another `edgereel dev` is running{other} with the directory `{shown}`: stop it, or choose \
                     another directory with --data and another address with --listen"
                ),
            ))
        }
        Err(TryLockError::Error(error)) => Err(anyhow::Error::from(error).context(cannot()).into()),
    }
}

/// Reads the secrets of a directory; `None` if it has none.
///
/// # Errors
/// If the file cannot be read or parsed.
pub fn read_secrets(path: &Path) -> Result<Option<Secrets>> {
    let file = path.join(SECRETS);
    let text = match std::fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(anyhow::Error::from(error)
                .context("cannot read the secrets")
                .into());
        }
    };
    // A copied directory may have lost its permissions.
    std::fs::set_permissions(&file, Permissions::from_mode(0o600))
        .context("cannot restrict access to the secrets")?;
    // Never regenerated: without its keys, all stored videos are lost.
    let mut secrets: Secrets = serde_json::from_slice(&text).with_context(|| {
        format!(
            "cannot parse `{}`: restore an intact copy, or use another directory",
            file.display()
        )
    })?;
    if secrets.webhook_keys.is_empty() {
        secrets
            .webhook_keys
            .clone_from(&secrets.key_encryption_keys);
    }
    Ok(Some(secrets))
}

fn create_secrets(path: &Path) -> Result<Secrets> {
    let secrets = Secrets {
        api_token: format!("er_{}", random_hex::<20>()?),
        s3_access_key_id: format!("ER{}", random_hex::<9>()?.to_uppercase()),
        s3_secret_access_key: random_base64()?,
        grant_keys: format!("dev:HS256:{}", random_base64()?),
        pass_keys: format!("dev:{}", random_base64()?),
        key_encryption_keys: format!("dev:{}", random_base64()?),
        webhook_keys: format!("dev:{}", random_base64()?),
    };
    write_private(path, SECRETS, &secrets)?;
    Ok(secrets)
}

/// Writes a file atomically, readable by its owner only.
fn write_private(folder: &Path, name: &str, content: &impl Serialize) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        // Created with mode 0600.
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(folder)?;
        serde_json::to_writer_pretty(&mut file, content)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(folder.join(name))?;
        File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("cannot write `{}`", folder.join(name).display()))
}

fn random_hex<const N: usize>() -> anyhow::Result<String> {
    Ok(domain::ids::hex(&random::bytes::<N>()?))
}

fn random_base64() -> anyhow::Result<String> {
    Ok(Base64::encode_string(&random::bytes::<32>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_created_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let first = DataDir::open(&path).unwrap().secrets().api_token.clone();
        assert_eq!(DataDir::open(&path).unwrap().secrets().api_token, first);
        assert!(first.starts_with("er_") && first.len() == 43);
        let mode = |name: &str| {
            std::fs::metadata(path.join(name))
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!((mode(SECRETS), mode("")), (0o600, 0o700));
        std::fs::set_permissions(path.join(SECRETS), Permissions::from_mode(0o644)).unwrap();
        let _dir = DataDir::open(&path).unwrap();
        assert_eq!(mode(SECRETS), 0o600);
    }

    #[test]
    fn the_keys_are_keys() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        let secrets = dir.secrets();
        domain::keyring::GrantKeys::parse(&secrets.grant_keys).unwrap();
        domain::keyring::PassKeys::parse(&secrets.pass_keys).unwrap();
        for keys in [&secrets.key_encryption_keys, &secrets.webhook_keys] {
            domain::content_key::KeyEncryptionKeys::parse(keys).unwrap();
        }
    }

    #[test]
    fn a_second_process_learns_which_process_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        let s3 = S3Info {
            endpoint: "http://127.0.0.1:2".to_owned(),
            access_key_id: "a".to_owned(),
            secret_access_key: "s".to_owned(),
            private_bucket: "private".to_owned(),
            media_bucket: "media".to_owned(),
        };
        let info = DevInfo {
            api: "http://127.0.0.1:1".to_owned(),
            edge: "http://127.0.0.1:1".to_owned(),
            s3,
            token: "t".to_owned(),
        };
        dir.announce(&info).unwrap();
        let file = folder.path().join(INFO);
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let Err(CommandError::Failed { code, error }) = DataDir::open(folder.path()) else {
            panic!("it was opened twice")
        };
        assert_eq!(code, "data-dir-in-use");
        assert!(error.to_string().contains("http://127.0.0.1:1"), "{error}");
        assert_eq!(DevInfo::read(folder.path()).unwrap().unwrap().token, "t");
        drop(dir);
        assert!(!file.exists(), "nobody is there any more");
        assert!(DevInfo::read(folder.path()).unwrap().is_none());
        DataDir::open(folder.path()).unwrap();
    }

    #[test]
    fn damaged_secrets_are_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(SECRETS), "{").unwrap();
        assert!(DataDir::open(folder.path()).is_err());
        assert_eq!(std::fs::read(folder.path().join(SECRETS)).unwrap(), b"{");
    }
}
