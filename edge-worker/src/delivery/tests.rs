use JobOutcome::{Failed, Rejected, Sent};

use super::*;
use crate::signature::Credentials;
use crate::sqs::Queue;

const SENT: &str = r#"{"queued":1,"known":0,"ignored":[]}"#;

fn api() -> Destination {
    Destination::Http {
        url: "https://api.example/v1/events".to_owned(),
        token: Some("secret".to_owned()),
    }
}

fn failed(retry: &str) -> String {
    format!(r#"{{"error":{{"code":"c","detail":"retry {retry}","retry":{retry}}}}}"#)
}

fn results(items: &[&str]) -> String {
    format!(r#"{{"results":[{}]}}"#, items.join(","))
}

/// Delivers bodies `0`, `1`, and so on, with these responses: the bodies of the requests, the
/// logged errors, and the outcomes.
fn deliver(
    destination: &Destination,
    count: usize,
    responses: &[(u16, &str)],
) -> (Vec<String>, Vec<String>, Vec<JobOutcome>) {
    let bodies: Vec<String> = (0..count).map(|it| it.to_string()).collect();
    let mut delivery = Delivery::new(destination, &bodies);
    let (mut requests, mut errors) = (vec![], vec![]);
    let mut responses = responses.iter();
    while let Some(request) = delivery.next_request(1_716_579_404) {
        requests.push(request.body);
        let (status, response) = responses.next().unwrap();
        errors.extend(delivery.record(*status, response));
    }
    assert_eq!(responses.next(), None, "all responses are used");
    (requests, errors, delivery.outcomes)
}

#[test]
fn a_list_has_the_jobs_and_the_token() {
    let (destination, bodies) = (api(), [r#"{"a":1}"#, r#"{"b":"c,d"}"#].map(str::to_owned));
    let request = Delivery::new(&destination, &bodies).next_request(0);
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("authorization", "Bearer secret".to_owned()),
    ];
    let expected = Request {
        url: "https://api.example/v1/events".to_owned(),
        headers,
        body: r#"[{"a":1},{"b":"c,d"}]"#.to_owned(),
    };
    assert_eq!(request, Some(expected));
    assert_eq!(deliver(&destination, 0, &[]), (vec![], vec![], vec![]));
}

#[test]
fn each_job_of_a_list_has_its_own_outcome() {
    let (later, never) = (failed("true"), failed("false"));
    let table = [
        ([SENT, SENT], [Sent, Sent], None),
        ([&later, SENT], [Failed, Sent], Some("retry true")),
        ([SENT, &never], [Sent, Rejected], Some("retry false")),
        // Results that a later version may write: nothing is lost.
        (["null", r#"{"error":{}}"#], [Failed, Failed], None),
        (["{}", r#"{"error":{"retry":0}}"#], [Failed, Failed], None),
    ];
    for (items, outcomes, error) in table {
        let response = results(&items);
        let error: Vec<String> = error.into_iter().map(str::to_owned).collect();
        assert_eq!(
            deliver(&api(), 2, &[(200, &response)]),
            (vec!["[0,1]".to_owned()], error, outcomes.into()),
            "{response}"
        );
    }
}

#[test]
fn a_request_that_fails_as_a_whole_is_retried_as_a_whole() {
    let success = results(&[SENT, SENT]);
    for status in [0, 302, 401, 403, 404, 408, 429, 500, 503] {
        assert_eq!(
            deliver(&api(), 2, &[(status, &success)]),
            (
                vec!["[0,1]".to_owned()],
                vec![format!("status {status}: {success}")],
                vec![Failed, Failed]
            )
        );
    }
}

#[test]
fn without_lists_each_job_has_its_own_request() {
    let short = results(&[SENT]);
    let table = [
        (200, short.as_str()),
        (200, SENT),
        (202, ""),
        (200, r#"{"results":2}"#),
        (400, "no"),
        (413, "no"),
        (422, "no"),
    ];
    for (status, response) in table {
        let responses = [(status, response), (202, ""), (422, "bad"), (200, SENT)];
        let (requests, errors, outcomes) = deliver(&api(), 3, &responses);
        assert_eq!(requests, ["[0,1,2]", "0", "1", "2"]);
        assert_eq!(outcomes, [Sent, Failed, Sent], "{status} {response}");
        let of_list = Some(format!("status {status}: {response}")).filter(|_| status >= 400);
        let expected: Vec<String> = of_list
            .into_iter()
            .chain(["status 422: bad".to_owned()])
            .collect();
        assert_eq!(errors, expected);
    }
}

#[test]
fn long_batches_are_several_lists() {
    let full = results(&[SENT; 100]);
    let rest = results(&[SENT; 50]);
    let (requests, _, outcomes) = deliver(&api(), 250, &[(200, &full), (503, ""), (200, &rest)]);
    let lengths: Vec<usize> = requests.iter().map(|it| it.split(',').count()).collect();
    assert_eq!(lengths, [100, 100, 50]);
    let expected = [vec![Sent; 100], vec![Failed; 100], vec![Sent; 50]].concat();
    assert_eq!(outcomes, expected);
    // The second list is not tried if the API does not know lists.
    let mut responses = vec![(400, "")];
    responses.extend([(202, ""); 150]);
    let (requests, _, outcomes) = deliver(&api(), 150, &responses);
    assert_eq!((requests.len(), outcomes), (151, vec![Sent; 150]));
}

#[test]
fn sqs_receives_batches_of_ten() {
    let queue = Queue {
        url: "https://sqs.eu-central-1.amazonaws.com/1/jobs".to_owned(),
        region: "eu-central-1".to_owned(),
        credentials: Credentials {
            access_key_id: "id".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
        },
    };
    let first = r#"{"Successful":[{"Id":"0"},{"Id":"9"}],"Failed":[]}"#;
    let (requests, errors, outcomes) = deliver(
        &Destination::Sqs(queue.clone()),
        12,
        &[(200, first), (400, "no")],
    );
    assert_eq!(
        (requests.len(), errors),
        (2, vec!["status 400: no".to_owned()])
    );
    let sent: Vec<usize> = (0..12)
        .filter(|it| outcomes.get(*it) == Some(&Sent))
        .collect();
    assert_eq!((outcomes.len(), sent), (12, vec![0, 9]));
    // Without a valid URL, no job has an outcome, and each is retried.
    let url = "jobs".to_owned();
    let invalid = Destination::Sqs(Queue { url, ..queue });
    assert_eq!(deliver(&invalid, 1, &[]), (vec![], vec![], vec![]));
}
