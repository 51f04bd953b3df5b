//! Identifiers of webhooks: in the format of video ids, sorted by creation time.

use crate::ids::uuid_id;

uuid_id!(
    /// An event's id: `evt_` and a UUIDv7. It is the `webhook-id` of every message about the event.
    EventId, "evt_", "webhook event id"
);
uuid_id!(
    /// An endpoint's id: `whe_` and a UUIDv7.
    EndpointId, "whe_", "webhook id"
);
uuid_id!(
    /// The id of the delivery of one event to one endpoint: `whd_` and a UUIDv7.
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
        assert!(
            EndpointId::new(1_700_000_000_124, [0; 10]) > id,
            "sorted by time"
        );
        for wrong in [
            "",
            "whe_",
            "evt_018bcfe5687b7fffbfffffffffffffff",
            "whe_018BCFE5687B7FFFBFFFFFFFFFFFFFFF",
        ] {
            let error = wrong.parse::<EndpointId>().unwrap_err();
            assert!(error.to_string().contains("`whe_` and 32"), "{error}");
        }
    }
}
