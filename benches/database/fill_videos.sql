-- Videos and their work, in the schema before migration 0013. :videos is their number. Foreign keys are not checked row by
-- row.
SET session_replication_role = replica;
-- `pick(n, seed)` spreads a number over 0 to 1, always in the same way.

CREATE FUNCTION pick(n bigint, seed bigint) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (hashint8extended(n, seed) & 2147483647) / 2147483648.0;
CREATE FUNCTION uuid7(at_ms bigint, n bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN lpad(to_hex(at_ms), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15);

CREATE TABLE numbers AS SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms;

-- Words by their share: the first ones are in every tenth title, the invented ones in one of thousands.
CREATE TABLE words AS SELECT
    string_to_array('Lecture Interview Trailer Keynote Workshop Recital Webinar Briefing Match Concert Training '
        || 'Tutorial Review Übung Vorführung Лекция Концерт Présentation Réunion Conférence 講義 会議 발표 Σεμινάριο', ' ') AS kinds,
    string_to_array('harbour mountain river glacier meadow lighthouse desert island valley forest bridge market '
        || 'library station München Zürich Orléans Москва Αθήνα 東京 서울 München Kraków Malmö', ' ') AS places,
    string_to_array('bal be bi bo bu da de di do du fa fe fi fon fu ga ge gi go gu ka ke ki ko ku la le li lo lu '
        || 'ma me mi mo mu na ne ni no nu pa pe pi po pu ra re ri ro ru sa se si so su ta te ti to tu', ' ') AS syllables;

-- `OFFSET 0` makes PostgreSQL compute an expression once, and not wherever it is used.
INSERT INTO videos (id, adopted, owner, title, external_id, metadata, state, failure_class, failure_code,
    failure_sentence, source_bucket, source_key, source_etag, source_size, content_type, upload_kind, upload_expires_ms,
    profile, mode, job, generation, fence, worker, lease_until_ms, created_ms, updated_ms, queued_ms, playable_ms,
    ready_ms, version, generate, file_name, title_folded, duration_ms, width, height, poster_made)
SELECT id, 0, owner, title, external_id,
    CASE WHEN n % 4 = 0 THEN '{"course":"c' || n % 5000 || '","language":"de"}' ELSE '{}' END,
    state,
    CASE WHEN state = 'failed' THEN 'source' END, CASE WHEN state = 'failed' THEN 'not-a-video' END,
    CASE WHEN state = 'failed' THEN 'The file is not a video.' END,
    CASE WHEN has_source THEN 'private' END,
    CASE WHEN state <> 'deleted' THEN 'uploads/' || id || '/' || file_name END,
    CASE WHEN has_source THEN md5(id) END,
    (1e6 + pick(n, 5) * 4e9)::bigint,
    'video/mp4', 'single', created_ms + 86400000,
    'default', 'abr',
    CASE WHEN has_source THEN md5('job' || id) END,
    CASE WHEN state = 'ready' THEN substr(md5('generation' || id), 1, 16) END,
    CASE WHEN state IN ('ready', 'failed', 'processing', 'cancelled') THEN 1 + (n % 20 = 0)::int ELSE 0 END,
    CASE WHEN state = 'processing' THEN 'worker-' || n % 40 END,
    CASE WHEN state = 'processing' THEN now_ms + 86400000 ELSE 0 END,
    created_ms, created_ms + 60000,
    CASE WHEN has_source THEN created_ms + 10000 END,
    CASE WHEN state = 'ready' THEN created_ms + 30000 END,
    CASE WHEN state = 'ready' THEN created_ms + 60000 END,
    5, 'on_upload',
    CASE WHEN state <> 'deleted' THEN file_name END,
    lower(title),
    CASE WHEN state = 'ready' THEN (1000 + pick(n, 6) * 7200000)::bigint END,
    CASE WHEN state = 'ready' THEN 1920 END, CASE WHEN state = 'ready' THEN 1080 END,
    CASE WHEN state = 'ready' THEN 1 END
FROM (
    SELECT *,
        state IN ('ready', 'failed', 'queued', 'processing', 'cancelled', 'stored') AS has_source,
        CASE WHEN n % 5 < 3 THEN 'IMG_' || lpad((n * 7919 % 10000000)::text, 7, '0') || '.mp4'
             ELSE 'recording-' || n || '.mov' END AS file_name,
        CASE WHEN n % 50 = 49 OR state = 'deleted' THEN NULL ELSE
            kinds[1 + floor(array_length(kinds, 1) * power(pick(n, 10), 2))::int]
            || CASE WHEN n % 3 = 0 THEN ' at the ' ELSE ', ' END
            || places[1 + floor(array_length(places, 1) * power(pick(n, 11), 2))::int]
            || ' ' || syllables[1 + floor(60 * pick(n, 12))::int] || syllables[1 + floor(60 * pick(n, 13))::int]
            || syllables[1 + floor(60 * pick(n, 14))::int]
            || CASE n % 200000 WHEN 7 THEN ' Zanzibar' WHEN 8 THEN ' 100% a_b\c' WHEN 9 THEN ' Ποσειδῶνας' ELSE '' END
            || CASE WHEN n % 4 = 0 THEN ' ' || n % 1000 ELSE '' END END AS title,
        CASE WHEN n % 10 < 7 AND state <> 'deleted' THEN 'item-' || n END AS external_id
    FROM (
        SELECT n, now_ms, 'vid_' || uuid7(created_ms, n) AS id, created_ms, kinds, places, syllables,
            -- One owner has 15 % of all videos, a fifth belong to nobody, and the others share the rest unequally.
            CASE WHEN pick(n, 1) < 0.15 THEN 'owner-0'
                 WHEN pick(n, 1) < 0.35 THEN NULL
                 ELSE 'owner-' || 1 + floor(1999 * power(pick(n, 2), 2)) END AS owner,
            CASE WHEN age = 1 THEN CASE WHEN n % 5 < 4 THEN 'queued' ELSE 'processing' END
                 WHEN age = 2 THEN CASE n % 3 WHEN 0 THEN 'created' ELSE 'uploading' END
                 WHEN age = 3 THEN 'queued'
                 WHEN pick(n, 3) < 0.93 THEN 'ready'
                 WHEN pick(n, 3) < 0.96 THEN 'failed'
                 WHEN pick(n, 3) < 0.97 THEN 'cancelled'
                 WHEN pick(n, 3) < 0.975 THEN 'stored'
                 ELSE 'deleted' END AS state
        FROM (
            SELECT n, now_ms, now_ms - 120000 - (:videos - n) * 30000 AS created_ms,
                -- The newest are in work; some more wait for a bulk conversion.
                CASE WHEN :videos - n < 250 THEN 1 WHEN :videos - n < 1500 THEN 2
                     WHEN :videos - n BETWEEN 50000 AND 60000 THEN 3 ELSE 0 END AS age
            FROM generate_series(1::bigint, :videos) AS n, numbers
            OFFSET 0
        ) AS aged, words
        OFFSET 0
    ) AS stated
    OFFSET 0
) AS named;

INSERT INTO attempts (video, fence, job, generation, worker, started_ms, ended_ms, outcome, failure_code,
    failure_sentence, stage, percent)
SELECT id, attempt, job, substr(md5('generation' || id), 1, 16), 'worker-1', queued_ms,
    CASE WHEN state <> 'processing' OR attempt < fence THEN queued_ms + 50000 END,
    CASE WHEN attempt < fence THEN 'lost' WHEN state = 'ready' THEN 'ready' WHEN state = 'failed' THEN 'failed'
         WHEN state = 'cancelled' THEN 'stopped' END,
    CASE WHEN attempt = fence AND state = 'failed' THEN failure_code END,
    CASE WHEN attempt = fence AND state = 'failed' THEN failure_sentence END,
    CASE WHEN state = 'processing' THEN 'encode' END, CASE WHEN state = 'ready' THEN 100 ELSE 40 END
FROM videos, generate_series(1, fence) AS attempt;

INSERT INTO renditions (video, generation, name, position, kind, width, height, copied, frame_rate, codecs, bandwidth,
    average_bandwidth, state)
SELECT v.id, v.generation, r.name, r.position, r.kind, r.width, r.height, 0, 25, r.codecs, r.bandwidth, r.bandwidth,
    'complete'
FROM videos v, (VALUES ('1080p', 0, 'video', 1920, 1080, 'avc1.640028', 5000000),
    ('360p', 1, 'video', 640, 360, 'avc1.64001e', 900000), ('audio-128k', 2, 'audio', NULL, NULL, 'mp4a.40.2', 128000))
    AS r (name, position, kind, width, height, codecs, bandwidth)
WHERE v.state = 'ready';

INSERT INTO receipts (video, generation, recorded_ms, record)
SELECT id, generation, ready_ms, '{"cpu_ms":61000,"wall_ms":50000,"stages":[{"stage":"probe","wall_ms":900},'
    || '{"stage":"encode","wall_ms":45000},{"stage":"publish","wall_ms":700}],"source_ms":' || duration_ms
    || ',"bytes_in":90000000,"bytes_out":80000000,"store_writes":400,"store_reads":120,"stored_bytes":170000000}'
FROM videos WHERE state = 'ready';

INSERT INTO chunks (video, generation, lane, position, fence, recorded_ms, record)
SELECT id, substr(md5('generation' || id), 1, 16), 'encode', place, fence, queued_ms + place * 1000,
    '{"lane":"encode","index":' || place || ',"segments":[],"wall_ms":900,"cpu_ms":900,"codecs":{}}'
FROM videos, generate_series(0, 99) AS place WHERE state = 'processing';
