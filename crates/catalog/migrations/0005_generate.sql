-- When a presentation is made of a source: on_upload, on_first_view.
ALTER TABLE videos ADD COLUMN generate TEXT NOT NULL DEFAULT 'on_upload';
