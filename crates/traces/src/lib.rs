//! Traces of requests, jobs, chunks and deliveries.
