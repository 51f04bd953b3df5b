use super::*;
use crate::object_key::RenditionName;

pub(super) fn job() -> Job {
    let video = VideoId::new(1_700_000_000_000, [7; 10]);
    let source = Source {
        bucket: "edgereel-private".to_owned(),
        key: format!("uploads/{video}/film.mp4"),
        etag: "d41d8cd98f00b204e9800998ecf8427e-3".to_owned(),
        size: 1_234_567,
    };
    Job::new(video, source, "default", Mode::Abr, JobReason::Upload)
}

#[test]
fn identity_is_source_profile_and_mode() {
    let job = job();
    let retry = Job {
        reason: JobReason::Retry,
        ..job.clone()
    };
    assert_eq!(
        Job::new(
            job.video,
            job.source.clone(),
            "default",
            Mode::Abr,
            JobReason::Retry
        ),
        retry
    );
    assert_eq!(job.with_settings("default", Mode::Abr).id, job.id);
    assert_eq!(job.clone().with_priority(Priority::Bulk).id, job.id);
    assert_ne!(job.with_settings("small", Mode::Abr).id, job.id);
    assert_ne!(job.with_settings("default", Mode::Copy).id, job.id);
    let newer = Source {
        etag: "another".to_owned(),
        ..job.source.clone()
    };
    assert_ne!(
        Job::new(job.video, newer, "default", Mode::Abr, JobReason::Upload).id,
        job.id
    );
}

#[test]
fn some_rungs_are_another_job_and_another_generation() {
    let (job, profile) = (job(), Profile::default());
    let names = |text: &str| {
        text.split(' ')
            .map(|it| it.parse().unwrap())
            .collect::<Vec<RenditionName>>()
    };
    let base = job.generation(&profile);
    let partial = |base: &Generation, rungs| {
        job.clone()
            .with_partial(Partial::new(base.clone(), names(rungs)))
    };
    let some = partial(&base, "720p 480p");
    assert_eq!(some, partial(&base, "480p 720p 480p"), "the same request");
    let others = [
        job.clone(),
        partial(&base, "720p"),
        partial(&some.generation(&profile), "720p 480p"),
    ];
    for other in others {
        assert_ne!(other.id, some.id);
        assert_ne!(other.generation(&profile), some.generation(&profile));
    }
    let body = JobMessage::from(some.clone()).to_body();
    assert!(
        body.ends_with(&format!(
            r#","partial":{{"base":"{base}","rungs":["480p","720p"]}}}}"#
        )),
        "{body}"
    );
    assert_eq!(JobMessage::parse(&body), Ok(JobMessage::from(some)));
    // A version that does not support `partial` must not treat it as the whole job: the id does
    // not match.
    let unknown = body.replace("\"partial\"", "\"later\"");
    assert!(matches!(
        JobMessage::parse(&unknown),
        Err(InvalidMessage::ForeignId { .. })
    ));
}

#[test]
fn a_source_knows_its_typed_key() {
    let job = job();
    assert_eq!(job.source_key().unwrap().video(), job.video);
    let keyed = |key: &str| {
        let source = Source {
            key: key.to_owned(),
            ..job.source.clone()
        };
        Job {
            source,
            ..job.clone()
        }
        .source_key()
    };
    // An external object is read in place; an object of another video is not read.
    assert_eq!(
        keyed("elsewhere/film.mp4").map(|it| it.path()).as_deref(),
        Some("elsewhere/film.mp4")
    );
    assert_eq!(keyed("elsewhere/film.mp4").unwrap().video(), job.video);
    assert_eq!(
        keyed("uploads/film.mp4").map(|it| it.path()).as_deref(),
        Some("uploads/film.mp4")
    );
    let other = VideoId::new(7, [7; 10]);
    for foreign in [
        format!("uploads/{other}/film.mp4"),
        "uploads/vid_x/film.mp4".to_owned(),
        "../film.mp4".to_owned(),
    ] {
        assert_eq!(keyed(&foreign), None, "{foreign}");
    }
}
