//! Settings of the scale-out: when several transcoders encode one video. Without them, settings have
//! the same fingerprint as before.

use serde::{Deserialize, Serialize};

/// Scale-out, as a profile has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FanOutSettings {
    /// Estimated CPU time of the encoding from which on several transcoders share it, seconds; 0:
    /// never.
    pub min_cpu_seconds: u32,
}

impl Default for FanOutSettings {
    fn default() -> Self {
        Self {
            min_cpu_seconds: 600,
        }
    }
}

impl FanOutSettings {
    /// Whether they are the default.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an encoding of so many CPU seconds is shared.
    pub fn includes(&self, cpu_seconds: f64) -> bool {
        self.min_cpu_seconds > 0 && cpu_seconds >= f64::from(self.min_cpu_seconds)
    }
}
