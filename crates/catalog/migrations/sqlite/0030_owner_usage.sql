-- Number and bytes of the videos of each owner that are not deleted: the quota reads one row, and does not count the
-- owner's videos. Triggers keep the row right, so that programs without this migration do so, too.
-- The index videos_quota of 0023 only serves those programs.
CREATE TABLE owner_usage (
    owner TEXT PRIMARY KEY,
    videos BIGINT NOT NULL,
    source_bytes BIGINT NOT NULL         -- sources of unknown size count as 0
);
CREATE TRIGGER videos_inserted_owner_usage AFTER INSERT ON videos
WHEN NEW.owner IS NOT NULL AND NEW.state <> 'deleted'
BEGIN
    INSERT INTO owner_usage (owner, videos, source_bytes) VALUES (NEW.owner, 1, coalesce(NEW.source_size, 0))
    ON CONFLICT (owner) DO UPDATE
        SET videos = videos + 1, source_bytes = source_bytes + coalesce(NEW.source_size, 0);
END;
CREATE TRIGGER videos_deleted_owner_usage AFTER DELETE ON videos
WHEN OLD.owner IS NOT NULL AND OLD.state <> 'deleted'
BEGIN
    UPDATE owner_usage SET videos = videos - 1, source_bytes = source_bytes - coalesce(OLD.source_size, 0)
    WHERE owner = OLD.owner;
END;
CREATE TRIGGER videos_updated_owner_usage AFTER UPDATE OF owner, state, source_size ON videos
WHEN OLD.owner IS NOT NEW.owner
    OR (OLD.state = 'deleted') <> (NEW.state = 'deleted')
    OR OLD.source_size IS NOT NEW.source_size
BEGIN
    UPDATE owner_usage SET videos = videos - 1, source_bytes = source_bytes - coalesce(OLD.source_size, 0)
    WHERE owner = OLD.owner AND OLD.state <> 'deleted';
    INSERT INTO owner_usage (owner, videos, source_bytes)
        SELECT NEW.owner, 1, coalesce(NEW.source_size, 0) WHERE NEW.owner IS NOT NULL AND NEW.state <> 'deleted'
    ON CONFLICT (owner) DO UPDATE
        SET videos = videos + 1, source_bytes = source_bytes + coalesce(NEW.source_size, 0);
END;
INSERT INTO owner_usage (owner, videos, source_bytes)
    SELECT owner, count(*), coalesce(sum(source_size), 0) FROM videos
    WHERE owner IS NOT NULL AND state <> 'deleted'
    GROUP BY owner;
