//! The programs of `docs/grants.md` make grants that the edge worker takes. Those are run whose language is here.

#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Encoding as _};
use domain::playback::cases::world;
use e2e::edge::Edge;
use e2e::wire;
use serde_json::json;

const SECRET: &[u8; 32] = b"a secret of thirty-two bytes !!!";

/// As it stands in the docs.
fn grant(secret: &[u8], key_id: &str, video: &str, now: u64) -> jsonwebtoken::errors::Result<String> {
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    header.kid = Some(key_id.to_owned());
    let claims = serde_json::json!({
        "aud": "edgereel/playback",
        "vid": video,
        "exp": now + 4 * 3600,
        "sub": "user-42",
    });
    jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_secret(secret))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The program of a language in the docs.
fn program(language: &str) -> String {
    let docs = std::fs::read_to_string(root().join("docs/grants.md")).unwrap();
    let (_, after) = docs.split_once(&format!("```{language}\n")).expect("there is a program");
    after.split_once("```").expect("it ends").0.to_owned()
}

/// What a program prints; `None`: there is no such language here.
fn run(command: &mut Command) -> Option<String> {
    let output = command
        .env("GRANT_SECRET", Base64::encode_string(SECRET))
        .env("GRANT_KEY_ID", "main")
        .env("VIDEO", world::video().to_string());
    let output = output.output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

fn typescript(folder: &Path) -> Option<String> {
    let modules = root().join("tests/edge/node_modules");
    let (source, built) = (folder.join("grant.ts"), folder.join("grant.mjs"));
    std::fs::write(&source, program("typescript")).unwrap();
    let bundle = [format!("--outfile={}", built.display()), "--bundle".to_owned(), "--platform=node".to_owned()];
    let mut esbuild = Command::new(modules.join(".bin/esbuild"));
    esbuild.arg(&source).args(bundle).args(["--format=esm", "--log-level=error"]).env("NODE_PATH", &modules);
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
    run(Command::new("python3").arg(source).env("PYTHONPATH", modules))
}

/// With Debian's library, which is a version older than that of the docs, and stands elsewhere.
fn go(folder: &Path) -> Option<String> {
    const LIBRARIES: &str = "/usr/share/gocode";
    Path::new(LIBRARIES).join("src/github.com/golang-jwt/jwt").is_dir().then_some(())?;
    let source = folder.join("grant.go");
    std::fs::write(&source, program("go").replace("golang-jwt/jwt/v5", "golang-jwt/jwt")).unwrap();
    let mut go = Command::new("go");
    go.arg("run").arg(source).env("GO111MODULE", "off").env("GOPATH", LIBRARIES).env("GOCACHE", folder.join("go"));
    run(&mut go)
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_of_the_docs_are_taken() {
    let keys = format!("main:HS256:{}", Base64::encode_string(SECRET));
    let bindings = json!({
        "EDGEREEL_GRANT_KEYS": keys,
        "EDGEREEL_PASS_KEYS": world::PASS_KEYS,
        "EDGEREEL_KEY_ENCRYPTION_KEYS": world::KEY_ENCRYPTION_KEYS,
    });
    let Some(mut edge) = Edge::start(bindings).await else { return };
    for (key, bytes) in world::objects() {
        if key.path().ends_with("master.m3u8") {
            let text = String::from_utf8(bytes).unwrap();
            edge.say(json!({ "do": "put", "bucket": "MEDIA", "key": key.path(), "text": text })).await;
        }
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let in_rust = program("rust");
    assert!(include_str!("grants.rs").contains(&in_rust), "this test has another program than the docs");
    let folder = tempfile::tempdir().unwrap();
    for (language, token) in [
        ("Rust", grant(SECRET, "main", &world::video().to_string(), now).ok()),
        ("TypeScript", typescript(folder.path())),
        ("Python", python(folder.path())),
        ("Go", go(folder.path())),
    ] {
        let Some(token) = token else {
            println!("skipped: {language} is not here, or has no JWT library");
            continue;
        };
        let target = format!("/v/{}/master.m3u8?grant={token}", world::video());
        let answer = wire::send(&edge.address, "GET", &target, &[]).await.unwrap();
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{language}: {text}");
        assert!(text.contains("/1080p/1080p.m3u8"), "{language}: {text}");
    }
}
