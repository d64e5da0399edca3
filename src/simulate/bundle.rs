//! Writes a synthetic section as the files of a Xenium bundle.

use super::molecules::{Molecules, Row, Section};
use super::plan::Plan;
use super::stain::write_stain;
use crate::compute::Progress;
use crate::files::{Entry, Layout, Replace, write_atomically};
use crate::provenance::Provenance;
use crate::words::counted;
use crate::{Error, Result};
use arrow_array::{
    ArrayRef, Float32Array, Float64Array, RecordBatch, StringArray, UInt8Array, UInt32Array, UInt64Array,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::Result as Written;
use parquet::file::metadata::{KeyValue, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use rayon::prelude::*;
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of bins per row group, if they are not too large for that.
const ROWS_PER_GROUP: usize = 16;

/// Molecules and rates that are held in memory at a time, about.
const GROUP_SIZE: f64 = 16e6;

/// The key of the provenance in the metadata of the tables.
const PROVENANCE: &str = "provenance";

/// Simulates a section into `folder`, whole or not at all; the same for the same plan, on any number of threads.
///
/// `transcripts.parquet` and `experiment.xenium` are those of a Xenium bundle; `rates.parquet` holds the truth (gene, row,
/// col, rate): the expected count of each gene in each bin, at a quality of 20 or better. Memory does not grow with the
/// number of rows. With `stain`, `morphology_mip.ome.tif` is DAPI of nuclei that follow the anatomy. [`Error::Usage`] if the plan makes no
/// sense, `folder` holds something else, or without `force` the section of another plan.
pub fn write(plan: &Plan, folder: &Path, stain: bool, force: bool, command: &[String]) -> Result<()> {
    plan.check()?;
    let Plan { rows, cols, bin_um, genes, seed, depth_um } = *plan;
    let asked =
        json!({ "rows": rows, "cols": cols, "bin_um": bin_um, "genes": genes, "depth_um": depth_um, "stain": stain });
    let provenance = Provenance::new("s2s-simulate", Value::Null, Some(seed), Vec::new());
    let provenance = provenance.with_request(asked).with_command(command);
    let replace = Replace::begin(folder, |path| earlier(path).is_some(), is_part)?;
    provenance.earlier(earlier(folder).as_slice()).give_way(folder, force)?;
    let section = Section::new(plan);
    let molecules = write_tables(plan, &section, replace.path(), &provenance)?;
    if stain {
        write_stain(plan, &section.anatomy, &replace.path().join("morphology_mip.ome.tif"))?;
    }
    let experiment = serde_json::json!({
        "run_name": format!("s2s-simulate seed {}", plan.seed),
        "panel_name": "synthetic", "panel_num_targets_predesigned": plan.genes,
        "pixel_size": 0.2125, "analysis_sw_version": "s2s", "num_transcripts": molecules,
    });
    write_atomically(&replace.path().join("experiment.xenium"), format!("{experiment:#}\n").as_bytes())?;
    replace.finish()?;
    tracing::info!("simulate: {molecules} molecules of {} in {}", counted(plan.genes, "gene"), folder.display());
    Ok(())
}

/// Whether a section, with or without a stain, has such a part.
fn is_part(entry: &Entry) -> bool {
    const FILES: &str = "transcripts.parquet|rates.parquet|experiment.xenium|morphology_mip.ome.tif";
    Layout { folders: &[], files: &[FILES] }.holds(entry)
}

/// The run that the section in `folder` came from, if s2s-simulate wrote it.
fn earlier(folder: &Path) -> Option<Provenance> {
    let file = File::open(folder.join("rates.parquet")).ok()?;
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).ok()?;
    let notes = metadata.file_metadata().key_value_metadata()?;
    let note = notes.iter().find(|note| note.key == PROVENANCE)?;
    Some(Provenance::told(serde_json::from_str(note.value.as_ref()?).ok()?))
}

/// Writes the molecules and the rates, a band of rows at a time, and returns the number of molecules.
fn write_tables(plan: &Plan, section: &Section, folder: &Path, provenance: &Provenance) -> Result<u64> {
    let provenance = serde_json::to_string(provenance).map_err(|e| Error::bug(e))?;
    let features = section.features();
    let mut transcripts =
        Table::create(folder.join("transcripts.parquet"), transcripts(&[], &features, 0), &provenance)?;
    let mut truth = Table::create(folder.join("rates.parquet"), rates(&[], 0, 0, plan.cols, ""), &provenance)?;
    let mut progress = Progress::new("simulate", "rows", plan.rows as u64);
    let band = ((GROUP_SIZE / section.row_size()) as usize).clamp(1, ROWS_PER_GROUP);
    let mut molecules = 0;
    for first in (0..plan.rows).step_by(band) {
        let last = (first + band).min(plan.rows);
        let rows: Vec<Row> = (first..last).into_par_iter().map(|row| section.row(row)).collect();
        molecules += transcripts.write(self::transcripts(&rows, &features, molecules))?;
        transcripts.end_group()?;
        for (index, gene) in section.genes.iter().enumerate() {
            truth.write(rates(&rows, first, index, plan.cols, &gene.name))?;
        }
        truth.end_group()?;
        progress.at(last as u64, || format!("{molecules} molecules"));
    }
    transcripts.finish()?;
    truth.finish()?;
    Ok(molecules)
}

/// The molecules of some rows as they stand in `transcripts.parquet`; identifiers count on from `first`.
fn transcripts(rows: &[Row], features: &[&str], first: u64) -> Written<RecordBatch> {
    fn all<T: Copy>(rows: &[Row], column: impl Fn(&Molecules) -> &[T]) -> Vec<T> {
        rows.iter().flat_map(|row| column(&row.molecules).iter().copied()).collect()
    }
    let feature = all(rows, |drawn| &drawn.feature);
    let count = feature.len();
    let columns: [(&str, ArrayRef); 8] = [
        ("transcript_id", Arc::new(UInt64Array::from_iter_values(first..first + count as u64))),
        ("cell_id", Arc::new(StringArray::from(vec!["UNASSIGNED"; count]))),
        ("overlaps_nucleus", Arc::new(UInt8Array::from(vec![0; count]))),
        ("feature_name", Arc::new(StringArray::from_iter_values(feature.iter().map(|f| features[*f as usize])))),
        ("x_location", Arc::new(Float32Array::from(all(rows, |drawn| &drawn.x)))),
        ("y_location", Arc::new(Float32Array::from(all(rows, |drawn| &drawn.y)))),
        ("z_location", Arc::new(Float32Array::from(all(rows, |drawn| &drawn.z)))),
        ("qv", Arc::new(Float32Array::from(all(rows, |drawn| &drawn.qv)))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// The expected counts of one gene in some rows, the first of which is `first`.
fn rates(rows: &[Row], first: usize, gene: usize, cols: usize, name: &str) -> Written<RecordBatch> {
    let (mut row, mut col, mut rate) = (Vec::new(), Vec::new(), Vec::new());
    for (down, one) in rows.iter().enumerate() {
        row.extend(std::iter::repeat_n((first + down) as u32, cols));
        col.extend(0..cols as u32);
        rate.extend_from_slice(&one.rates[gene * cols..(gene + 1) * cols]);
    }
    let columns: [(&str, ArrayRef); 4] = [
        ("gene", Arc::new(StringArray::from_iter_values(rate.iter().map(|_| name)))),
        ("row", Arc::new(UInt32Array::from(row))),
        ("col", Arc::new(UInt32Array::from(col))),
        ("rate", Arc::new(Float64Array::from(rate))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// A Parquet file that is being written.
struct Table {
    path: PathBuf,
    writer: ArrowWriter<File>,
}

impl Table {
    /// Starts the file; `empty` is a table without rows that gives its columns.
    fn create(path: PathBuf, empty: Written<RecordBatch>, provenance: &str) -> Result<Self> {
        let file = File::create(&path).map_err(|e| Error::io(&path, "create", e))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(vec![KeyValue::new(PROVENANCE.to_owned(), provenance.to_owned())]))
            .build();
        let writer = empty.and_then(|batch| ArrowWriter::try_new(file, batch.schema(), Some(properties)));
        let writer = writer.map_err(|e| failed(&path, e))?;
        Ok(Table { path, writer })
    }

    /// Adds rows and returns their number.
    fn write(&mut self, batch: Written<RecordBatch>) -> Result<u64> {
        let written = batch.and_then(|batch| self.writer.write(&batch).map(|()| batch.num_rows() as u64));
        written.map_err(|e| failed(&self.path, e))
    }

    fn end_group(&mut self) -> Result<()> {
        self.writer.flush().map_err(|e| failed(&self.path, e))
    }

    fn finish(self) -> Result<()> {
        let file = self.writer.into_inner().map_err(|e| failed(&self.path, e))?;
        file.sync_all().map_err(|e| Error::io(&self.path, "write", e))
    }
}

fn failed(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::Io(format!("{}: could not write: {error}", path.display()))
}
