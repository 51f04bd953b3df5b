//! URLs of images that are not specific to a viewer. They are the same for an hour, so that caches can
//! store the images.

use catalog::Video;
use domain::grant::{Fingerprint, Limits};
use domain::ids::{Generation, VideoId};
use domain::object_key::ObjectKey;
use domain::pass::{Pass, Purpose};
use domain::state::VideoState;
use domain::time::UnixMillis;

use super::Playback;

/// Lifetime of the URLs in hours, including the current hour: no longer than the edge's own passes.
const IMAGE_HOURS: u64 = 12;

impl Playback {
    /// The poster URL of a video for a list. `None`: the video has no poster yet, or no key signs its URL.
    pub fn poster_url(&self, video: &Video, now: UnixMillis) -> Option<String> {
        let VideoState::Ready { generation } = &video.state else {
            return None;
        };
        let image = match &video.chosen_poster {
            Some(poster) => format!("posters/{poster}.jpg"),
            None if video.has_poster => format!("{generation}/poster.jpg"),
            None => return None,
        };
        self.image_url(video.id, generation, &image, now)
    }

    /// The URL of an image of a generation, such as a thumbnail. `None`: no key signs it.
    pub fn object_url(
        &self,
        object: &ObjectKey,
        generation: &Generation,
        now: UnixMillis,
    ) -> Option<String> {
        let (video, path) = (object.video(), object.path());
        let image = path.strip_prefix(&format!("hls/{video}/"))?;
        self.image_url(video, generation, image, now)
    }

    /// `image`: its path below the directory of the video.
    fn image_url(
        &self,
        video: VideoId,
        generation: &Generation,
        image: &str,
        now: UnixMillis,
    ) -> Option<String> {
        let hour = now.as_secs() / 3_600;
        let pass = Pass {
            purpose: Purpose::Stream,
            video,
            generation: generation.clone(),
            session: Fingerprint::of("posters"),
            viewer: Fingerprint::default(),
            expires: (hour + IMAGE_HOURS) * 3_600,
            renditions: Some(Vec::new()),
            limits: Limits::default(),
        };
        let signed = pass.sign(self.passes.as_ref()?).ok()?;
        Some(format!("{}/s/{signed}/{image}", self.edge))
    }
}
