-- The trace contexts of the requests that caused work on a video: the events of a bucket carry none.
CREATE TABLE video_traces (
    video TEXT NOT NULL REFERENCES videos (id),
    work TEXT NOT NULL,        -- `video`, from the upload to the last segment; otherwise a kind of job
    parent TEXT NOT NULL,      -- as in the header `traceparent`
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (video, work)
);
