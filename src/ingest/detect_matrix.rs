//! Recognises platforms whose files are matrices.

use super::detect::{Platform, Source};
use super::tree::Tree;
use super::visium::{Array, Squares};
use super::xenium_cells::Cells;
use super::{anndata, experiment, spatialdata};
use crate::config::PrepConfig;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// The matrix at `input`, if it is one; `platform` is what the user said, if anything.
pub(super) fn detect(input: &Path, platform: Option<Platform>, cells: bool) -> Result<Option<Source>> {
    let source = |platform| Ok(Some(Source { platform, path: input.to_owned() }));
    match platform {
        Some(Platform::Xenium) | None if cells => {
            return Cells::find(input).and_then(|_| source(Platform::XeniumCells));
        }
        Some(found @ (Platform::Visium | Platform::VisiumHd | Platform::Anndata | Platform::SpatialData)) => {
            return source(found);
        }
        Some(Platform::Xenium) | None => {}
        Some(_) => return Ok(None),
    }
    if input.is_dir() {
        let transcripts = ["transcripts.parquet", "transcripts.csv.gz", "transcripts.csv"];
        let path = transcripts.iter().map(|name| input.join(name)).find(|path| path.is_file());
        return match path {
            // Tables of transcripts have many writers; only a Xenium bundle has this file beside them.
            Some(path) if platform.is_some() || input.join(experiment::FILE).is_file() => {
                Ok(Some(Source { platform: Platform::Xenium, path }))
            }
            Some(_) => Ok(None),
            None if Cells::find(input).is_ok() => source(Platform::XeniumCells),
            None if platform.is_some() => Ok(None),
            None => Ok(by_content(input)?.map(|platform| Source { platform, path: input.to_owned() })),
        };
    }
    if platform.is_some() {
        return Ok(None);
    }
    match by_content(input)? {
        Some(platform) => source(platform),
        None => Ok(None),
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
