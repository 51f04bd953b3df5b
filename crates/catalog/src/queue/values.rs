//! Receipts, and the number of changed rows as results.

use platform::job_queue::{DeadLetterId, QueueError, ReceiptHandle};

/// Parses a receipt; one that this queue did not issue is invalid.
pub(super) fn parts(receipt: &ReceiptHandle) -> Result<(&str, &str), QueueError> {
    receipt.0.split_once(':').ok_or(QueueError::LeaseLost)
}

/// A statement for one message changed it; otherwise, the lease is lost.
pub(super) fn check_one(changed: u64) -> Result<(), QueueError> {
    if changed == 0 {
        Err(QueueError::LeaseLost)
    } else {
        Ok(())
    }
}

/// A statement for one dead letter, or for all of them, changed some.
pub(super) fn check_any(changed: u64, only: Option<&DeadLetterId>) -> Result<u64, QueueError> {
    match only {
        Some(id) if changed == 0 => Err(QueueError::NoSuchDeadLetter(id.clone())),
        _ => Ok(changed),
    }
}

/// The number of deliveries of a message.
pub(super) fn count(receives: i64) -> u32 {
    u32::try_from(receives).unwrap_or(u32::MAX)
}

/// A new receipt.
pub(super) fn random_hex() -> Result<String, sqlx::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|it| sqlx::Error::Io(std::io::Error::other(it.to_string())))?;
    Ok(domain::ids::hex(&bytes))
}
