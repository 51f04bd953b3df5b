-- Captions: one video in three hundred has them in one to three languages. Speech has about 150 words a minute, so an hour has
-- 50 KB of words. Foreign keys are not checked row by row.
SET session_replication_role = replica;

-- Frequent words first: the n-th word is as frequent as a natural language has it, one in 10 n.
CREATE TABLE vocabulary AS
SELECT n, CASE WHEN n <= 24 THEN
        (string_to_array('the of and to a in is that it for we you this on with are as be have what lecture harbour лекция 講義', ' '))[n]
    ELSE (SELECT string_agg(
            (string_to_array('b c d f g h k l m n p r s t v w br ch cr dr fl gr pl pr qu sh st str th tr', ' '))[1 + floor(30 * pick(n, 10 * place))::int]
            || (string_to_array('a e i o u ai ea io ou y', ' '))[1 + floor(10 * pick(n, 10 * place + 1))::int]
            || (string_to_array('n r s t l m d ng ck x nt st rd  ', ' '))[1 + floor(15 * pick(n, 10 * place + 2))::int], '')
        FROM generate_series(1, 1 + (n % 3)::int) AS place) END AS word
FROM generate_series(1::bigint, 30000) AS n;
CREATE UNIQUE INDEX vocabulary_n ON vocabulary (n);

-- What captions are made of: a minute of speech each.
CREATE TABLE speech AS
SELECT minute, string_agg(word, ' ' ORDER BY place) AS words
FROM (SELECT minute, place, floor(exp(ln(30000) * pick(minute * 1000 + place, 20)))::bigint AS n
      FROM generate_series(1::bigint, 4000) AS minute, generate_series(1::bigint, 150) AS place OFFSET 0) AS drawn
    JOIN vocabulary USING (n)
GROUP BY minute;
CREATE UNIQUE INDEX speech_minute ON speech (minute);

-- The index is faster to build than to extend.
SELECT indexdef AS search FROM pg_indexes WHERE indexname = 'captions_search' \gset
DROP INDEX captions_search;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
INSERT INTO captions (video, id, language, name, is_default, is_forced, is_sdh, origin, content, cues, created_ms, published, words)
SELECT v.id, substr(md5(v.id || language), 1, 16), language, language, (language = 'en')::int, 0, 0, 'uploaded',
    md5(language || v.id), minutes * 20, ready_ms, 1,
    -- A name that few videos have is said each minute, and a word of science in one video of 400.
    left(spoken || CASE WHEN row % 400 = 7 THEN ' photosynthesis' ELSE '' END, 512 << 10)
FROM (SELECT id, ready_ms, duration_ms / 60000 + 1 AS minutes, row_number() OVER (ORDER BY id) AS row
      FROM videos WHERE state = 'ready' AND hashtextextended(id, 5) % 300 = 0) AS v
    JOIN (VALUES ('en', 1), ('de', 2), ('pt-BR', 4)) AS l (language, share) ON row % share = 0
    CROSS JOIN words
    CROSS JOIN LATERAL (
        SELECT string_agg(speech.words || ' ' || syllables[1 + floor(60 * pick(row, place + 7))::int]
            || syllables[1 + floor(60 * pick(row, place + 8))::int] || syllables[1 + floor(60 * pick(row, place + 9))::int], ' '
            ORDER BY place) AS spoken
        FROM generate_series(1, minutes) AS place
            JOIN speech ON speech.minute = 1 + floor(4000 * pick(row * share, place))::int
    ) AS said;
SET maintenance_work_mem = '1GB';
:search;
RESET maintenance_work_mem;

-- Captions that were replaced: objects of some are due, and some playlists are.
INSERT INTO captions (video, id, language, name, is_default, is_forced, is_sdh, origin, content, cues, created_ms, removed_ms,
    published, words)
SELECT video, substr(md5('replaced' || id), 1, 16), language, name, is_default, 0, 0, origin, md5(content), cues, created_ms,
    now_ms - 9 * 86400000::bigint, 0, ''
FROM captions, numbers WHERE right(id, 1) = '0'
UNION ALL
SELECT v.id, substr(md5('due' || v.id), 1, 16), 'fr', 'français', 0, 0, 0, 'uploaded', md5('c' || v.id), 100, ready_ms,
    now_ms - 9 * 86400000::bigint, 0, ''
FROM (SELECT id, ready_ms FROM videos WHERE state = 'ready' AND sweep_ms < (SELECT now_ms FROM numbers) ORDER BY id LIMIT 100) AS v,
    numbers;
ANALYZE captions;
