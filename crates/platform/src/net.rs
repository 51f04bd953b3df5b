//! Requests to addresses that strangers name, without becoming their way into our own network.
//!
//! Whoever may name a URL may name one of ours: the metadata service, a database, a neighbour. So a
//! [`Guard`] looks at every address that a name resolves to, and the connection goes to one that it
//! looked at: a name that resolves differently a moment later (DNS rebinding) gains nothing.

mod address;
mod guard;

pub use address::{Unreachable, is_public, why_not_public};
pub use guard::{Guard, Lookup, Policy, Refused, SystemLookup};
