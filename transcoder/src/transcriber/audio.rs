//! The audio that a transcriber gets: one channel at 16 kHz, as models for speech expect it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use domain::caption::Language;
use domain::object_key::SegmentFormat;
use domain::plan::{AudioPlan, Rendition};
use domain::segment::{TICKS_PER_SECOND, seconds};
use futures::StreamExt as _;
use hls::{MasterPlaylist, MediaType};
use media::ts::Renumbering;
use tokio::fs::File;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::arguments::speech;
use crate::ffmpeg::launcher::Weight;
use crate::ffmpeg::process::{self, Run};
use crate::loopback::{Loopback, SegmentReceiver};
use crate::poster::demuxer;
use crate::published::{Published, missing};
use crate::sink::broken_off;
use crate::source::Blocks;
use crate::stills::InMemory;

/// Samples per second.
pub(crate) const SAMPLE_RATE: u32 = 16_000;

/// Segments that are read ahead.
const READ_AHEAD: usize = 2;

/// Size of a WAV header, bytes.
const WAV_HEADER: u32 = 44;

/// A format of the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AudioFormat {
    /// PCM of 16 bits in a WAV file: 115 MB for an hour.
    Wav,
    /// AAC in a fragmented MP4 file: 22 MB for an hour.
    Mp4,
}

impl AudioFormat {
    /// Media type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Mp4 => "audio/mp4",
        }
    }

    /// Name of the file.
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Wav => "audio.wav",
            Self::Mp4 => "audio.m4a",
        }
    }
}

/// Writes the audio of a generation to a file: the track in this language, or the default one.
pub(crate) async fn write_audio(
    tools: &Tools,
    (published, master): (&Published, &str),
    language: &Language,
    (format, path): (AudioFormat, &Path),
    cancel: &CancellationToken,
) -> Result<(), TranscodeError> {
    let rendition = chosen(&published.plan.audio, master, language);
    let rendition = rendition.ok_or_else(|| missing("audio"))?;
    let segments = published.segments(rendition)?;
    let first = segments.first().ok_or_else(|| missing("segment"))?;
    let length = segments.iter().map(|it| it.duration).sum::<u64>();
    let loopback = Loopback::start(Blocks::new(Arc::new(InMemory(Bytes::new())))).await?;
    let feed = loopback.feed();
    let receiver = Arc::new(AudioFile::create(path, format).await?);
    let delivery = loopback.deliver_to(receiver.clone());
    let delay = Duration::from_millis(first.start * 1000 / TICKS_PER_SECOND);
    let run = Run {
        tools,
        port: loopback.port(),
        files: vec![],
        weight: Weight::Light,
        hardware: vec![],
        task: "decode the audio".to_owned(),
        arguments: speech(
            &feed.url,
            demuxer(rendition.format),
            delay,
            format,
            &delivery.url("speech", "1.audio"),
        ),
        // Decoding is a hundred times as fast as the audio; the store may be slow.
        time_limit: Duration::from_secs_f64(120.0 + seconds(length)),
    };
    let feeding = send(published, rendition, feed.sender);
    let running = process::run(run, cancel);
    tokio::pin!(feeding, running);
    let mut is_sent = false;
    let ended = loop {
        tokio::select! {
            ended = &mut running => break ended,
            // FFmpeg would only report that its input ended.
            sent = &mut feeding, if !is_sent => { sent?; is_sent = true }
        }
    };
    ended.map_err(|problem| loopback.take_failure().unwrap_or(problem))?;
    receiver.finish().await
}

/// The audio rendition to transcribe: of the track in this language, or else of the first track, which
/// is the default one; at the lowest rate.
fn chosen<'a>(audio: &'a [AudioPlan], master: &str, language: &Language) -> Option<&'a Rendition> {
    let spoken = spoken(master, language);
    let named = audio
        .iter()
        .find(|it| spoken.as_deref() == Some(it.rendition.name.as_str()));
    let track = named.or(audio.first())?.track;
    let of_track = audio.iter().filter(|it| it.track == track);
    of_track.min_by_key(|it| it.kbps).map(|it| &it.rendition)
}

/// The name of a rendition in this language, without a special purpose such as descriptions of the
/// video.
fn spoken(master: &str, language: &Language) -> Option<String> {
    let media = MasterPlaylist::parse(master).playlist.media;
    let spoken = media.into_iter().find(|it| {
        let tag = it.language.as_deref().and_then(Language::of_stream);
        it.media_type == Some(MediaType::Audio)
            && it.characteristics.is_none()
            && tag.as_ref() == Some(language)
    });
    // GENERATION/NAME/NAME.m3u8
    let uri = spoken?.uri?;
    uri.rsplit('/')
        .next()?
        .strip_suffix(".m3u8")
        .map(str::to_owned)
}

/// Sends all segments of a rendition in clear.
async fn send(
    published: &Published,
    rendition: &Rendition,
    sender: mpsc::Sender<Bytes>,
) -> Result<(), TranscodeError> {
    let segments = published.segments(rendition)?;
    let read = async |index: usize| {
        let segment = segments[index];
        let init = published.init(rendition, segment).await?;
        let bytes = published.segment(rendition, segment).await?;
        Ok::<_, TranscodeError>((init, bytes))
    };
    let parts = futures::stream::iter((0..segments.len()).map(read)).buffered(READ_AHEAD);
    futures::pin_mut!(parts);
    let (mut renumbering, mut is_first) = (Renumbering::default(), true);
    while let Some(part) = parts.next().await {
        let (init, mut bytes) = part?;
        // Segments that several runs of FFmpeg wrote each begin with their own numbers.
        if rendition.format == SegmentFormat::MpegTs {
            let mut packets = bytes.to_vec();
            renumbering.apply(&mut packets);
            bytes = packets.into();
        }
        let init = init.filter(|_| std::mem::take(&mut is_first));
        for part in init.into_iter().chain([bytes]) {
            if sender.send(part).await.is_err() {
                // FFmpeg has ended, and its status says why.
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Receives the audio as a file.
struct AudioFile {
    format: AudioFormat,
    /// The file, and the number of bytes that FFmpeg delivered.
    written: Mutex<(File, u64)>,
}

impl AudioFile {
    async fn create(path: &Path, format: AudioFormat) -> Result<Self, TranscodeError> {
        let mut file = File::create(path).await.map_err(disk)?;
        if format == AudioFormat::Wav {
            file.write_all(&wav_header(0)).await.map_err(disk)?;
        }
        let written = Mutex::new((file, 0));
        Ok(Self { format, written })
    }

    /// Completes the file. An error if it has no audio.
    async fn finish(&self) -> Result<(), TranscodeError> {
        // The last part may still be on its way from FFmpeg, which has ended: it holds the lock.
        let mut written = self.written.lock().await;
        let (file, bytes) = &mut *written;
        if *bytes == 0 {
            return Err(missing("audio"));
        }
        if self.format == AudioFormat::Wav {
            file.rewind().await.map_err(disk)?;
            file.write_all(&wav_header(*bytes)).await.map_err(disk)?;
        }
        file.flush().await.map_err(disk)
    }
}

#[async_trait]
impl SegmentReceiver for AudioFile {
    async fn receive(&self, _output: &str, _index: u32, body: Body) -> Result<(), TranscodeError> {
        let mut written = self.written.lock().await;
        let (file, bytes) = &mut *written;
        let mut parts = body.into_data_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(broken_off)?;
            file.write_all(&part).await.map_err(disk)?;
            *bytes += part.len() as u64;
        }
        file.flush().await.map_err(disk)
    }
}

fn disk(source: std::io::Error) -> TranscodeError {
    TranscodeError::Io {
        doing: "could not write the audio to the temporary directory".to_owned(),
        source,
    }
}

/// The header of a WAV file with one channel of 16 bits (RIFF, `WAVE_FORMAT_PCM`), for `bytes` bytes of
/// samples. Longer audio than the format can count, 37 hours, is declared as that.
fn wav_header(bytes: u64) -> [u8; WAV_HEADER as usize] {
    let data = u32::try_from(bytes).unwrap_or(u32::MAX - WAV_HEADER);
    let mut header = [0; WAV_HEADER as usize];
    let mut rest = &mut header[..];
    let mut put = |part: &[u8]| {
        let (head, tail) = std::mem::take(&mut rest).split_at_mut(part.len());
        head.copy_from_slice(part);
        rest = tail;
    };
    put(b"RIFF");
    put(&(data + WAV_HEADER - 8).to_le_bytes());
    put(b"WAVEfmt ");
    put(&16_u32.to_le_bytes());
    put(&1_u16.to_le_bytes());
    put(&1_u16.to_le_bytes());
    put(&SAMPLE_RATE.to_le_bytes());
    put(&(SAMPLE_RATE * 2).to_le_bytes());
    put(&2_u16.to_le_bytes());
    put(&16_u16.to_le_bytes());
    put(b"data");
    put(&data.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_track_in_the_language_is_transcribed() {
        let media = |language: &str, special: &str, name: &str| {
            format!(
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio-128k\",NAME=\"{name}\",LANGUAGE=\"{language}\"{special},\
                 URI=\"6580b562fc319fd8/{name}/{name}.m3u8\"\n"
            )
        };
        let special = ",CHARACTERISTICS=\"public.accessibility.describes-video\"";
        let master = [
            "#EXTM3U\n#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"d\",LANGUAGE=\"de\",URI=\"g/s/s.m3u8\"\n".to_owned(),
            media("deu", special, "audio-128k-3"),
            media("eng", "", "audio-128k"),
            media("deu", "", "audio-128k-2"),
        ]
        .concat();
        let audio: Vec<AudioPlan> = [(0, 128), (1, 128), (2, 128), (0, 64), (1, 64), (2, 64)]
            .map(|(track, kbps)| audio_plan(track, kbps))
            .into();
        for (language, expected) in [
            ("de", "audio-64k-2"),
            ("en", "audio-64k"),
            ("fr", "audio-64k"),
        ] {
            let chosen = chosen(&audio, &master, &language.parse().unwrap());
            assert_eq!(chosen.unwrap().name.as_str(), expected, "{language}");
        }
        assert!(chosen(&[], &master, &"de".parse().unwrap()).is_none());
    }

    fn audio_plan(track: u32, kbps: u32) -> AudioPlan {
        let group = format!("audio-{kbps}k");
        let number = if track == 0 {
            String::new()
        } else {
            format!("-{}", track + 1)
        };
        let mut audio = crate::testing::encoded_plan().audio.remove(0);
        audio.rendition.name = format!("{group}{number}").parse().unwrap();
        AudioPlan {
            track,
            kbps,
            ..audio
        }
    }

    #[test]
    fn the_header_describes_the_samples() {
        let header = wav_header(32_000);
        let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        assert_eq!(
            (&header[..4], &header[8..16]),
            (&b"RIFF"[..], &b"WAVEfmt "[..])
        );
        assert_eq!(
            (number(4), number(24), number(28), number(40)),
            (32_036, 16_000, 32_000, 32_000)
        );
        assert_eq!(wav_header(u64::MAX)[40..], (u32::MAX - 44).to_le_bytes());
    }
}
