//! Time and peak memory of s2s-prep on a simulated Xenium section of N transcripts (default 10 million).
//!
//!     cargo bench --bench prep_scale -- 100000000 [more flags of s2s-prep, for example --bin-um 8]
//!
//! The section has the density of a dense Xenium one (0.43 transcripts per µm²: 100 million fill the whole slide,
//! 235 mm²), 377 genes whose rates differ between cell types, cells of 5 µm, and rows in the order of the fields of
//! view. The file, with columns that s2s-prep does not need, is written to the temporary folder and removed.

use arrow::array::{ArrayRef, Float32Array, RecordBatch, StringArray, UInt8Array, UInt64Array};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::fs::File;
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

fn write(path: &Path, transcripts: u64) -> u64 {
    let mut simulation = Simulation::new(transcripts);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(1 << 20))
        .build();
    let first = simulation.field(0);
    let file = File::create(path).expect("a temporary file");
    let mut writer = ArrowWriter::try_new(file, first.schema(), Some(properties)).expect("a Parquet writer");
    let (mut written, mut number) = (0, 0);
    while written < transcripts {
        let batch = simulation.field(number);
        let batch = batch.slice(0, batch.num_rows().min((transcripts - written) as usize));
        writer.write(&batch).expect("space in the temporary folder");
        written += batch.num_rows() as u64;
        number += 1;
    }
    writer.close().expect("space in the temporary folder");
    path.metadata().expect("the file just written").len()
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let given = arguments.first().and_then(|first| first.parse().ok());
    if given.is_some() {
        arguments.remove(0);
    }
    let transcripts: u64 = given.unwrap_or(10_000_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, output) = (folder.path().join("transcripts.parquet"), folder.path().join("simulated.s2s"));
    let start = Instant::now();
    let bytes = write(&input, transcripts);
    eprintln!(
        "simulated  {transcripts} transcripts, {} MB in {:.0} s",
        bytes / 1_000_000,
        start.elapsed().as_secs_f64()
    );
    let start = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_s2s-prep"))
        .arg("--input")
        .arg(&input)
        .arg("--output")
        .arg(&output)
        .args(["--mode", "benchmark"])
        .args(if arguments.iter().any(|flag| flag == "--bin-um") { vec![] } else { vec!["--bin-um", "30"] })
        .args(&arguments)
        .status()
        .expect("s2s-prep");
    let seconds = start.elapsed().as_secs_f64();
    assert!(status.success(), "s2s-prep failed");
    println!(
        "{transcripts} transcripts: {seconds:.1} s, {:.1} M transcripts/s, {:.0} MB/s",
        transcripts as f64 / seconds / 1e6,
        bytes as f64 / seconds / 1e6
    );
}
