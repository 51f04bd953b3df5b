//! Ways to damage a copy of a tree.

use std::path::{Path, PathBuf};

use aes::cipher::{BlockModeDecrypt as _, KeyIvInit as _, block_padding::Pkcs7};

use super::build::{KEYS, encrypt};

pub(super) const MASTER: &str = "master.m3u8";
pub(super) const HIGH: &str = "gen/180p/180p.m3u8";
pub(super) const LOW: &str = "gen/90p/90p.m3u8";
pub(super) const AUDIO: &str = "gen/audio-64k/audio-64k.m3u8";
pub(super) const IFRAMES: &str = "gen/iframes/iframes.m3u8";

/// A copy of a tree that may be changed.
pub(super) struct Tree<'a>(pub(super) &'a Path);

impl Tree<'_> {
    fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    pub(super) fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap()
    }

    pub(super) fn write(&self, file: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(file), bytes).unwrap();
    }

    pub(super) fn bytes(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.path(file)).unwrap()
    }

    pub(super) fn remove(&self, file: &str) {
        std::fs::remove_file(self.path(file)).unwrap();
    }

    /// Replaces every occurrence, of which there must be at least one.
    pub(super) fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.text(file);
        assert!(text.contains(from), "`{from}` is not in {file}:\n{text}");
        self.write(file, text.replace(from, to));
    }

    /// Replaces the first occurrence only.
    pub(super) fn replace_first(&self, file: &str, from: &str, to: &str) {
        let text = self.text(file);
        assert!(text.contains(from), "`{from}` is not in {file}:\n{text}");
        self.write(file, text.replacen(from, to, 1));
    }

    /// Changes the value of every occurrence of an attribute or tag (up to the next comma or line end).
    pub(super) fn set(&self, file: &str, name: &str, change: impl Fn(&str) -> String) {
        let text = self.text(file);
        let mut parts = text.split(name);
        let mut out = parts.next().unwrap().to_owned();
        let mut changed = false;
        for part in parts {
            let end = part.find([',', '\n']).unwrap();
            out += &format!("{name}{}{}", change(&part[..end]), &part[end..]);
            changed = true;
        }
        assert!(changed, "{name} is not in {file}:\n{text}");
        self.write(file, out);
    }

    /// Adds EXT-X-SESSION-DATA with these attributes to the master playlist.
    pub(super) fn session_data(&self, attributes: &str) {
        let tag = format!("#EXTM3U\n#EXT-X-SESSION-DATA:{attributes}\n");
        self.replace_first(MASTER, "#EXTM3U\n", &tag);
    }

    /// Removes an attribute, its value and its comma from every tag.
    pub(super) fn remove_attribute(&self, file: &str, name: &str) {
        let text = self.text(file);
        let start = format!("{name}=");
        let lines = text.lines().map(|line| {
            let Some(at) = line
                .find(&format!(",{start}"))
                .map(|it| it + 1)
                .or(line.find(&format!(":{start}")).map(|it| it + 1))
            else {
                return line.to_owned();
            };
            let value = &line[at + start.len()..];
            let length = match value.strip_prefix('"') {
                Some(inside) => inside.find('"').unwrap() + 2,
                None => value.find(',').unwrap_or(value.len()),
            };
            let rest = value[length..]
                .strip_prefix(',')
                .unwrap_or(&value[length..]);
            format!("{}{rest}", &line[..at])
                .trim_end_matches(',')
                .to_owned()
        });
        let changed: String = lines.map(|it| it + "\n").collect();
        assert_ne!(changed, text, "{name} is not in {file}");
        self.write(file, changed);
    }

    pub(super) fn segment(rendition: &str, index: usize) -> String {
        format!("gen/{rendition}/{rendition}_{index:05}.ts")
    }

    /// Decrypts a segment, changes it, and encrypts it again.
    pub(super) fn change_segment(
        &self,
        rendition: &str,
        index: usize,
        change: impl FnOnce(Vec<u8>) -> Vec<u8>,
    ) {
        let key = KEYS.iter().find(|it| it.0 == rendition).unwrap().1;
        let file = Self::segment(rendition, index);
        let cipher =
            cbc::Decryptor::<aes::Aes128>::new(&key.into(), &(index as u128).to_be_bytes().into());
        let plain = cipher
            .decrypt_padded_vec::<Pkcs7>(&self.bytes(&file))
            .unwrap();
        self.write(&file, encrypt(&change(plain), &key, index as u128));
    }
}

/// Turns the `nth` IDR slice into an ordinary one.
pub(super) fn without_idr(mut plain: Vec<u8>, nth: usize) -> Vec<u8> {
    let starts: Vec<usize> = (0..plain.len() - 4)
        .filter(|&it| plain[it..it + 3] == [0, 0, 1] && plain[it + 3] & 0x1f == 5)
        .collect();
    plain[starts[nth] + 3] = 0x61;
    plain
}

/// Adds to every PTS and DTS.
pub(super) fn shifted(mut plain: Vec<u8>, ticks: i64) -> Vec<u8> {
    for packet in plain.chunks_exact_mut(188) {
        let start = if packet[3] & 0x20 != 0 {
            5 + usize::from(packet[4])
        } else {
            4
        };
        if packet[1] & 0x40 == 0 || start + 19 > 188 || packet[start..start + 3] != [0, 0, 1] {
            continue;
        }
        let flags = packet[start + 7] >> 6;
        for field in 0..usize::from(flags.count_ones() as u8) {
            shift_field(
                &mut packet[start + 9 + field * 5..start + 14 + field * 5],
                ticks,
            );
        }
    }
    plain
}

fn shift_field(field: &mut [u8], ticks: i64) {
    let [a, b, c, d, e] = [field[0], field[1], field[2], field[3], field[4]].map(i64::from);
    let time = (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1;
    let time = (time + ticks).rem_euclid(1 << 33);
    field[0] = (a & 0xf0 | (time >> 30) << 1 | 1) as u8;
    field[1] = (time >> 22) as u8;
    field[2] = ((time >> 15 & 0x7f) << 1 | 1) as u8;
    field[3] = (time >> 7) as u8;
    field[4] = ((time & 0x7f) << 1 | 1) as u8;
}

/// PAT and PMT, then everything from the `nth` keyframe on; and everything before it.
pub(super) fn split(plain: &[u8], nth: usize) -> (Vec<u8>, Vec<u8>) {
    let at = media::ts::scan(plain).video().unwrap().random_access[nth].offset as usize;
    let tables = tables(plain);
    let continued = [&tables[..], &plain[at..]].concat();
    (plain[..at].to_vec(), continued)
}

/// The first PAT and PMT packet.
pub(super) fn tables(plain: &[u8]) -> Vec<u8> {
    let is_table = |it: &&[u8]| matches!(u16::from_be_bytes([it[1] & 0x1f, it[2]]), 0 | 0x1000);
    plain
        .chunks(188)
        .filter(is_table)
        .take(2)
        .flatten()
        .copied()
        .collect()
}
