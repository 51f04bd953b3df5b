//! Files with absurd streams.

use super::*;

#[tokio::test]
async fn audio_of_a_gigahertz() {
    let folder = folder();
    let path = folder.path().join("sound.avi");
    let mut arguments = film("320x180", "25", 3.0);
    arguments.extend(["-c:v", "mpeg4", "-c:a", "pcm_s16le", &text(&path)].map(str::to_owned));
    ffmpeg(&arguments);
    let mut file = std::fs::read(&path).unwrap();
    let rate = 1_000_000_000_u32.to_le_bytes();
    let places: Vec<usize> = file
        .windows(4)
        .enumerate()
        .filter(|it| it.1 == 48_000_u32.to_le_bytes())
        .map(|it| it.0)
        .collect();
    assert!(!places.is_empty());
    for place in places {
        file[place..place + 4].copy_from_slice(&rate);
    }
    let path = save(folder.path(), "gigahertz.avi", &file);
    refused(folder.path(), &path, &["damaged"]).await;
}

/// CRC-32 of MPEG-2 sections.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    })
}

/// A section in packets.
fn section(pid: u16, table: u8, number: u16, content: &[u8]) -> Vec<u8> {
    let length = content.len() as u16 + 9;
    let mut section = vec![table, 0xb0 | (length >> 8) as u8, length as u8];
    section.extend([(number >> 8) as u8, number as u8, 0xc1, 0, 0]);
    section.extend(content);
    section.extend(crc(&section).to_be_bytes());
    let payload = [&[0], &section[..]].concat();
    let mut packets = vec![];
    for (place, part) in payload.chunks(184).enumerate() {
        let start = if place == 0 { 0x40 } else { 0 };
        packets.extend([
            0x47,
            start | (pid >> 8) as u8,
            pid as u8,
            0x10 | place as u8,
        ]);
        packets.extend(part);
        packets.resize(packets.len() + 184 - part.len(), 0xff);
    }
    packets
}

#[tokio::test]
async fn thousands_of_streams() {
    let folder = folder();
    let path = folder.path().join("streams.ts");
    let mut arguments = film("320x180", "25", 2.0);
    arguments.extend(["-c:v", "mpeg2video", "-c:a", "mp2", &text(&path)].map(str::to_owned));
    ffmpeg(&arguments);
    let (programs, streams) = (36_u16, 200_u16);
    let programs_content: Vec<u8> = (1..=programs)
        .flat_map(|it| {
            [
                (it >> 8) as u8,
                it as u8,
                0xe0 | ((it + 16) >> 8) as u8,
                (it + 16) as u8,
            ]
        })
        .collect();
    let mut file = section(0, 0, 1, &programs_content);
    for program in 1..=programs {
        let first = 100 + program * streams;
        let mut content = vec![0xff, 0xff, 0xf0, 0];
        for pid in first..first + streams {
            content.extend([2, 0xe0 | (pid >> 8) as u8, pid as u8, 0xf0, 0]);
        }
        file.extend(section(program + 16, 2, program, &content));
    }
    file.extend(std::fs::read(&path).unwrap());
    let path = save(folder.path(), "thousands.ts", &file);
    made_or(
        folder.path(),
        &path,
        &["damaged", "not-a-video", "no-video-stream", "too-demanding"],
    )
    .await;
}
