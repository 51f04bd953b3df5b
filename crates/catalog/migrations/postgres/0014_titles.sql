-- Order by title, by code points as in SQLite. An entry of an index has at most 2,704 bytes.
CREATE INDEX videos_by_title ON videos (substr(coalesce(title_folded, ''), 1, 200) COLLATE "C", id)
    WHERE state <> 'deleted';
CREATE INDEX videos_of_owner_by_title ON videos (owner, substr(coalesce(title_folded, ''), 1, 200) COLLATE "C", id)
    WHERE state <> 'deleted';
-- The search is correct without this index, and slow for large libraries. The extension is missing where the server
-- does not have it, or the role may not create it.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX videos_search ON videos USING gin (search_folded gin_trgm_ops) WHERE state <> 'deleted';
EXCEPTION WHEN insufficient_privilege OR undefined_file OR undefined_object OR feature_not_supported THEN
    RAISE WARNING 'no index for the search of videos: %', SQLERRM;
END
$$;
