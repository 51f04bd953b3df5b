-- Number and bytes of the videos of each owner that are not deleted: the quota reads one row, and does not count the
-- owner's videos. Triggers keep the row right, so that programs without this migration do so, too.
-- The index videos_quota of 0023 only serves those programs.
CREATE TABLE owner_usage (
    owner TEXT PRIMARY KEY,
    videos BIGINT NOT NULL,
    source_bytes BIGINT NOT NULL         -- sources of unknown size count as 0
);
CREATE FUNCTION add_owner_usage(of_owner TEXT, more_videos BIGINT, more_bytes BIGINT) RETURNS VOID
LANGUAGE sql AS $$
    INSERT INTO owner_usage (owner, videos, source_bytes) VALUES (of_owner, more_videos, more_bytes)
    ON CONFLICT (owner) DO UPDATE
        SET videos = owner_usage.videos + EXCLUDED.videos,
            source_bytes = owner_usage.source_bytes + EXCLUDED.source_bytes
$$;
CREATE FUNCTION videos_change_owner_usage() RETURNS TRIGGER
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.owner IS NOT NULL AND OLD.state <> 'deleted' THEN
        PERFORM add_owner_usage(OLD.owner, -1, -coalesce(OLD.source_size, 0));
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.owner IS NOT NULL AND NEW.state <> 'deleted' THEN
        PERFORM add_owner_usage(NEW.owner, 1, coalesce(NEW.source_size, 0));
    END IF;
    RETURN NULL;
END
$$;
-- A trigger waits for writers and stops them until the migration commits, so the rows counted below are all rows.
CREATE TRIGGER videos_inserted_owner_usage AFTER INSERT ON videos FOR EACH ROW
    WHEN (NEW.owner IS NOT NULL)
    EXECUTE FUNCTION videos_change_owner_usage();
CREATE TRIGGER videos_deleted_owner_usage AFTER DELETE ON videos FOR EACH ROW
    WHEN (OLD.owner IS NOT NULL)
    EXECUTE FUNCTION videos_change_owner_usage();
CREATE TRIGGER videos_updated_owner_usage AFTER UPDATE OF owner, state, source_size ON videos FOR EACH ROW
    WHEN (OLD.owner IS DISTINCT FROM NEW.owner
        OR (OLD.state = 'deleted') <> (NEW.state = 'deleted')
        OR OLD.source_size IS DISTINCT FROM NEW.source_size)
    EXECUTE FUNCTION videos_change_owner_usage();
INSERT INTO owner_usage (owner, videos, source_bytes)
    SELECT owner, count(*), CAST(coalesce(sum(source_size), 0) AS BIGINT) FROM videos
    WHERE owner IS NOT NULL AND state <> 'deleted'
    GROUP BY owner;
