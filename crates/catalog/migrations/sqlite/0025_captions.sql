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
-- SQLite has no index for parts of a text: a search of captions reads all current ones.
