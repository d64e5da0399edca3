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

/// Tables and manifest of a dataset.
type Content = (Vec<Vec<u8>>, serde_json::Value);

/// Everything that a dataset holds but how it came to be.
fn content(dataset: &Path) -> Content {
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

/// 40 × 40 bins of 10 µm; the molecules of a row come with their count.
fn molecules() -> Vec<(&'static str, f64, f64, u32)> {
    let genes = ["ACTB", "CD3E", "EPCAM", "INS", "VIM"];
    let at = |i: u32| f64::from(i % 40_000) / 100.0 + 0.25;
    (0..6000_u32).map(|i| (genes[(i % 5) as usize], at(i * 7919), at(i * 104_729), 1 + i % 4)).collect()
}

/// A table of [`molecules`]: the header, and what a row is of gene, x, y, count and the row's number.
fn written(header: &str, row: impl Fn(&str, f64, f64, u32, usize) -> String) -> Vec<u8> {
    let rows = molecules().into_iter().enumerate();
    (header.to_owned() + &rows.map(|(i, (gene, x, y, count))| row(gene, x, y, count, i)).collect::<String>())
        .into_bytes()
}

/// What s2s-prep makes of a file with that name and content, and what it says.
fn prepared(name: &str, text: &[u8], flags: &[&str]) -> (std::process::Output, Option<Content>) {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join(name), folder.path().join("sample.s2s"));
    fs::write(&input, text).unwrap();
    let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
    let done = prep(paths.iter().chain(&["--mode", "impute", "--bin-um", "10"]).chain(flags));
    let content = done.status.success().then(|| content(&output));
    (done, content)
}

/// Tables as people's programs write them, all of the same molecules.
#[test]
fn however_a_table_is_written_it_is_the_same() {
    let plain = written("gene,x,y,count\n", |gene, x, y, n, _| format!("{gene},{x},{y},{n}\n"));
    let expected = prepared("plain.csv", &plain, &[]).1.unwrap();
    let lines = |end: &str| String::from_utf8(plain.clone()).unwrap().replace('\n', end).into_bytes();
    let named = |name: &str| String::from_utf8(plain.clone()).unwrap().replacen("count", name, 1).into_bytes();
    let mut ways: Vec<(&str, Vec<u8>)> = vec![
        ("old Mac.csv", lines("\r")),
        ("Windows.csv", [b"\xef\xbb\xbf".to_vec(), lines("\r\n")].concat()),
        ("Excel.csv", written("sep=;\r\ngene;x;y;count\r\n", |gene, x, y, n, _| format!("{gene};{x};{y};{n}\r\n"))),
        ("bars.txt", written("gene|x|y|count\n", |gene, x, y, n, _| format!("{gene}|{x}|{y}|{n}\n"))),
        (
            "aligned.txt",
            written("gene     x  y   count\n", |gene, x, y, n, _| format!("{gene:>6} {x:>8}  {y:>8} {n}\n")),
        ),
        (
            "R.txt",
            written("\"gene\" \"x\" \"y\" \"n\"\n", |gene, x, y, n, i| format!("\"{i}\" \"{gene}\" {x} {y} {n}\n")),
        ),
        ("R.tsv", written("gene\tx\ty\tcount\n", |gene, x, y, n, i| format!("{i}\t{gene}\t{x}\t{y}\t{n}\n"))),
        (
            "R.csv",
            written("\"\",\"gene\",\"x\",\"y\",\"count\"\n", |gene, x, y, n, i| {
                format!("\"{i}\",\"{gene}\",{x},{y},{n}\n")
            }),
        ),
        ("blanks.csv", written(" Gene , X , Y , Count \n", |gene, x, y, n, _| format!(" {gene} , {x} , {y} , {n} \n"))),
        (
            "quotes.csv",
            written("\"gene\", \"x\", \"y\", \"count\"\n", |gene, x, y, n, _| {
                format!("\"{gene}\", \"{x}\",\"{y}\" ,{n}\n")
            }),
        ),
        ("ends.csv", written("gene,x,y,count\n", |gene, x, y, n, _| format!("{gene},{x},{y},{n},\n"))),
        (
            "hash.tsv",
            written("## made by hand\n# gene\tx\ty\tcount\n", |gene, x, y, n, _| format!("{gene}\t{x}\t{y}\t{n}\n")),
        ),
        ("floats.csv", written("gene,x,y,count\n", |gene, x, y, n, _| format!("{gene},{x:e},{y},{n}.0\n"))),
        ("bytes.csv", written("gene,x,y,count\n", |gene, x, y, n, _| format!("b'{gene}',{x},{y},{n}e+00\n"))),
        ("no extension", plain.clone()),
    ];
    ways.extend(
        ["umi_count", "nUMI", "UMIs", "MIDCounts", "n_counts", "num_transcripts", "UMI Count"]
            .map(|name| (name, named(name))),
    );
    for (name, text) in ways {
        let (done, found) = prepared(name, &text, &[]);
        assert_eq!(found.as_ref(), Some(&expected), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let chosen = prepared("values.csv", &named("values"), &["--count-column", "values"]).1;
    assert_eq!(chosen, Some(expected));
}

/// A .gem is Stereo-seq whatever its column of counts is called.
#[test]
fn a_gem_has_counts_under_many_names() {
    let gem = |name: &str| {
        let header = format!("#FileFormat=GEMv0.1\n#OffsetX=0\ngeneID\tx\ty\t{name}\n");
        written(&header, |gene, x, y, n, _| format!("{gene}\t{}\t{}\t{n}\n", x.floor(), y.floor()))
    };
    let expected = prepared("a.gem", &gem("MIDCount"), &[]).1.unwrap();
    assert_eq!(expected.1["platform"], "stereo-seq");
    for name in ["UMICount", "umicounts", "MIDCounts", "count", "Counts", "UMI count"] {
        assert_eq!(prepared("a.gem", &gem(name), &[]).1.as_ref(), Some(&expected), "{name}");
    }
}

/// Controls by `is_gene` and qualities are left out of every table, and counted.
#[test]
fn what_is_no_gene_or_of_low_quality_is_left_out_of_every_table() {
    let clean = written("feature_name,x_location,y_location\n", |gene, x, y, _, _| format!("{gene},{x},{y}\n"));
    let expected = prepared("clean.csv", &clean, &["--min-counts", "1"]).1.unwrap();
    for (yes, no) in [("True", "False"), ("1", "0"), ("T", "F"), ("yes", "NA"), ("1.0", "")] {
        for header in ["feature_name,x_location,y_location", "gene,global_x,global_y", "target,x,y"] {
            let mut text = written(&format!("{header},is_gene,qv,fov\n"), |gene, x, y, _, _| {
                format!("{gene},{x},{y},{yes},40,1\n")
            });
            text.extend(format!("CONTROL,5,5,{no},40,1\nACTB,5,5,{yes},3,1\nACTB,5,5,{yes},NA,1\n").into_bytes());
            let (done, found) = prepared("a.csv", &text, &["--min-counts", "1"]);
            let said = String::from_utf8_lossy(&done.stderr);
            let found = found.unwrap_or_else(|| panic!("{said}"));
            assert_eq!(found.0, expected.0, "{header} {yes}");
            assert!(said.contains("1 controls") && said.contains("2 below quality"), "{said}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_told_with_what_to_do() {
    let plain = written("gene,x,y,count\n", |gene, x, y, n, _| format!("{gene},{x},{y},{n}\n"));
    let text = String::from_utf8(plain.clone()).unwrap();
    let comma = |number: f64| number.to_string().replace('.', ",");
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let long: String = (0..500).map(|i| format!(",AAAC{i}")).collect();
    for (name, text, words) in [
        (
            "a.csv",
            written("gene;x;y\n", |gene, x, y, _, _| format!("{gene};{};{}\n", comma(x), comma(y))),
            "decimal comma",
        ),
        (
            "a.csv",
            written("gene,x,y\n", |gene, x, y, _, _| format!("{gene},{},{}\n", comma(x), comma(y))),
            "decimal commas",
        ),
        (
            "a.csv",
            written("gene,x,y\n", |gene, x, y, _, _| format!("{gene},{},5,{}\n", x.floor(), y.floor())),
            "decimal commas",
        ),
        ("a.csv", [b"\xff\xfe".to_vec(), utf16.clone()].concat(), "UTF-16"),
        ("a.csv", utf16, "UTF-16"),
        ("a.csv", b"PK\x03\x04 and more".to_vec(), "Excel"),
        ("a.csv", text.split_once('\n').unwrap().1.into(), "line of names missing"),
        ("a.csv", format!("GENE{long}\nACTB{}\n", ",1".repeat(500)).into(), "(501 in all). Is it a matrix?"),
        ("a.csv", text.replacen("count", "values", 1).into(), "--count-column none"),
        ("a.csv", text.replacen(",count", ",x", 1).into(), "--x-column"),
        ("a.csv", written("gene,x,y,count\n", |gene, x, y, n, _| format!("{gene},{x},{y},{n}.5\n")), "--count-column"),
        (
            "a.csv",
            written("gene,x,y,is_gene\n", |gene, x, y, _, _| format!("{gene},{x},{y},ja\n")),
            "is_gene is \"ja\"",
        ),
        ("a.gem", written("geneID\tx\ty\n", |gene, x, y, _, _| format!("{gene}\t{x}\t{y}\n")), "no column of counts"),
    ] {
        let (done, found) = prepared(name, &text, &[]);
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(found.is_none() && said.contains(words), "{words}: {said}");
        assert!(said.len() < 1000, "{said}");
    }
}

/// A stream is read once, is hashed as it was read, and never hangs.
#[test]
#[cfg(unix)]
fn streams_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let plain = written("gene,x,y,count\n", |gene, x, y, n, _| format!("{gene},{x},{y},{n}\n"));
    let expected = prepared("plain.csv", &plain, &[]).1.unwrap();
    fs::write(folder.path().join("plain.csv"), &plain).unwrap();
    let run = |script: &str| {
        let program = env!("CARGO_BIN_EXE_s2s-prep");
        let script = script.replace("PREP", &format!("timeout 60 {program} --mode impute --force --output sample.s2s"));
        std::process::Command::new("bash").current_dir(folder.path()).args(["-c", &script]).output().unwrap()
    };
    for script in [
        "mkfifo pipe.csv; cat plain.csv > pipe.csv & PREP --bin-um 10 --input pipe.csv",
        "PREP --bin-um 10 --input <(gzip -c plain.csv)",
        "cat plain.csv | PREP --bin-um 10 --platform csv --input /dev/stdin",
    ] {
        let done = run(script);
        assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(content(&folder.path().join("sample.s2s")), expected, "{script}");
        if !script.contains("gzip") {
            let inputs = transcripts::read_manifest(&folder.path().join("sample.s2s"))["provenance"]["inputs"].clone();
            assert_eq!(inputs[0]["sha256"], s2s::files::content_fingerprint(&plain), "{script}");
        }
    }
    let done = run("cat plain.csv | PREP --input /dev/stdin");
    assert!(done.status.code() == Some(2) && String::from_utf8_lossy(&done.stderr).contains("--bin-um"));
    fs::write(folder.path().join("a.parquet"), b"PAR1 and more").unwrap();
    let done = run("cat a.parquet | PREP --bin-um 10 --input /dev/stdin");
    assert!(done.status.code() == Some(65) && String::from_utf8_lossy(&done.stderr).contains("Write it to a file"));
}

/// A folder from an old disk may have a name that is no UTF-8.
#[test]
#[cfg(target_os = "linux")]
fn a_path_that_is_no_utf_8_is_a_path() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join(std::ffi::OsStr::from_bytes(b"section_\xe4.csv"));
    let output = folder.path().join(std::ffi::OsStr::from_bytes(b"section_\xe4.s2s"));
    fs::write(&input, written("gene,x,y,count\n", |gene, x, y, n, _| format!("{gene},{x},{y},{n}\n"))).unwrap();
    let flags = ["--mode", "benchmark", "--bin-um", "10"].map(AsRef::as_ref);
    let paths: [&std::ffi::OsStr; 4] = ["--input".as_ref(), input.as_ref(), "--output".as_ref(), output.as_ref()];
    prep_well(paths.iter().chain(&flags));
    assert!(output.join("truth.parquet").exists());
}

/// Without a size, the bins are those that --describe recommends, and it is said; too few of them are no section.
#[test]
fn bins_that_nobody_chose_are_those_that_are_recommended() {
    let folder = tempfile::tempdir().unwrap();
    let dense = written("gene,x,y,count\n", |gene, x, y, n, _| format!("{gene},{x},{y},{n}\n"));
    let input = folder.path().join("a.csv");
    fs::write(&input, dense).unwrap();
    let described = prep(["--describe", input.to_str().unwrap()]);
    let text = String::from_utf8(described.stdout).unwrap();
    let flag = text
        .lines()
        .find_map(|line| line.strip_prefix("recommended ")?.split(':').next())
        .unwrap_or_else(|| panic!("{text}"));
    let run = |flags: &[&str]| {
        let output = folder.path().join("a.s2s");
        let _ = fs::remove_dir_all(&output);
        let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap(), "--mode", "benchmark"];
        let done = prep(paths.iter().chain(flags));
        (
            String::from_utf8_lossy(&done.stderr).into_owned(),
            output.exists().then(|| transcripts::read_manifest(&output)),
        )
    };
    let (said, manifest) = run(&[]);
    let um = manifest.unwrap_or_else(|| panic!("{said}"))["grid"]["bin_um"].as_f64().unwrap();
    assert_eq!(flag, format!("--bin-um {um}"));
    assert!(said.contains(&format!("note       {flag} was taken")), "{said}");
    let (said, manifest) = run(&["--bin-um", "25"]);
    assert!(manifest.is_some() && said.contains("300 to learn much"), "{said}");
    let (said, manifest) = run(&["--bin-um", "80", "--min-counts", "1"]);
    assert!(manifest.is_some() && said.contains("16 are needed"), "{said}");
    let never = folder.path().join("never.s2s");
    let paths = ["--input", input.to_str().unwrap(), "--output", never.to_str().unwrap(), "--mode", "impute"];
    let refused = prep(paths.iter().chain(&["--bin-um", "80", "--min-counts", "1"]));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(65) && said.contains("only") && !never.exists(), "{said}");
    // A minimum of 0 takes empty bins for tissue, and changes no value.
    let values = |minimum: &str| {
        run(&["--bin-um", "10", "--min-counts", minimum]);
        transcripts::read_values(&folder.path().join("a.s2s/measured.parquet"))
    };
    let (none, one) = (values("0"), values("1"));
    assert_eq!(none, one);
    assert!(none.values().flat_map(|values| values.values()).all(|(_, value)| *value > 0.0));
    let list = folder.path().join("list.csv");
    fs::write(&list, "row,col\n0,0\n20,20\n").unwrap();
    let (said, _) = run(&["--bin-um", "10", "--measured", list.to_str().unwrap(), "--phase", "1,1"]);
    assert!(said.contains("--phase"), "{said}");
}
