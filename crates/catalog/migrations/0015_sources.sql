-- Whether an object of the bucket is a source.
CREATE INDEX videos_source_key ON videos (source_key) WHERE source_key IS NOT NULL;
