//! Random bytes of the system.

/// `N` random bytes.
///
/// # Errors
/// If the system's generator failed.
pub(crate) fn bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|it| anyhow::anyhow!("the system's random number generator failed: {it}"))?;
    Ok(bytes)
}
