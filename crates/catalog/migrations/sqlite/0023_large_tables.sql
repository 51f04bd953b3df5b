-- Indexes for large tables. PostgreSQL has more of them, for lists of some states.
-- Messages that used up their deliveries: asked for before each job.
CREATE INDEX messages_received ON messages (queue, receives, visible_ms) WHERE dead_lettered_ms IS NULL;
-- Deliveries that are due, of any endpoint.
CREATE INDEX webhook_deliveries_next ON webhook_deliveries (next_ms) WHERE status = 'pending';
-- Deliveries that are being sent.
CREATE INDEX webhook_deliveries_leased ON webhook_deliveries (lease_until_ms, endpoint)
    WHERE status = 'pending' AND lease_until_ms > 0;
-- All links of a video, also revoked ones, and links that ended.
CREATE INDEX shares_video ON shares (video);
CREATE INDEX shares_expiry ON shares (expires_ms);
CREATE INDEX shares_revocation ON shares (revoked_ms) WHERE revoked_ms IS NOT NULL;
-- The keys that a key created.
CREATE INDEX api_keys_creator ON api_keys (created_by);
-- The quota of an owner: read from the index alone.
CREATE INDEX videos_quota ON videos (owner, id, source_size) WHERE state <> 'deleted';
