-- Orders and the search of lists. `lower` folds only for rows of before: the program folds like Unicode.
ALTER TABLE videos ADD COLUMN search_folded TEXT;       -- title, file name and external id, one per line
UPDATE videos SET search_folded = lower(coalesce(title, '') || '
' || coalesce(file_name, '') || '
' || coalesce(external_id, '')) WHERE state <> 'deleted';
CREATE INDEX videos_by_duration ON videos (coalesce(duration_ms, 0), id) WHERE state <> 'deleted';
CREATE INDEX videos_of_owner_by_duration ON videos (owner, coalesce(duration_ms, 0), id) WHERE state <> 'deleted';
CREATE INDEX videos_by_size ON videos (coalesce(source_size, 0), id) WHERE state <> 'deleted';
CREATE INDEX videos_of_owner_by_size ON videos (owner, coalesce(source_size, 0), id) WHERE state <> 'deleted';
-- Videos that changed since a time.
CREATE INDEX videos_by_change ON videos (updated_ms, id);
