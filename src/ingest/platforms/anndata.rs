//! AnnData: `.h5ad` and AnnData-Zarr.

use crate::Result;
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::flags;
use crate::ingest::matrix::{Tree, is_table, read_table};
use crate::ingest::reader::{Platform, Reader};
use std::path::Path;

static PLATFORM: Platform = Platform {
    name: "anndata",
    title: "AnnData, as .h5ad or Zarr",
    input: ".h5ad or AnnData-Zarr",
    part_of: None,
    flags: &[&flags::GENE_COLUMN, &flags::UM_PER_UNIT, &flags::LAYER, &flags::WHERE, &flags::ALREADY_NORMALISED],
};

/// The reader of AnnData.
pub(crate) struct AnnData;

impl Reader for AnnData {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn recognises(&self, input: &Path) -> Result<bool> {
        let name = input.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        Ok(name.ends_with(".h5ad") || (Tree::is_zarr(input) && is_table(&Tree::open(input)?)?))
    }

    fn spot_um(&self, _: &Path, config: &PrepConfig) -> Option<f64> {
        Some(config.spot_um())
    }

    fn read(&self, path: &Path, config: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        read_table(&Tree::open(path)?, config, collector)
    }
}
