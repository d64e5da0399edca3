//! What packed bytes unpack to, asked before anybody makes room for it: 96 kB of Zstandard can hold 3 GB.

use std::io::{Read, copy, sink};

const ZSTANDARD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Whether at most `most` bytes come out of `packed`. Only Zstandard and gzip are asked, and what they are no whole one of holds nothing.
pub(crate) fn unpacks_within(packed: &[u8], most: u64) -> bool {
    if packed.starts_with(&ZSTANDARD) {
        return zstd::zstd_safe::decompress_bound(packed).map_or(true, |bytes| bytes <= most);
    }
    if packed.starts_with(&GZIP) {
        // Its trailer tells the length, but may lie.
        let unpacked = flate2::read::MultiGzDecoder::new(packed).take(most.saturating_add(1));
        return copy(&mut { unpacked }, &mut sink()).map_or(true, |bytes| bytes <= most);
    }
    true
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
        assert!(unpacks_within(&ZSTANDARD, 0) && unpacks_within(&GZIP, 0) && unpacks_within(&zeros, 0));
    }
}
