-- Captions: the current ones of each language, and replaced or deleted ones until their objects are removed.
CREATE TABLE captions (
    video TEXT NOT NULL REFERENCES videos (id),
    id TEXT NOT NULL,
    language TEXT NOT NULL,              -- BCP 47, in its canonical case
    name TEXT NOT NULL,                  -- in the menus of players
    is_default BIGINT NOT NULL,          -- 1: shown unless the viewer chooses otherwise
    is_forced BIGINT NOT NULL,           -- 1: only what viewers need who understand the audio
    is_sdh BIGINT NOT NULL,              -- 1: also describes sounds
    origin TEXT NOT NULL,                -- uploaded, or embedded in the source
    content TEXT NOT NULL,               -- digest of the text and the settings
    cues BIGINT NOT NULL,                -- number of cues
    created_ms BIGINT NOT NULL,
    removed_ms BIGINT,                   -- replaced or deleted then; NULL: current
    published BIGINT NOT NULL,           -- 1: the master playlist names it
    words TEXT NOT NULL,                 -- folded, for the search
    PRIMARY KEY (video, id)
);
CREATE UNIQUE INDEX captions_current ON captions (video, language) WHERE removed_ms IS NULL;
-- The search is correct without this index, and slow for large libraries, as in 0014.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX captions_search ON captions USING gin (words gin_trgm_ops) WHERE removed_ms IS NULL;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR undefined_object OR feature_not_supported THEN
    RAISE WARNING 'no index for the search of captions: %', SQLERRM;
END
$$;
