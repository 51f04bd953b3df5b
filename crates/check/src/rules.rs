//! The only table of rules: id, level, requirement.
//!
//! Ids are stable. `RFC8216-…` is a section of RFC 8216, `Apple-…` a rule of the HLS authoring
//! specification for Apple devices, `ISO13818-…` a section of MPEG-2 systems, and `Edgereel-…`
//! rules that no specification has but that players depend on.

use serde::Serialize;

/// The severity of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Some player will fail, or the specification forbids it: the check fails.
    Must,
    /// Playback works, but worse than it could.
    Should,
    /// Required by one kind of device only; never fails.
    Device,
}

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Stable id, such as `Apple-9.14`.
    pub id: &'static str,
    /// Severity.
    pub level: Level,
    /// Requirement.
    pub message: &'static str,
}

macro_rules! rules {
    ($($name:ident $level:ident $id:literal $message:literal;)*) => {
        $(pub(crate) static $name: Rule = Rule { id: $id, level: Level::$level, message: $message };)*

        /// All rules.
        pub static ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    RFC_2 Must "RFC8216-2" "A playlist is valid only if its media segments exist in it.";
    RFC_3 Must "RFC8216-3" "Each media segment carries media, in a format that HLS knows, and continues the one before.";
    RFC_3_2 Must "RFC8216-3.2" "Each transport stream segment begins with a PAT and a PMT.";
    RFC_3_3 Must "RFC8216-3.3" "Each fragmented MPEG-4 segment has an EXT-X-MAP that names its initialisation section.";
    RFC_3_5 Must "RFC8216-3.5" "Each WebVTT segment has an X-TIMESTAMP-MAP, and every cue that is shown during it.";
    RFC_4 Must "RFC8216-4" "A playlist ends in .m3u8 or is served with the type of a playlist, encoded in UTF-8.";
    RFC_4_1 Must "RFC8216-4.1" "Lines hold no control characters; tags belong to their kind of playlist.";
    RFC_4_2 Must "RFC8216-4.2" "Attribute lists follow their grammar, each name once.";
    RFC_4_3 Must "RFC8216-4.3" "Tags follow their grammar.";
    RFC_4_3_1_1 Must "RFC8216-4.3.1.1" "The first line is #EXTM3U.";
    RFC_4_3_1_2 Must "RFC8216-4.3.1.2" "EXT-X-VERSION is there at most once and a number.";
    RFC_4_3_2_1 Must "RFC8216-4.3.2.1" "Each segment has an EXTINF with its duration.";
    RFC_4_3_2_2 Must "RFC8216-4.3.2.2" "Byte ranges lie inside their file.";
    RFC_4_3_2_3 Must "RFC8216-4.3.2.3" "A break in the time stamps is announced by EXT-X-DISCONTINUITY.";
    RFC_4_3_2_4 Must "RFC8216-4.3.2.4" "Segments are encrypted as the EXT-X-KEY before them says.";
    RFC_4_3_2_5 Must "RFC8216-4.3.2.5" "An encrypted EXT-X-MAP needs a key with an explicit IV.";
    RFC_4_3_2_6 Must "RFC8216-4.3.2.6" "EXT-X-PROGRAM-DATE-TIME is a date and a time.";
    RFC_4_3_3_1 Must "RFC8216-4.3.3.1" "No EXTINF, rounded to the nearest second, exceeds EXT-X-TARGETDURATION.";
    RFC_4_3_3_2 Must "RFC8216-4.3.3.2" "EXT-X-MEDIA-SEQUENCE comes before the first segment.";
    RFC_4_3_3_3 Must "RFC8216-4.3.3.3" "EXT-X-DISCONTINUITY-SEQUENCE comes before the first segment and the first discontinuity.";
    RFC_4_3_3_4 Must "RFC8216-4.3.3.4" "EXT-X-ENDLIST stands at most once.";
    RFC_4_3_3_5 Must "RFC8216-4.3.3.5" "A VOD playlist never changes, so it has its EXT-X-ENDLIST.";
    RFC_4_3_3_6 Must "RFC8216-4.3.3.6" "Each entry of an I-frame playlist is one I-frame that decodes on its own.";
    RFC_4_3_4_1 Must "RFC8216-4.3.4.1" "EXT-X-MEDIA has the attributes of its type, and only those, with true values.";
    RFC_4_3_4_1_1 Must "RFC8216-4.3.4.1.1" "In a group, names differ and at most one member is the default; all groups have the same members.";
    RFC_4_3_4_2 Must "RFC8216-4.3.4.2" "EXT-X-STREAM-INF declares its BANDWIDTH, and groups that exist.";
    RFC_4_3_4_3 Must "RFC8216-4.3.4.3" "EXT-X-I-FRAME-STREAM-INF names an I-frame playlist and its true BANDWIDTH.";
    RFC_4_3_4_4 Must "RFC8216-4.3.4.4" "EXT-X-SESSION-DATA has an id, which is there once in a language, and either a value or a URI.";
    RFC_4_3_4_5 Must "RFC8216-4.3.4.5" "EXT-X-SESSION-KEY is a key with a method.";
    RFC_4_3_5_1 Must "RFC8216-4.3.5.1" "With EXT-X-INDEPENDENT-SEGMENTS every segment decodes without the others.";
    RFC_4_3_5_2 Must "RFC8216-4.3.5.2" "EXT-X-START lies inside the playlist.";
    BIS_4_4_2_3 Must "RFC8216bis-4.4.2.3" "EXT-X-DEFINE defines each variable once.";
    BIS_4_4_6_2 Must "RFC8216bis-4.4.6.2" "VIDEO-RANGE is the dynamic range of the video.";
    RFC_5_1 Must "RFC8216-5.1" "A key file is exactly 16 octets.";
    RFC_5_2 Should "RFC8216-5.2" "The initialisation vector varies from segment to segment.";
    RFC_6_2_1 Must "RFC8216-6.2.1" "Everything that a playlist names can be fetched, complete.";
    RFC_6_2_4 Must "RFC8216-6.2.4" "All variants have the same target duration and the same time line.";
    RFC_7 Must "RFC8216-7" "EXT-X-VERSION is high enough for the features used.";
    RFC_CHANNELS Should "RFC8216-4.3.4.1-CHANNELS" "Audio renditions declare their CHANNELS.";
    ISO_2_4_3 Must "ISO13818-2.4.3" "Transport streams have whole packets in unbroken order.";
    APPLE_1_13 Should "Apple-1.13" "Keyframes (IDR) come every two seconds.";
    APPLE_1_19 Must "Apple-1.19" "Frame rates do not exceed 60 frames per second.";
    APPLE_1_26 Must "Apple-1.26" "The measured average bit rate is within 10 % of AVERAGE-BANDWIDTH.";
    APPLE_1_27 Must "Apple-1.27" "The measured peak bit rate is within 10 % of BANDWIDTH.";
    APPLE_1_30 Should "Apple-1.30" "The peak bit rate is at most twice the average.";
    APPLE_1_32 Should "Apple-1.32" "The default (first listed) variant is about 2000 kbit/s.";
    APPLE_2_9 Should "Apple-2.9" "Stereo AAC has 32 to 160 kbit/s.";
    APPLE_6_1 Must "Apple-6.1" "I-frame playlists exist.";
    APPLE_6_2 Should "Apple-6.2" "I-frame playlists are dense: one frame per second.";
    APPLE_7_4 Must "Apple-7.4" "Video segments start with an IDR frame.";
    APPLE_7_5 Should "Apple-7.5" "The target duration is six seconds.";
    APPLE_7_7 Must "Apple-7.7" "No segment exceeds the target duration by more than half a second.";
    APPLE_8_1 Must "Apple-8.1" "Sums of EXTINF are within one frame of the media.";
    APPLE_8_2 Must "Apple-8.2" "Audio and video have the same target duration.";
    APPLE_8_6 Must "Apple-8.6" "On-demand playlists declare EXT-X-PLAYLIST-TYPE:VOD.";
    APPLE_8_10 Should "Apple-8.10" "Audio and subtitle renditions declare their LANGUAGE.";
    APPLE_8_20 Must "Apple-8.20" "Fragmented MPEG-4 has an EXT-X-MAP.";
    APPLE_8_22 Must "Apple-8.22" "Segment boundaries are at the same times in all variants.";
    APPLE_9_1 Must "Apple-9.1" "CODECS names the formats of all media, as they are.";
    APPLE_9_2 Must "Apple-9.2" "RESOLUTION is the size of the video.";
    APPLE_9_3 Must "Apple-9.3" "CODECS is on EXT-X-I-FRAME-STREAM-INF.";
    APPLE_9_4 Must "Apple-9.4" "RESOLUTION is on EXT-X-I-FRAME-STREAM-INF.";
    APPLE_9_5 Should "Apple-9.5" "Audio is separate from video.";
    APPLE_9_11 Must "Apple-9.11" "EXT-X-INDEPENDENT-SEGMENTS is in the master playlist or in all video playlists.";
    APPLE_9_14 Must "Apple-9.14" "AVERAGE-BANDWIDTH is on every variant.";
    APPLE_9_15 Must "Apple-9.15" "FRAME-RATE is on every variant with video, as it is.";
    APPLE_9_16 Should "Apple-9.16" "VIDEO-RANGE is declared unless all video is SDR.";
    APPLE_9_21 Device "Apple-9.21" "For iOS on cellular networks one variant is at most 192 kbit/s.";
    APPLE_10_1 Should "Apple-10.1" "Playlists are served with gzip.";
    APPLE_10_4 Must "Apple-10.4" "Content types are right.";
    AV_START Should "Edgereel-av-start" "Audio and video start together, or players have to skip a gap.";
    AV_END Should "Edgereel-av-end" "Audio and video end together.";
    CUES Should "Edgereel-cues" "Cues are shown during the segments that hold them.";
    DUPLICATE_SEGMENT Should "Edgereel-duplicate-segment" "No segment is listed twice.";
    DUPLICATE_VARIANT Should "Edgereel-duplicate-variant" "No variant is listed twice.";
    UNUSED_GROUP Should "Edgereel-unused-group" "Every group is used by a variant.";
    ABSOLUTE_URI Should "Edgereel-absolute-uri" "URIs are relative, so that the tree can move.";
    CREDENTIALS Should "Edgereel-credentials" "No URI carries a password or a signature in plain sight.";
    INSECURE_URI Should "Edgereel-insecure-uri" "Playlists read over https contain no http URIs.";
    VIEWER_TEXT Should "Edgereel-viewer" "The value by which the player draws the name of the viewer is one that it knows.";
    UNCHECKED Should "Edgereel-unchecked" "Everything can be checked.";
}

/// The rule with this id.
pub fn by_id(id: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|it| it.id == id)
}

/// The rule for a problem that the playlist parser found.
pub(crate) fn of_problem(kind: &hls::ProblemKind) -> &'static Rule {
    let words = kind.rule();
    let id = match words.split_once(", ") {
        Some(("RFC 8216", section)) => format!("RFC8216-{section}"),
        Some((_, section)) => format!("RFC8216bis-{section}"),
        None => words.to_owned(),
    };
    by_id(&id).unwrap_or(&RFC_4_3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<_> = ALL.iter().map(|it| it.id).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
