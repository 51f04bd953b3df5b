-- The index of the search has all columns of the filters and orders: a search sorts in it, and reads
-- the rows of one page only.
DROP INDEX videos_search;
CREATE INDEX videos_search ON videos (id, owner, state, title_folded, duration_ms, source_size, search_folded)
    WHERE state <> 'deleted';
