//! `uns/spatial` of the table: where scanpy and squidpy look for the picture that they lay spots on, and for the size of a spot. With it they
//! plot bins in their size and the right way up without being told.

use super::table::TABLE;
use super::zarr::{Kind, Zarr};
use crate::Result;
use crate::dataset::Dataset;
use crate::files::file_name;
use zarrs::array::data_type;

/// Pixels of the longer side of the picture, at most.
const LONGEST: f64 = 1000.0;

/// Light of the tissue and of what is around it.
const TISSUE: u8 = 230;
const AROUND: u8 = 255;

/// Writes it: the tissue in grey on white. Its first pixel lies at (0, 0) µm, as both programs ask for; a section that reaches beyond has none.
pub(super) fn create(zarr: &Zarr, dataset: &Dataset) -> Result<()> {
    let (manifest, tissue) = (dataset.manifest(), dataset.tissue());
    let (bin, [left, top]) = (manifest.grid.bin_um, manifest.grid.origin_um);
    let library = format!("{TABLE}/uns/spatial/{}", file_name(&manifest.sample));
    zarr.dict(&format!("{TABLE}/uns/spatial"))?;
    for group in ["", "/images", "/scalefactors"] {
        zarr.dict(&format!("{library}{group}"))?;
    }
    zarr.number(&format!("{library}/scalefactors/spot_diameter_fullres"), bin)?;
    let [width, height] = [left + tissue.cols() as f64 * bin, top + tissue.rows() as f64 * bin];
    let scale = (1.0 / bin).min(LONGEST / width.max(height));
    if left < 0.0 || top < 0.0 || !(scale > 0.0 && scale.is_finite()) {
        return zarr.number(&format!("{library}/scalefactors/tissue_hires_scalef"), 1.0);
    }
    zarr.number(&format!("{library}/scalefactors/tissue_hires_scalef"), scale)?;
    let [rows, cols] = [height, width].map(|um| (um * scale).ceil().max(1.0) as usize);
    let light = |row: usize, col: usize| {
        let bin = |pixel: usize, origin: f64| {
            let place = ((pixel as f64 + 0.5) / scale - origin) / bin;
            (place >= 0.0).then_some(place as usize)
        };
        match (bin(row, top), bin(col, left)) {
            (Some(row), Some(col)) if row < tissue.rows() && col < tissue.cols() && tissue[(row, col)] => TISSUE,
            _ => AROUND,
        }
    };
    let pixels: Vec<u8> = (0..rows * cols).flat_map(|pixel| [light(pixel / cols, pixel % cols); 3]).collect();
    let kind = Kind::vector(pixels.len(), data_type::uint8(), AROUND);
    let kind = Kind { shape: vec![rows, cols, 3], chunk: vec![rows, cols, 3], ..kind };
    zarr.column(&format!("{library}/images/hires"), kind, &pixels)
}
