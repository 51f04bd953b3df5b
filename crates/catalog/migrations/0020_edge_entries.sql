-- The edge's list of revocations and renewals, where the edge runs over this database.

CREATE TABLE edge_entries (
    name TEXT PRIMARY KEY,              -- video/{id}, viewer/{fingerprint}, session/..., renewed/...
    value TEXT NOT NULL,
    expires_ms BIGINT NOT NULL          -- from then on, the entry does not count, Unix milliseconds
);

CREATE INDEX edge_entries_expiry ON edge_entries (expires_ms);
