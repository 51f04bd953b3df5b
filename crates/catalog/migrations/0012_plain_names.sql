-- Columns with the names that the code uses. Nothing was released before, so no program of an
-- older version can be running: each column is renamed in one step.
ALTER TABLE messages RENAME COLUMN died_ms TO dead_lettered_ms;
ALTER TABLE messages RENAME COLUMN why TO reason;
ALTER TABLE renditions RENAME COLUMN place TO position;
ALTER TABLE chunks RENAME COLUMN place TO position;
ALTER TABLE idempotent_requests RENAME COLUMN answer TO response;
ALTER TABLE idempotent_requests RENAME COLUMN ticket TO token;
ALTER TABLE webhook_endpoints RENAME COLUMN disabled_why TO disabled_reason;
