//! All that s2s-predict has in its stores, by whatever method and options: what else lies in one is somebody's, as SpatialData's elements are.

use crate::files::{Entry, Layout};

/// Groups and arrays, and their metadata and chunks.
const LAYOUT: Layout = Layout {
    folders: &[
        "images/imputed|uncertainty|median|lower|upper|detected|smoothed|smoothed_uncertainty/s*",
        "labels/tissue|measured/s0",
        "s2s/genes",
        "s2s/jobs/*",
        "tables/bins|cells/X",
        "tables/bins|cells/layers/expected_counts",
        "tables/bins|cells/obsm/spatial",
        "tables/bins|cells/obsp|varm|varp",
        "tables/bins|cells/uns/log1p",
        "tables/bins|cells/obs|var/_index",
        "tables/bins/layers/uncertainty|median|lower|upper|detected|smoothed|smoothed_uncertainty",
        "tables/bins/layers/measured/data|indices|indptr",
        "tables/bins/obs/row|col|measured|tissue|total|instance_id|expected_total",
        "tables/bins/obs/region/codes|categories",
        "tables/bins/uns/s2s/bin_um|target|method|version",
        "tables/bins/uns/spatialdata_attrs/region|region_key|instance_key",
        "tables/bins/uns/spatial/*/images/hires",
        "tables/bins/uns/spatial/*/scalefactors/spot_diameter_fullres|tissue_hires_scalef",
        "tables/bins/var/counts|bins|morans_i|predicted|predicted_by|advice",
        "tables/bins/var/model_sha256|model_steps|model_held_out_ratio",
        "tables/bins/var/expected_rmse_ratio|expected_rmse_ratio_lower|expected_rmse_ratio_upper|expected_pcc",
        "tables/cells/obs/area_um2|in_tissue",
    ],
    files: &["zarr.json", "c", "c.*"],
};

/// Whether a store has such a part.
pub(super) fn is_part(entry: &Entry) -> bool {
    LAYOUT.holds(entry)
}
