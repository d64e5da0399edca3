//! Tables of each platform: what s2s-prep makes of genuine ones equals what pandas makes of them
//! (tests/python/expected_text.py), however many threads read them and however they are packed.

mod common;
#[path = "common/expected.rs"]
mod expected;
#[path = "common/transcripts.rs"]
mod transcripts;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use transcripts::{prep, prep_well};

const EXPECTED: &str = include_str!("expected/text.json");

fn compare(name: &str, input: &str, flags: &[&str]) {
    if let Some(input) = common::shared(&format!("data/formats/{input}")) {
        expected::compare(EXPECTED, name, &input, flags);
    }
}

#[test]
fn xenium_version_1() {
    compare("xenium_v1", "xenium_v1_csv", &["--bin-um", "2", "--min-counts", "1"]);
}

#[test]
fn merscope() {
    compare("merscope", "merscope_mini", &["--bin-um", "20"]);
    compare("merscope", "merscope_mini/detected_transcripts.csv", &["--bin-um", "20", "--platform", "merscope"]);
}

#[test]
fn cosmx() {
    compare("cosmx", "cosmx_mini", &["--bin-um", "30"]);
    // The prototype's pixels: the same section, half as large again.
    compare("cosmx_prototype", "cosmx_mini", &["--bin-um", "45", "--pixel-um", "0.18"]);
}

#[test]
fn stereo_seq() {
    compare("stereo_seq", "stereo_seq", &["--bin-dnb", "20"]);
    let file = "stereo_seq/SS200000135TL_D1_bin1_small.gem.gz";
    compare("stereo_seq", file, &["--bin-um", "10", "--platform", "stereo-seq"]);
}

/// The offset of the header moves the grid, not the section; what is binned already is only binned in multiples.
#[test]
fn the_header_of_stereo_seq() {
    let folder = tempfile::tempdir().unwrap();
    let rows = |step: usize| {
        let at = (0..40 * 40).map(|i| (i % 40 * step, i / 40 * step));
        at.map(|(x, y)| format!("G{}\t{x}\t{y}\t3\n", x / step % 2)).collect::<String>()
    };
    let write = |name: &str, comments: &str, step: usize| {
        let path = folder.path().join(name);
        fs::write(&path, format!("{comments}geneID\tx\ty\tMIDCount\n{}", rows(step))).unwrap();
        path
    };
    let grid = |input: &Path, flags: &[&str]| {
        let output = folder.path().join("a.s2s");
        let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
        prep_well(paths.iter().chain(&["--mode", "benchmark"]).chain(flags));
        transcripts::read_manifest(&output)["grid"].clone()
    };
    let plain = grid(&write("a.gem", "", 1), &["--bin-dnb", "4"]);
    assert_eq!(plain["origin_um"], serde_json::json!([0.0, 0.0]));
    assert_eq!((&plain["bin_um"], &plain["rows"]), (&2.0.into(), &10.into()));
    let moved = grid(&write("b.gem", "#FileFormat=GEMv0.1\n#OffsetX=80\n#OffsetY=16\n", 1), &["--bin-dnb", "4"]);
    assert_eq!(moved["origin_um"], serde_json::json!([40.0, 8.0]));
    assert_eq!((&moved["rows"], &moved["cols"]), (&plain["rows"], &plain["cols"]));
    let binned = write("c.gem", "#BinSize=5\n", 5);
    assert_eq!(grid(&binned, &["--bin-dnb", "20"])["rows"], 10);
    let output = folder.path().join("b.s2s");
    let arguments = ["--input", binned.to_str().unwrap(), "--output", output.to_str().unwrap(), "--mode", "impute"];
    let failed = prep(arguments.iter().chain(&["--bin-dnb", "12"]));
    assert_eq!(failed.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&failed.stderr).contains("--bin-dnb 5"));
}

#[test]
fn options_of_another_platform_are_refused() {
    let Some(input) = common::shared("data/formats/merscope_mini") else { return };
    for (flags, words) in
        [(["--pixel-um", "0.2"], "cosmx"), (["--bin-dnb", "50"], "stereo-seq"), (["--x-column", "x"], "csv")]
    {
        let paths = ["--input", input.to_str().unwrap(), "--output", "never.s2s", "--mode", "impute"];
        let failed = prep(paths.iter().chain(&flags));
        let message = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert_eq!(failed.status.code(), Some(2), "{message}");
        assert!(message.contains(flags[0]) && message.contains(words) && message.contains("merscope"), "{message}");
    }
}

#[test]
fn describe_says_what_pandas_says() {
    let all: serde_json::Value = serde_json::from_str(EXPECTED).unwrap();
    for (name, input, platform) in [
        ("xenium_v1", "xenium_v1_csv", "xenium"),
        ("merscope", "merscope_mini", "merscope"),
        ("cosmx", "cosmx_mini", "cosmx"),
        ("stereo_seq", "stereo_seq", "stereo-seq"),
    ] {
        let Some(input) = common::shared(&format!("data/formats/{input}")) else { return };
        let done = prep(["--describe", input.to_str().unwrap()]);
        let text = String::from_utf8(done.stdout).unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{text}"));
        assert!(line("platform").contains(&format!(" {platform} (")), "{text}");
        assert!(line("molecules").contains(&format!(" {} read", all[name]["gene_list"]["molecules"])), "{text}");
        assert_eq!(line("genes").split_whitespace().nth(1), Some(all[name]["gene_list"]["all"].to_string().as_str()));
        assert!(text.contains("recommended --bin-"), "{text}");
        for (um, expected) in all[name]["bin_sizes"].as_object().unwrap() {
            let found =
                text.lines().map(|line| line.split_whitespace().filter(|word| *word != "×").collect::<Vec<_>>());
            let found = found.into_iter().find(|words| words.first() == Some(&um.as_str())).unwrap();
            let expected: Vec<String> = expected.as_array().unwrap().iter().map(|number| number.to_string()).collect();
            assert_eq!(found[1..], expected, "{name}, {um} µm");
        }
    }
}

/// Everything that a dataset holds but how it came to be.
fn content(dataset: &Path) -> (Vec<Vec<u8>>, serde_json::Value) {
    let files =
        ["bins.parquet", "measured.parquet", "patches.parquet"].map(|name| fs::read(dataset.join(name)).unwrap());
    let mut manifest = transcripts::read_manifest(dataset);
    let fields = manifest.as_object_mut().unwrap();
    ["provenance", "fingerprints"].iter().for_each(|key| drop(fields.remove(*key)));
    (files.to_vec(), manifest)
}

#[test]
fn threads_packing_quotes_and_line_ends_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let rows = || (0..200_000_u64).map(|i| (i.wrapping_mul(2_654_435_761) % 1009, i.wrapping_mul(40_503) % 997));
    let table = |quote: &str, end: &str| {
        let mut text = format!("gene,x,y{end}");
        rows().for_each(|(x, y)| text += &format!("{quote}G{}{quote},{x},{y}.5{end}", (x + y) % 7));
        text.into_bytes()
    };
    let packed = |text: &[u8]| {
        // Two members in one file, as bgzip and cat make them.
        let member = |text: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        let (first, second) = text.split_at(text.len() / 3);
        [member(first), member(second)].concat()
    };
    let prepare = |name: &str, text: &[u8], threads: &str| -> PathBuf {
        let parent = folder.path().join(format!("{name}.{threads}"));
        fs::create_dir(&parent).unwrap();
        let (input, output) = (parent.join(name), parent.join("sample.s2s"));
        fs::write(&input, text).unwrap();
        let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
        prep_well(paths.iter().chain(&["--mode", "impute", "--bin-um", "20", "--threads", threads]));
        output
    };
    let plain = table("", "\n");
    let expected = content(&prepare("a.csv", &plain, "1"));
    assert_eq!(content(&prepare("a.csv", &plain, "4")), expected);
    assert_eq!(content(&prepare("a.csv.gz", &packed(&plain), "3")), expected);
    assert_eq!(content(&prepare("b.csv", &table("\"", "\r\n"), "2")), expected);
    assert_eq!(content(&prepare("c.csv", &[b"\xef\xbb\xbf", plain.trim_ascii_end()].concat(), "2")), expected);
}
