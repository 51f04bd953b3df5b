-- The HDR transfer function of a rendition, pq or hlg. NULL: it is SDR, or audio.
ALTER TABLE renditions ADD COLUMN hdr TEXT;
