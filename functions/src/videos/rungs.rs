//! Re-encodes of some rungs only: what can be said of them before anybody looks at the source.

use domain::job::Partial;
use domain::object_key::RenditionName;
use domain::state::VideoState;
use platform::catalog::{RenditionKind, RenditionRecord, Video};

use crate::error::ApiError;
use crate::problem::Problem;
use crate::state::ApiState;

/// Most rungs of a ladder that is looked at.
const MOST: usize = 32;

/// Why rungs cannot be made anew. `Display` says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRungs {
    /// None, or more than any ladder has.
    #[error("`rungs` must name 1 to {MOST} rungs; omit it to encode all of them")]
    Number,
    /// Nothing of that name plays.
    #[error("the video has no rung `{found}`; it has {}", .known.join(", "))]
    Unknown {
        /// As it was named.
        found: RenditionName,
        /// Those that can be named.
        known: Vec<String>,
    },
    /// The source's own picture.
    #[error("`{0}` is remuxed, not encoded: encoding it again would change nothing")]
    Copied(RenditionName),
}

impl InvalidRungs {
    /// Of what kind it is.
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

/// What is to be taken over, and what is not.
pub(super) async fn partial(state: &ApiState, video: &Video, rungs: Vec<RenditionName>) -> Result<Partial, ApiError> {
    let VideoState::Ready { generation } = &video.state else {
        return Err(ApiError::conflict("the video is not ready: there are no rungs to keep"));
    };
    check(&rungs, &state.catalog.renditions(video.id, generation).await?)?;
    Ok(Partial::new(generation.clone(), rungs))
}

fn check(rungs: &[RenditionName], renditions: &[RenditionRecord]) -> Result<(), InvalidRungs> {
    if !(1..=MOST).contains(&rungs.len()) {
        return Err(InvalidRungs::Number);
    }
    for rung in rungs {
        match renditions.iter().find(|it| it.kind == RenditionKind::Video && it.name == *rung) {
            Some(rendition) if rendition.copied => return Err(InvalidRungs::Copied(rung.clone())),
            Some(_) => {}
            None => {
                let known = renditions.iter().filter(|it| it.kind == RenditionKind::Video && !it.copied);
                let known = known.map(|it| it.name.to_string()).collect();
                return Err(InvalidRungs::Unknown { found: rung.clone(), known });
            }
        }
    }
    Ok(())
}
