//! The conformance suites against third-party servers.

mod store_localstack;
