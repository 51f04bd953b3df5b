//! The conformance suites against third-party servers.

mod queue_sqs;
mod store_localstack;
