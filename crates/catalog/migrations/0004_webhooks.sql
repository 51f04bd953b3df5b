-- Webhooks: what happened to videos (an outbox, written together with the change itself), who wants to hear of it, and
-- what was sent to whom.

CREATE TABLE events (
    id TEXT PRIMARY KEY,
    video TEXT REFERENCES videos (id),  -- NULL: a test of an endpoint
    sequence BIGINT NOT NULL,           -- grows with every event of a video
    owner TEXT,
    type TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    payload TEXT NOT NULL,              -- as it is sent
    shared_ms BIGINT                    -- when its deliveries were made
);
CREATE UNIQUE INDEX events_of_video ON events (video, sequence);
CREATE INDEX events_new ON events (video, sequence) WHERE shared_ms IS NULL;
CREATE INDEX events_by_time ON events (at_ms);

CREATE TABLE webhook_endpoints (
    id TEXT PRIMARY KEY,
    owner TEXT,                         -- NULL: hears of every video of the installation
    url TEXT NOT NULL,
    types TEXT,                         -- JSON; NULL: all that are on by default
    wants_progress BIGINT NOT NULL,
    description TEXT,
    secrets TEXT NOT NULL,              -- JSON; sealed, the newest first
    disabled_ms BIGINT,
    disabled_why TEXT,
    failing_since_ms BIGINT,            -- the first failure after the last success
    paused_until_ms BIGINT NOT NULL,    -- the endpoint's own wish
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
CREATE INDEX webhook_endpoints_owner ON webhook_endpoints (owner, id);

CREATE TABLE webhook_deliveries (
    id TEXT PRIMARY KEY,
    endpoint TEXT NOT NULL REFERENCES webhook_endpoints (id),
    event TEXT NOT NULL REFERENCES events (id),
    video TEXT,                         -- in whose order it stands; NULL: a test or a replay, which waits for nothing
    sequence BIGINT NOT NULL,
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    first_attempt_ms BIGINT,
    next_ms BIGINT NOT NULL,
    lease TEXT,                         -- of the last attempt; only who knows it may say how that ended
    lease_until_ms BIGINT NOT NULL,
    settled_ms BIGINT,
    last_attempt_ms BIGINT,
    last_status BIGINT,
    last_error TEXT,
    last_duration_ms BIGINT
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, next_ms, id) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_order ON webhook_deliveries (endpoint, video, sequence) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (endpoint, id);
CREATE INDEX webhook_deliveries_event ON webhook_deliveries (event);
CREATE INDEX webhook_deliveries_settled ON webhook_deliveries (settled_ms) WHERE settled_ms IS NOT NULL;

-- Whoever makes deliveries of events holds this row meanwhile, so that those of a video appear in order.
CREATE TABLE webhook_sharing (
    one BIGINT PRIMARY KEY,
    turns BIGINT NOT NULL
);
INSERT INTO webhook_sharing (one, turns) VALUES (1, 0);
