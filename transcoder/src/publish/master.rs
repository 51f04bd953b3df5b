//! The master playlist of a generation: its variants, and the audio groups with which they play.

use std::collections::HashSet;

use domain::object_key::RenditionName;
use domain::plan::{AudioPlan, AudioTrack, RenditionKind, Size};
use domain::watermark::VIEWER_TEXT_ID;
use hls::attributes::Resolution;
use hls::bandwidth::Bandwidth;
use hls::write::{
    AudioSpec, IFramesSpec, MasterPlaylistSpec, SessionValue, VariantSpec, VideoSpec,
};

use super::assumed::range;
use super::presentation::{Description, Presentation, Rates};

/// The surround group, with one rendition for each track.
struct SurroundGroup<'a> {
    name: &'a RenditionName,
    members: Vec<&'a AudioPlan>,
}

impl<'a> Presentation<'a> {
    /// The master playlist of the named renditions.
    ///
    /// Each rung is a variant with its stereo group, and another one with the surround group, if all
    /// members of that group are named.
    pub(crate) fn master(
        &self,
        names: &HashSet<RenditionName>,
        rates: Rates,
    ) -> MasterPlaylistSpec {
        let surround = self.surround(names);
        let (mut variants, mut audio, mut iframes) = (vec![], vec![], vec![]);
        let described = self.descriptions(rates);
        let named = described
            .iter()
            .filter(|it| names.contains(&it.rendition.name));
        for it in named {
            let uri = self.variant_uri(&it.rendition.name);
            match (it.rendition.kind, it.size.map(resolution), it.frame_rate) {
                (RenditionKind::Video, Some(size), Some(frame_rate)) => {
                    let variant = |audio: Option<String>| VariantSpec {
                        uri: uri.clone(),
                        bandwidth: it.bandwidth,
                        codecs: it.codecs.clone(),
                        video: Some(VideoSpec {
                            size,
                            frame_rate,
                            range: range(it.hdr),
                        }),
                        audio,
                    };
                    variants.push(variant(it.audio.map(ToString::to_string)));
                    let beside = surround.as_ref().filter(|_| it.audio.is_some());
                    variants.extend(beside.map(|it| variant(Some(it.name.to_string()))));
                }
                (RenditionKind::IFrames, Some(size), _) => iframes.push(IFramesSpec {
                    uri,
                    bandwidth: it.bandwidth,
                    codecs: it.codecs.clone(),
                    size,
                }),
                (RenditionKind::Audio, ..) => {
                    let Some(sound) = it.sound.filter(|it| !it.is_surround()) else {
                        continue;
                    };
                    if self.plan.iframes.is_none() && sound.track == 0 {
                        variants.push(self.audio_variant(it, &sound.group));
                    }
                    if !self.is_alone(sound) {
                        audio.push(self.audio_spec(it, sound, &sound.group));
                    }
                }
                (RenditionKind::Video | RenditionKind::IFrames, ..) => {}
            }
        }
        for (place, sound) in surround.iter().flat_map(|it| it.members.iter().enumerate()) {
            let its = |it: &&Description<'_>| it.rendition.name == sound.rendition.name;
            let (Some(it), Some(group)) = (described.iter().find(its), &surround) else {
                continue;
            };
            if self.plan.iframes.is_none() && place == 0 {
                variants.push(self.audio_variant(it, group.name));
            }
            audio.push(self.audio_spec(it, sound, group.name));
        }
        let viewer_text = self.plan.viewer_text.value().map(|value| SessionValue {
            id: VIEWER_TEXT_ID.to_owned(),
            value: value.to_owned(),
        });
        MasterPlaylistSpec {
            growing: false,
            data: viewer_text.into_iter().collect(),
            variants,
            audio,
            iframes,
        }
    }

    /// The surround group, if all of its members are named.
    fn surround(&self, names: &HashSet<RenditionName>) -> Option<SurroundGroup<'a>> {
        let name = self.plan.surround_group()?;
        let members = self.plan.audio_of_group(name);
        let is_whole = members.iter().all(|it| names.contains(&it.rendition.name));
        is_whole.then_some(SurroundGroup { name, members })
    }

    /// Whether an audio rendition is a variant by itself, without a group. Beside a surround group, it
    /// needs one, which declares its channels.
    fn is_alone(&self, sound: &AudioPlan) -> bool {
        self.plan.iframes.is_none()
            && self.plan.audio_of_group(&sound.group).len() == 1
            && self.plan.surround_group().is_none()
    }

    /// The variant of a presentation that has only audio: the first track, with the group of all
    /// tracks if there is one. The writer adds the bandwidth of the group.
    fn audio_variant(&self, of: &Description<'_>, group: &RenditionName) -> VariantSpec {
        let is_alone = of.sound.is_some_and(|it| self.is_alone(it));
        VariantSpec {
            uri: self.variant_uri(&of.rendition.name),
            bandwidth: if is_alone {
                of.bandwidth
            } else {
                Bandwidth::default()
            },
            codecs: of.codecs.clone(),
            video: None,
            audio: (!is_alone).then(|| group.to_string()),
        }
    }

    /// A track in an audio group.
    fn audio_spec(
        &self,
        of: &Description<'_>,
        sound: &AudioPlan,
        group: &RenditionName,
    ) -> AudioSpec {
        let track = self.source.tracks.get(sound.track as usize);
        let track = track.cloned().unwrap_or_else(AudioTrack::unknown);
        AudioSpec {
            group: group.to_string(),
            name: track.name,
            language: track.language,
            uri: self.variant_uri(&of.rendition.name),
            channels: sound.channels,
            default: sound.track == 0,
            auto_select: track.auto_select,
            characteristics: track.characteristics,
            bandwidth: of.bandwidth,
            codecs: of.codecs.clone(),
        }
    }
}

fn resolution(size: Size) -> Resolution {
    Resolution {
        width: size.width,
        height: size.height,
    }
}
