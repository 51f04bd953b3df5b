-- Queue and catalog. The common subset of SQLite and PostgreSQL: TEXT, BIGINT, DOUBLE PRECISION, no defaults that compute.
-- Times are Unix milliseconds. What only programs read as a whole is JSON in TEXT.

CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    queue TEXT NOT NULL,
    body TEXT NOT NULL,
    job TEXT,                           -- spares a second message of a job that waits
    sent_ms BIGINT NOT NULL,
    visible_ms BIGINT NOT NULL,         -- end of the delay or of the lease
    receives BIGINT NOT NULL,
    receipt TEXT,                       -- of the last delivery; NULL when nobody has it
    holder TEXT,                        -- who has it
    died_ms BIGINT,                     -- a dead letter is a state, not another table: redriving is one UPDATE
    why TEXT
);
CREATE INDEX messages_ready ON messages (queue, visible_ms, id) WHERE died_ms IS NULL;
CREATE INDEX messages_waiting ON messages (queue, job) WHERE died_ms IS NULL AND receipt IS NULL;
CREATE INDEX messages_dead ON messages (queue, died_ms, id) WHERE died_ms IS NOT NULL;

CREATE TABLE videos (
    id TEXT PRIMARY KEY,
    adopted BIGINT NOT NULL,            -- 1: made from an event, and not yet completed by its creator
    owner TEXT,
    title TEXT,
    external_id TEXT,
    metadata TEXT NOT NULL,
    state TEXT NOT NULL,
    failure_class TEXT,
    failure_code TEXT,
    failure_sentence TEXT,
    source_bucket TEXT,
    source_key TEXT,
    source_etag TEXT,                   -- NULL until it has arrived
    source_size BIGINT,
    content_type TEXT,
    upload_kind TEXT,
    upload_id TEXT,
    upload_part_bytes BIGINT,
    upload_expires_ms BIGINT,
    profile TEXT NOT NULL,
    mode TEXT NOT NULL,
    job TEXT,
    cancelled_job TEXT,                 -- a re-encode that was cancelled while the video stays ready
    generation TEXT,
    fence BIGINT NOT NULL,
    worker TEXT,                        -- NULL when nobody holds the lease
    lease_until_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    queued_ms BIGINT,
    playable_ms BIGINT,
    ready_ms BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX videos_owner ON videos (owner, id);
CREATE INDEX videos_state ON videos (state, id);
CREATE INDEX videos_external_id ON videos (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX videos_worker ON videos (worker) WHERE worker IS NOT NULL;

CREATE TABLE attempts (
    video TEXT NOT NULL REFERENCES videos (id),
    fence BIGINT NOT NULL,
    job TEXT NOT NULL,
    generation TEXT NOT NULL,
    worker TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    outcome TEXT,
    failure_code TEXT,
    failure_sentence TEXT,
    stage TEXT,
    percent BIGINT NOT NULL,
    log_tail TEXT,
    PRIMARY KEY (video, fence)
);

CREATE TABLE chunks (
    video TEXT NOT NULL REFERENCES videos (id),
    generation TEXT NOT NULL,
    lane TEXT NOT NULL,
    place BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    recorded_ms BIGINT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (video, generation, lane, place)
);

CREATE TABLE renditions (
    video TEXT NOT NULL REFERENCES videos (id),
    generation TEXT NOT NULL,
    name TEXT NOT NULL,
    place BIGINT NOT NULL,
    kind TEXT NOT NULL,
    width BIGINT,
    height BIGINT,
    copied BIGINT NOT NULL,
    frame_rate DOUBLE PRECISION,
    codecs TEXT,
    bandwidth BIGINT,
    average_bandwidth BIGINT,
    state TEXT NOT NULL,
    PRIMARY KEY (video, generation, name)
);

CREATE TABLE receipts (
    video TEXT NOT NULL REFERENCES videos (id),
    generation TEXT NOT NULL,
    recorded_ms BIGINT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (video, generation)
);
