//! Nothing secret leaves an installation: a whole run with the most talkative log, and every output of it is
//! searched for every secret that the run made, in each form that a program might write it in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use domain::ids::{VideoId, hex};
use e2e::dev::{Dev, Home};
use e2e::media::make_film;
use e2e::player::Player;
use e2e::program::{edgereel_run_with, text};
use memchr::memmem;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The secrets of a run by name.
#[derive(Default)]
struct Secrets(BTreeMap<String, Vec<u8>>);

impl Secrets {
    fn add(&mut self, name: impl Into<String>, secret: impl AsRef<[u8]>) {
        let (name, secret) = (name.into(), secret.as_ref().to_vec());
        assert!(secret.len() >= 16, "`{name}` would be found by chance");
        self.0.insert(name, secret);
    }

    /// The parts of a URL that are permissions.
    fn add_url(&mut self, name: &str, url: &str) {
        for (at, part) in url.split(['/', '?', '&', '=', '#']).enumerate() {
            let is_name =
                part.contains("vid_") || part.ends_with(".m3u8") || part.ends_with(".key");
            if part.len() > 60 && !is_name {
                self.add(format!("{name}, part {at}"), part);
            }
        }
    }

    /// Where a secret is in a text, and in which form.
    fn within(&self, text: &[u8]) -> Option<(usize, String)> {
        self.0.iter().find_map(|(name, secret)| {
            forms(secret).into_iter().find_map(|(form, written)| {
                let at = memmem::find(text, &written)?;
                Some((at, format!("{name} {form}")))
            })
        })
    }
}

/// How a program might write a secret. Base64 of a longer text has other letters, but the same in the middle, in one of
/// three alignments.
fn forms(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let percent: String = secret.iter().map(|it| format!("%{it:02X}")).collect();
    let escaped = url::form_urlencoded::byte_serialize(secret).collect::<String>();
    let mut forms = vec![
        ("as it is", secret.to_vec()),
        ("in hexadecimal", hex(secret).into_bytes()),
        (
            "in upper-case hexadecimal",
            hex(secret).to_uppercase().into_bytes(),
        ),
        ("with each byte percent-encoded", percent.into_bytes()),
        ("percent-encoded", escaped.clone().into_bytes()),
        (
            "percent-encoded in lower case",
            escaped.to_lowercase().into_bytes(),
        ),
    ];
    for skipped in 0..3 {
        // Whole groups of three bytes: the letters at both ends depend on the neighbours.
        let inner = &secret[skipped..];
        let inner = &inner[..inner.len() / 3 * 3];
        forms.push(("in Base64", Base64::encode_string(inner).into_bytes()));
        forms.push((
            "in Base64 for URLs",
            Base64UrlUnpadded::encode_string(inner).into_bytes(),
        ));
    }
    forms
}

/// What the programs said, by where.
#[derive(Default)]
struct Outputs(Vec<(String, Vec<u8>)>);

impl Outputs {
    fn add(&mut self, place: impl Into<String>, said: impl Into<Vec<u8>>) {
        self.0.push((place.into(), said.into()));
    }

    fn search(&self, secrets: &Secrets) {
        for (place, said) in &self.0 {
            if let Some((at, found)) = secrets.within(said) {
                let around = &said[at.saturating_sub(300)..said.len().min(at + 100)];
                panic!("{place} has {found}: {}", String::from_utf8_lossy(around));
            }
        }
    }
}

type Bodies = Arc<Mutex<Vec<Vec<u8>>>>;

/// A server that keeps what it receives.
async fn receiver() -> (String, Bodies) {
    async fn take(State(bodies): State<Bodies>, body: Bytes) {
        bodies
            .lock()
            .expect("no test panics while it holds it")
            .push(body.to_vec());
    }
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let bodies = Bodies::default();
    let router = Router::new().fallback(take).with_state(bodies.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), bodies)
}

#[test]
fn every_form_of_a_secret_is_found() {
    let mut secrets = Secrets::default();
    secrets.add("token", b"er_0123456789+/abc?def");
    for said in [
        "Authorization: Bearer er_0123456789+/abc?def".to_owned(),
        "/u/er_0123456789%2B%2Fabc%3Fdef/videos".to_owned(),
        "/u/er_0123456789%2b%2fabc%3fdef/videos".to_owned(),
        format!("[{}]", hex(b"er_0123456789+/abc?def")),
        Base64::encode_string(b"x:er_0123456789+/abc?def,"),
        Base64::encode_string(b"user:er_0123456789+/abc?def, and more"),
        Base64UrlUnpadded::encode_string(b"{\"token\":\"er_0123456789+/abc?def\"}"),
    ] {
        assert!(secrets.within(said.as_bytes()).is_some(), "{said}");
    }
    assert!(secrets.within(b"er_0123456789 and nothing else").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_run_says_no_secret() {
    let mut home = Home::new();
    let path = home.folder.path().join("film.mp4");
    let film = make_film(&path, "640x360", "24", 8.0, &["-g", "48"]);
    let (collector, collected) = receiver().await;
    let (hook, _) = receiver().await;
    home.options
        .extend(["--log", "trace", "--log-format", "json"].map(str::to_owned));
    home.environment.extend([
        ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), collector),
        ("OTEL_METRIC_EXPORT_INTERVAL".to_owned(), "500".to_owned()),
    ]);
    let dev = home.start().await;
    let (mut secrets, mut outputs) = (Secrets::default(), Outputs::default());

    of_installation(&home, &mut secrets);
    let key = of_api(&dev, &hook, &mut secrets).await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;
    of_viewers(&dev, video, &mut secrets).await;
    of_session(&home, &dev, &mut secrets).await;
    mistakes(&dev, &key, &secrets, &mut outputs).await;
    commands(&home, &dev, &film, &mut outputs).await;
    // The last export of metrics and spans.
    tokio::time::sleep(Duration::from_secs(2)).await;

    let metrics = metrics(&dev).await;
    assert!(metrics.contains("edgereel_"), "{metrics}");
    outputs.add("/metrics", metrics);
    assert!(dev.terminate().await.success());
    let log = home.log();
    assert!(
        log.contains("\"TRACE\"") && log.len() > 10_000,
        "a talkative log"
    );
    outputs.add("the log", log);
    for (number, body) in collected.lock().unwrap().iter().enumerate() {
        outputs.add(format!("export {number}"), body.clone());
    }
    assert!(secrets.0.len() > 15, "{:?}", secrets.0.keys());
    outputs.search(&secrets);
}

async fn metrics(dev: &Dev) -> String {
    let url = format!("{}/metrics", dev.info["api"].as_str().unwrap());
    let request = Player::new().http.get(url);
    let request = request.bearer_auth(dev.info["token"].as_str().unwrap());
    request.send().await.unwrap().text().await.unwrap()
}

/// The secrets of the data directory.
fn of_installation(home: &Home, secrets: &mut Secrets) {
    let file = std::fs::read(home.data().join("secrets.json")).unwrap();
    let file: BTreeMap<String, String> = serde_json::from_slice(&file).unwrap();
    for (name, value) in file {
        // The id of the access key is public.
        if name != "s3_access_key_id" {
            let secret = value.rsplit(':').next().unwrap_or_default();
            secrets.add(format!("{name} as configured"), secret);
            if let Ok(bytes) = Base64::decode_vec(secret) {
                secrets.add(name, bytes);
            }
        }
    }
}

/// An API key, a webhook, and a presigned upload.
async fn of_api(dev: &Dev, hook: &str, secrets: &mut Secrets) -> String {
    let body = json!({ "name": "a caller", "scopes": ["read"] });
    let (status, made) = dev.call("POST", "/v1/api-keys", Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    let key = made["key"].as_str().unwrap().to_owned();
    secrets.add("API key", &key);
    let (status, made) = dev
        .call("POST", "/v1/webhooks", Some(&json!({ "url": hook })))
        .await;
    assert_eq!(status, 201, "{made}");
    secrets.add("webhook secret", made["secret"].as_str().unwrap());
    let body = json!({ "filename": "other.mp4", "size": 3 });
    let (status, made) = dev.call("POST", "/v1/uploads", Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    secrets.add_url(
        "presigned upload",
        made["upload"]["request"]["url"].as_str().unwrap(),
    );
    key
}

/// Grants, passes, content keys and a share link.
async fn of_viewers(dev: &Dev, video: VideoId, secrets: &mut Secrets) {
    let path = format!("/v1/videos/{video}/stream?viewer=ann");
    let (status, stream) = dev.call("GET", &path, None).await;
    assert_eq!(status, 200, "{stream}");
    let url = stream["hls_url"].as_str().unwrap();
    secrets.add_url("grant", url);
    let player = Player::new();
    let seen = player.presentation(url).await.unwrap().expect("it plays");
    for (name, media) in &seen.media {
        secrets.add_url(&format!("pass of {name}"), media.url.as_str());
        let (key, _, url) = player.key(media, 0).await;
        secrets.add(format!("content key of {name}"), key);
        secrets.add_url(&format!("pass of the key of {name}"), url.as_str());
        player.segment(media, 0).await;
    }
    let path = format!("/v1/videos/{video}/shares");
    let (status, share) = dev.call("POST", &path, Some(&json!({}))).await;
    assert_eq!(status, 201, "{share}");
    let url = share["url"].as_str().unwrap();
    let token = url.rsplit(['/', '#', '=']).next().unwrap();
    secrets.add("share link", token);
    assert!(reqwest::get(url).await.unwrap().status().is_success());
}

/// The cookie of a browser that signed in.
async fn of_session(home: &Home, dev: &Dev, secrets: &mut Secrets) {
    let api = dev.info["api"].as_str().unwrap();
    let link = home.sign_in_link();
    let code = link.rsplit(['/', '#', '=']).next().unwrap().to_owned();
    secrets.add("sign-in link", &code);
    let client = reqwest::Client::builder();
    let client = client
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let request = client
        .post(format!("{api}/v1/session"))
        .header("edgereel-request", "1")
        .json(&json!({ "token": dev.info["token"] }));
    let response = request.send().await.unwrap();
    assert!(response.status().is_success(), "{response:?}");
    assert!(response.headers().get(LOCATION).is_none());
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    let pair = cookie.split(';').next().unwrap().to_owned();
    secrets.add("session", pair.split_once('=').unwrap().1);
    let session = client
        .get(format!("{api}/v1/session"))
        .header(COOKIE, &pair);
    assert_eq!(session.send().await.unwrap().status(), 200);
}

/// Requests with secrets where none belongs. Their error documents and the log must not repeat them.
async fn mistakes(dev: &Dev, key: &str, secrets: &Secrets, outputs: &mut Outputs) {
    let (api, edge) = (
        dev.info["api"].as_str().unwrap(),
        dev.info["edge"].as_str().unwrap(),
    );
    let grant = secrets.0.iter().find(|it| it.0.starts_with("grant"));
    let grant = String::from_utf8(grant.expect("one was made").1.clone()).unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let requests = [
        client.get(format!("{api}/v1/videos/{key}")),
        client.get(format!("{api}/{key}")),
        client
            .get(format!("{api}/v1/videos?after={key}"))
            .bearer_auth(key),
        client
            .get(format!("{api}/v1/videos?limit={key}"))
            .bearer_auth(key),
        client
            .get(format!("{api}/v1/videos"))
            .basic_auth(key, Some(key)),
        client
            .get(format!("{api}/v1/videos"))
            .header("x-request-id", "ours")
            .header("authorization", key),
        client
            .delete(format!(
                "{api}/v1/videos/vid_00000000000000000000000000000000"
            ))
            .bearer_auth(key),
        client
            .post(format!("{api}/v1/session"))
            .header("edgereel-request", "1")
            .json(&json!({ "token": format!("{key}x") })),
        client
            .post(format!("{api}/v1/uploads"))
            .bearer_auth(key)
            .body(format!("{{\"filename\": {key}")),
        client.get(format!(
            "{edge}/v/vid_00000000000000000000000000000000/master.m3u8?grant={grant}"
        )),
        client.get(format!("{edge}/v/{grant}/master.m3u8")),
        client.get(format!("{edge}/s/{grant}/x/a.m3u8")),
        client.get(format!("{edge}/k/{grant}/x/a.key")),
        client.get(format!("{edge}/{grant}")),
    ];
    for request in requests {
        let request = request.build().unwrap();
        let name = format!(
            "the response to {} {}",
            request.method(),
            request.url().path().len()
        );
        let response = client.execute(request).await.unwrap();
        let (status, headers) = (response.status(), format!("{:?}", response.headers()));
        assert!(status.is_client_error(), "{name}: {status}");
        outputs.add(format!("{name}, headers"), headers);
        outputs.add(name, response.bytes().await.unwrap().to_vec());
    }
}

/// Commands that use secrets and show none.
async fn commands(home: &Home, dev: &Dev, film: &std::path::Path, outputs: &mut Outputs) {
    let (data, film) = (text(&home.data()), text(film));
    let (temporary, limit) = (home.temporary(), Duration::from_secs(120));
    let environment = [(
        "EDGEREEL_API_TOKEN".to_owned(),
        dev.info["token"].as_str().unwrap().to_owned(),
    )];
    for arguments in [
        &["ls", "--json"][..],
        &["upload", &film, "--json"],
        &["cost", "--json"],
        &["redrive", "--json"],
        &["doctor", "--json"],
        &["ls", "--api", "http://127.0.0.1:9"],
    ] {
        let arguments = [arguments, &["--data", &data, "--log", "trace"]].concat();
        let answer = edgereel_run_with(&environment, &arguments, &temporary, limit).await;
        let name = format!("`edgereel {}`", arguments.join(" "));
        outputs.add(format!("{name}, log"), answer.stderr.clone());
        let said: Vec<String> = answer.objects.iter().map(Value::to_string).collect();
        outputs.add(name, said.join("\n"));
    }
}
