//! Requests that no player sends.

use super::*;

/// Requests that never reach the worker: the HTTP server in proxy of it does not support the
/// method.
pub(super) const UNKNOWN_METHODS: [&str; 3] =
    ["get of the master", "get of the segment", "get of the key"];

/// Requests that reach the worker normalised: workerd resolves dots in a path, as browsers do
/// before they send it. The path that remains, and its result.
pub(super) const TIDIED: [(&str, &str, &str); 2] = [
    ("upwards", "/../6580b562fc319fd8/", "/"),
    ("here", "/./", "/"),
];

/// The number of requests that a test sends; an environment variable overrides it.
pub(super) fn count(variable: &str, usual: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|it| it.parse().ok())
        .unwrap_or(usual)
}

/// Memory pages of the worker, which must still be its first instance: a panic would have replaced
/// it.
pub(super) async fn memory(edge: &mut Edge) -> u64 {
    let memory = edge.say(json!({ "do": "memory" })).await;
    assert_eq!(memory["instances"], 1, "there was a panic");
    memory["pages"].as_u64().unwrap()
}

pub(super) fn named(name: &str) -> Case {
    cases::all(system_time())
        .into_iter()
        .find(|it| it.name == name)
        .expect("there is such a case")
}

/// Mutates the bytes of a request at a random position.
fn odd(bytes: &mut Vec<u8>, mut random: impl FnMut(usize) -> usize) {
    for _ in 0..=random(4) {
        let at = random(bytes.len().max(1));
        match random(5) {
            0 => bytes.insert(at.min(bytes.len()), random(256) as u8),
            1 if !bytes.is_empty() => bytes[at] ^= 1 << random(8),
            2 => bytes.truncate(at),
            3 => {
                let again = bytes[at.min(bytes.len())..]
                    .iter()
                    .copied()
                    .take(40)
                    .collect::<Vec<_>>();
                bytes.splice(at.min(bytes.len())..at.min(bytes.len()), again);
            }
            _ => {
                const PIECES: [&[u8]; 12] = [
                    b"/../",
                    b"%00",
                    b"%2e%2e",
                    b"?grant=",
                    b"&",
                    b"\xff",
                    b"//",
                    b";",
                    b"%",
                    b"\xc0\xaf",
                    b"#",
                    b"\t",
                ];
                bytes.splice(
                    at.min(bytes.len())..at.min(bytes.len()),
                    PIECES[random(12)].iter().copied(),
                );
            }
        }
    }
}

/// Every request is answered, or its connection is closed; nothing breaks, and afterwards
/// everything works. `EDGEREEL_ODD_REQUESTS` sets the number of requests.
#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_do_no_harm() {
    let Some(mut edge) = worker().await else {
        return;
    };
    let (all, total) = (
        Arc::new(cases::all(system_time())),
        count("EDGEREEL_ODD_REQUESTS", 2_000),
    );
    let before = memory(&mut edge).await;
    let tasks = (0..8_u64).map(|task| {
        let (address, all) = (edge.address.clone(), all.clone());
        tokio::spawn(async move {
            let mut state = 0x9e37_79b9_7f4a_7c15 ^ (task + 1);
            let mut random = move |limit: usize| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state % limit.max(1) as u64) as usize
            };
            let mut statuses: BTreeMap<u16, u64> = BTreeMap::new();
            for _ in 0..total / 8 {
                let case = &all[random(all.len())];
                let mut text = format!("{} {} HTTP/1.1\r\n", case.method, case.target).into_bytes();
                for (name, value) in &case.headers {
                    text.extend(format!("{name}: {value}\r\n").into_bytes());
                }
                odd(&mut text, &mut random);
                // Any server would wait for an incomplete request; this one is complete.
                if !text.ends_with(b"\r\n") {
                    text.extend(b"\r\n");
                }
                text.extend(b"host: edge\r\n\r\n");
                let sent = tokio::time::timeout(
                    Duration::from_secs(2),
                    wire::send_bytes(&address, "GET", &text),
                );
                let status = sent
                    .await
                    .ok()
                    .and_then(Result::ok)
                    .map_or(0, |it| it.status);
                *statuses.entry(status).or_default() += 1;
            }
            statuses
        })
    });
    let mut statuses: BTreeMap<u16, u64> = BTreeMap::new();
    for task in tasks.collect::<Vec<_>>() {
        for (status, count) in task.await.unwrap() {
            *statuses.entry(status).or_default() += count;
        }
    }
    // workerd's own server responds with 500 to invalid addresses, and with 501 to unknown methods.
    let answered: u64 = statuses.iter().filter(|it| *it.0 != 0).map(|it| it.1).sum();
    assert!(answered * 2 > total, "most are answered: {statuses:?}");
    for name in [
        "grant in the query",
        "media playlist",
        "segment",
        "key",
        "signed with ES256",
    ] {
        let case = named(name);
        case.check(&send(&edge.address, &case).await).unwrap();
    }
    let after = memory(&mut edge).await;
    println!("{total} odd requests: {statuses:?}; {before} pages of memory before, {after} after");
    assert!(after <= before + 32, "{before} pages, then {after}");
}
