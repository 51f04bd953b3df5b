//! Partial re-encodes: checks that need no access to the source.

use catalog::{RenditionKind, RenditionRecord, Video};
use domain::job::Partial;
use domain::object_key::RenditionName;
use domain::state::VideoState;

use crate::error::ApiError;
use crate::problem::Problem;
use crate::state::ApiState;

/// Maximum number of rungs in a request.
const MAX_RUNGS: usize = 32;

/// Why rungs cannot be re-encoded. `Display` says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRungs {
    /// No rungs, or more than any ladder has.
    #[error("`rungs` must name 1 to {MAX_RUNGS} rungs; omit it to encode all of them")]
    Number,
    /// The video has no rung of that name.
    #[error("the video has no rung `{found}`; it has {}", .known.join(", "))]
    Unknown {
        /// The requested name.
        found: RenditionName,
        /// The available names.
        known: Vec<String>,
    },
    /// The rung is remuxed.
    #[error("`{0}` is remuxed, not encoded: encoding it again would change nothing")]
    Copied(RenditionName),
}

impl InvalidRungs {
    /// The kind of problem.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Number => Problem::InvalidField,
            Self::Unknown { .. } => Problem::NoSuchRung,
            Self::Copied(_) => Problem::RungNotEncoded,
        }
    }
}

impl From<InvalidRungs> for ApiError {
    fn from(error: InvalidRungs) -> Self {
        Self::new(error.problem(), error.to_string())
    }
}

/// The rungs to encode and those to reuse.
pub(super) async fn partial(
    state: &ApiState,
    video: &Video,
    rungs: Vec<RenditionName>,
) -> Result<Partial, ApiError> {
    let VideoState::Ready { generation } = &video.state else {
        return Err(ApiError::conflict(
            "the video is not ready: there are no rungs to keep",
        ));
    };
    check(
        &rungs,
        &state.catalog.renditions(video.id, generation).await?,
    )?;
    Ok(Partial::new(generation.clone(), rungs))
}

fn check(rungs: &[RenditionName], renditions: &[RenditionRecord]) -> Result<(), InvalidRungs> {
    if !(1..=MAX_RUNGS).contains(&rungs.len()) {
        return Err(InvalidRungs::Number);
    }
    for rung in rungs {
        match renditions
            .iter()
            .find(|it| it.kind == RenditionKind::Video && it.name == *rung)
        {
            Some(rendition) if rendition.copied => return Err(InvalidRungs::Copied(rung.clone())),
            Some(_) => {}
            None => {
                let known = renditions
                    .iter()
                    .filter(|it| it.kind == RenditionKind::Video && !it.copied);
                let known = known.map(|it| it.name.to_string()).collect();
                return Err(InvalidRungs::Unknown {
                    found: rung.clone(),
                    known,
                });
            }
        }
    }
    Ok(())
}
