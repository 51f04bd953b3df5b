-- Indexes for tables with millions of rows. `IF NOT EXISTS`: an operator may have created them before, without a lock on
-- writes (docs/operations.md).
-- Messages that used up their deliveries: asked for before each job.
CREATE INDEX IF NOT EXISTS messages_received ON messages (queue, receives, visible_ms) WHERE dead_lettered_ms IS NULL;
-- Deliveries that are due, of any endpoint.
CREATE INDEX IF NOT EXISTS webhook_deliveries_next ON webhook_deliveries (next_ms) WHERE status = 'pending';
-- In the order of their dispatch, by endpoint; and those that are being sent.
CREATE INDEX IF NOT EXISTS webhook_deliveries_first ON webhook_deliveries (endpoint, next_ms, sequence, id)
    WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS webhook_deliveries_leased ON webhook_deliveries (lease_until_ms, endpoint)
    WHERE status = 'pending' AND lease_until_ms > 0;
-- All links of a video, also revoked ones, and links that ended.
CREATE INDEX IF NOT EXISTS shares_video ON shares (video);
CREATE INDEX IF NOT EXISTS shares_expiry ON shares (expires_ms);
CREATE INDEX IF NOT EXISTS shares_revocation ON shares (revoked_ms) WHERE revoked_ms IS NOT NULL;
-- The keys that a key created.
CREATE INDEX IF NOT EXISTS api_keys_creator ON api_keys (created_by);
-- The quota of an owner: read from the index alone.
CREATE INDEX IF NOT EXISTS videos_quota ON videos (owner, id, source_size) WHERE state <> 'deleted';
-- Lists of some states, of all videos and of an owner.
CREATE INDEX IF NOT EXISTS videos_of_owner_in_state ON videos (owner, state, id);
CREATE INDEX IF NOT EXISTS videos_in_state_by_duration ON videos (state, coalesce(duration_ms, 0), id)
    WHERE state <> 'deleted';
CREATE INDEX IF NOT EXISTS videos_of_owner_in_state_by_duration ON videos (owner, state, coalesce(duration_ms, 0), id)
    WHERE state <> 'deleted';
CREATE INDEX IF NOT EXISTS videos_in_state_by_size ON videos (state, coalesce(source_size, 0), id)
    WHERE state <> 'deleted';
CREATE INDEX IF NOT EXISTS videos_of_owner_in_state_by_size ON videos (owner, state, coalesce(source_size, 0), id)
    WHERE state <> 'deleted';
CREATE INDEX IF NOT EXISTS videos_in_state_by_title
    ON videos (state, substr(coalesce(title_folded, ''), 1, 200) COLLATE "C", id) WHERE state <> 'deleted';
CREATE INDEX IF NOT EXISTS videos_of_owner_in_state_by_title
    ON videos (owner, state, substr(coalesce(title_folded, ''), 1, 200) COLLATE "C", id) WHERE state <> 'deleted';
