//! Sends the jobs of a batch, in as few requests as the destination accepts. Each job succeeds or
//! fails separately.

use serde_json::Value;

use crate::relay::JobOutcome;
use crate::settings::Destination;
use crate::sqs;

/// Maximum number of jobs in a list, a limit of `POST /v1/events`.
const LIST: usize = 100;

/// A request, a POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Target URL.
    pub url: String,
    /// Headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Body, JSON.
    pub body: String,
}

/// The requests of a batch, one after another.
#[derive(Debug)]
pub struct Delivery<'a> {
    destination: &'a Destination,
    bodies: &'a [String],
    /// The outcomes of the jobs whose requests were answered: the first ones of the batch.
    pub outcomes: Vec<JobOutcome>,
    /// Number of jobs in the last request.
    sent: usize,
    /// Whether the API may accept lists.
    in_lists: bool,
}

impl<'a> Delivery<'a> {
    /// The delivery of these bodies.
    pub fn new(destination: &'a Destination, bodies: &'a [String]) -> Self {
        Self {
            destination,
            bodies,
            outcomes: vec![],
            sent: 0,
            in_lists: true,
        }
    }

    /// The next request. `now` in Unix seconds. `None`: nothing is left to send, or the URL of the
    /// queue is invalid.
    pub fn next_request(&mut self, now: u64) -> Option<Request> {
        let rest = self.bodies.get(self.outcomes.len()..)?;
        self.sent = match self.destination {
            _ if rest.is_empty() => return None,
            Destination::Sqs(_) => sqs::batch(rest),
            Destination::Http { .. } if self.in_lists => rest.len().min(LIST),
            Destination::Http { .. } => 1,
        };
        let bodies = rest.get(..self.sent)?;
        match self.destination {
            Destination::Sqs(queue) => queue.send(bodies, now),
            Destination::Http { url, token } => {
                let mut headers = vec![("content-type", "application/json".to_owned())];
                if let Some(token) = token {
                    headers.push(("authorization", format!("Bearer {token}")));
                }
                let mut body = bodies.join(",");
                if self.in_lists {
                    body = format!("[{body}]");
                }
                let url = url.clone();
                Some(Request { url, headers, body })
            }
        }
    }

    /// Records the response to the last request; status 0: it failed, and `response` is the reason.
    /// Returns an error for the log.
    pub fn record(&mut self, status: u16, response: &str) -> Option<String> {
        let is_list = self.in_lists && matches!(self.destination, Destination::Http { .. });
        let outcomes = match (self.destination, status) {
            (Destination::Sqs(_), 200..=299) => sqs::outcomes(response, self.sent),
            (_, 200..=299) if !is_list => vec![JobOutcome::Sent],
            (_, 200..=299) => match results(response, self.sent) {
                Some((outcomes, error)) => {
                    self.outcomes.extend(outcomes);
                    return error;
                }
                // Another receiver, or a list that it does not understand: each job in a request
                // of its own.
                None => {
                    self.in_lists = false;
                    return None;
                }
            },
            // Older versions of the API: a list is not an object, or larger than one event may be.
            (_, 400 | 413 | 422) if is_list => {
                self.in_lists = false;
                vec![]
            }
            _ => vec![JobOutcome::Failed; self.sent],
        };
        self.outcomes.extend(outcomes);
        (!(200..300).contains(&status)).then(|| format!("status {status}: {response}"))
    }
}

/// The outcomes of a list of `count` jobs, and the first error. `None`: the response has no result
/// for each.
fn results(response: &str, count: usize) -> Option<(Vec<JobOutcome>, Option<String>)> {
    let value: Value = serde_json::from_str(response).ok()?;
    let results = value.get("results")?.as_array()?;
    let mut first_error = None;
    let outcome = |result: &Value| match result.get("error") {
        // Not everything without an error is a success.
        None if result.get("queued").is_some() => JobOutcome::Sent,
        None => JobOutcome::Failed,
        Some(error) => {
            if let (None, Some(Value::String(detail))) = (&first_error, error.get("detail")) {
                first_error = Some(detail.clone());
            }
            match error.get("retry") {
                Some(Value::Bool(false)) => JobOutcome::Rejected,
                _ => JobOutcome::Failed,
            }
        }
    };
    let outcomes = results.iter().map(outcome).collect();
    (results.len() == count).then_some((outcomes, first_error))
}

#[cfg(test)]
mod tests;
