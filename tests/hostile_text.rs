//! Damaged tables of every platform: an error or a dataset, never a panic, never memory without bound.
//!
//! Genuine files are mutated at random, each platform for `S2S_FUZZ_SECONDS` (default 1). A failure names its seed:
//! the same seed makes the same file.

mod common;

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use s2s::compute::peak_memory_mib;
use s2s::dataset::Mode;
use s2s::ingest::{Request, describe, prepare};
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Rows of a genuine file that are kept: a mutation then hits what matters often.
const ROWS: usize = 400;
/// What a process that reads such files one after the other may need.
const MOST_MIB: u64 = 1500;

/// The first rows of a genuine file.
fn genuine(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    let mut text = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text).unwrap();
    } else {
        text = bytes;
    }
    let end = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(ROWS).map_or(text.len(), |(at, _)| at);
    text.truncate(end);
    text
}

/// Fields that are no good number, or too much of one.
const FIELDS: [&str; 16] = [
    "NaN",
    "inf",
    "-inf",
    "1e308",
    "-1e308",
    "1e-320",
    "99999999999999999999",
    "-1",
    "0x10",
    "",
    " ",
    "\"",
    "\"\"",
    "4294967295",
    "2147483648.5",
    "\u{663}",
];

/// One random change of a table.
fn mutate(text: &mut Vec<u8>, rng: &mut impl Rng) {
    let length = text.len().max(1);
    let mut at = || rng.random_range(0..length);
    let (first, second) = (at(), at());
    let (low, high) = (first.min(second).min(text.len()), first.max(second).min(text.len()));
    match rng.random_range(0..9) {
        0 => text.truncate(low),
        1 => (0..rng.random_range(1..20)).for_each(|_| {
            if let Some(byte) = text.get_mut(low) {
                *byte = rng.random_range(0..=255);
            }
        }),
        2 => text.iter_mut().skip(low).step_by(97).for_each(|byte| *byte ^= 1 << rng.random_range(0..8)),
        3 => replace_field(text, low, rng),
        4 => drop_column(text, rng.random_range(0..8), rng.random_range(0.0..1.0) < 0.5),
        5 => text.iter_mut().filter(|byte| **byte == b'\n').step_by(3).for_each(|byte| *byte = b'\r'),
        6 => *text = String::from_utf8_lossy(text).replacen('\n', "\r\n", rng.random_range(1..500)).into_bytes(),
        7 => {
            let part = text[low..high.min(low + 2000)].to_vec();
            let copies = part.repeat(rng.random_range(1..200));
            text.splice(low..low, copies);
        }
        _ => drop(text.splice(low..low, *b"#\"\0\xff,\t;")),
    }
}

fn replace_field(text: &mut Vec<u8>, from: usize, rng: &mut impl Rng) {
    let separator = |byte: &u8| [b',', b'\t', b'\n'].contains(byte);
    let Some(start) = text.iter().skip(from).position(separator).map(|start| from + start + 1) else { return };
    let end = text.iter().skip(start).position(separator).map_or(text.len(), |end| start + end);
    let field = FIELDS[rng.random_range(0..FIELDS.len())];
    text.splice(start..end, field.bytes());
}

/// Drops a column of the header alone, or of every row.
fn drop_column(text: &mut Vec<u8>, column: usize, everywhere: bool) {
    let whole = String::from_utf8_lossy(text).into_owned();
    let delimiter = if whole.lines().next().is_some_and(|header| header.contains('\t')) { "\t" } else { "," };
    let line = |(number, line): (usize, &str)| {
        let keep = |index: usize| index != column || (number > 0 && !everywhere);
        let fields = line.split(delimiter).enumerate().filter(|(index, _)| keep(*index)).map(|(_, field)| field);
        fields.collect::<Vec<_>>().join(delimiter)
    };
    *text = whole.lines().enumerate().map(line).collect::<Vec<_>>().join("\n").into_bytes();
}

fn gzip(text: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    let mut packed = encoder.finish().unwrap();
    if rng.random_range(0..2) == 0 {
        let at = rng.random_range(0..packed.len());
        packed[at] ^= 1 << rng.random_range(0..8);
        packed.truncate(rng.random_range(at..=packed.len()));
    }
    packed
}

/// One damaged file through s2s-prep or its --describe; what went wrong, if it was not an error of the user's.
fn attempt(folder: &Path, text: &[u8], platform: &str, packed: bool, only_describe: bool) -> Result<bool, String> {
    let input = folder.join(if packed { "a.csv.gz" } else { "a.csv" });
    std::fs::write(&input, text).unwrap();
    let output = folder.join("a.s2s");
    let mut request = Request::new(&input, Mode::Impute);
    request.platform = Some(platform.to_owned()).filter(|name| name != "auto");
    let mut run = || {
        if only_describe {
            return describe(&request).map(|description| drop(description.to_string()));
        }
        request.config.bin_um = Some(15.0);
        (request.config.min_counts, request.config.patch) = (1, 4);
        prepare(&request, &output, &[]).map(drop)
    };
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut run)) {
        Err(_) => Err("a panic".to_owned()),
        Ok(Err(error)) if ![2, 65].contains(&error.exit_code()) => Err(error.to_string()),
        Ok(outcome) => Ok(outcome.is_ok()),
    }
}

fn fuzz(input: &str, platform: &str) {
    let Some(path) = common::shared(&format!("data/formats/{input}")) else { return };
    let original = genuine(&path);
    let seconds = std::env::var("S2S_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let folder = tempfile::tempdir().unwrap();
    let (start, mut good) = (Instant::now(), 0);
    for seed in 0.. {
        if start.elapsed() > Duration::from_secs_f64(seconds) && seed >= 20 {
            assert!(good > 0 && good < seed, "{good} of {seed} files were read: the mutations are no test");
            return;
        }
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut text = original.clone();
        (0..rng.random_range(0..4)).for_each(|_| mutate(&mut text, &mut rng));
        let packed = rng.random_range(0..4) == 0;
        let text = if packed { gzip(&text, &mut rng) } else { text };
        let choice = if rng.random_range(0..3) == 0 { "auto" } else { platform };
        let only_describe = rng.random_range(0..4) > 0;
        match attempt(folder.path(), &text, choice, packed, only_describe) {
            Ok(read) => good += u64::from(read),
            Err(what) => panic!("{input}, seed {seed}: {what}"),
        }
        let peak = peak_memory_mib().unwrap_or(0);
        assert!(peak < MOST_MIB, "{input}, seed {seed}: {peak} MiB");
    }
}

#[test]
fn damaged_xenium_tables() {
    fuzz("xenium_v1_csv/transcripts.csv", "xenium");
    fuzz("xenium_mini/transcripts.csv.gz", "xenium");
}

#[test]
fn damaged_merscope_tables() {
    fuzz("merscope_mini/detected_transcripts.csv", "merscope");
}

#[test]
fn damaged_cosmx_tables() {
    fuzz("cosmx_mini/Run5642_S3_Quarter_tx_file.csv", "cosmx");
}

#[test]
fn damaged_stereo_seq_tables() {
    fuzz("stereo_seq/SS200000135TL_D1_bin1_small.gem.gz", "stereo-seq");
}

#[test]
fn damaged_plain_tables() {
    fuzz("iss/spots.csv", "csv");
}

/// A few bytes that unpack to gigabytes: told at the first line that is too long.
#[test]
fn a_small_file_that_unpacks_to_a_large_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"gene,x,y\n").unwrap();
    let zeros = vec![b'0'; 1 << 20];
    (0..256).for_each(|_| encoder.write_all(&zeros).unwrap());
    let packed = encoder.finish().unwrap();
    assert_eq!(attempt(folder.path(), &packed, "csv", true, false), Ok(false));
    assert!(peak_memory_mib().unwrap_or(0) < MOST_MIB);
}
