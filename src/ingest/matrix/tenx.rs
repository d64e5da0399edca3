//! 10x count matrices: `*_feature_bc_matrix.h5` of every version, and the folder of MTX files.

use super::entries::Matrix;
use super::mtx::Mtx;
use super::places::Places;
use super::sink::{Gene, MatrixSink};
use super::tree::Tree;
use crate::ingest::binning::{Collector, ReadStats};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// The kind of features that are genes; antibodies, controls and codewords are others.
pub(crate) const GENE_EXPRESSION: &str = "Gene Expression";

/// A matrix of genes × barcodes.
pub(crate) struct TenX {
    path: PathBuf,
    genes: Vec<Gene>,
    source: Source,
}

enum Source {
    /// The group of the HDF5 file that holds the matrix.
    Hdf5(Tree, String),
    Mtx(Mtx),
}

impl TenX {
    /// Opens an HDF5 file or a folder of MTX files.
    pub(crate) fn open(path: &Path) -> Result<TenX> {
        let (genes, source) = if path.is_dir() {
            let mtx = Mtx::open(path)?;
            (mtx.genes()?, Source::Mtx(mtx))
        } else {
            let tree = Tree::open(path)?;
            let group = group(&tree)?;
            (genes(&tree, &group)?, Source::Hdf5(tree, group))
        };
        Ok(TenX { path: path.to_owned(), genes, source })
    }

    /// Gives every barcode to `each`, in the order of the matrix.
    pub(crate) fn barcodes(&self, each: impl FnMut(&str)) -> Result<()> {
        match &self.source {
            Source::Hdf5(tree, group) => tree.texts(&format!("{group}/barcodes"), each),
            Source::Mtx(mtx) => mtx.barcodes(each),
        }
    }

    /// Reads all counts; `places` says where each barcode lies.
    pub(crate) fn read(&self, places: &Places, collector: &Collector) -> Result<ReadStats> {
        let sink = MatrixSink::new(&self.path, &self.genes, places, collector)?;
        let (barcodes, genes) = (places.len() as u64, self.genes.len() as u64);
        match &self.source {
            Source::Hdf5(tree, group) => sink.matrix(&Matrix::sparse(tree, group, (barcodes, genes), true)?),
            Source::Mtx(mtx) => mtx.read(&sink, [genes, barcodes]),
        }
    }
}

/// `matrix` from version 3 on; the name of the genome before.
fn group(tree: &Tree) -> Result<String> {
    let groups = tree.children("")?;
    if groups.iter().any(|name| name == "matrix") {
        return Ok("matrix".to_owned());
    }
    let mut genomes = Vec::new();
    for group in groups {
        if tree.has(&format!("{group}/barcodes"))? {
            genomes.push(group);
        }
    }
    match genomes.as_slice() {
        [genome] => Ok(genome.clone()),
        [] => Err(Error::data(tree.path(), "no group matrix in it. Expected a feature-barcode matrix of 10x Genomics")),
        several => Err(Error::data(
            tree.path(),
            format!("matrices of several genomes ({}), expected one. Split the file first", several.join(", ")),
        )),
    }
}

fn genes(tree: &Tree, group: &str) -> Result<Vec<Gene>> {
    let mut genes = Vec::new();
    if !tree.has(&format!("{group}/features"))? {
        tree.texts(&format!("{group}/gene_names"), |name| genes.push(Gene { name: name.to_owned(), control: false }))?;
        return Ok(genes);
    }
    let names = format!("{group}/features/name");
    tree.texts(&names, |name| genes.push(Gene { name: name.to_owned(), control: false }))?;
    let mut kinds = 0;
    let each = |kind: &str| {
        if let Some(gene) = genes.get_mut(kinds) {
            gene.control = kind != GENE_EXPRESSION;
        }
        kinds += 1;
    };
    tree.texts(&format!("{group}/features/feature_type"), each)?;
    if kinds == genes.len() { Ok(genes) } else { Err(tree.error(&names, "as many names as feature types expected")) }
}
