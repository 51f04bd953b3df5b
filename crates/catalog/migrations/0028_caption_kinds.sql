-- A language has up to one set of captions of each kind: complete, for the deaf, forced.
DROP INDEX captions_current;
CREATE UNIQUE INDEX captions_current_kind ON captions (video, language, is_forced, is_sdh) WHERE removed_ms IS NULL;
