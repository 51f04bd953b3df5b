-- Animated previews of a span that the client named. They belong to a generation. The rows limit their number, and the
-- frequency of messages.
CREATE TABLE previews (
    video TEXT NOT NULL REFERENCES videos (id),
    generation TEXT NOT NULL,
    start_tenths BIGINT NOT NULL,        -- time of the first frame in the video, tenths of a second
    length_tenths BIGINT NOT NULL,       -- length, tenths of a second
    width BIGINT NOT NULL,               -- pixels
    requested_ms BIGINT NOT NULL,        -- last message of the job
    refused_ms BIGINT,                   -- a transcoder could not make it since then, because its FFmpeg has no encoder
    PRIMARY KEY (video, generation, start_tenths, length_tenths, width)
);
