//! AnnData: `.h5ad` and AnnData-Zarr.

use crate::Result;
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::flags;
use crate::ingest::folders::lower_name;
use crate::ingest::matrix::{Tree, check_table, corner_um, is_table, observed, read_table, squares_um};
use crate::ingest::reader::{Platform, Reader};
use std::path::Path;

static PLATFORM: Platform = Platform {
    name: "anndata",
    title: "AnnData, as .h5ad or Zarr",
    input: ".h5ad or AnnData-Zarr",
    part_of: None,
    flags: &[
        &flags::GENE_COLUMN,
        &flags::UM_PER_UNIT,
        &flags::LAYER,
        &flags::WHERE,
        &flags::PITCH_UM,
        &flags::ALREADY_NORMALISED,
    ],
};

/// The reader of AnnData.
pub(crate) struct AnnData;

impl Reader for AnnData {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn recognises(&self, input: &Path) -> Result<bool> {
        if lower_name(input).ends_with(".h5ad") {
            return Ok(true);
        }
        Ok((Tree::is_zarr(input) || Tree::is_hdf5(input)) && is_table(&Tree::open(input)?)?)
    }

    fn spot_um(&self, path: &Path, config: &PrepConfig) -> Option<f64> {
        self.finest_um(path, config).is_none().then(|| config.spot_um())
    }

    /// The squares of Visium HD, if the object is made of them.
    fn finest_um(&self, path: &Path, config: &PrepConfig) -> Option<f64> {
        Tree::open(path).and_then(|tree| squares_um(&tree, config)).ok()?
    }

    fn corner_um(&self, path: &Path, config: &PrepConfig, collector: &Collector) -> Result<[f64; 2]> {
        let tree = Tree::open(path)?;
        check_table(&tree)?;
        corner_um(&tree, config, collector)
    }

    fn observed(
        &self,
        path: &Path,
        config: &PrepConfig,
        condition: &str,
        collector: &Collector,
    ) -> Result<Vec<[f64; 2]>> {
        observed(&Tree::open(path)?, config, condition, collector)
    }

    fn read(&self, path: &Path, config: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        read_table(&Tree::open(path)?, config, collector)
    }
}
