//! The conformance suite for catalogs. Each case needs its own, empty catalog.
//!
//! [`catalog_conformance!`](crate::catalog_conformance) generates one test per case.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::failure::{Failure, FailureCode};
use domain::ids::{Generation, VideoId};
use domain::job::{Generate, Job, JobReason, Mode, Source};
use domain::object_key::RenditionName;
use domain::receipt::Receipt;
use domain::segment::{ChunkRecord, Lane, SegmentRecord};
use domain::state::VideoState;
use domain::time::UnixMillis;

use super::{
    Catalog, Claim, ClaimOutcome, NewVideo, RenditionKind, RenditionRecord, RenditionState,
    UploadEventOutcome, Video,
};

mod captions;
mod chapters;
mod claims;
mod costs;
mod downloads;
mod fan_out;
mod filters;
mod imports;
mod interruptions;
mod library;
mod lists;
mod outputs;
mod posters;
mod previews;
mod random;
mod requests;
mod sources;
mod thumbnails;
mod traces;
mod transcriptions;
mod uploads;
mod videos;
mod views;
mod work;

pub use captions::*;
pub use chapters::*;
pub use claims::*;
pub use costs::*;
pub use downloads::*;
pub use fan_out::*;
pub use filters::*;
pub use imports::*;
pub use interruptions::*;
pub use library::fill_library;
pub use lists::*;
pub use outputs::*;
pub use posters::*;
pub use previews::*;
pub use random::*;
pub use requests::*;
pub use sources::*;
pub use thumbnails::*;
pub use traces::*;
pub use transcriptions::*;
pub use uploads::*;
pub use videos::*;
pub use views::*;
pub use work::*;

/// A catalog under test.
pub struct Subject {
    /// The catalog, empty at the start of a case.
    pub catalog: Catalog,
}

/// The time at which the cases start.
pub(crate) const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);
/// Lease duration, milliseconds.
pub(crate) const LEASE_MS: u64 = 60_000;
/// The same duration as a `Duration`.
const LEASE: Duration = Duration::from_millis(LEASE_MS);

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Subject {
    async fn video(&self, video: VideoId) -> Video {
        self.catalog
            .get_video(video)
            .await
            .expect("the video exists")
    }

    async fn state(&self, video: VideoId) -> VideoState {
        self.video(video).await.state
    }

    /// Claims for `generation`, at `now`.
    pub(crate) async fn claim_for(
        &self,
        job: &Job,
        generation: &Generation,
        now: UnixMillis,
    ) -> ClaimOutcome {
        self.catalog
            .claim(job, generation, "worker", LEASE, now)
            .await
            .expect("claim")
    }

    /// Claims a job that must be free.
    pub(crate) async fn claim(&self, job: &Job, now: UnixMillis) -> Claim {
        match self.claim_for(job, &generation(job), now).await {
            ClaimOutcome::Claimed(claim) => claim,
            other => panic!("the job should be free, but is {other:?}"),
        }
    }

    /// A video whose source has arrived, and its job.
    pub(crate) async fn queued(&self, number: u8) -> Job {
        let job = job(number);
        self.catalog
            .create_video(&new_video(number), NOW)
            .await
            .expect("create");
        assert_eq!(
            self.catalog
                .note_upload_event(&job, NOW)
                .await
                .expect("note"),
            UploadEventOutcome::Send(job.clone())
        );
        job
    }

    /// A video that is ready, and its job.
    pub(crate) async fn ready(&self, number: u8) -> Job {
        let job = self.queued(number).await;
        let claim = self.claim(&job, NOW).await;
        self.catalog
            .mark_ready(&claim, &Receipt::default(), NOW)
            .await
            .expect("ready");
        job
    }
}

fn video_id(number: u8) -> VideoId {
    VideoId::new(NOW.get() + u64::from(number), [number; 10])
}

pub(crate) fn new_video(number: u8) -> NewVideo {
    let id = video_id(number);
    let metadata = serde_json::json!({ "course": "é", "part": number });
    NewVideo {
        id,
        owner: Some("owner".to_owned()),
        title: Some(format!("Film {number}")),
        external_id: Some(format!("external-{number}")),
        metadata: metadata.as_object().cloned().unwrap_or_default(),
        profile: "default".to_owned(),
        mode: Mode::Abr,
        generate: Generate::OnUpload,
        file_name: Some("Film.mp4".to_owned()),
        source_key: Some(format!("uploads/{id}/film.mp4")),
        source_size: Some(7),
        content_type: Some("video/mp4".to_owned()),
    }
}

pub(crate) fn job(number: u8) -> Job {
    job_of(number, "etag-1", "default")
}

pub(crate) fn job_of(number: u8, etag: &str, profile: &str) -> Job {
    let video = video_id(number);
    let key = format!("uploads/{video}/film.mp4");
    let source = Source {
        bucket: "private".to_owned(),
        key,
        etag: etag.to_owned(),
        size: 7,
    };
    Job::new(video, source, profile, Mode::Abr, JobReason::Upload)
}

pub(crate) fn generation(job: &Job) -> Generation {
    Generation::of(&job.source.etag, &job.profile)
}

pub(crate) fn failure(code: FailureCode) -> Failure {
    Failure::of(code)
}

fn chunk(lane: Lane, index: u32, bytes: u64) -> ChunkRecord {
    let segment = SegmentRecord {
        rendition: name("720p"),
        index,
        attempt: 1,
        start: u64::from(index) * 540_000,
        duration: 540_000,
        bytes,
        sha256: "0".repeat(64),
        frames: 180,
        iframes: vec![],
    };
    ChunkRecord {
        lane,
        index,
        cpu_ms: 1_200,
        wall_ms: 700,
        segments: vec![segment],
        codecs: BTreeMap::new(),
        traffic: None,
    }
}

fn rendition(title: &str, state: RenditionState) -> RenditionRecord {
    RenditionRecord {
        name: name(title),
        kind: RenditionKind::Video,
        width: Some(1280),
        height: Some(720),
        copied: true,
        frame_rate: Some(30_000.0 / 1_001.0),
        codecs: Some("avc1.64001f".to_owned()),
        hdr: None,
        bandwidth: Some(3_300_000),
        average_bandwidth: Some(2_900_000),
        state,
    }
}

fn name(text: &str) -> RenditionName {
    text.parse().expect("a legal name")
}

/// Generates a `#[tokio::test]` for every case. `$make`: an expression that awaits to a new
/// [`Subject`], together with the values that must outlive it.
///
/// With `together:` in front, it generates a `Vec` of `testkit::Case` instead: for subjects on a
/// server that is slow to start.
#[macro_export]
macro_rules! catalog_conformance {
    (together: $make:expr) => {
        $crate::catalog_conformance! { @ together $make }
    };
    ($make:expr) => {
        $crate::catalog_conformance! { @ each $make }
    };
    (@ $how:ident $make:expr) => {
        $crate::conformance_cases! { [$crate::videos], $how $make;
            creating_twice_is_creating_once another_owner_cannot_create_the_same
            an_event_before_its_row_is_adopted uploads_are_noted owners_change_what_is_theirs
            owners_have_so_many_uploads_under_way owners_have_a_quota of_racing_uploads_no_more_than_the_limit_begin
            lists_newest_first_in_pages lists_by_filter lists_in_every_order
            lists_continue_after_any_position searches_every_name
            deleted_videos_keep_their_id deleted_videos_are_forgotten
            a_ready_video_has_a_length_and_a_size only_holders_report_work
            one_event_three_times_is_one_run of_racing_claimers_one_wins an_ended_lease_is_taken_over
            a_video_has_a_holder an_ended_lease_without_a_successor_is_renewed a_lost_claim_changes_nothing renewing_keeps_the_claim a_job_without_a_row_is_claimed
            stopping_takes_it_from_the_worker a_cancelled_reencode_leaves_it_ready
            a_dead_worker_is_relieved_at_once giving_up_is_for_the_abandoned
            events_follow_the_settings_of_the_video a_source_waits_for_its_first_view
            from_queued_to_ready a_failed_reencode_leaves_it_ready a_bad_source_is_tried_once
            our_failures_are_retried_until_given_up shutdown_gives_the_job_back a_new_source_is_new_work
            a_video_that_has_been_ready_takes_no_other_source
            chunks_are_kept_once productions_are_numbered renditions_are_replaced progress_never_goes_back stages_and_chunks_have_times
            only_unused_generations_are_forgotten
            a_reencode_of_a_ready_video_is_due a_request_ends_with_its_job
            a_request_of_a_finished_job_ends_when_it_is_claimed_again
            an_older_job_does_not_end_a_newer_request another_source_withdraws_the_request
            a_video_becomes_ready_with_the_next_request
            objects_are_found_by_their_videos receipts_are_summed_up
            an_import_is_an_upload_by_a_worker imports_fail_like_jobs a_deleted_import_is_gone
            the_latest_poster_request_counts a_poster_that_fails_says_why
            captions_are_replaced_by_language captions_of_a_language_have_kinds captions_have_one_default
            captions_go_with_their_video those_of_a_machine_replace_no_others the_latest_chapters_count videos_are_found_by_their_captions
            one_of_many_callers_requests_a_thumbnail
            one_of_many_callers_requests_a_preview a_preview_is_refused_for_a_minute
            a_download_is_requested_until_it_is_ready a_download_goes_with_its_generation
            a_transcription_is_requested_until_it_ends a_withdrawn_transcription_stores_nothing
            a_transcription_goes_with_its_video work_keeps_the_trace_of_its_request
            a_chunk_of_a_fan_out_is_recorded_once a_chunk_of_a_fan_out_is_given_back a_fan_out_ends_with_its_job
            another_plan_withdraws_the_chunks_of_a_fan_out productions_of_a_fan_out_are_numbered
            views_add_up views_of_unknown_videos_are_left_out views_end
            any_order_of_claims_records_each_chunk_once
            any_order_of_events_keeps_the_rules
        }
    };
}
