-- The oldest program that may use this database, as the number of its newest migration. A migration
-- that removes what older programs need sets it; see README.md.
CREATE TABLE compatibility (
    id BIGINT PRIMARY KEY,
    oldest_program BIGINT NOT NULL
);
INSERT INTO compatibility (id, oldest_program) VALUES (1, 18);
