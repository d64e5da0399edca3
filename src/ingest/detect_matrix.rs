//! Recognises platforms whose files are matrices.

use super::arguments::Arguments;
use super::detect::{self, Platform, Source};
use super::tree::Tree;
use super::visium::{Array, SPOT_UM, Squares};
use super::xenium_cells::Cells;
use super::{anndata, spatialdata};
use crate::config::PrepConfig;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Recognises `input`, a matrix or a file of transcripts; the arguments may say what it is.
pub(super) fn detect(input: &Path, arguments: &Arguments) -> Result<Source> {
    let platform = arguments.platform.platform();
    match matrix(input, platform, arguments.xenium_cells)? {
        Some(platform) => Ok(Source { platform, path: input.to_owned() }),
        None => detect::detect(input, platform),
    }
}

/// The platform of the matrix `input`, if it is one; `platform` is what the user said, if anything.
fn matrix(input: &Path, platform: Option<Platform>, cells: bool) -> Result<Option<Platform>> {
    match platform {
        Some(Platform::Xenium) | None if cells => return Cells::find(input).map(|_| Some(Platform::XeniumCells)),
        Some(Platform::Visium | Platform::VisiumHd | Platform::Anndata | Platform::SpatialData) => return Ok(platform),
        Some(Platform::Xenium) | None => {}
        Some(_) => return Ok(None),
    }
    let transcripts = ["transcripts.parquet", "transcripts.csv.gz", "transcripts.csv"];
    if transcripts.iter().any(|name| input.join(name).is_file()) {
        return Ok(None);
    }
    if Cells::find(input).is_ok() {
        return Ok(Some(Platform::XeniumCells));
    }
    if platform.is_some() { Ok(None) } else { by_content(input) }
}

/// Side in µm of the finest bins that `source` allows, where it has a lattice of its own.
pub(super) fn fine_um(source: &Source, config: &PrepConfig) -> Option<f64> {
    match source.platform {
        Platform::Visium => Some(SPOT_UM),
        Platform::VisiumHd => Squares::all(&source.path).first().map(|squares| squares.side_um),
        Platform::Anndata | Platform::SpatialData => Some(config.bin_um),
        _ => None,
    }
}

fn by_content(input: &Path) -> Result<Option<Platform>> {
    let name = input.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if name.ends_with(".h5ad") {
        return Ok(Some(Platform::Anndata));
    }
    let is_zarr = ["zarr.json", ".zgroup"].iter().any(|file| input.join(file).is_file());
    if is_zarr {
        let tree = Tree::open(input)?;
        return match (anndata::is_table(&tree)?, spatialdata::is_store(&tree)?) {
            (true, _) => Ok(Some(Platform::Anndata)),
            (false, true) => Ok(Some(Platform::SpatialData)),
            (false, false) => Err(Error::data(input, "a Zarr store, but neither AnnData nor SpatialData")),
        };
    }
    if !Squares::all(input).is_empty() {
        return Ok(Some(Platform::VisiumHd));
    }
    Ok((name.ends_with(".h5") || Array::is_in(input)).then_some(Platform::Visium))
}

/// Every file or folder that is read from `source`, for its fingerprints.
pub(super) fn files(source: &Source, config: &PrepConfig) -> Result<Vec<PathBuf>> {
    match source.platform {
        Platform::Visium => Ok(Array::find(&source.path)?.files()),
        Platform::VisiumHd => Ok(Squares::dividing(&source.path, config.bin_um)?.array(&source.path)?.files()),
        Platform::XeniumCells => Ok(Cells::find(&source.path)?.files()),
        Platform::SpatialData => Ok(vec![spatialdata::folder(&source.path, config.matrix.element.as_deref())?]),
        _ => Ok(vec![source.path.clone()]),
    }
}
