//! The table of all metrics.
//!
//! A new metric goes here, into [`ALL`], and into `docs/metrics.md`, which a test compares with the table.

use crate::definition::Program::{Api, Edge, Ingest, Lambda, Serve, Transcoder};
use crate::definition::Unit::{Bytes, Count, Seconds};
use crate::definition::Values::{Described, Listed};
use crate::definition::{
    About, Counter, Definition, Gauge, Histogram, Label, Program, counter, gauge, histogram,
};

mod transcoder;

pub use transcoder::*;

/// The label value of what the table does not list, and of series beyond the limit.
pub const OTHER: &str = "other";

const EVERY_PROGRAM: &[Program] = &[Serve, Api, Ingest, Transcoder, Edge];
const API: &[Program] = &[Serve, Api];

/// A response: from the handlers in memory to an upload that is completed in the store.
const REQUEST_SECONDS: &[f64] = &[0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// A wait for the database: from an idle pool to the timeout.
const DATABASE_SECONDS: &[f64] = &[0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0];
/// A request to an endpoint, up to its timeout.
const WEBHOOK_SECONDS: &[f64] = &[0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// From an immediate delivery to the last retry, days later.
const LAG_SECONDS: &[f64] = &[
    1.0, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0, 43_200.0, 259_200.0,
];
const STATUS: Label = Label {
    name: "status",
    values: Described("HTTP status"),
};
const ROUTE: Label = Label {
    name: "route",
    values: Described("route template, or `other`"),
};
const METHOD: Label = Label {
    name: "method",
    values: Described("HTTP method, or `other`"),
};

/// Memory of the process.
pub static RESIDENT_MEMORY: Gauge<0> = gauge(
    "edgereel_process_resident_memory_bytes",
    &[],
    About(
        Bytes,
        EVERY_PROGRAM,
        "Resident memory of this process, without FFmpeg",
        "growth over days",
    ),
);

/// Requests to the API.
pub static HTTP_REQUESTS: Counter<3> = counter(
    "edgereel_http_requests_total",
    &[METHOD, ROUTE, STATUS],
    About(
        Count,
        API,
        "Responses of the API",
        "the share of 5xx; many 401 and 429",
    ),
);

/// Latency of the API.
pub static HTTP_REQUEST_SECONDS: Histogram<1> = histogram(
    "edgereel_http_request_duration_seconds",
    REQUEST_SECONDS,
    &[ROUTE],
    About(
        Seconds,
        API,
        "Time from the request to the response headers",
        "the 99th percentile by route",
    ),
);

/// Messages in the queue.
pub static JOBS: Gauge<1> = gauge(
    "edgereel_jobs",
    &[Label {
        name: "state",
        values: Listed(&["ready", "delayed", "in-flight", "dead"]),
    }],
    About(
        Count,
        API,
        "Messages in the job queue, by state",
        "`dead` above 0; `ready` that only grows",
    ),
);

/// The wait of the oldest job.
pub static OLDEST_JOB_WAIT: Gauge<0> = gauge(
    "edgereel_oldest_job_wait_seconds",
    &[],
    About(
        Seconds,
        &[Serve, Api, Lambda],
        "How long the job has waited that waits longest, 0 if none waits",
        "more than the time in which viewers expect a video",
    ),
)
.in_cloudwatch("OldestJobWait");

/// Events of the bucket.
pub static BUCKET_EVENTS: Counter<1> = counter(
    "edgereel_bucket_events_total",
    &[Label {
        name: "outcome",
        values: Listed(&[
            "queued",
            "known",
            "stored",
            "gone",
            "unwanted",
            "not-an-upload",
            "ignored",
        ]),
    }],
    About(
        Count,
        &[Serve, Api, Ingest, Lambda],
        "Events of the private bucket, by outcome",
        "`not-an-upload`: another program writes into the bucket",
    ),
)
.in_cloudwatch("BucketEvents");

/// Jobs that ended as dead letters.
pub static DEAD_LETTERS: Counter<1> = counter(
    "edgereel_dead_letters_total",
    &[Label {
        name: "class",
        values: Listed(&["infrastructure", "unreadable", "worker-lost"]),
    }],
    About(
        Count,
        &[Serve, Api, Transcoder, Lambda],
        "Jobs that became dead letters, by the class of the failure: infrastructure (a worker gave up), unreadable \
         (a worker cannot parse the message), worker-lost (deliveries ended without a result)",
        "any increase",
    ),
)
.in_cloudwatch("DeadLetters");

/// The last success of periodic work.
pub static LAST_SUCCESS: Gauge<1> = gauge(
    "edgereel_schedule_last_success_timestamp_seconds",
    &[Label {
        name: "schedule",
        values: Listed(&["sweep", "dead-letters", "webhooks", "arrivals"]),
    }],
    About(
        Seconds,
        API,
        "Unix time of the last run without a failure, by periodic task; absent before the first one",
        "an age above 10 minutes",
    ),
);

/// Attempts to deliver webhooks.
pub static WEBHOOK_ATTEMPTS: Counter<1> = counter(
    "edgereel_webhook_attempts_total",
    &[Label {
        name: "outcome",
        values: Listed(&["delivered", "failed", "given-up", "disabled", "lost"]),
    }],
    About(
        Count,
        &[Serve, Api, Lambda],
        "Attempts to deliver a webhook: delivered, failed (another attempt follows), given up, disabled (the last \
         attempt of its endpoint), lost (another process took over)",
        "`given-up` and `disabled`",
    ),
)
.in_cloudwatch("WebhookAttempts");

/// Latency of the receivers of webhooks.
pub static WEBHOOK_REQUEST_SECONDS: Histogram<0> = histogram(
    "edgereel_webhook_request_duration_seconds",
    WEBHOOK_SECONDS,
    &[],
    About(
        Seconds,
        API,
        "Time of one attempt to deliver a webhook",
        "receivers that need seconds",
    ),
);

/// The age of events at their delivery.
pub static WEBHOOK_LAG_SECONDS: Histogram<0> = histogram(
    "edgereel_webhook_lag_seconds",
    LAG_SECONDS,
    &[],
    About(
        Seconds,
        &[Serve, Api, Lambda],
        "Time from an event to the acceptance of its webhook",
        "the 95th percentile above 60 seconds",
    ),
)
.in_cloudwatch("WebhookLag");

/// Waits for the database.
pub static DATABASE_WAIT_SECONDS: Histogram<0> = histogram(
    "edgereel_database_wait_seconds",
    DATABASE_SECONDS,
    &[],
    About(
        Seconds,
        EVERY_PROGRAM,
        "Time until a write transaction has begun: the wait for a connection of the pool, and with SQLite for the \
         writers before it",
        "the 99th percentile above 1 second: more connections, or a slower disk than usual",
    ),
);

/// Connections to the database.
pub static DATABASE_CONNECTIONS: Gauge<1> = gauge(
    "edgereel_database_connections",
    &[Label {
        name: "state",
        values: Listed(&["used", "idle"]),
    }],
    About(
        Count,
        EVERY_PROGRAM,
        "Open connections to the database, by state",
        "`used` at `EDGEREEL_DATABASE_CONNECTIONS`",
    ),
);

/// Responses of an edge.
pub static EDGE_RESPONSES: Counter<1> = counter(
    "edgereel_edge_responses_total",
    &[STATUS],
    About(
        Count,
        &[Serve, Edge],
        "Responses to viewers, by HTTP status",
        "the rate of 401 and 403: refused playbacks; 5xx",
    ),
);

/// Transcoders that the functions started.
pub static TRANSCODERS_STARTED: Counter<0> = counter(
    "edgereel_transcoders_started_total",
    &[],
    About(
        Count,
        &[Lambda],
        "Transcoders that were started for waiting jobs",
        "starts without jobs that end",
    ),
)
.in_cloudwatch("TranscodersStarted");

/// Transcoders that could not be started.
pub static LAUNCH_FAILURES: Counter<0> = counter(
    "edgereel_launch_failures_total",
    &[],
    About(
        Count,
        &[Lambda],
        "Attempts to start transcoders that failed",
        "any increase",
    ),
)
.in_cloudwatch("LaunchFailures");

/// Every metric, in the order of the page.
pub static ALL: [&Definition; 27] = [
    &JOBS.0,
    &OLDEST_JOB_WAIT.0,
    &DEAD_LETTERS.0,
    &BUCKET_EVENTS.0,
    &LAST_SUCCESS.0,
    &PLAYABLE_SECONDS.0,
    &READY_SECONDS.0,
    &STAGE_SECONDS.0,
    &JOBS_RUNNING.0,
    &ATTEMPTS.0,
    &CHUNKS.0,
    &SOURCE_SECONDS.0,
    &CPU_SECONDS.0,
    &READ_BYTES.0,
    &WRITTEN_BYTES.0,
    &COST_USD.0,
    &TRANSCODERS_STARTED.0,
    &LAUNCH_FAILURES.0,
    &HTTP_REQUESTS.0,
    &HTTP_REQUEST_SECONDS.0,
    &WEBHOOK_ATTEMPTS.0,
    &WEBHOOK_REQUEST_SECONDS.0,
    &WEBHOOK_LAG_SECONDS.0,
    &EDGE_RESPONSES.0,
    &DATABASE_WAIT_SECONDS.0,
    &DATABASE_CONNECTIONS.0,
    &RESIDENT_MEMORY.0,
];

#[cfg(test)]
mod tests;
