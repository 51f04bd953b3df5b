//! Conversion of I/O errors to the store's errors.

use std::io;

use crate::object_store::StoreError;

/// A failure, without the path.
pub(super) enum Failure {
    Io(io::Error),
    Condition,
    Range,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Failure {
    pub(super) fn at(self, path: String) -> StoreError {
        match self {
            Self::Condition => StoreError::ConditionFailed { path },
            Self::Range => StoreError::RangeNotSatisfiable { path },
            Self::Io(error) => match error.kind() {
                io::ErrorKind::NotFound => StoreError::NotFound { path },
                // Permanent: a retry would fail in the same way.
                io::ErrorKind::PermissionDenied
                | io::ErrorKind::ReadOnlyFilesystem
                | io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::IsADirectory => StoreError::Refused {
                    path,
                    code: error.to_string(),
                },
                _ => StoreError::Unavailable {
                    path,
                    source: Box::new(error),
                },
            },
        }
    }
}
