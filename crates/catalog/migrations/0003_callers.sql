-- Who calls the API, and what was answered. The common subset of SQLite and PostgreSQL; times are Unix milliseconds.

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL,               -- SHA-256 of the secret, hex; the secret itself stands nowhere
    name TEXT NOT NULL,
    owner TEXT,                         -- NULL: of the whole installation
    scopes TEXT NOT NULL,               -- separated by spaces
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT,
    used_ms BIGINT,
    revoked_ms BIGINT
);
CREATE UNIQUE INDEX api_keys_digest ON api_keys (digest);
CREATE INDEX api_keys_owner ON api_keys (owner, id) WHERE revoked_ms IS NULL;

CREATE TABLE idempotent_requests (
    id TEXT PRIMARY KEY,                -- a hash of caller and key
    fingerprint TEXT NOT NULL,          -- a hash of the request
    ticket TEXT NOT NULL,               -- of whoever executes it
    held_until_ms BIGINT NOT NULL,      -- after that, whoever executes it is taken for dead
    answer TEXT,                        -- sealed by the API; NULL while it is executed
    expires_ms BIGINT NOT NULL
);
CREATE INDEX idempotent_requests_expiry ON idempotent_requests (expires_ms);
