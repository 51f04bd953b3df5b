//! Arguments of `edgereel ingest` and `edgereel healthcheck`.

use config::{EventsArgs, ServiceArgs};
use health::HealthArgs;

/// Turn the events of the private bucket into jobs: receive them from an SQS queue.
///
/// For stores that send their events to SQS, where no Lambda function `ingest` runs. Any number may run. An event that
/// cannot be processed is delivered again, at first after seconds, later after 15 minutes; SQS moves it to the
/// dead-letter queue after the number of deliveries that the queue's redrive policy names.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
#[command(override_usage = "edgereel ingest [OPTIONS]")]
#[command(mut_arg("events_queue", |it| it.required(true)))]
#[command(after_long_help = "\
Credentials and region of SQS come from the usual variables of AWS (AWS_REGION, AWS_ACCESS_KEY_ID, ...) or from a role.
The role needs sqs:ReceiveMessage, DeleteMessage, ChangeMessageVisibility, GetQueueUrl and GetQueueAttributes.")]
pub struct IngestArgs {
    /// Print events as JSON, one object per line.
    #[arg(long)]
    pub json: bool,
    /// Exit when standard input is closed (for supervising processes).
    #[arg(long, hide = true)]
    pub until_stdin_ends: bool,
    /// The queue with the events.
    #[command(flatten)]
    pub events: EventsArgs,
    /// Where the database, the queue of jobs and the buckets are.
    #[command(flatten)]
    pub services: ServiceArgs,
    /// Where it reports its health.
    #[command(flatten)]
    pub health: HealthArgs,
}

/// Check that a program on this machine is alive: exit code 0 or 1.
///
/// Requests `/healthz` at the address in `EDGEREEL_HEALTH_LISTEN`, which the program and this command share. For
/// `HEALTHCHECK` of a container without a shell.
#[derive(Debug, Clone, clap::Args)]
#[command(mut_arg("health_listen", |it| it.required(true)))]
pub struct HealthcheckArgs {
    /// The address of the program.
    #[command(flatten)]
    pub health: HealthArgs,
}
