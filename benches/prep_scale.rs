//! Time and peak memory of s2s-prep on a simulated Xenium section of N transcripts (default 10 million), as Parquet and
//! as gzipped CSV, beside polars and duckdb, which only count per gene and bin (prep_scale.py), in turns.
//!
//!     S2S_PYTHON=venv/bin/python cargo bench --bench prep_scale -- 100000000 --rounds 3 --format parquet --bin-um 8
//!
//! Without S2S_PYTHON, s2s-prep runs alone. S2S_PYTHON needs polars and duckdb from PyPI; all use every core.
//!
//! The section has the density of a dense Xenium one (0.43 transcripts per µm²: 100 million fill the whole slide,
//! 235 mm²), 377 genes whose rates differ between cell types, cells of 5 µm, and rows in the order of the fields of
//! view. The file, with columns that s2s-prep does not need, is written to the temporary folder and removed.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt64Type};
use arrow_array::{ArrayRef, Float32Array, RecordBatch, StringArray, UInt8Array, UInt64Array};
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use s2s::section::median;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

const GENES: usize = 377;
const CELL_TYPES: usize = 12;
/// Transcripts per µm².
const DENSITY: f64 = 0.43;
const TRANSCRIPTS_PER_CELL: usize = 100;
/// Side of a field of view in µm: transcripts come field by field.
const FIELD_UM: f64 = 400.0;

/// Draws transcripts, one field of view at a time.
struct Simulation {
    rng: Xoshiro256PlusPlus,
    /// For each cell type, cumulative rates of the genes.
    rates: Vec<Vec<f64>>,
    fields_across: u64,
}

impl Simulation {
    fn new(transcripts: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let rates = (0..CELL_TYPES).map(|_| cumulative_rates(&mut rng)).collect();
        // Half as wide as high, like the slide.
        let width = (transcripts as f64 / DENSITY / 2.0).sqrt();
        Simulation { rng, rates, fields_across: (width / FIELD_UM).ceil().max(1.0) as u64 }
    }

    /// The transcripts of one field of view.
    fn field(&mut self, number: u64) -> RecordBatch {
        let n = (DENSITY * FIELD_UM * FIELD_UM) as usize;
        let corner = [(number % self.fields_across) as f64 * FIELD_UM, (number / self.fields_across) as f64 * FIELD_UM];
        let (mut names, mut x, mut y, mut qv) = (vec![], vec![], vec![], vec![]);
        while names.len() < n {
            let centre = corner.map(|at| at + self.rng.random_range(0.0..FIELD_UM));
            let rates = &self.rates[self.rng.random_range(0..CELL_TYPES)];
            for _ in 0..TRANSCRIPTS_PER_CELL {
                let drawn = self.rng.random_range(0.0..1.0);
                let gene = rates.partition_point(|rate| *rate < drawn);
                names.push(format!("GENE{:03}", gene.min(GENES - 1)));
                let near =
                    |rng: &mut Xoshiro256PlusPlus| (0..4).map(|_| rng.random_range(-5.0..5.0)).sum::<f64>() / 2.0;
                x.push((centre[0] + near(&mut self.rng)).max(0.0) as f32);
                y.push((centre[1] + near(&mut self.rng)).max(0.0) as f32);
                qv.push(if self.rng.random_range(0.0..1.0) < 0.8 { 40.0 } else { self.rng.random_range(5.0..40.0) });
            }
        }
        let rows = names.len() as u64;
        let columns: [(&str, ArrayRef); 7] = [
            ("transcript_id", Arc::new(UInt64Array::from_iter_values((0..rows).map(|i| (number << 32) + i)))),
            ("overlaps_nucleus", Arc::new(UInt8Array::from_iter_values((0..rows).map(|i| (i % 3 == 0) as u8)))),
            ("feature_name", Arc::new(StringArray::from_iter_values(names))),
            ("z_location", Arc::new(Float32Array::from_iter_values(x.iter().map(|x| x % 17.0)))),
            ("x_location", Arc::new(Float32Array::from(x))),
            ("y_location", Arc::new(Float32Array::from(y))),
            ("qv", Arc::new(Float32Array::from(qv))),
        ];
        RecordBatch::try_from_iter(columns).expect("columns of one length")
    }
}

/// Rates that fall as a power, in another order for each cell type.
fn cumulative_rates(rng: &mut impl Rng) -> Vec<f64> {
    let rates: Vec<f64> = (0..GENES).map(|_| rng.random_range(0.001_f64..1.0).powi(4)).collect();
    let total: f64 = rates.iter().sum();
    let mut sum = 0.0;
    rates
        .iter()
        .map(|rate| {
            sum += rate / total;
            sum
        })
        .collect()
}

/// Writes `transcripts` rows as `path`, whose ending says how, and returns the bytes of the file.
fn write(path: &Path, transcripts: u64) -> u64 {
    let mut simulation = Simulation::new(transcripts);
    let first = simulation.field(0);
    let file = File::create(path).expect("a temporary file");
    let mut sink = if path.extension().is_some_and(|end| end == "parquet") {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(1 << 20))
            .build();
        Sink::Parquet(ArrowWriter::try_new(file, first.schema(), Some(properties)).expect("a Parquet writer"))
    } else {
        Sink::Csv(GzEncoder::new(file, flate2::Compression::fast()))
    };
    let (mut written, mut number) = (0, 0);
    while written < transcripts {
        let batch = simulation.field(number);
        let batch = batch.slice(0, batch.num_rows().min((transcripts - written) as usize));
        sink.write(&batch, number == 0);
        written += batch.num_rows() as u64;
        number += 1;
    }
    match sink {
        Sink::Parquet(writer) => drop(writer.close().expect("space in the temporary folder")),
        Sink::Csv(writer) => drop(writer.finish().expect("space in the temporary folder")),
    }
    path.metadata().expect("the file just written").len()
}

enum Sink {
    Parquet(ArrowWriter<File>),
    Csv(GzEncoder<File>),
}

impl Sink {
    fn write(&mut self, batch: &RecordBatch, first: bool) {
        match self {
            Sink::Parquet(writer) => writer.write(batch).expect("space in the temporary folder"),
            Sink::Csv(writer) => writer.write_all(csv(batch, first).as_bytes()).expect("space in the temporary folder"),
        }
    }
}

/// The rows as Xenium writes them, with a header before the first.
fn csv(batch: &RecordBatch, first: bool) -> String {
    let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut text = if first { names.join(",") + "\n" } else { String::new() };
    let numbers = |name: &str| batch.column_by_name(name).expect("a column").as_primitive::<Float32Type>();
    let (x, y, z, qv) = (numbers("x_location"), numbers("y_location"), numbers("z_location"), numbers("qv"));
    let id = batch.column(0).as_primitive::<UInt64Type>();
    let gene = batch.column(2).as_string::<i32>();
    for i in 0..batch.num_rows() {
        let (id, nucleus, gene) = (id.value(i), u8::from(i % 3 == 0), gene.value(i));
        let (x, y, z, qv) = (x.value(i), y.value(i), z.value(i), qv.value(i));
        writeln!(text, "{id},{nucleus},{gene},{z:.4},{x:.4},{y:.4},{qv:.2}").expect("memory");
    }
    text
}

/// What a run took.
#[derive(Clone, Copy)]
struct Cost {
    seconds: f64,
    peak_mib: f64,
}

fn prep(input: &Path, output: &Path, flags: &[String]) -> Cost {
    let start = Instant::now();
    let done = Command::new(env!("CARGO_BIN_EXE_s2s-prep"))
        .arg("--input")
        .arg(input)
        .arg("--output")
        .arg(output)
        .args(["--mode", "benchmark"])
        .args(flags)
        .output()
        .expect("s2s-prep");
    let seconds = start.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "s2s-prep failed: {text}");
    let peak = text.split("peak memory ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    Cost { seconds, peak_mib: peak.unwrap_or(f64::NAN) }
}

fn python(library: &str, input: &Path, output: &Path, bin_um: &str) -> Option<Cost> {
    let python = std::env::var_os("S2S_PYTHON")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/prep_scale.py");
    let done = Command::new(python).arg(script).arg(library).arg(input).arg(bin_um).arg(output).output().ok()?;
    assert!(done.status.success(), "{library}: {}", String::from_utf8_lossy(&done.stderr));
    let value: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON of prep_scale.py");
    Some(Cost { seconds: value["seconds"].as_f64()?, peak_mib: value["peak_mib"].as_f64()? })
}

/// Takes `--name VALUE` out of the arguments.
fn take(arguments: &mut Vec<String>, name: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.remove(at);
    Some(arguments.remove(at))
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let given = arguments.first().and_then(|first| first.parse().ok());
    if given.is_some() {
        arguments.remove(0);
    }
    let transcripts: u64 = given.unwrap_or(10_000_000);
    let rounds: usize = take(&mut arguments, "--rounds").map_or(3, |rounds| rounds.parse().expect("--rounds N"));
    let format = take(&mut arguments, "--format");
    let bin_um = take(&mut arguments, "--bin-um").unwrap_or_else(|| "30".to_owned());
    arguments.extend(["--bin-um".to_owned(), bin_um.clone()]);
    for (name, file) in [("parquet", "transcripts.parquet"), ("csv.gz", "transcripts.csv.gz")] {
        if format.as_ref().is_some_and(|format| format != name) {
            continue;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (input, output) = (folder.path().join(file), folder.path().join("out"));
        let bytes = write(&input, transcripts);
        eprintln!("{name}: {transcripts} transcripts, {} MB, bins of {bin_um} µm", bytes / 1_000_000);
        let mut costs: BTreeMap<&str, Vec<Cost>> = BTreeMap::new();
        for _ in 0..rounds {
            costs.entry("s2s-prep").or_default().push(prep(&input, &folder.path().join("simulated.s2s"), &arguments));
            for library in ["polars", "duckdb"] {
                costs.entry(library).or_default().extend(python(library, &input, &output, &bin_um));
            }
        }
        let all = |name: &str, of: fn(&Cost) -> f64| median(costs[name].iter().map(of)).unwrap_or(f64::NAN);
        for (tool, costs) in costs.iter().filter(|(_, costs)| !costs.is_empty()) {
            let (seconds, peak) = (all(tool, |cost| cost.seconds), all(tool, |cost| cost.peak_mib));
            println!(
                "{name} {tool:<9} {seconds:6.1} s ({:.2} of it: s2s-prep), {:5.1} M transcripts/s, {:4.0} MB/s, peak {peak:.0} MiB, {} rounds",
                all("s2s-prep", |cost| cost.seconds) / seconds,
                transcripts as f64 / seconds / 1e6,
                bytes as f64 / seconds / 1e6,
                costs.len()
            );
        }
    }
}
