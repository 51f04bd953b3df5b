-- Posters that somebody chose. Without a row, a video has the one that was made of it.
CREATE TABLE posters (
    video TEXT PRIMARY KEY REFERENCES videos (id),
    wanted TEXT NOT NULL,               -- the last wish
    published TEXT,                     -- what viewers get; NULL: still the one that was made of it
    failure_code TEXT,                  -- of the last wish
    failure_sentence TEXT
);
