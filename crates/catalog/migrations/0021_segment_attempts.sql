-- The number of the last production of a generation. Segments have it in their names.
CREATE TABLE segment_attempts (
    video TEXT NOT NULL REFERENCES videos (id),
    generation TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    PRIMARY KEY (video, generation)
);
