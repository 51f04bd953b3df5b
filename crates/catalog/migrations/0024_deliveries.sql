-- More indexes for large tables. `IF NOT EXISTS`: an operator may have created them before, without a lock on writes
-- (docs/operations.md).
-- The log of an endpoint with one status.
CREATE INDEX IF NOT EXISTS webhook_deliveries_status ON webhook_deliveries (endpoint, status, id);
-- Messages that were received: few. The others of the queue are counted in an index without their rows.
CREATE INDEX IF NOT EXISTS messages_leased ON messages (queue, visible_ms)
    WHERE dead_lettered_ms IS NULL AND receipt IS NOT NULL;
