-- Generations that several transcoders encode. A row exists until the job ends.
CREATE TABLE fan_outs (
    video TEXT NOT NULL REFERENCES videos (id),
    generation TEXT NOT NULL,
    plan TEXT NOT NULL,                       -- id of the document that all of them follow
    job TEXT NOT NULL,
    message TEXT NOT NULL,                    -- of the job: its source and its profile
    PRIMARY KEY (video, generation)
);
-- The chunks of the lane `encode` that were not recorded when the fan-out began.
CREATE TABLE fan_out_chunks (
    video TEXT NOT NULL REFERENCES videos (id),
    generation TEXT NOT NULL,
    position BIGINT NOT NULL,
    plan TEXT NOT NULL,
    fence BIGINT NOT NULL,                    -- of the claim that added it: rows that were withdrawn and added again differ
    claims BIGINT NOT NULL DEFAULT 0,         -- number of claims so far
    worker TEXT,                              -- of the last claim; NULL: it was released
    claimed_ms BIGINT NOT NULL DEFAULT 0,
    lease_until_ms BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    waits_until_ms BIGINT NOT NULL DEFAULT 0, -- pause after a failure
    sent_ms BIGINT,                           -- last message; NULL: none is on its way
    done_ms BIGINT,                           -- recorded in `chunks`
    PRIMARY KEY (video, generation, position)
);
