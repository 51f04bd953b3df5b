//! Identifiers of webhooks: like those of videos, and sorted by creation as they are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{InvalidId, is_lower_hex, uuid_v7};

macro_rules! id {
    ($(#[$docs:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(u128);

        impl $name {
            /// Makes an id of the current time (Unix milliseconds) and 80 random bits (RFC 9562, 5.7).
            pub fn new(unix_ms: u64, random: [u8; 10]) -> Self {
                Self(uuid_v7(unix_ms, random))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{:032x}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix($prefix)
                    .filter(|hex| is_lower_hex(hex, 32))
                    .and_then(|hex| u128::from_str_radix(hex, 16).ok())
                    .map(Self)
                    .ok_or_else(|| {
                        InvalidId::new($kind, concat!("`", $prefix, "` and 32 lower-case hex digits"), text)
                    })
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

id!(
    /// An event: `evt_` and a UUIDv7. It is the `webhook-id` of every message that tells of it.
    EventId, "evt_", "webhook event id"
);
id!(
    /// An endpoint: `whe_` and a UUIDv7.
    EndpointId, "whe_", "webhook id"
);
id!(
    /// One event on its way to one endpoint: `whd_` and a UUIDv7.
    DeliveryId, "whd_", "delivery id"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_parse_and_do_not_mix() {
        let id = EndpointId::new(1_700_000_000_123, [0xff; 10]);
        assert_eq!(id.to_string(), "whe_018bcfe5687b7fffbfffffffffffffff");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(EndpointId::new(1_700_000_000_124, [0; 10]) > id, "sorted by time");
        for wrong in ["", "whe_", "evt_018bcfe5687b7fffbfffffffffffffff", "whe_018BCFE5687B7FFFBFFFFFFFFFFFFFFF"] {
            let error = wrong.parse::<EndpointId>().unwrap_err();
            assert!(error.to_string().contains("`whe_` and 32"), "{error}");
        }
    }
}
