-- The job that was requested last for a video, until it ends: its message can be lost, and a video that is ready does
-- not show in its state that it waits. `message` is the job as it is sent to the queue.
CREATE TABLE requested_jobs (
    video TEXT PRIMARY KEY REFERENCES videos (id),
    job TEXT NOT NULL,
    message TEXT NOT NULL
);
