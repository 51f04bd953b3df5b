//! Identifiers of webhooks: like those of videos, and sorted by creation as they are.

use crate::ids::uuid_id;

uuid_id!(
    /// An event: `evt_` and a UUIDv7. It is the `webhook-id` of every message that tells of it.
    EventId, "evt_", "webhook event id"
);
uuid_id!(
    /// An endpoint: `whe_` and a UUIDv7.
    EndpointId, "whe_", "webhook id"
);
uuid_id!(
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
