//! The file descriptors of this process: their limit, and the errors that report exhaustion.

use std::error::Error;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Assumed limit where the system sets none.
const PLENTY: u64 = 65_536;

/// The limit of descriptors of this process.
pub fn descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(PLENTY);
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Raises the limit of descriptors to the highest that the system allows, and returns it. The lower
/// limit that shells set (1,024) is meant for programs that use `select`.
///
/// # Errors
/// If the system refuses.
pub fn raise_descriptor_limit() -> io::Result<usize> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(PLENTY);
    if current.is_some_and(|it| it < wanted) {
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(wanted),
                maximum,
            },
        )?;
    }
    Ok(descriptors())
}

/// Whether an error, or its cause, reports that this process or its machine has run out of
/// descriptors, memory or processes. The operation can be retried later, and its input is not at
/// fault.
pub fn is_exhaustion(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<io::Error>().is_some_and(is_out) {
            return true;
        }
        next = error.source();
    }
    false
}

fn is_out(error: &io::Error) -> bool {
    use rustix::io::Errno;
    // The last one: `fork` at the limit of processes.
    let out = [
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOMEM,
        Errno::NOBUFS,
        Errno::AGAIN,
    ];
    let code = error.raw_os_error();
    let inner = || error.get_ref().is_some_and(|it| is_exhaustion(it));
    code.is_some_and(|it| out.iter().any(|out| out.raw_os_error() == it)) || inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn exhaustion_is_found_wherever_it_is_wrapped() {
        let none_left = || io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
        assert!(is_exhaustion(&none_left()));
        assert!(is_exhaustion(&Outer(none_left())));
        assert!(is_exhaustion(&Outer(io::Error::other(Outer(none_left())))));
        assert!(!is_exhaustion(&Outer(io::Error::from(
            io::ErrorKind::NotFound
        ))));
    }
}
