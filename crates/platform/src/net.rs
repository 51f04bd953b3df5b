//! Requests to addresses that users supply, without giving them access to our own network.
//!
//! A user who may supply a URL may name an internal one: the metadata service, a database, another
//! host. A [`Guard`] therefore checks every address that a name resolves to, and the connection
//! goes to one of the checked addresses: a name that resolves differently a moment later (DNS
//! rebinding) has no effect.

mod address;
mod guard;

pub use address::{Unreachable, is_public, why_not_public};
pub use guard::{Guard, Lookup, Policy, SystemLookup, UrlRejected};
