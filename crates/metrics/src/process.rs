//! The memory of this process.

use crate::registry::Registry;
use crate::table::RESIDENT_MEMORY;

/// Sets the metric. Without `/proc`, as on other systems than Linux, it is absent.
pub(crate) fn record(registry: &Registry) {
    if let Some(bytes) = resident_bytes() {
        registry.set(&RESIDENT_MEMORY, [], bytes as f64);
    }
}

/// `VmRSS` of proc(5), which is in units of 1,024 bytes.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(1024)
}
