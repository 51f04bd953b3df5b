//! Compares the members of groups with each other, and with their media (RFC 8216, 4.3.4.1 and
//! 4.3.4.1.1).

use hls::parse::{Media, MediaType};

use crate::report::Findings;
use crate::rules::{RFC_4_3_4_1, RFC_4_3_4_1_1};
use crate::tree::{Master, Rendition, Tree};

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    let Some(master) = &tree.master else { return };
    same_members(master, findings);
    for (rendition, media) in tree.media() {
        if media.media_type == Some(MediaType::Audio) {
            channels(master, rendition, media, findings);
        }
    }
}

/// All groups of a type have the same members, which differ in URI and CHANNELS only.
fn same_members(master: &Master, findings: &mut Findings) {
    let media = &master.playlist.media;
    let mut groups: Vec<(MediaType, &str)> = vec![];
    for member in media {
        if let (Some(kind), Some(group)) = (member.media_type, member.group.as_deref())
            && !groups.contains(&(kind, group))
        {
            groups.push((kind, group));
        }
    }
    for (place, (kind, group)) in groups.iter().enumerate() {
        let Some((_, first)) = groups[..place].iter().find(|it| it.0 == *kind) else {
            continue;
        };
        let of = |group: &str| {
            let is_member =
                |it: &&Media| it.media_type == Some(*kind) && it.group.as_deref() == Some(group);
            media.iter().filter(is_member).collect::<Vec<_>>()
        };
        let (reference, members) = (of(first), of(group));
        for member in &reference {
            if !members.iter().any(|it| it.name == member.name) {
                let name = member.name.as_deref().unwrap_or_default();
                findings.add(
                    &RFC_4_3_4_1_1,
                    master.document.at(members.first().map(|it| it.line)),
                    format!("the group `{group}` has no `{name}`, which the group `{first}` has"),
                    "Give all groups of a type the same members.",
                );
            }
        }
        for member in &members {
            let twin = reference.iter().find(|it| it.name == member.name);
            let name = member.name.as_deref().unwrap_or_default();
            let Some(twin) = twin else {
                findings.add(
                    &RFC_4_3_4_1_1,
                    master.document.at(member.line),
                    format!("the group `{group}` has `{name}`, which the group `{first}` has not"),
                    "Give all groups of a type the same members.",
                );
                continue;
            };
            if let Some(attribute) = difference(twin, member) {
                findings.add(
                    &RFC_4_3_4_1_1,
                    master.document.at(member.line),
                    format!(
                        "`{name}` has another {attribute} in the group `{first}`, line {}",
                        twin.line
                    ),
                    "Write the same attributes, except for URI and CHANNELS.",
                );
            }
        }
    }
}

/// The attribute in which members of one name differ.
fn difference(one: &Media, other: &Media) -> Option<&'static str> {
    let differs = [
        ("LANGUAGE", one.language != other.language),
        ("DEFAULT", one.default != other.default),
        ("AUTOSELECT", one.autoselect != other.autoselect),
        ("FORCED", one.forced != other.forced),
        (
            "CHARACTERISTICS",
            one.characteristics != other.characteristics,
        ),
    ];
    differs.into_iter().find(|it| it.1).map(|it| it.0)
}

/// CHANNELS is the number of channels of the audio.
fn channels(master: &Master, rendition: &Rendition, media: &Media, findings: &mut Findings) {
    let declared = media.channels.as_deref().unwrap_or_default();
    let count = declared.split('/').next().unwrap_or_default();
    let Ok(count) = count.trim().parse::<u16>() else {
        return;
    };
    let Some(audio) = rendition
        .segments
        .iter()
        .find_map(|it| it.measured()?.audio.as_ref())
    else {
        return;
    };
    // 0: the frames themselves declare it. HE-AAC makes stereo of a channel.
    let may_be = |actual: u16| actual == count || actual == 0 || (actual, count) == (1, 2);
    if let Some(actual) = audio.channels.filter(|it| !may_be(*it)) {
        findings.add(
            &RFC_4_3_4_1,
            master.document.at(media.line),
            format!("CHANNELS is \"{declared}\", and the audio has {actual} channels"),
            format!("Write CHANNELS=\"{actual}\"."),
        );
    }
}
