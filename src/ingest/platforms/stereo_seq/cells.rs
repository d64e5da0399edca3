//! Cells of Stereo-seq: `cellBin` of a `.cellbin.gef`, each counted where its centre is.

use crate::Result;
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::matrix::{Features, Matrix, MatrixSink, Places, Tree};

/// Reads the counts of all cells: `cell` says where a cell lies and which of the pairs (gene, count) of `cellExp` are its own.
pub(super) fn read(tree: &Tree, pitch_um: f64, collector: &Collector) -> Result<ReadStats> {
    let genes = Features::of_records(tree, "cellBin/gene", collector)?;
    let column = |field: &str| tree.column(&format!("cellBin/cell/{field}"));
    let from = ["offsetX", "offsetY"].map(|key| tree.numbers("", key).and_then(|numbers| numbers.first().copied()));
    let um = |at: f64, axis: usize| (from[axis].unwrap_or(0) as f64 + at + 0.5) * pitch_um;
    let at: Vec<[f64; 2]> = column("x")?.into_iter().zip(column("y")?).map(|(x, y)| [um(x, 0), um(y, 1)]).collect();
    let entries = [tree.array("cellBin/cellExp/count")?, tree.array("cellBin/cellExp/geneID")?];
    let mut starts = column("offset")?;
    starts.push(entries[0].shape().iter().product::<u64>() as f64);
    let shape = (at.len() as u64, genes.len() as u64);
    let matrix = Matrix::compressed(tree, "cellBin/cell/offset", entries, starts, shape, true)?;
    collector.note(format!("{} cells, counted at their centres: cellBin", at.len()));
    MatrixSink::new(tree.path(), &genes, &Places::Points(at), collector)?.matrix(&matrix)
}
