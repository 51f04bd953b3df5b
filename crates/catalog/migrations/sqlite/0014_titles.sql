-- Order by title, by code points. The search reads `videos_search` and not the rows.
CREATE INDEX videos_by_title ON videos (substr(coalesce(title_folded, ''), 1, 200), id) WHERE state <> 'deleted';
CREATE INDEX videos_of_owner_by_title ON videos (owner, substr(coalesce(title_folded, ''), 1, 200), id)
    WHERE state <> 'deleted';
CREATE INDEX videos_search ON videos (id, owner, state, search_folded) WHERE state <> 'deleted';
