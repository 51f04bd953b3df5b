-- Captions that an operator's program makes of the audio. A row exists from the request until the captions are stored.
CREATE TABLE transcriptions (
    video TEXT NOT NULL REFERENCES videos (id),
    language TEXT NOT NULL,              -- of the speech, and of the captions
    requested_ms BIGINT NOT NULL,        -- last message of the job, or sign of life of a worker
    worker TEXT,                         -- that works on it; NULL: none yet
    worker_ms BIGINT,                    -- last sign of life of that worker
    failure_code TEXT,                   -- of the last request
    failure_sentence TEXT,
    PRIMARY KEY (video, language)
);
-- 1: the captions were made of the audio. Their origin is then `embedded`, which older programs can read.
ALTER TABLE captions ADD COLUMN is_machine BIGINT NOT NULL DEFAULT 0;
