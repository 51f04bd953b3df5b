-- What was watched, and how well: counters and sums per video and hour, without viewers and sessions.
CREATE TABLE view_counts (
    video TEXT NOT NULL REFERENCES videos (id),
    hour BIGINT NOT NULL,                -- in UTC: Unix seconds divided by 3,600
    counter TEXT NOT NULL,               -- domain::viewing::Totals::counters: views, watched_ms, refused/{code}, ...
    amount BIGINT NOT NULL,
    PRIMARY KEY (video, hour, counter)
);

-- The sweeper removes old hours.
CREATE INDEX view_counts_by_hour ON view_counts (hour);
