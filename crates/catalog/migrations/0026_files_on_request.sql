-- Files that are made when a client requests them. Both belong to a generation.
--
-- Thumbnails at a time that the client named. The rows limit their number, and the frequency of messages.
CREATE TABLE thumbnails (
    video TEXT NOT NULL REFERENCES videos (id),
    generation TEXT NOT NULL,
    tenths BIGINT NOT NULL,              -- time in the video, tenths of a second
    width BIGINT NOT NULL,               -- pixels
    requested_ms BIGINT NOT NULL,        -- last message of the job
    PRIMARY KEY (video, generation, tenths, width)
);
-- Rungs as MP4 files for downloads.
CREATE TABLE downloads (
    video TEXT NOT NULL REFERENCES videos (id),
    generation TEXT NOT NULL,
    rung TEXT NOT NULL,                  -- name of the rendition
    requested_ms BIGINT NOT NULL,        -- last message of the job
    ready_ms BIGINT,                     -- the file exists since then; NULL: not yet
    bytes BIGINT,                        -- size of the file
    failure_code TEXT,                   -- of the last request
    failure_sentence TEXT,
    PRIMARY KEY (video, generation, rung)
);
