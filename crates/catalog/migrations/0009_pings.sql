-- Written by readiness checks, which have to fail where the next change would.

CREATE TABLE pings (
    id BIGINT PRIMARY KEY,              -- 1: there is one row
    at_ms BIGINT NOT NULL               -- of the last write, Unix milliseconds
);
