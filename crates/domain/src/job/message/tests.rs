use super::*;
use crate::job::tests::job;

#[test]
fn the_wire_format_is_frozen() {
    // Never update this text: a message in this format may be waiting in a customer's queue.
    let json = serde_json::to_string_pretty(&JobMessage::from(job())).unwrap();
    insta::assert_snapshot!(json, @r#"
    {
      "type": "transcode-v1",
      "job": "142a84d39c50f1797d701232211ac10b",
      "video": "vid_018bcfe5680077078707070707070707",
      "source": {
        "bucket": "edgereel-private",
        "key": "uploads/vid_018bcfe5680077078707070707070707/film.mp4",
        "etag": "d41d8cd98f00b204e9800998ecf8427e-3",
        "size": 1234567
      },
      "profile": "default",
      "mode": "abr",
      "reason": "upload"
    }
    "#);
    assert_eq!(JobMessage::parse(&json), Ok(JobMessage::from(job())));
}

#[test]
fn fields_of_a_newer_sender_are_passed_over() {
    let mut value = serde_json::to_value(JobMessage::from(job())).unwrap();
    value["colour"] = "red".into();
    value["priority"] = "a-newer-one".into();
    assert_eq!(
        JobMessage::parse(&value.to_string()),
        Ok(JobMessage::from(job()))
    );
}

#[test]
fn invalid_messages_are_typed_errors() {
    let broken = |change: fn(&mut serde_json::Value)| {
        let mut value = serde_json::to_value(JobMessage::from(job())).unwrap();
        change(&mut value);
        value.to_string()
    };
    let table: String = [
        String::new(),
        "[]".to_owned(),
        "{\"type\":7}".to_owned(),
        broken(|it| it["type"] = "transcode-v2".into()),
        broken(|it| it["video"] = "../x".into()),
        broken(|it| it["source"]["size"] = (-1).into()),
        broken(|it| it["profile"] = "other".into()),
        broken(|it| drop(it.as_object_mut().unwrap().remove("source"))),
    ]
    .iter()
    .map(|body| format!("{}\n", JobMessage::parse(body).unwrap_err()))
    .collect();
    insta::assert_snapshot!(table, @"
    the message is not a job: EOF while parsing a value at line 1 column 0
    the message is not a job: it has no `type`
    the message is not a job: it has no `type`
    messages of type `transcode-v2` are unknown to this version
    the `transcode-v1` message is malformed: `../x` is not a video id: expected `vid_` and 32 lower-case hex digits
    the `transcode-v1` message is malformed: invalid value: integer `-1`, expected u64
    the job id `142a84d39c50f1797d701232211ac10b` does not belong to its source and profile
    the `transcode-v1` message is malformed: missing field `source`
    ");
}

#[test]
fn the_wire_format_of_posters_is_frozen() {
    let video = job().video;
    let text: String = [
        PosterJob::from_timestamp(video, 12_500),
        PosterJob::from_image(video, b"picture"),
    ]
    .map(|it| format!("{}\n", JobMessage::from(it).to_body()))
    .concat();
    insta::assert_snapshot!(text, @r#"
    {"type":"poster-v1","job":"2421459ba1430cecacd2fea3ac1822a6","video":"vid_018bcfe5680077078707070707070707","poster":"790159200608f719","from":{"timestamp":12500}}
    {"type":"poster-v1","job":"d5ab5a9ef02db27bcd6c6679285fac8e","video":"vid_018bcfe5680077078707070707070707","poster":"7fa0a91818dba852","from":"image"}
    "#);
    for line in text.lines() {
        assert_eq!(JobMessage::parse(line).unwrap().to_body(), line);
    }
}

#[test]
fn the_wire_format_of_captions_is_frozen() {
    let message = JobMessage::from(CaptionsJob::new(job().video));
    insta::assert_snapshot!(message.to_body(), @r#"{"type":"captions-v1","job":"1624f4446cd9273b3c7e4ea05a989f2a","video":"vid_018bcfe5680077078707070707070707"}"#);
    assert_eq!(JobMessage::parse(&message.to_body()), Ok(message));
}

#[test]
fn the_wire_format_of_thumbnails_is_frozen() {
    let frame = crate::thumbnail::Frame {
        tenths: 125,
        width: 640,
    };
    let generation = crate::ids::Generation::of("etag", "profile");
    let message = JobMessage::from(ThumbnailJob::new(job().video, generation, frame));
    insta::assert_snapshot!(message.to_body(), @r#"{"type":"thumbnail-v1","job":"385bc17f34c6905bdfdd56d1393fdc96","video":"vid_018bcfe5680077078707070707070707","generation":"6580b562fc319fd8","tenths":125,"width":640}"#);
    assert_eq!(JobMessage::parse(&message.to_body()), Ok(message));
}

#[test]
fn the_wire_format_of_downloads_is_frozen() {
    let generation = crate::ids::Generation::of("etag", "profile");
    let rung = "720p".parse().unwrap();
    let message = JobMessage::from(DownloadJob::new(job().video, generation, rung));
    insta::assert_snapshot!(message.to_body(), @r#"{"type":"download-v1","job":"fe64d6a47c144bf94aae42ef25c649ca","video":"vid_018bcfe5680077078707070707070707","generation":"6580b562fc319fd8","rung":"720p"}"#);
    assert_eq!(JobMessage::parse(&message.to_body()), Ok(message));
}

#[test]
fn the_wire_format_of_previews_is_frozen() {
    let preview = crate::preview::Preview {
        start_tenths: 125,
        length_tenths: 30,
        width: 320,
    };
    let generation = crate::ids::Generation::of("etag", "profile");
    let message = JobMessage::from(PreviewJob::new(job().video, generation, preview));
    insta::assert_snapshot!(message.to_body(), @r#"{"type":"preview-v1","job":"0818f334cc1913e6bef8119ab54eac23","video":"vid_018bcfe5680077078707070707070707","generation":"6580b562fc319fd8","start_tenths":125,"length_tenths":30,"width":320}"#);
    assert_eq!(JobMessage::parse(&message.to_body()), Ok(message));
}

#[test]
fn the_wire_format_of_transcriptions_is_frozen() {
    let message = JobMessage::from(TranscriptionJob::new(job().video, "pt-BR".parse().unwrap()));
    insta::assert_snapshot!(message.to_body(), @r#"{"type":"transcription-v1","job":"a544d85313fa980d6f85d76b8943d240","video":"vid_018bcfe5680077078707070707070707","language":"pt-BR"}"#);
    assert_eq!(JobMessage::parse(&message.to_body()), Ok(message));
}

#[test]
fn the_wire_format_of_chunks_is_frozen() {
    let generation = crate::ids::Generation::of("etag", "profile");
    let plan = crate::ids::PlanId::of(b"plan");
    let message = JobMessage::from(ChunkJob::new(job().video, generation, plan, 17));
    insta::assert_snapshot!(message.to_body(), @r#"{"type":"chunk-v1","job":"3c6292f301fa03c4ae389054d808249d","video":"vid_018bcfe5680077078707070707070707","generation":"6580b562fc319fd8","plan":"64879f7d6b960a01909762d911a32d45","index":17}"#);
    assert_eq!(JobMessage::parse(&message.to_body()), Ok(message));
}

#[test]
fn each_field_of_a_chunk_is_part_of_its_id() {
    let generation = |etag| crate::ids::Generation::of(etag, "profile");
    let plan = crate::ids::PlanId::of;
    let chunk = ChunkJob::new(job().video, generation("etag"), plan(b"plan"), 17);
    let body = JobMessage::from(chunk.clone()).to_body();
    let other_video = VideoId::new(7, [7; 10]);
    let others = [
        ChunkJob::new(other_video, generation("etag"), plan(b"plan"), 17),
        ChunkJob::new(chunk.video, generation("other"), plan(b"plan"), 17),
        ChunkJob::new(chunk.video, generation("etag"), plan(b"other"), 17),
        ChunkJob::new(chunk.video, generation("etag"), plan(b"plan"), 18),
    ];
    for other in others {
        assert_ne!(other.id, chunk.id);
        let foreign = ChunkJob {
            id: chunk.id.clone(),
            ..other
        };
        let body = JobMessage::from(foreign).to_body();
        assert_eq!(
            JobMessage::parse(&body),
            Err(InvalidMessage::ForeignId {
                found: chunk.id.clone()
            })
        );
    }
    let malformed = body.replace("\"index\":17", "\"index\":-1");
    assert!(matches!(
        JobMessage::parse(&malformed),
        Err(InvalidMessage::Malformed {
            of_type: "chunk-v1",
            ..
        })
    ));
}

#[test]
fn the_wire_format_of_imports_is_frozen() {
    let import = JobMessage::from(Import::new(job().video));
    insta::assert_snapshot!(import.to_body(), @r#"{"type":"import-v1","job":"cb1c8d2b6a558942344dbb44da444ec5","video":"vid_018bcfe5680077078707070707070707"}"#);
    assert_eq!(JobMessage::parse(&import.to_body()), Ok(import));
}
