//! What packed bytes unpack to, asked before anybody makes room for it: 96 kB of Zstandard can hold 3 GB.

use std::io::{Read, copy, sink};

const ZSTANDARD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The length of Blosc's header: four bytes of versions and flags, then the lengths unpacked, of a block, and packed.
const BLOSC: usize = 16;

/// Whether at most `most` bytes come out of `packed`. Only Zstandard, gzip and Blosc are asked, and what they are no whole one of holds nothing.
pub(crate) fn unpacks_within(packed: &[u8], most: u64) -> bool {
    if packed.starts_with(&ZSTANDARD) {
        return zstd::zstd_safe::decompress_bound(packed).map_or(true, |bytes| bytes <= most);
    }
    if packed.starts_with(&GZIP) {
        // Its trailer tells the length, but may lie.
        let unpacked = flate2::read::MultiGzDecoder::new(packed).take(most.saturating_add(1));
        return copy(&mut { unpacked }, &mut sink()).map_or(true, |bytes| bytes <= most);
    }
    blosc(packed).is_none_or(|bytes| bytes <= most)
}

/// How much a buffer of Blosc unpacks to; `None` where the length in it is not its own, which Blosc refuses.
fn blosc(packed: &[u8]) -> Option<u64> {
    let length = |at: usize| Some(u32::from_le_bytes(packed.get(at..at + 4)?.try_into().ok()?));
    (packed.len() >= BLOSC && length(12)? as usize == packed.len()).then_some(u64::from(length(4)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_unpacks_to_more_than_there_is_room_for_is_known_before() {
        let zeros = vec![0; 1 << 20];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&zeros).unwrap();
        // A frame that tells its length, and one that does not.
        let told = zstd::bulk::compress(&zeros, 3).unwrap();
        let mut untold = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        untold.write_all(&zeros).unwrap();
        for packed in [gzip.finish().unwrap(), told, untold.finish().unwrap()] {
            assert!(packed.len() < 10_000);
            assert!(unpacks_within(&packed, 2 << 20) && !unpacks_within(&packed, 1000), "{:?}", &packed[..4]);
        }
        // A megabyte in a header alone, and one whose length is not its own.
        let blosc = |length: u32| [[2, 1, 1, 4], (1_u32 << 20).to_le_bytes(), [0; 4], length.to_le_bytes()].concat();
        assert!(unpacks_within(&blosc(16), 1 << 20) && !unpacks_within(&blosc(16), (1 << 20) - 1));
        assert!(unpacks_within(&blosc(17), 0));
        assert!(unpacks_within(&ZSTANDARD, 0) && unpacks_within(&GZIP, 0) && unpacks_within(&zeros, 0));
    }
}
