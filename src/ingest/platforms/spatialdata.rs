//! SpatialData: a Zarr store with points (transcripts, Parquet inside) and tables (AnnData).
//!
//! Coordinates are those of the element itself, which its readers keep in µm for transcripts; transformations to other
//! coordinate systems (pixels of an image, mostly) are not applied to them; images are laid on them by these.

use crate::error::nearest_names;
use crate::guides::{Affine, coordinate_systems};
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::flags::{self, Flag};
use crate::ingest::matrix::{Tree, check_table, corner_um, is_table, observed, read_table, squares_um};
use crate::ingest::reader::{Platform, Reader};
use crate::ingest::text::{Layout, Named, Table};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

static PLATFORM: Platform = Platform {
    name: "spatialdata",
    title: "SpatialData, as Zarr",
    input: "a SpatialData Zarr",
    part_of: None,
    flags: &[
        &flags::GENE_COLUMN,
        &flags::UM_PER_UNIT,
        &flags::LAYER,
        &flags::WHERE,
        &flags::PITCH_UM,
        &ELEMENT,
        &flags::COUNT_COLUMN,
        &flags::ALREADY_NORMALISED,
    ],
};

static ELEMENT: Flag = Flag::text(
    "element",
    "NAME",
    "spatialdata: the points or the table to read [default: the only points, else the only table]",
    |config, name| {
        config.matrix.element = Some(name.to_owned());
        Ok(())
    },
);

/// The columns of points where the store does not say which holds the genes.
const POINTS: Layout =
    Layout { whose: "SpatialData's points", gene: &["feature_name", "gene", "target", "genes"], xy: &[["x", "y"]] };

/// The groups of a store.
const GROUPS: [&str; 6] = ["points", "tables", "table", "shapes", "images", "labels"];

/// The reader of SpatialData: of the element of that name, else of the only points, else of the only table.
pub(crate) struct SpatialData;

impl Reader for SpatialData {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn recognises(&self, input: &Path) -> Result<bool> {
        if !Tree::is_zarr(input) {
            return Ok(false);
        }
        let tree = Tree::open(input)?;
        Ok(!is_table(&tree)? && tree.children("")?.iter().any(|name| GROUPS.contains(&name.as_str())))
    }

    fn files(&self, path: &Path, config: &PrepConfig) -> Result<Vec<PathBuf>> {
        let element = choose(&Tree::open(path)?, config.matrix.element.as_deref())?;
        Ok(vec![if Tree::is_zipped(path) { path.to_owned() } else { path.join(element) }])
    }

    fn spot_um(&self, path: &Path, config: &PrepConfig) -> Option<f64> {
        let element = choose(&Tree::open(path).ok()?, config.matrix.element.as_deref()).ok()?;
        let of_spots = !element.starts_with("points/") && self.finest_um(path, config).is_none();
        of_spots.then(|| config.spot_um())
    }

    /// The squares of Visium HD, if the table is made of them.
    fn finest_um(&self, path: &Path, config: &PrepConfig) -> Option<f64> {
        let tree = Tree::open(path).ok()?;
        let element = choose(&tree, config.matrix.element.as_deref()).ok()?;
        if element.starts_with("points/") { None } else { squares_um(&tree.within(&element), config).ok()? }
    }

    fn corner_um(&self, path: &Path, config: &PrepConfig, collector: &Collector) -> Result<[f64; 2]> {
        let tree = Tree::open(path)?;
        let element = choose(&tree, config.matrix.element.as_deref())?;
        if element.starts_with("points/") {
            return Ok([0.0; 2]);
        }
        let table = tree.within(&element);
        check_table(&table)?;
        corner_um(&table, config, collector)
    }

    fn observed(
        &self,
        path: &Path,
        config: &PrepConfig,
        condition: &str,
        collector: &Collector,
    ) -> Result<Vec<[f64; 2]>> {
        let tree = Tree::open(path)?;
        let element = choose(&tree, config.matrix.element.as_deref())?;
        observed(&tree.within(&element), config, condition, collector)
    }

    /// By the coordinate systems that the image and the points both lie in, `global` if that is one.
    fn image_to_um(&self, path: &Path, config: &PrepConfig, image: &Path) -> Result<Option<Affine>> {
        let element = choose(&Tree::open(path)?, config.matrix.element.as_deref())?;
        if !image.starts_with(path) || !element.starts_with("points/") {
            return Ok(None);
        }
        let (from, to) = (coordinate_systems(image), coordinate_systems(&path.join(element)));
        let led = |(name, map): (&String, &Affine)| Some(map.then(&to.get(name)?.inverse()?));
        let global = from.get_key_value("global").and_then(led);
        let unit = Affine::pixels([config.csv.unit_um(); 2], [0.0; 2]);
        Ok(global.or_else(|| from.iter().find_map(led)).map(|map| map.then(&unit)))
    }

    fn read(&self, path: &Path, config: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        let tree = Tree::open(path)?;
        let element = choose(&tree, config.matrix.element.as_deref())?;
        collector.note(format!("element {element}"));
        if element.starts_with("points/") {
            if !config.matrix.r#where.is_empty() {
                let what =
                    "--where chooses observations of a table, but these are points. Name the table with --element";
                return Err(Error::Usage(format!("{}: {element}: {what}", path.display())));
            }
            return points(&tree, &element, config, collector);
        }
        read_table(&tree.within(&element), config, collector)
    }
}

fn choose(tree: &Tree, wanted: Option<&str>) -> Result<String> {
    let in_group = |group: &str| -> Result<Vec<String>> {
        Ok(tree.children(group)?.into_iter().map(|name| format!("{group}/{name}")).collect())
    };
    let points = in_group("points")?;
    let tables = [in_group("tables")?, in_group("table")?].concat();
    let all = [points.as_slice(), &tables].concat();
    if let Some(wanted) = wanted {
        let named = |path: &&String| path.as_str() == wanted || path.rsplit('/').next() == Some(wanted);
        return all.iter().find(named).cloned().ok_or_else(|| {
            let near = nearest_names(wanted, all.iter().map(String::as_str));
            Error::data(
                tree.path(),
                format!("no element {wanted}; found {} (nearest: {})", all.join(", "), near.first().unwrap_or(&"none")),
            )
        });
    }
    match (points.as_slice(), tables.as_slice()) {
        ([only], _) | ([], [only]) => Ok(only.clone()),
        ([], []) => Err(Error::data(tree.path(), "neither points nor tables in this SpatialData store")),
        _ => {
            Err(Error::Usage(format!("{}: holds {}. Choose one with --element", tree.path().display(), all.join(", "))))
        }
    }
}

fn points(tree: &Tree, element: &str, config: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
    if Tree::is_zipped(tree.path()) {
        let what = "points of a zipped store are Parquet, which is not read within it. Unzip it and give the folder, or name a table with --element";
        return Err(tree.error(element, what));
    }
    let table = Table::open(&tree.path().join(element).join("points.parquet"))?;
    let gene = config.matrix.gene_column.clone().or_else(|| tree.text(element, "spatialdata_attrs/feature_key"));
    let named = Named { gene: gene.as_deref(), count: config.csv.count_column.as_deref(), ..Named::default() };
    let columns = POINTS.columns(table.header(), named, config.csv.unit_um())?;
    columns.notes(table.header(), false).into_iter().for_each(|note| collector.note(note));
    if config.csv.um_per_unit.is_none() {
        tell_transformation(tree.path(), element, collector);
    }
    table.read(&columns, collector)
}

/// Tells of a transformation of points to the system `global`, which is not applied.
///
/// Points that it shrinks are pixels, mostly, and `global` is µm. Points that it enlarges are µm, mostly, and `global` the pixels of a
/// picture, as spatialdata-io writes Xenium and MERSCOPE.
fn tell_transformation(path: &Path, element: &str, collector: &Collector) {
    let Some(map) = coordinate_systems(&path.join(element)).remove("global") else { return };
    let Affine([[a, b, x], [d, e, y]]) = map;
    if [[a, b, x], [d, e, y]] == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] {
        return;
    }
    let factor = (map.scale() * 1e6).round() / 1e6;
    let what = format!("{element}: its coordinates are taken as µm, and its transformation to global is not applied");
    if factor < 1.0 {
        tracing::warn!(
            "{}: {what}: a unit is {factor} units of global. If global is in µm, give --um-per-unit {factor}",
            path.display()
        );
    } else if factor > 1.0 {
        collector.note(format!(
            "{what}: a unit is {factor} units of global, pixels mostly. If global is in µm, give --um-per-unit {factor}"
        ));
    } else {
        tracing::warn!(
            "{}: {what}: it moves, turns or mirrors the section. Positions, areas and masks are in the coordinates of the element",
            path.display()
        );
    }
}
