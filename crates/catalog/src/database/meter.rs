//! The connections of the database as metrics.

use metrics::Registry;
use metrics::table::DATABASE_CONNECTIONS;
use sqlx::AnyPool;

/// The metrics of a process with these pools.
pub(super) fn registry(pools: Vec<AnyPool>) -> Registry {
    let registry = Registry::default();
    registry.read_with(move |registry| {
        let open: u32 = pools.iter().map(AnyPool::size).sum();
        let idle: usize = pools.iter().map(AnyPool::num_idle).sum();
        let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(open);
        registry.set(&DATABASE_CONNECTIONS, ["idle"], idle.into());
        registry.set(&DATABASE_CONNECTIONS, ["used"], (open - idle).into());
    });
    registry
}
