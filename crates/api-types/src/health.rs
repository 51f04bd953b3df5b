//! Liveness and readiness.

use serde::{Deserialize, Serialize};

/// The state of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Word))]
#[serde(rename_all = "kebab-case")]
pub enum ServiceState {
    Ok,
    Failing,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    pub status: ServiceState,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Readiness {
    /// The combined state.
    pub status: ServiceState,
    pub catalog: ServiceState,
    pub queue: ServiceState,
    pub store: ServiceState,
}
