//! The programs of `docs/grants.md` issue grants that the edge worker accepts. Only programs whose
//! language is installed are run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Encoding as _};
use domain::playback::cases::world;
use e2e::dev::Home;
use e2e::edge::Edge;
use e2e::media::make_film;
use e2e::wire;
use serde_json::json;

const SECRET: &[u8; 32] = b"a secret of thirty-two bytes !!!";

/// The program in the docs.
fn grant(
    secret: &[u8],
    key_id: &str,
    video: &str,
    now: u64,
) -> jsonwebtoken::errors::Result<String> {
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    header.kid = Some(key_id.to_owned());
    let claims = serde_json::json!({
        "aud": "edgereel/playback",
        "vid": video,
        "exp": now + 4 * 3600,
        "sub": "user-42",
    });
    jsonwebtoken::encode(
        &header,
        &claims,
        &jsonwebtoken::EncodingKey::from_secret(secret),
    )
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The program of a language in the docs.
fn program(language: &str) -> String {
    let docs = std::fs::read_to_string(root().join("docs/grants.md")).unwrap();
    let (_, after) = docs
        .split_once(&format!("```{language}\n"))
        .expect("there is a program");
    after.split_once("```").expect("it ends").0.to_owned()
}

/// The output of a program; `None`: the language is not installed.
fn run(command: &mut Command) -> Option<String> {
    let output = command
        .env("GRANT_SECRET", Base64::encode_string(SECRET))
        .env("GRANT_KEY_ID", "main")
        .env("VIDEO", world::video().to_string());
    let output = output.output().ok()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

fn typescript(folder: &Path) -> Option<String> {
    let modules = root().join("tests/edge/node_modules");
    let (source, built) = (folder.join("grant.ts"), folder.join("grant.mjs"));
    std::fs::write(&source, program("typescript")).unwrap();
    let bundle = [
        format!("--outfile={}", built.display()),
        "--bundle".to_owned(),
        "--platform=node".to_owned(),
    ];
    let mut esbuild = Command::new(modules.join(".bin/esbuild"));
    esbuild
        .arg(&source)
        .args(bundle)
        .args(["--format=esm", "--log-level=error"])
        .env("NODE_PATH", &modules);
    assert!(esbuild.status().ok()?.success());
    run(Command::new("node").arg(built))
}

fn python(folder: &Path) -> Option<String> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let modules = cache.join("edgereel/edge/python");
    modules.join("jwt").is_dir().then_some(())?;
    let source = folder.join("grant.py");
    std::fs::write(&source, program("python")).unwrap();
    run(Command::new("python3")
        .arg(source)
        .env("PYTHONPATH", modules))
}

/// With Debian's library, which is one version older than that of the docs, and has another path.
fn go(folder: &Path) -> Option<String> {
    const LIBRARIES: &str = "/usr/share/gocode";
    Path::new(LIBRARIES)
        .join("src/github.com/golang-jwt/jwt")
        .is_dir()
        .then_some(())?;
    let source = folder.join("grant.go");
    std::fs::write(
        &source,
        program("go").replace("golang-jwt/jwt/v5", "golang-jwt/jwt"),
    )
    .unwrap();
    let mut go = Command::new("go");
    go.arg("run")
        .arg(source)
        .env("GO111MODULE", "off")
        .env("GOPATH", LIBRARIES)
        .env("GOCACHE", folder.join("go"));
    run(&mut go)
}

/// The examples, with the key of `edgereel dev` as the page reads it, and from a page that sends
/// the grant as a cookie.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_of_the_docs_play_from_dev() {
    const PAGE: &str = "https://app.example";
    let mut home = Home::new();
    home.options
        .extend(["--credential-origins".to_owned(), PAGE.to_owned()]);
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "320x180",
        "24",
        4.0,
        &["-g", "48"],
    );
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;

    // As the shell of the docs reads them.
    let secrets = std::fs::read_to_string(home.data().join("secrets.json")).unwrap();
    let secrets: serde_json::Value = serde_json::from_str(&secrets).unwrap();
    let [key_id, _, secret] = secrets["grant_keys"]
        .as_str()
        .unwrap()
        .split(':')
        .collect::<Vec<_>>()[..]
    else {
        panic!("the key of dev has another form than the docs say")
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let token = grant(
        &Base64::decode_vec(secret).unwrap(),
        key_id,
        &video.to_string(),
        now,
    )
    .unwrap();
    let url = format!(
        "{}/v/{video}/master.m3u8",
        dev.info["edge"].as_str().unwrap()
    );
    let http = reqwest::Client::new();
    let in_query = http
        .get(format!("{url}?grant={token}"))
        .send()
        .await
        .unwrap();
    assert_eq!(in_query.status(), 200);
    let in_cookie = |origin: &str| {
        http.get(&url)
            .header("cookie", format!("edgereel_grant={token}"))
            .header("origin", origin)
            .send()
    };
    let allowed = in_cookie(PAGE).await.unwrap();
    assert_eq!(
        (
            allowed.status().as_u16(),
            &allowed.headers()["access-control-allow-origin"]
        ),
        (200, &PAGE.parse().unwrap())
    );
    assert_eq!(
        allowed.headers()["access-control-allow-credentials"],
        "true"
    );
    let foreign = in_cookie("https://other.example").await.unwrap();
    assert!(
        !foreign
            .headers()
            .contains_key("access-control-allow-credentials")
    );
    assert!(dev.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_of_the_docs_are_taken() {
    let keys = format!("main:HS256:{}", Base64::encode_string(SECRET));
    let bindings = json!({
        "EDGEREEL_GRANT_KEYS": keys,
        "EDGEREEL_PASS_KEYS": world::PASS_KEYS,
        "EDGEREEL_KEY_ENCRYPTION_KEYS": world::KEY_ENCRYPTION_KEYS,
    });
    let Some(mut edge) = Edge::start(bindings).await else {
        return;
    };
    for (key, bytes) in world::objects() {
        if key.path().ends_with("master.m3u8") {
            let text = String::from_utf8(bytes).unwrap();
            edge.say(json!({ "do": "put", "bucket": "MEDIA", "key": key.path(), "text": text }))
                .await;
        }
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let in_rust = program("rust");
    assert!(
        include_str!("grants.rs").contains(&in_rust),
        "this test has another program than the docs"
    );
    let folder = tempfile::tempdir().unwrap();
    for (language, token) in [
        (
            "Rust",
            grant(SECRET, "main", &world::video().to_string(), now).ok(),
        ),
        ("TypeScript", typescript(folder.path())),
        ("Python", python(folder.path())),
        ("Go", go(folder.path())),
    ] {
        let Some(token) = token else {
            testkit::missing(
                &format!("{language} or its JWT library"),
                "scripts/setup.sh --services --edge",
            );
            continue;
        };
        let target = format!("/v/{}/master.m3u8?grant={token}", world::video());
        let answer = wire::send(&edge.address, "GET", &target, &[])
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{language}: {text}");
        assert!(text.contains("/1080p/1080p.m3u8"), "{language}: {text}");
    }
}
