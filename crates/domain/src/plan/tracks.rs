//! The audio tracks as players list them: names, languages, and which of them a player may select by
//! itself.

use std::collections::HashSet;

use crate::caption::Language;
use crate::probe::{AudioPurpose, AudioStream};

/// An audio track in the menu of a player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioTrack {
    /// Display name, unique among the tracks.
    pub name: String,
    /// Language (BCP 47); `None`: unknown.
    pub language: Option<String>,
    /// Whether players may select it by the user's language.
    pub auto_select: bool,
    /// Media characteristic (RFC 8216, 4.3.4.1), if it has one.
    pub characteristics: Option<String>,
}

/// Maximum length of a display name, characters.
const LONGEST_NAME: usize = 80;

/// Language of audio whose source declares none.
const UNDETERMINED: &str = "und";

/// Name of the audio if there is one track.
const ONLY_NAME: &str = "Audio";

impl AudioTrack {
    /// Lists the tracks of a source, in their order.
    pub fn list(streams: &[AudioStream]) -> Vec<Self> {
        if let [only] = streams {
            // The language as the source declares it.
            let language = only.language.clone();
            return vec![Self {
                language: language.or(Self::unknown().language),
                ..Self::unknown()
            }];
        }
        let (mut names, mut selectable) = (HashSet::new(), HashSet::new());
        let tracks = (1..).zip(streams).map(|(number, stream)| {
            let language = stream.language.as_deref().and_then(language_of);
            let name = unique(&mut names, &name_of(stream, language.as_ref(), number));
            let characteristics = characteristics(stream.purpose).map(str::to_owned);
            // `und` (undetermined) is a language too (Apple 8.10).
            let language =
                Some(language.map_or_else(|| UNDETERMINED.to_owned(), |it| it.as_str().to_owned()));
            // Players could not decide between two tracks with the same properties (RFC 8216,
            // 4.3.4.1.1). The default track is the first one, and must be selectable.
            let is_new = selectable.insert((language.clone(), characteristics.clone()));
            let is_wanted = stream.purpose != AudioPurpose::Commentary;
            Self {
                name,
                language,
                auto_select: number == 1 || is_new && is_wanted,
                characteristics,
            }
        });
        tracks.collect()
    }

    /// The only track, of an unknown language.
    pub fn unknown() -> Self {
        Self {
            name: ONLY_NAME.to_owned(),
            language: Some(UNDETERMINED.to_owned()),
            auto_select: true,
            characteristics: None,
        }
    }
}

/// The language of a stream. Several languages, no language and uncoded languages have codes too.
fn language_of(code: &str) -> Option<Language> {
    let is_one = !matches!(code.trim(), "mul" | "zxx" | "mis" | "none" | "qaa");
    is_one.then(|| Language::of_stream(code)).flatten()
}

/// The title, or else the language, or else the number of the track.
fn name_of(stream: &AudioStream, language: Option<&Language>, number: usize) -> String {
    let title = stream.title.as_deref().unwrap_or_default();
    let title: String = title.chars().filter(|it| !it.is_control()).collect();
    let title: String = title.trim().chars().take(LONGEST_NAME).collect();
    match language {
        _ if !title.is_empty() => title,
        Some(language) => language.display_name(),
        None => format!("Track {number}"),
    }
}

/// The name, with a number if another track has it already.
fn unique(names: &mut HashSet<String>, name: &str) -> String {
    let numbered = (2..).map(|it| format!("{name} {it}"));
    let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
    let free = candidates.find(|it| !names.contains(it));
    let free = free.unwrap_or_else(|| name.to_owned());
    names.insert(free.clone());
    free
}

fn characteristics(purpose: AudioPurpose) -> Option<&'static str> {
    match purpose {
        AudioPurpose::Main | AudioPurpose::Commentary => None,
        AudioPurpose::Descriptions => Some("public.accessibility.describes-video"),
        AudioPurpose::HearingImpaired => {
            Some("public.accessibility.enhances-speech-intelligibility")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::cases::standard;

    fn stream(language: &str, title: &str, purpose: AudioPurpose) -> AudioStream {
        let text = |it: &str| (!it.is_empty()).then(|| it.to_owned());
        AudioStream {
            language: text(language),
            title: text(title),
            purpose,
            ..standard().audio.remove(0)
        }
    }

    fn describe(streams: &[AudioStream]) -> String {
        let line = |it: &AudioTrack| {
            let language = it.language.as_deref().unwrap_or("-");
            let auto = if it.auto_select { "auto" } else { "manual" };
            let more = it.characteristics.as_deref().unwrap_or_default();
            let text = format!("{} | {language} | {auto} {more}", it.name);
            text.trim_end().to_owned() + "\n"
        };
        AudioTrack::list(streams).iter().map(line).collect()
    }

    #[test]
    fn one_track_is_the_audio() {
        use AudioPurpose::Main;
        assert_eq!(
            describe(&[stream("deu", "Ton", Main)]),
            "Audio | deu | auto\n"
        );
        assert_eq!(describe(&[stream("", "", Main)]), "Audio | und | auto\n");
        assert_eq!(describe(&[]), "");
    }

    #[test]
    fn several_tracks_have_names_and_languages() {
        use AudioPurpose::{Commentary, Descriptions, HearingImpaired, Main};
        let long = "x".repeat(200);
        let streams = [
            stream("eng", "", Main),
            stream("ger", "", Main),
            stream("fra", "  Version\u{7} originale ", Main),
            stream("eng", "", Descriptions),
            stream("eng", "Director", Commentary),
            stream("eng", "", HearingImpaired),
            stream("und", "", Main),
            stream("mul", &long, Main),
            stream("nonsense code", "", Main),
        ];
        insta::assert_snapshot!(describe(&streams).replace(&long[..80], "x...x"), @"
        English | en | auto
        Deutsch | de | auto
        Version originale | fr | auto
        English 2 | en | auto public.accessibility.describes-video
        Director | en | manual
        English 3 | en | auto public.accessibility.enhances-speech-intelligibility
        Track 7 | und | auto
        x...x | und | manual
        Track 9 | und | manual
        ");
    }

    /// A player that selects by language must find one track.
    #[test]
    fn one_track_of_a_language_is_selected() {
        use AudioPurpose::Main;
        let twins = [
            stream("eng", "", Main),
            stream("en", "", Main),
            stream("eng", "English", Main),
        ];
        insta::assert_snapshot!(describe(&twins), @"
        English | en | auto
        English 2 | en | manual
        English 3 | en | manual
        ");
    }
}
