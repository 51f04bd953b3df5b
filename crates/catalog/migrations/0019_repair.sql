-- When the sweeper looks at a video again; NULL: never. Rows of before, and those of older programs, are due at once.
ALTER TABLE videos ADD COLUMN sweep_ms BIGINT DEFAULT 0;
CREATE INDEX videos_due ON videos (sweep_ms, id) WHERE sweep_ms IS NOT NULL;
-- The age of the job that waits longest.
CREATE INDEX videos_queued ON videos (queued_ms) WHERE state = 'queued';
-- When the video of a dead letter was failed, or its job sent again. The earliest time at which it became one, where
-- the queue does not record the time.
ALTER TABLE messages ADD COLUMN settled_ms BIGINT;
ALTER TABLE messages ADD COLUMN died_after_ms BIGINT;
CREATE INDEX messages_unsettled ON messages (queue, dead_lettered_ms, id)
    WHERE dead_lettered_ms IS NOT NULL AND settled_ms IS NULL;
