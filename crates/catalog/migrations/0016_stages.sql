-- When an attempt was in which stage. NULL: it is.
CREATE TABLE attempt_stages (
    video TEXT NOT NULL REFERENCES videos (id),
    fence BIGINT NOT NULL,
    stage TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    PRIMARY KEY (video, fence, stage)
);
