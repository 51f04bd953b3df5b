-- The other tables, in the newest schema. Foreign keys are not checked row by row.
SET session_replication_role = replica;

INSERT INTO attempt_stages (video, fence, stage, started_ms, ended_ms)
SELECT video, fence, it.stage, started_ms + place * 1000, ended_ms FROM attempts,
    (VALUES ('probe', 0), ('encode', 1), ('publish', 2)) AS it (stage, place)
WHERE video IN (SELECT id FROM videos ORDER BY id DESC LIMIT :videos / 4);
INSERT INTO segment_attempts (video, generation, attempt) SELECT video, generation, max(fence) FROM attempts
    WHERE video IN (SELECT id FROM videos ORDER BY id DESC LIMIT :videos / 4) GROUP BY video, generation;
-- As the program writes it: only videos that changed lately are ever due. The migration made every video due; the column
-- is added again, because writing two million rows for that takes minutes.
ALTER TABLE videos DROP COLUMN sweep_ms;
ALTER TABLE videos ADD COLUMN sweep_ms BIGINT;
ALTER TABLE videos ALTER COLUMN sweep_ms SET DEFAULT 0;
CREATE INDEX videos_due ON videos (sweep_ms, id) WHERE sweep_ms IS NOT NULL;
UPDATE videos SET sweep_ms = CASE
    WHEN state IN ('ready', 'cancelled', 'failed') THEN created_ms + 8 * 86400000::bigint
    ELSE now_ms + 3600000 + (fence * 7 + version) * 60000 END
FROM numbers
WHERE state IN ('created', 'uploading', 'queued', 'processing')
   OR state IN ('ready', 'cancelled', 'failed') AND created_ms > now_ms - 8 * 86400000::bigint;
-- Some that are due.
UPDATE videos SET sweep_ms = now_ms - 1000 FROM numbers
WHERE id IN (SELECT id FROM videos WHERE state IN ('ready', 'failed', 'cancelled') ORDER BY id LIMIT 150)
   OR id IN (SELECT id FROM videos WHERE state IN ('queued', 'uploading', 'created') ORDER BY id LIMIT 150);

INSERT INTO webhook_endpoints (id, owner, url, wants_progress, secrets, paused_until_ms, created_ms, updated_ms)
SELECT 'whe_' || uuid7(now_ms - n * 60000, n), CASE WHEN n > 3 THEN 'owner-' || n % 2000 END,
    'http://127.0.0.1:9/hook', 0, '[{"sealed":"x","until_ms":null}]', 0, now_ms, now_ms
FROM generate_series(1, 4000) AS n, numbers;
-- The endpoint of the largest owner is broken, and keeps its deliveries waiting.
UPDATE webhook_endpoints SET failing_since_ms = now_ms - 3600000 FROM numbers WHERE owner = 'owner-0';

-- Endpoints of the whole installation would receive all events of the bench.
UPDATE webhook_endpoints SET disabled_ms = updated_ms, disabled_reason = 'owner' WHERE owner IS NULL;

INSERT INTO events (id, video, sequence, owner, type, at_ms, payload, shared_ms)
SELECT 'evt_' || uuid7(created_ms + place, (hashtext(id) + place)::bigint), id, place, owner, type,
    created_ms + place * 10000, '{"type":"' || type || '","video":{"id":"' || id || '","title":"' || coalesce(title, '')
        || '"},"padding":"' || repeat('x', 600) || '"}', created_ms + place * 10000 + 500
FROM (SELECT id, owner, created_ms, replace(replace(title, '\', ''), '"', '') AS title FROM videos
      WHERE state = 'ready' ORDER BY id DESC LIMIT :videos / 14) AS latest,
    (VALUES (1, 'upload.completed'), (2, 'video.processing'), (3, 'video.ready')) AS kind (place, type);

INSERT INTO webhook_deliveries (id, endpoint, event, video, sequence, status, attempts, created_ms, first_attempt_ms,
    next_ms, lease_until_ms, settled_ms, last_attempt_ms, last_status, last_duration_ms)
SELECT 'whd_' || uuid7(e.at_ms, hashtext(e.id || w.id)::bigint), w.id, e.id, e.video, e.sequence,
    CASE WHEN waits THEN 'pending' ELSE 'delivered' END, 1, e.at_ms, e.at_ms,
    CASE WHEN waits THEN now_ms + (pick(e.sequence + e.at_ms, 3) * 7200000)::bigint ELSE e.at_ms END, 0,
    CASE WHEN waits THEN NULL ELSE e.at_ms + 200 END, e.at_ms, CASE WHEN waits THEN 503 ELSE 200 END, 180
FROM (SELECT *, owner = 'owner-0' AND at_ms > (SELECT now_ms FROM numbers) - 30 * 86400000::bigint AS waits FROM events) AS e
    JOIN webhook_endpoints w ON w.owner = e.owner
    CROSS JOIN numbers;

INSERT INTO messages (id, queue, body, job, sent_ms, visible_ms, receives)
SELECT lpad(to_hex(queued_ms), 12, '0') || md5(id), CASE WHEN row_number() OVER (ORDER BY id) <= 9500 THEN 'bulk' ELSE 'interactive' END,
    '{"v":1,"filled":"' || id || '"}', job, queued_ms, queued_ms, 0
FROM videos WHERE state = 'queued';
INSERT INTO messages (id, queue, body, sent_ms, visible_ms, receives)
SELECT md5('bulk' || n), 'bulk', '{"v":1,"filled":"n' || n || '"}', now_ms - n,
    -- Most wait for their time: the worker would make all of them dead letters during the bench.
    now_ms + CASE WHEN n % 20 = 0 THEN -n ELSE 86400000 + n END, 0
FROM generate_series(1, 100000) AS n, numbers;
INSERT INTO messages (id, queue, body, sent_ms, visible_ms, receives, dead_lettered_ms, reason, settled_ms)
SELECT md5('dead' || n), CASE n % 2 WHEN 0 THEN 'bulk' ELSE 'interactive' END, '{"v":1,"dead":"n' || n || '"}', now_ms - n * 1000, now_ms - n * 1000, 5,
    now_ms - n * 1000, 'the worker was lost', now_ms - n * 1000 + 500
FROM generate_series(1, 5000) AS n, numbers;

INSERT INTO shares (id, digest, video, label, created_by, created_ms, expires_ms, revoked_ms)
SELECT 'shr_' || uuid7(now_ms - row * 1000, row), md5(id) || md5('share' || id), id, 'for the class', 'installation',
    now_ms - row * 1000, now_ms + (row % 60 - 15) * 86400000, CASE WHEN row % 10 = 0 THEN now_ms - (row % 20) * 86400000 END
FROM (SELECT id, row_number() OVER (ORDER BY id) AS row FROM videos WHERE state = 'ready' ORDER BY id DESC LIMIT :videos / 10) AS v,
    numbers;

INSERT INTO api_keys (id, digest, name, owner, scopes, created_by, created_ms)
SELECT 'key_' || uuid7(now_ms - n * 1000, n), md5('k' || n) || md5('l' || n), 'key ' || n,
    CASE WHEN n % 50 <> 0 THEN 'owner-' || n % 2000 END, 'read play',
    CASE WHEN n % 2 = 0 THEN 'api-key:key_' || uuid7(now_ms - n / 2 * 1000, n / 2) ELSE 'installation' END, now_ms - n * 1000
FROM generate_series(1, 20000) AS n, numbers;

INSERT INTO idempotent_requests (id, fingerprint, token, held_until_ms, response, expires_ms)
SELECT md5('i' || n), md5('f' || n), md5('t' || n), now_ms, repeat('x', 300), now_ms - 500 + n * 400
FROM generate_series(1, 200000) AS n, numbers;

INSERT INTO edge_entries (name, value, expires_ms)
SELECT 'session/' || md5(n::text), '1', now_ms - 5000 + n * 300 FROM generate_series(1, 200000) AS n, numbers;

INSERT INTO imports (video, url) SELECT id, 'https://files.example/' || id FROM videos WHERE right(id, 2) = '00';
INSERT INTO posters (video, wanted, published) SELECT id, substr(md5(id), 1, 16), substr(md5(id), 1, 16)
    FROM videos WHERE right(id, 2) = '11' AND state = 'ready';
INSERT INTO chapters (video, id, list, origin, published)
SELECT id, substr(md5(id || 'c'), 1, 16), '[{"start_ms":0,"title":"Introduction"},{"start_ms":61500,"title":"Lenses"}]', 'embedded', 1
    FROM videos WHERE state = 'ready' AND hashtextextended(id, 6) % 10 = 0;
INSERT INTO thumbnails (video, generation, tenths, width, requested_ms)
SELECT id, generation, tenths, 640, ready_ms FROM videos, generate_series(5, 1000, 50) AS tenths
    WHERE state = 'ready' AND generation IS NOT NULL AND hashtextextended(id, 7) % 50 = 0;
INSERT INTO previews (video, generation, start_tenths, length_tenths, width, requested_ms)
SELECT id, generation, start_tenths, 30, 320, ready_ms FROM videos, generate_series(5, 1000, 50) AS start_tenths
    WHERE state = 'ready' AND generation IS NOT NULL AND hashtextextended(id, 7) % 50 = 0;
INSERT INTO downloads (video, generation, rung, requested_ms, ready_ms, bytes)
SELECT id, generation, '720p', ready_ms, ready_ms + 5000, 100000000 FROM videos
    WHERE state = 'ready' AND generation IS NOT NULL AND hashtextextended(id, 8) % 20 = 0;
