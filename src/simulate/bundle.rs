//! Writes a synthetic section as the files of a Xenium bundle.

use super::anatomy::Anatomy;
use super::genes::{SimulatedGene, panel};
use crate::cli::Progress;
use crate::files::{Replace, write_atomically};
use crate::provenance::Provenance;
use crate::{Error, Result};
use arrow::array::{ArrayRef, Float32Array, Float64Array, StringArray, UInt8Array, UInt32Array, UInt64Array};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Molecules of all genes that a bin of 30 µm in plain tissue holds on average.
const MOLECULES: f64 = 250.0;

/// Share of molecules whose quality is below 20.
const POOR: f64 = 0.04;

/// Share of molecules that are controls.
const CONTROLS: f64 = 0.004;

/// A bin is drawn as this many cells to a side, so that there is texture below the size of a bin.
const CELLS: usize = 2;

/// Rows of bins per row group.
const ROWS_PER_GROUP: usize = 16;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Rows of bins.
    pub rows: usize,
    /// Columns of bins.
    pub cols: usize,
    /// Side of a bin in µm.
    pub bin_um: f64,
    /// Number of genes.
    pub genes: usize,
    /// Decides everything.
    pub seed: u64,
}

/// The drawn molecules of a row of bins, column by column of the file.
#[derive(Default)]
struct Molecules {
    feature: Vec<u32>,
    x: Vec<f32>,
    y: Vec<f32>,
    z: Vec<f32>,
    qv: Vec<f32>,
}

/// The section that a plan describes.
struct Section<'a> {
    plan: &'a Plan,
    anatomy: Anatomy,
    genes: Vec<SimulatedGene>,
    /// Molecules per µm² and unit of weight.
    rate: f64,
}

/// Simulates a section into `folder`, whole or not at all; the same for the same plan, on any number of threads.
///
/// `transcripts.parquet` and `experiment.xenium` are those of a Xenium bundle; `rates.parquet` holds the truth: the expected
/// count of each gene in each bin, at a quality of 20 or better.
pub fn write(plan: &Plan, folder: &Path) -> Result<()> {
    check(plan)?;
    let replace = Replace::begin(folder, |path| path.join("rates.parquet").exists())?;
    let section = Section::new(plan);
    let provenance = Provenance::new("s2s-simulate", serde_json::Value::Null, Some(plan.seed), Vec::new());
    let provenance = serde_json::to_string(&provenance).map_err(|e| Error::Bug(e.to_string()))?;
    let molecules = section.write_transcripts(&replace.path().join("transcripts.parquet"), &provenance)?;
    section.write_rates(&replace.path().join("rates.parquet"), &provenance)?;
    let experiment = serde_json::json!({
        "run_name": format!("s2s-simulate seed {}", plan.seed),
        "panel_name": "synthetic", "panel_num_targets_predesigned": plan.genes,
        "pixel_size": 0.2125, "analysis_sw_version": "s2s", "num_transcripts": molecules,
    });
    write_atomically(&replace.path().join("experiment.xenium"), format!("{experiment:#}\n").as_bytes())?;
    replace.finish()?;
    eprintln!("simulate: {molecules} molecules of {} genes in {}", plan.genes, folder.display());
    Ok(())
}

fn check(plan: &Plan) -> Result<()> {
    let wrong =
        |flag: &str, found: String, expected: &str| Err(Error::Usage(format!("{flag} {found}: expected {expected}")));
    for (flag, value) in [("--rows", plan.rows), ("--cols", plan.cols), ("--genes", plan.genes)] {
        if value == 0 || value > 20_000 {
            return wrong(flag, value.to_string(), "a number from 1 to 20000");
        }
    }
    if !(plan.bin_um > 0.0 && plan.bin_um <= 1000.0) {
        return wrong("--bin-um", plan.bin_um.to_string(), "µm above 0, up to 1000");
    }
    Ok(())
}

impl<'a> Section<'a> {
    fn new(plan: &'a Plan) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(plan.seed);
        let (width, height) = (plan.cols as f64 * plan.bin_um, plan.rows as f64 * plan.bin_um);
        let anatomy = Anatomy::random(width, height, &mut rng);
        let genes = panel(plan.genes, &mut rng);
        // About a third of a gene's full strength is what it has on average over the patterns.
        let strength: f64 = genes.iter().map(|gene| gene.strength).sum::<f64>() / 3.0;
        Section { plan, anatomy, rate: MOLECULES / (30.0 * 30.0) / strength, genes }
    }

    /// Expected molecules of a gene in a cell of `side` µm around (x, y).
    fn expected(&self, gene: &SimulatedGene, x: f64, y: f64, side: f64) -> f64 {
        self.rate * side * side * self.anatomy.cellularity(x, y) * gene.weight(&self.anatomy, x, y)
    }

    /// The centres of the cells of a bin in µm.
    fn cells(&self, row: usize, col: usize) -> impl Iterator<Item = (f64, f64)> + '_ {
        let side = self.plan.bin_um / CELLS as f64;
        (0..CELLS * CELLS).map(move |i| {
            let (down, right) = (i / CELLS, i % CELLS);
            let along = |bin: usize, cell: usize| bin as f64 * self.plan.bin_um + (cell as f64 + 0.5) * side;
            (along(col, right), along(row, down))
        })
    }

    /// The molecules of a row of bins: each row has a random stream of its own.
    fn row(&self, row: usize) -> Molecules {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.plan.seed ^ ((row as u64 + 1) << 32));
        let side = self.plan.bin_um / CELLS as f64;
        let mut drawn = Molecules::default();
        for col in 0..self.plan.cols {
            for (x, y) in self.cells(row, col) {
                let mut all = 0;
                for (feature, gene) in self.genes.iter().enumerate() {
                    let count = poisson(self.expected(gene, x, y, side), &mut rng);
                    all += count;
                    drawn.add(feature as u32, count, (x, y), side, &mut rng);
                }
                let stray = poisson(all as f64 * CONTROLS + 1e-5 * side * side, &mut rng);
                let control = self.genes.len() as u32 + rng.random_range(0..CONTROL_NAMES.len() as u32);
                drawn.add(control, stray, (x, y), side, &mut rng);
            }
        }
        drawn
    }

    fn write_transcripts(&self, path: &Path, provenance: &str) -> Result<u64> {
        let failed = |e: &dyn std::fmt::Display| Error::Io(format!("{}: could not write: {e}", path.display()));
        let names: Vec<&str> = self.genes.iter().map(|gene| gene.name.as_str()).chain(CONTROL_NAMES).collect();
        let file = File::create(path).map_err(|e| Error::io(path, "create", e))?;
        let schema = batch(&[], &names, 0).map_err(|e| failed(&e))?.schema();
        let mut writer = ArrowWriter::try_new(file, schema, Some(properties(provenance))).map_err(|e| failed(&e))?;
        let mut progress = Progress::new("simulate", "rows", self.plan.rows as u64);
        let mut molecules = 0;
        for first in (0..self.plan.rows).step_by(ROWS_PER_GROUP) {
            let last = (first + ROWS_PER_GROUP).min(self.plan.rows);
            let rows: Vec<Molecules> = (first..last).into_par_iter().map(|row| self.row(row)).collect();
            let group = batch(&rows, &names, molecules).map_err(|e| failed(&e))?;
            writer.write(&group).and_then(|()| writer.flush()).map_err(|e| failed(&e))?;
            molecules += group.num_rows() as u64;
            progress.at(last as u64, || format!("{molecules} molecules"));
        }
        let file = writer.into_inner().map_err(|e| failed(&e))?;
        file.sync_all().map_err(|e| Error::io(path, "write", e))?;
        Ok(molecules)
    }

    fn write_rates(&self, path: &Path, provenance: &str) -> Result<()> {
        let failed = |e: &dyn std::fmt::Display| Error::Io(format!("{}: could not write: {e}", path.display()));
        let file = File::create(path).map_err(|e| Error::io(path, "create", e))?;
        let mut writer = None;
        let mut file = Some(file);
        for gene in &self.genes {
            let rows = self.rates(gene).map_err(|e| failed(&e))?;
            let writer = match (&mut writer, file.take()) {
                (Some(writer), _) => writer,
                (empty, Some(file)) => empty.insert(
                    ArrowWriter::try_new(file, rows.schema(), Some(properties(provenance))).map_err(|e| failed(&e))?,
                ),
                (None, None) => return Err(Error::Bug("rates have no file".to_owned())),
            };
            writer.write(&rows).and_then(|()| writer.flush()).map_err(|e| failed(&e))?;
        }
        writer.map_or(Ok(()), |writer| writer.close().map(drop).map_err(|e| failed(&e)))
    }

    fn rates(&self, gene: &SimulatedGene) -> parquet::errors::Result<RecordBatch> {
        let (rows, cols) = (self.plan.rows, self.plan.cols);
        let side = self.plan.bin_um / CELLS as f64;
        let rate = |i: usize| {
            let cells = self.cells(i / cols, i % cols);
            (1.0 - POOR) * cells.map(|(x, y)| self.expected(gene, x, y, side)).sum::<f64>()
        };
        let all: Vec<f64> = (0..rows * cols).into_par_iter().map(rate).collect();
        let columns: [(&str, ArrayRef); 4] = [
            ("gene", Arc::new(StringArray::from_iter_values(all.iter().map(|_| &gene.name)))),
            ("row", Arc::new(UInt32Array::from_iter_values((0..rows * cols).map(|i| (i / cols) as u32)))),
            ("col", Arc::new(UInt32Array::from_iter_values((0..rows * cols).map(|i| (i % cols) as u32)))),
            ("rate", Arc::new(Float64Array::from(all))),
        ];
        Ok(RecordBatch::try_from_iter(columns)?)
    }
}

/// Control features of a Xenium panel: readers have to leave them out.
const CONTROL_NAMES: [&str; 4] =
    ["NegControlProbe_00001", "NegControlCodeword_0500", "UnassignedCodeword_0001", "BLANK_0001"];

impl Molecules {
    /// Adds `count` molecules of a feature at random places of a cell.
    fn add(&mut self, feature: u32, count: u32, (x, y): (f64, f64), side: f64, rng: &mut impl Rng) {
        for _ in 0..count {
            let mut jitter = |centre: f64| (centre + (rng.random::<f64>() - 0.5) * side) as f32;
            self.x.push(jitter(x));
            self.y.push(jitter(y));
            self.z.push(jitter(15.0));
            self.feature.push(feature);
            let quality = rng.random::<f32>();
            self.qv.push(if rng.random::<f64>() < POOR { 19.0 * quality } else { 20.0 + 20.0 * quality });
        }
    }
}

/// The molecules of some rows as they stand in `transcripts.parquet`; identifiers count on from `first`.
fn batch(rows: &[Molecules], names: &[&str], first: u64) -> parquet::errors::Result<RecordBatch> {
    fn all<T: Copy>(rows: &[Molecules], column: impl Fn(&Molecules) -> &[T]) -> Vec<T> {
        rows.iter().flat_map(|row| column(row).iter().copied()).collect()
    }
    let features = all(rows, |row| &row.feature);
    let count = features.len();
    let columns: [(&str, ArrayRef); 8] = [
        ("transcript_id", Arc::new(UInt64Array::from_iter_values(first..first + count as u64))),
        ("cell_id", Arc::new(StringArray::from(vec!["UNASSIGNED"; count]))),
        ("overlaps_nucleus", Arc::new(UInt8Array::from(vec![0; count]))),
        ("feature_name", Arc::new(StringArray::from_iter_values(features.iter().map(|f| names[*f as usize])))),
        ("x_location", Arc::new(Float32Array::from(all(rows, |row| &row.x)))),
        ("y_location", Arc::new(Float32Array::from(all(rows, |row| &row.y)))),
        ("z_location", Arc::new(Float32Array::from(all(rows, |row| &row.z)))),
        ("qv", Arc::new(Float32Array::from(all(rows, |row| &row.qv)))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn properties(provenance: &str) -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(vec![KeyValue::new("provenance".to_owned(), provenance.to_owned())]))
        .build()
}

/// A Poisson draw: Knuth's product of uniforms; a large mean is the sum of two halves.
fn poisson(mean: f64, rng: &mut impl Rng) -> u32 {
    if mean > 16.0 {
        return poisson(mean / 2.0, rng) + poisson(mean / 2.0, rng);
    }
    let (limit, mut product, mut count) = ((-mean).exp(), rng.random::<f64>(), 0);
    while product > limit {
        product *= rng.random::<f64>();
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisson_draws_have_their_mean_and_variance() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for mean in [0.3, 4.0, 70.0] {
            let draws: Vec<f64> = (0..20_000).map(|_| f64::from(poisson(mean, &mut rng))).collect();
            let average = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance = draws.iter().map(|d| (d - average).powi(2)).sum::<f64>() / draws.len() as f64;
            assert!((average / mean - 1.0).abs() < 0.03 && (variance / mean - 1.0).abs() < 0.06, "{mean}");
        }
    }
}
