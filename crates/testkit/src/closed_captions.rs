//! Writes closed captions (CEA-608 and CEA-708 in the messages of ATSC A/53) into a stream of H.264
//! or HEVC, as broadcasts and streaming encoders do.

use std::collections::BTreeMap;

/// A command of the first channel of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of CEA-608")]
pub enum Command {
    ResumeCaptionLoading = 0x20,
    RollUp2 = 0x25,
    EraseDisplayed = 0x2c,
    CarriageReturn = 0x2d,
    EraseHidden = 0x2e,
    EndOfCaption = 0x2f,
}

/// The pairs of one caption, in the order in which they are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs(Vec<[u8; 2]>);

impl Pairs {
    /// Adds a code, which is sent twice.
    #[must_use]
    pub fn code(mut self, first: u8, second: u8) -> Self {
        self.0.extend([[odd(first), odd(second)]; 2]);
        self
    }

    /// Adds a command.
    #[must_use]
    pub fn command(self, command: Command) -> Self {
        self.code(0x14, command as u8)
    }

    /// Moves the cursor to the beginning of the last row.
    #[must_use]
    pub fn last_row(self) -> Self {
        self.code(0x14, 0x60)
    }

    /// Adds characters of ASCII.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        let pairs = text.as_bytes().chunks(2);
        self.0
            .extend(pairs.map(|it| [odd(it[0]), odd(it.get(1).copied().unwrap_or(0))]));
        self
    }
}

/// A packet of CEA-708 with one block of a service, 1 to 6: its codes, at most 31 bytes.
pub fn packet(service: u8, codes: &[u8]) -> Vec<u8> {
    let mut packet = vec![
        (codes.len() + 2).div_ceil(2) as u8,
        service << 5 | codes.len() as u8,
    ];
    packet.extend(codes);
    packet.resize(packet.len().next_multiple_of(2), 0);
    packet
}

/// The captions of a video: for each frame, in the order of presentation, its pairs in both fields
/// and its packet of CEA-708.
#[derive(Debug, Clone, Default)]
pub struct Captions {
    pairs: BTreeMap<usize, [Option<[u8; 2]>; 2]>,
    packets: BTreeMap<usize, Vec<u8>>,
}

impl Captions {
    /// Sends pairs in the first field (0) or the second one (1), one in each frame from `frame` on.
    #[must_use]
    pub fn send(mut self, field: usize, frame: usize, pairs: Pairs) -> Self {
        for (frame, pair) in (frame..).zip(pairs.0) {
            self.pairs.entry(frame).or_default()[field] = Some(pair);
        }
        self
    }

    /// Sends a packet of CEA-708 in a frame.
    #[must_use]
    pub fn send_packet(mut self, frame: usize, packet: Vec<u8>) -> Self {
        self.packets.insert(frame, packet);
        self
    }

    /// Writes the captions into a byte stream of H.264, or of HEVC (`is_hevc`), whose frames are in
    /// the order of presentation: a message in front of each.
    pub fn write(&self, stream: &[u8], is_hevc: bool) -> Vec<u8> {
        insert(stream, is_hevc, |frame| self.message(frame))
    }

    /// The message of a frame. Where a field has no pair, it has padding.
    pub fn message(&self, frame: usize) -> Vec<u8> {
        let [first, second] = self.pairs.get(&frame).copied().unwrap_or_default();
        let triplet = |kind: u8, pair: Option<[u8; 2]>| {
            let [a, b] = pair.unwrap_or([0x80; 2]);
            [0xfc | kind, a, b]
        };
        let mut triplets = vec![triplet(0, first), triplet(1, second)];
        let packet = self.packets.get(&frame).map_or(&[][..], Vec::as_slice);
        for (number, pair) in packet.chunks_exact(2).enumerate() {
            let kind = if number == 0 { 3 } else { 2 };
            triplets.push(triplet(kind, Some([pair[0], pair[1]])));
        }
        message(&triplets)
    }
}

/// Inserts an SEI NAL unit with the messages that `messages` returns in front of each frame of a
/// byte stream of H.264, or of HEVC (`is_hevc`), by its number in decoding order.
pub fn insert(stream: &[u8], is_hevc: bool, mut messages: impl FnMut(usize) -> Vec<u8>) -> Vec<u8> {
    let header: &[u8] = if is_hevc { &[0x4e, 1] } else { &[6] };
    let (mut out, mut frame) = (Vec::with_capacity(stream.len() * 2), 0);
    for at in 0..stream.len() {
        if stream[..at].ends_with(&[0, 0, 1]) && begins_frame(&stream[at..], is_hevc) {
            out.extend_from_slice(header);
            write_escaped(&mut out, &messages(frame));
            out.extend([0x80, 0, 0, 1]);
            frame += 1;
        }
        out.push(stream[at]);
    }
    out
}

/// Whether a NAL unit is the first slice of a frame.
fn begins_frame(unit: &[u8], is_hevc: bool) -> bool {
    match unit {
        // `first_slice_segment_in_pic_flag`.
        [header, _, first, ..] if is_hevc => header >> 1 & 0x3f <= 21 && first & 0x80 != 0,
        // Its first macroblock is number 0, which is a single set bit.
        [header, first, ..] if !is_hevc => matches!(header & 0x1f, 1 | 5) && first & 0x80 != 0,
        _ => false,
    }
}

/// The message with these triplets (`cc_data`).
pub fn message(triplets: &[[u8; 3]]) -> Vec<u8> {
    let mut payload = b"\xb5\x00\x31GA94\x03".to_vec();
    payload.extend([0xc0 | triplets.len() as u8, 0xff]);
    payload.extend(triplets.concat());
    payload.push(0xff);
    [vec![4, payload.len() as u8], payload].concat()
}

/// Writes bytes with emulation prevention.
fn write_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut zeros = 0;
    for &byte in bytes {
        if zeros == 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
}

/// With odd parity.
fn odd(byte: u8) -> u8 {
    byte | u8::from(byte.count_ones().is_multiple_of(2)) << 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_in_front_of_each_frame() {
        let stream = [
            0, 0, 0, 1, 0x67, 7, 0, 0, 1, 0x65, 0x88, 1, 0, 0, 1, 0x65, 0x08, 0, 0, 1, 0x41, 0x9a,
        ];
        let mut numbers = vec![];
        let written = insert(&stream, false, |it| {
            numbers.push(it);
            vec![4, 2, 0, 0]
        });
        assert_eq!(numbers, [0, 1]);
        let expected = [
            &[
                0, 0, 0, 1, 0x67, 7, 0, 0, 1, 6, 4, 2, 0, 0, 0x80, 0, 0, 1, 0x65, 0x88, 1,
            ][..],
            &[0, 0, 1, 0x65, 0x08],
            &[0, 0, 1, 6, 4, 2, 0, 0, 0x80, 0, 0, 1, 0x41, 0x9a],
        ];
        assert_eq!(written, expected.concat());
        let captions = Captions::default().send(1, 1, Pairs::default().text("a"));
        let written = captions.write(&stream, false);
        let second = message(&[[0xfc, 0x80, 0x80], [0xfd, 0x61, 0x80]]);
        assert!(written.windows(second.len()).any(|it| it == second));
    }
}
