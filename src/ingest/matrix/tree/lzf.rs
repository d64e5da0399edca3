//! LZF, the filter of h5py (`compression="lzf"`), which is no part of HDF5 itself.

/// The filter's number in HDF5's registry.
pub(crate) const FILTER: u16 = 32000;

/// Unpacks a chunk; `None` where it is damaged. Three packed bytes give 264 at most, so the result is bounded.
pub(crate) fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(packed.len() * 2);
    let mut bytes = packed.iter().copied();
    while let Some(control) = bytes.next() {
        let (high, low) = (usize::from(control >> 5), usize::from(control & 31));
        if high == 0 {
            // A run of plain bytes.
            for _ in 0..=low {
                out.push(bytes.next()?);
            }
            continue;
        }
        let length = 2 + if high == 7 { 7 + usize::from(bytes.next()?) } else { high };
        let distance = 1 + (low << 8 | usize::from(bytes.next()?));
        let start = out.len().checked_sub(distance)?;
        // The copy may run into what it writes.
        for i in start..start + length {
            out.push(out[i]);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_copies_are_unpacked_and_damage_is_seen() {
        // "abc", then 9 bytes from 3 back, then 2 + 7 + 1 bytes from 1 back.
        let packed = [2, b'a', b'b', b'c', 0b1110_0000, 0, 2, 0b1110_0000, 1, 0];
        assert_eq!(unpack(&packed).unwrap(), b"abcabcabcabccccccccccc"[..22]);
        assert_eq!(unpack(&[0b0010_0000, 5]), None);
        assert_eq!(unpack(&[3, b'a']), None);
    }
}
