//! Writes boxes (ISO/IEC 14496-12, 4.2).

/// A box.
pub(crate) fn boxed(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let size = 8 + parts.iter().map(|it| it.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(size);
    bytes.extend_from_slice(&(size as u32).to_be_bytes());
    bytes.extend_from_slice(kind);
    parts.iter().for_each(|it| bytes.extend_from_slice(it));
    bytes
}

/// A box with version and flags.
pub(crate) fn full(kind: &[u8; 4], version: u8, flags: u32, parts: &[&[u8]]) -> Vec<u8> {
    let head = (u32::from(version) << 24 | flags).to_be_bytes();
    let all: Vec<&[u8]> = std::iter::once(&head[..])
        .chain(parts.iter().copied())
        .collect();
    boxed(kind, &all)
}

/// A table: the number of its rows, and the rows.
pub(crate) fn table<const N: usize>(rows: &[[u32; N]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + rows.len() * N * 4);
    bytes.extend_from_slice(&(rows.len() as u32).to_be_bytes());
    words(&mut bytes, rows.as_flattened());
    bytes
}

/// Appends numbers of 32 bits.
pub(crate) fn words(bytes: &mut Vec<u8>, values: &[u32]) {
    values
        .iter()
        .for_each(|it| bytes.extend_from_slice(&it.to_be_bytes()));
}

/// Joins equal neighbours to rows of number and value.
pub(crate) fn runs<T: PartialEq + Copy>(values: impl Iterator<Item = T>) -> Vec<(u32, T)> {
    let mut runs: Vec<(u32, T)> = vec![];
    for value in values {
        match runs.last_mut() {
            Some((count, last)) if *last == value => *count += 1,
            _ => runs.push((1, value)),
        }
    }
    runs
}
