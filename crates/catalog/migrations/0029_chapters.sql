-- The chapters of a video. A video whose chapters were deleted keeps its row, with an empty list.
CREATE TABLE chapters (
    video TEXT NOT NULL PRIMARY KEY REFERENCES videos (id),
    id TEXT NOT NULL,                    -- hash of the document that players load
    list TEXT NOT NULL,                  -- JSON: [{"start_ms": 0, "title": "..."}]
    origin TEXT NOT NULL,                -- uploaded, or embedded in the source
    published BIGINT NOT NULL            -- 1: the master playlist names them, or none if the list is empty
);
