//! The run of the normaliser, which the lanes of an unseekable source read from.

use domain::segment::{ChunkRecord, Lane};

use crate::cause::cause_of;
use crate::error::TranscodeError;
use crate::lanes::EncodeContext;
use crate::normalise::{Feed, Normaliser};

/// Runs the lanes beside the normaliser that they read from.
pub(super) async fn while_feeding(
    lanes: impl Future<Output = Result<(), TranscodeError>>,
    feed: impl Future<Output = Result<(), TranscodeError>>,
) -> Result<(), TranscodeError> {
    let (mut lanes, mut feed) = (std::pin::pin!(lanes), std::pin::pin!(feed));
    tokio::select! {
        made = &mut lanes => match made {
            Ok(()) => feed.await,
            Err(problem) => Err(cause_of(problem, feed).await),
        },
        fed = &mut feed => {
            fed?;
            lanes.await
        }
    }
}

/// Opens a relay, a stream on the loopback, for each lane that is not finished and that reads from
/// the normaliser. Returns the arguments of the normaliser's run, which writes to them.
pub(super) fn open_relays(
    normaliser: &Normaliser,
    context: &mut EncodeContext,
    audio_is_reused: bool,
    finished: &[ChunkRecord],
) -> Vec<String> {
    let missing = |lane: Lane| {
        context.plan.chunks(lane).iter().any(|it| {
            !finished
                .iter()
                .any(|done| done.lane == lane && done.index == it.index)
        })
    };
    let mut feeds = vec![];
    // A relay that no lane reads would block the normaliser, and so the other relay.
    let wanted = [
        (Feed::Video, missing(Lane::Encode)),
        (Feed::Audio, missing(Lane::Audio) && !audio_is_reused),
    ];
    for (feed, _) in wanted.into_iter().filter(|it| it.1) {
        let relay = context.loopback.relay();
        context.feeds.insert(feed, relay.reader_url);
        feeds.push((feed, relay.writer_url));
    }
    normaliser.arguments(&context.loopback.source_url(), &feeds)
}
