-- Sources that are fetched from a URL.
CREATE TABLE imports (
    video TEXT PRIMARY KEY REFERENCES videos (id),
    url TEXT NOT NULL,                  -- may be a permission: shown to nobody, gone with its video
    transfer TEXT                       -- JSON: what has arrived of which version of the file, to go on there
);
