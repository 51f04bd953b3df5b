-- Links that play a video without an account. Times are Unix milliseconds.

CREATE TABLE shares (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL,               -- SHA-256 of the secret in the link, hex; the secret itself stands nowhere
    video TEXT NOT NULL REFERENCES videos (id),
    label TEXT,
    max_height BIGINT,                  -- pixels of the shorter side
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_ms BIGINT,
    revoked_ms BIGINT
);
CREATE UNIQUE INDEX shares_digest ON shares (digest);
CREATE INDEX shares_of_video ON shares (video, id) WHERE revoked_ms IS NULL;
