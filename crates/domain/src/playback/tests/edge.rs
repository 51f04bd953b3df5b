//! An edge over the objects of the cases.

use super::*;

/// A minimal shell with a map as its store.
pub(super) fn send(case: &Case, objects: &HashMap<String, Vec<u8>>) -> CaseResponse {
    let header = |name: &str| {
        case.headers
            .iter()
            .find(|it| it.0 == name)
            .map(|it| it.1.as_str())
    };
    let (path, query) = case
        .target
        .split_once('?')
        .map_or((case.target.as_str(), None), |it| (it.0, Some(it.1)));
    let client = FixedLocation {
        ip: case.client_ip.parse().ok(),
        country: case.country,
    };
    let request = Request {
        method: case.method,
        path,
        query,
        authorization: header("authorization"),
        cookie: header("cookie"),
        origin: header("origin"),
        referer: header("referer"),
        sec_fetch_dest: header("sec-fetch-dest"),
        sec_ch_ua: header("sec-ch-ua"),
        client: Some(&client),
        signature: None,
    };
    let (keys, config) = (keyring(), config());
    let action = decide(&request, NOW, &keys, &config);
    let mut more: Vec<(String, String)> = vec![];
    let find = |name: &str| {
        world::listed(NOW)
            .into_iter()
            .find(|it| it.0 == name)
            .map(|it| it.1)
    };
    let judged = action.lookup().map_or(Ok(()), |it| it.judge(NOW, find));
    let done = match (&action, action.object()) {
        _ if judged.is_err() => judged.map(|()| (0, vec![])),
        (EdgeAction::Renew(plan), _) => Ok((200, plan.body().into_bytes())),
        (_, None) => Ok((204, vec![])),
        (action, Some(object)) => match objects.get(&object.path()) {
            None => Err(Refusal::NotFound),
            Some(stored) => {
                let conditions = Conditions::read(case.method == "HEAD", |name| {
                    header(name).map(str::to_owned)
                });
                carry_out(action, stored, &conditions, &mut more)
            }
        },
    };
    let action = match done {
        Err(refusal) => refuse(refusal, &request, &config),
        Ok(_) => action,
    };
    let (status, body, headers) = match (&action, done) {
        (EdgeAction::Refuse(refusal, headers), _) => {
            (refusal.status(), refusal.problem().into_bytes(), headers)
        }
        (EdgeAction::Preflight(headers), _) => (204, vec![], headers),
        (EdgeAction::Serve(plan), Ok((status, body))) => (status, body, &plan.headers),
        (EdgeAction::RewriteMaster(plan), Ok((status, body))) => (status, body, &plan.headers),
        (EdgeAction::RewriteMedia(plan), Ok((status, body))) => (status, body, &plan.headers),
        (EdgeAction::ReleaseKey(plan), Ok((status, body))) => (status, body, &plan.headers),
        (EdgeAction::Renew(plan), Ok((status, body))) => (status, body, &plan.headers),
        (EdgeAction::Report(plan), Ok((status, body))) => (status, body, &plan.headers),
        (EdgeAction::Revoke(plan), Ok((status, body))) => (status, body, &plan.headers),
        (_, Err(refusal)) => panic!("{refusal:?} was not refused"),
    };
    more.push(("content-length".to_owned(), body.len().to_string()));
    more.extend(
        headers
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let body = if case.method == "HEAD" { vec![] } else { body };
    CaseResponse {
        status,
        headers: more,
        body,
    }
}

fn carry_out(
    action: &EdgeAction,
    stored: &[u8],
    conditions: &Conditions,
    more: &mut Vec<(String, String)>,
) -> Result<(u16, Vec<u8>), Refusal> {
    let (keys, text) = (keyring(), std::str::from_utf8(stored).unwrap_or_default());
    match action {
        EdgeAction::RewriteMaster(plan) => plan
            .rewrite(text, &keys.passes)
            .map(|it| (200, it.into_bytes())),
        EdgeAction::RewriteMedia(plan)
            if conditions.not_modified(&plan.etag("tag", &keys.passes)) =>
        {
            Ok((304, vec![]))
        }
        EdgeAction::RewriteMedia(plan) => plan
            .rewrite(text, &keys.passes)
            .map(|it| (200, it.into_bytes())),
        EdgeAction::ReleaseKey(plan) => plan
            .release(stored, &key_encryption_keys())
            .map(|it| (200, it.expose().to_vec())),
        _ => match conditions.respond(stored.len() as u64, "\"tag\"") {
            ObjectResponse::NotModified => Ok((304, vec![])),
            ObjectResponse::Content(content) => {
                more.extend(
                    content
                        .content_range
                        .map(|it| ("content-range".to_owned(), it)),
                );
                let range = content
                    .range
                    .map_or(0..stored.len(), |it| it.start as usize..it.end as usize);
                Ok((content.status, stored[range].to_vec()))
            }
            ObjectResponse::Unsatisfiable(content_range) => {
                more.push(("content-range".to_owned(), content_range));
                Err(Refusal::Range)
            }
        },
    }
}

pub(super) fn objects() -> HashMap<String, Vec<u8>> {
    world::objects()
        .into_iter()
        .map(|(key, bytes)| (key.path(), bytes))
        .collect()
}
