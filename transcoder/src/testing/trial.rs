//! The film of the trial as the source of a job, with a stand-in for FFmpeg.

use std::sync::Arc;

use bytes::Bytes;
use domain::job::Mode;
use domain::plan::EncodePlan;
use domain::profile::Profile;

use super::world::World;
use crate::inspect::inspect;
use crate::loopback::Loopback;
use crate::source::Blocks;
use crate::stills::InMemory;
use crate::trial::FILM;

/// What ffprobe says of [`FILM`].
const STREAMS: &str = r#"cat <<'END'
{"streams": [
    {"index": 0, "codec_type": "video", "codec_name": "h264", "width": 320, "height": 180, "pix_fmt": "yuv420p",
     "field_order": "progressive", "r_frame_rate": "25/1", "avg_frame_rate": "25/1", "time_base": "1/12800",
     "start_pts": 0, "start_time": "0.000000", "duration": "2.000000"},
    {"index": 1, "codec_type": "audio", "codec_name": "aac", "profile": "LC", "sample_fmt": "fltp", "channels": 2,
     "sample_rate": "48000", "bit_rate": "31879", "start_time": "0.000000", "duration": "2.000000"}
], "format": {"duration": "2.000000"}}
END"#;

/// Prepares all that is made of the film: two segments of each rendition.
pub(crate) async fn prepare(world: &World, profile: &Profile) -> EncodePlan {
    world.fake.probe_says("streams", STREAMS);
    let blocks = Blocks::new(Arc::new(InMemory(Bytes::from_static(FILM))));
    let loopback = Loopback::start(blocks.clone()).await.unwrap();
    let probe = inspect(&world.fake.tools(), &blocks, &loopback, profile)
        .await
        .unwrap()
        .probe;
    let plan = EncodePlan::new(&probe, profile, Mode::Abr).unwrap();
    assert_eq!(
        (plan.segments(), plan.copy.is_remux()),
        (2, profile.source_rung.enabled)
    );
    world.fake.prepare(&plan);
    plan
}
