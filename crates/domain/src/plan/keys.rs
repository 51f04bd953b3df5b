//! The content keys of renditions. A rendition has one, or several that take turns: each for a number
//! of segments, so that a key that leaks opens only a part of the rendition (RFC 8216, 4.3.2.4, permits
//! any number of keys in a playlist).

use crate::object_key::RenditionName;

use super::{EncodePlan, Rendition, RenditionKind};

/// Longest suffix of the name of a key: `-k` and four digits. A segment lasts two seconds or more, a
/// video at most twelve hours, and a key ten segments or more.
pub(crate) const LONGEST_SUFFIX: usize = 6;

impl EncodePlan {
    /// The name of the key of an object of a rendition: of a segment, or of the I-frames of a chunk,
    /// which have the key of the first segment that they are from.
    pub fn key_name(&self, rendition: &Rendition, index: u32) -> RenditionName {
        let Some(count) = self.segments_per_key else {
            return rendition.name.clone();
        };
        let segment = match rendition.kind {
            RenditionKind::Video | RenditionKind::Audio => index,
            RenditionKind::IFrames => {
                let chunk = self.encode_chunks.get(index as usize);
                chunk.map_or(0, |it| it.segments.start)
            }
        };
        name_of_turn(&rendition.name, segment / count)
    }
}

/// The first key has the name of its rendition. Names of rungs do not end like those of the others.
fn name_of_turn(rendition: &RenditionName, turn: u32) -> RenditionName {
    if turn == 0 {
        return rendition.clone();
    }
    let name = format!("{rendition}-k{}", turn + 1);
    name.parse().unwrap_or_else(|_| rendition.clone())
}

/// Whether a rung with this name can have several keys.
pub(crate) fn can_have_several(name: &RenditionName) -> bool {
    let is_number =
        |it: &str| !it.is_empty() && it.len() <= 4 && it.bytes().all(|it| it.is_ascii_digit());
    let is_like_a_key = name
        .as_str()
        .rsplit_once("-k")
        .is_some_and(|it| is_number(it.1));
    !is_like_a_key && name.as_str().len() + LONGEST_SUFFIX <= RenditionName::MAX_LENGTH
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::job::Mode;
    use crate::probe::cases::standard;
    use crate::profile::Profile;

    #[test]
    fn keys_take_turns() {
        let plan = EncodePlan::new(&standard(), &Profile::default(), Mode::Abr).unwrap();
        let rung = plan.rungs[0].rendition.clone();
        let iframes = plan.iframes.as_ref().unwrap().rendition.clone();
        let name =
            |plan: &EncodePlan, rendition, index| plan.key_name(rendition, index).to_string();
        assert_eq!(name(&plan, &rung, 99), rung.name.as_str());

        let plan = EncodePlan {
            segments_per_key: NonZeroU32::new(3),
            ..plan
        };
        let of = |index| name(&plan, &rung, index);
        assert_eq!(
            (of(0), of(2)),
            (rung.name.to_string(), rung.name.to_string())
        );
        assert_eq!(
            (of(3), of(8)),
            (format!("{}-k2", rung.name), format!("{}-k3", rung.name))
        );
        for (index, chunk) in (0..).zip(&plan.encode_chunks) {
            let segment = plan.key_name(&rung, chunk.segments.start);
            let suffix =
                |it: &str, rendition: &Rendition| it[rendition.name.as_str().len()..].to_owned();
            assert_eq!(
                suffix(&name(&plan, &iframes, index), &iframes),
                suffix(segment.as_str(), &rung),
                "{index}"
            );
        }
    }

    #[test]
    fn names_of_rungs_leave_room_for_those_of_keys() {
        for (name, can) in [
            ("720p", true),
            ("720p-k", true),
            ("720p-kind", true),
            ("720p-k2", false),
            ("720p-k12345", true),
            ("abcdefghijklmnopqrstuvwxyz", true),
            ("abcdefghijklmnopqrstuvwxyz0", false),
        ] {
            assert_eq!(can_have_several(&name.parse().unwrap()), can, "{name}");
        }
    }
}
