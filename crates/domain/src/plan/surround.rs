//! The surround renditions, beside the stereo ones, and the members of audio groups.

use crate::object_key::RenditionName;
use crate::plan::{AudioPlan, EncodePlan, Rendition, audio};
use crate::probe::{AudioStream, Probe};
use crate::profile::Profile;

/// Number of channels of a surround rendition: 5.1.
const CHANNELS: u32 = 6;

/// One surround rendition of each track that has enough channels, if the profile enables them.
///
/// All of them are encoded: a track with so many channels is never copied, so its stereo rendition
/// is encoded from the same decoded samples.
pub(super) fn renditions(probe: &Probe, profile: &Profile, stereo: &[AudioPlan]) -> Vec<AudioPlan> {
    let settings = &profile.surround;
    let tracks = (0..).zip(&probe.audio);
    let rendition = |(track, stream): (u32, &AudioStream)| {
        let beside = stereo.iter().find(|it| it.track == track && !it.copied)?;
        settings.includes(stream.channels).then(|| AudioPlan {
            rendition: Rendition::audio(
                audio::track_name(&group_name(), track),
                settings.codec.into(),
                profile.segment_format,
            ),
            track,
            group: group_name(),
            kbps: settings.kbps,
            channels: CHANNELS,
            sample_rate: beside.sample_rate,
            copied: false,
            gain: profile.loudness.gain(stream.surround_loudness),
        })
    };
    tracks.filter_map(rendition).collect()
}

fn group_name() -> RenditionName {
    RenditionName::SURROUND.parse().expect("a legal name")
}

impl AudioPlan {
    /// Whether it has more channels than stereo.
    pub fn is_surround(&self) -> bool {
        self.channels > 2
    }
}

impl EncodePlan {
    /// Name of the group with the surround renditions; `None`: no rendition is in surround.
    pub fn surround_group(&self) -> Option<&RenditionName> {
        let surround = self.audio.iter().find(|it| it.is_surround());
        surround.map(|it| &it.group)
    }

    /// The members of an audio group, one for each track, in the order of the source. All groups have
    /// the same tracks (RFC 8216, 4.3.4.1.1), so a track without a surround rendition is in the surround
    /// group with its best stereo one.
    pub fn audio_of_group(&self, group: &RenditionName) -> Vec<&AudioPlan> {
        let members = |group: &RenditionName| {
            let members = self.audio.iter().filter(|it| it.group == *group);
            members.collect::<Vec<_>>()
        };
        let own = members(group);
        let best = match self.audio.first() {
            Some(first) if self.surround_group() == Some(group) => members(&first.group),
            Some(_) | None => return own,
        };
        let member = |stereo: &AudioPlan| own.iter().find(|it| it.track == stereo.track).copied();
        best.into_iter()
            .map(|it| member(it).unwrap_or(it))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Mode;
    use crate::loudness::Loudness;
    use crate::plan::Codec;
    use crate::probe::cases::{sound, standard};
    use crate::segment::Lane;

    const SURROUND: &str = "[surround]\nenabled = true\n";

    /// A source whose tracks have so many channels.
    fn source(channels: &[u32]) -> Probe {
        let mut probe = standard();
        let first = probe.audio[0].clone();
        let track = |(index, channels): (u32, &u32)| AudioStream {
            index,
            channels: *channels,
            ..first.clone()
        };
        probe.audio = (1..).zip(channels).map(track).collect();
        probe
    }

    fn plan(probe: &Probe, profile: &str) -> EncodePlan {
        EncodePlan::new(probe, &Profile::parse(profile).unwrap(), Mode::Abr).unwrap()
    }

    /// The renditions, and the members of each group.
    fn describe(plan: &EncodePlan) -> String {
        let name = |it: &AudioPlan| it.rendition.name.to_string();
        let mut text = String::new();
        for it in &plan.audio {
            let copied = if it.copied { "*" } else { "" };
            text += &format!(
                "{}{copied} {:?} {} ch {} kbit/s {} Hz\n",
                name(it),
                it.rendition.codec,
                it.channels,
                it.kbps,
                it.sample_rate
            );
        }
        let mut groups: Vec<_> = plan.audio.iter().map(|it| &it.group).collect();
        groups.dedup();
        for group in groups {
            let members: Vec<_> = plan.audio_of_group(group).into_iter().map(name).collect();
            text += &format!("{group}: {}\n", members.join(" "));
        }
        text
    }

    #[test]
    fn a_track_in_surround_gets_a_rendition_beside_stereo() {
        let one = plan(&source(&[6]), SURROUND);
        insta::assert_snapshot!(describe(&one), @"
        audio-128k Aac 2 ch 128 kbit/s 48000 Hz
        audio-surround Aac 6 ch 384 kbit/s 48000 Hz
        audio-128k: audio-128k
        audio-surround: audio-surround
        ");
        assert_eq!(one.renditions(Lane::Audio).len(), 2);
        let stereo = Some("audio-128k".parse().unwrap());
        assert!(one.rungs.iter().all(|it| it.audio == stereo));
        assert_eq!(one.copy.rung().unwrap().audio, stereo);
        let settings = format!("{SURROUND}codec = \"ac-3\"\nkbps = 448\n");
        insta::assert_snapshot!(describe(&plan(&source(&[8]), &settings)), @"
        audio-128k Aac 2 ch 128 kbit/s 48000 Hz
        audio-surround Ac3 6 ch 448 kbit/s 48000 Hz
        audio-128k: audio-128k
        audio-surround: audio-surround
        ");
        let mut alone = sound();
        (alone.audio_mut().channels, alone.audio_mut().sample_rate) = (6, 44_100);
        insta::assert_snapshot!(describe(&plan(&alone, SURROUND)), @"
        audio-128k Aac 2 ch 128 kbit/s 44100 Hz
        audio-surround Aac 6 ch 384 kbit/s 44100 Hz
        audio-128k: audio-128k
        audio-surround: audio-surround
        ");
    }

    #[test]
    fn every_group_has_every_track() {
        let two_rates = "[[rung]]\nname = \"720p\"\nwidth = 1280\nheight = 720\nvideo_kbps = 3000\naudio_kbps = 128\n\
             [[rung]]\nname = \"360p\"\nwidth = 640\nheight = 360\nvideo_kbps = 800\naudio_kbps = 64\n";
        let settings = format!("{SURROUND}{two_rates}");
        insta::assert_snapshot!(describe(&plan(&source(&[2, 6, 1]), &settings)), @"
        audio-128k Aac 2 ch 128 kbit/s 48000 Hz
        audio-128k-2 Aac 2 ch 128 kbit/s 48000 Hz
        audio-128k-3 Aac 1 ch 128 kbit/s 48000 Hz
        audio-64k Aac 2 ch 64 kbit/s 48000 Hz
        audio-64k-2 Aac 2 ch 64 kbit/s 48000 Hz
        audio-64k-3 Aac 1 ch 64 kbit/s 48000 Hz
        audio-surround-2 Aac 6 ch 384 kbit/s 48000 Hz
        audio-128k: audio-128k audio-128k-2 audio-128k-3
        audio-64k: audio-64k audio-64k-2 audio-64k-3
        audio-surround: audio-128k audio-surround-2 audio-128k-3
        ");
    }

    #[test]
    fn only_what_is_surround_gets_a_rendition() {
        for (channels, enabled, expected) in [
            (1, true, false),
            (2, true, false),
            (5, true, false),
            (6, true, true),
            (7, true, true),
            (8, true, true),
            (9, true, false),
            (16, true, false),
            (6, false, false),
        ] {
            let settings = format!("[surround]\nenabled = {enabled}\n");
            let plan = plan(&source(&[channels]), &settings);
            let is_made = plan.audio.iter().any(|it| it.is_surround());
            assert_eq!(is_made, expected, "{channels} {enabled}");
            assert_eq!(plan.surround_group().is_some(), expected, "{channels}");
        }
        // Nothing changes for stereo, which is copied.
        let copied = plan(&source(&[2]), SURROUND);
        assert_eq!(copied, plan(&source(&[2]), ""));
        assert!(copied.audio[0].copied);
    }

    #[test]
    fn each_rendition_has_a_gain_of_its_own() {
        let mut probe = source(&[6]);
        let measured = |lufs: f64| {
            Some(Loudness {
                integrated_lufs: lufs.into(),
                range_lu: 5.0.into(),
                true_peak_dbtp: (-9.0).into(),
            })
        };
        probe.audio[0].loudness = measured(-26.0);
        probe.audio[0].surround_loudness = measured(-19.0);
        let plan = plan(
            &probe,
            &format!("{SURROUND}codec = \"ec-3\"\n[loudness]\nnormalise = true\n"),
        );
        let gains = plan.audio.iter().map(|it| it.gain.unwrap().db.as_f64());
        assert_eq!(gains.collect::<Vec<_>>(), [10.0, 3.0]);
        assert_eq!(plan.audio[1].rendition.codec, Codec::Eac3);
    }
}
