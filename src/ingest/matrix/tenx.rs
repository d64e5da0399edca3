//! 10x count matrices: `*_feature_bc_matrix.h5` of every version, and the folder of MTX files.

use super::columns::Column;
use super::entries::Matrix;
use super::features::Features;
use super::mtx::Mtx;
use super::places::Places;
use super::sink::{Gene, MatrixSink};
use super::tree::Tree;
use crate::ingest::binning::{Collector, ReadStats};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A matrix of genes × barcodes.
pub(crate) struct TenX {
    path: PathBuf,
    genes: Vec<Gene>,
    /// What there is to say of the genes.
    notes: Vec<String>,
    source: Source,
}

enum Source {
    /// The group of the HDF5 file that holds the matrix.
    Hdf5(Tree, String),
    Mtx(Mtx),
}

impl TenX {
    /// Opens an HDF5 file, a folder of MTX files, or a file `…matrix.mtx` beside its features and barcodes.
    pub(crate) fn open(path: &Path) -> Result<TenX> {
        if Mtx::is(path) {
            return TenX::of_mtx(path, Mtx::open(path)?);
        }
        let tree = Tree::open(path)?;
        let group = group(&tree)?;
        TenX::of(path, features(&tree, &group)?, Source::Hdf5(tree, group))
    }

    /// The matrix `mtx`, of which errors name `path`.
    pub(crate) fn of_mtx(path: &Path, mtx: Mtx) -> Result<TenX> {
        TenX::of(path, mtx.features()?, Source::Mtx(mtx))
    }

    fn of(path: &Path, features: Features, source: Source) -> Result<TenX> {
        let (genes, notes) = features.genes().map_err(|what| Error::data(path, what))?;
        Ok(TenX { path: path.to_owned(), genes, notes, source })
    }

    /// Gives every barcode to `each`, in the order of the matrix.
    pub(crate) fn barcodes(&self, each: impl FnMut(&str)) -> Result<()> {
        match &self.source {
            Source::Hdf5(tree, group) => tree.texts(&format!("{group}/barcodes"), each),
            Source::Mtx(mtx) => mtx.barcodes(each),
        }
    }

    /// Reads all counts; `place` is x and y in µm of a barcode by `table`, which has every one of them, each a `what` (cell, bead).
    pub(crate) fn read_at(
        &self,
        what: &str,
        table: &Path,
        place: impl Fn(&str) -> Option<[f64; 2]>,
        collector: &Collector,
    ) -> Result<ReadStats> {
        let (mut at, mut stranger) = (Vec::new(), None);
        self.barcodes(|barcode| match place(barcode) {
            Some(place) => at.push(place),
            None => stranger = stranger.take().or_else(|| Some(barcode.to_owned())),
        })?;
        match stranger {
            Some(barcode) => Err(Error::data(table, format!("{what} {barcode} of the matrix is not in it"))),
            None => self.read(&Places::Points(at), collector),
        }
    }

    /// Reads all counts; `places` says where each barcode lies.
    pub(crate) fn read(&self, places: &Places, collector: &Collector) -> Result<ReadStats> {
        self.notes.iter().for_each(|note| collector.note(note.clone()));
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

/// The features, which have had kinds since version 3.
fn features(tree: &Tree, group: &str) -> Result<Features> {
    let of_version_3 = tree.has(&format!("{group}/features"))?;
    let [names, ids] = if of_version_3 { ["features/name", "features/id"] } else { ["gene_names", "genes"] };
    let texts = |name: &str| {
        let mut all = Vec::new();
        tree.texts(&format!("{group}/{name}"), |text| all.push(Some(text.to_owned()))).map(|()| all)
    };
    let kinds = format!("{group}/features/feature_type");
    Ok(Features {
        names: texts(names)?,
        ids: if tree.has(&format!("{group}/{ids}"))? { texts(ids)? } else { Vec::new() },
        kinds: tree.has(&kinds)?.then(|| Column::read(tree, &kinds)).transpose()?,
    })
}
