-- What a page of a library shows, and what a search finds. NULL where it is not known.
ALTER TABLE videos ADD COLUMN file_name TEXT;           -- of the source, as its owner calls it
ALTER TABLE videos ADD COLUMN title_folded TEXT;        -- the title without case, by the program: databases fold differently
ALTER TABLE videos ADD COLUMN duration_ms BIGINT;
ALTER TABLE videos ADD COLUMN width BIGINT;             -- of the largest rung
ALTER TABLE videos ADD COLUMN height BIGINT;
ALTER TABLE videos ADD COLUMN poster_made BIGINT;       -- 0: it could not be made
UPDATE videos SET title_folded = lower(title);
-- Deleted videos leave nothing of what people said of them.
UPDATE videos SET title = NULL, title_folded = NULL, external_id = NULL, metadata = '{}', source_key = NULL,
    source_etag = NULL, content_type = NULL WHERE state = 'deleted';
