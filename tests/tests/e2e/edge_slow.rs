//! Many slow viewers of a video that is not cached: the edge worker must not keep for them what the
//! cache has read already.

use std::time::Duration;

use domain::grant::Fingerprint;
use domain::object_key::{ObjectKey, SegmentFormat};
use domain::pass::{Pass, Purpose};
use domain::playback::cases::world;
use e2e::edge::Edge;
use edge_server::system_time;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const VIEWERS: u32 = 100;
const SEGMENTS: u32 = 10;
/// More than the buffers of a connection hold.
const BYTES: usize = 16 << 20;
/// Far less than what the viewers have not read: 1.6 GB.
const MOST: u64 = 200 << 20;

fn segment(index: u32) -> ObjectKey {
    ObjectKey::Segment {
        video: world::video(),
        generation: world::generation(),
        rendition: "720p".parse().unwrap(),
        index,
        attempt: 1,
        format: SegmentFormat::MpegTs,
    }
}

fn pass() -> String {
    let pass = Pass {
        purpose: Purpose::Stream,
        video: world::video(),
        generation: world::generation(),
        session: Fingerprint::of("session-1"),
        viewer: Fingerprint::of("anna"),
        expires: system_time() + 600,
        renditions: None,
        limits: Default::default(),
    };
    pass.sign(&world::keyring().passes).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_cost_no_memory() {
    let bindings = json!({
        "EDGEREEL_GRANT_KEYS": world::GRANT_KEYS,
        "EDGEREEL_PASS_KEYS": world::PASS_KEYS,
        "EDGEREEL_KEY_ENCRYPTION_KEYS": world::KEY_ENCRYPTION_KEYS,
    });
    let Some(mut edge) = Edge::start(bindings).await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for index in 0..SEGMENTS {
        let path = folder.path().join(segment(index).path());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, vec![index as u8; BYTES]).unwrap();
    }
    edge.fill("MEDIA", folder.path()).await;
    let (pass, before) = (pass(), edge.resident());

    let mut viewers = vec![];
    for viewer in 0..VIEWERS {
        let path = segment(viewer % SEGMENTS).path();
        let file = path.splitn(3, '/').last().unwrap();
        let request = format!("GET /s/{pass}/{file} HTTP/1.1\r\nhost: edge\r\n\r\n");
        let mut connection = TcpStream::connect(&edge.address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut head = vec![0; 12];
        connection.read_exact(&mut head).await.unwrap();
        assert_eq!(head, b"HTTP/1.1 200", "{path}");
        viewers.push(connection);
    }
    let mut most = 0;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        most = most.max(edge.resident().saturating_sub(before));
    }
    eprintln!("{VIEWERS} slow viewers: {} MiB", most >> 20);
    assert!(most < MOST, "{} MiB for slow viewers", most >> 20);
    // A viewer who goes on reading gets all of it, and the next one finds it in the cache.
    let mut rest = 0;
    let mut buffer = vec![0; 1 << 16];
    while rest < BYTES {
        let count = viewers[0].read(&mut buffer).await.unwrap();
        assert!(count > 0, "it ended after {rest} bytes");
        rest += count;
    }
}
