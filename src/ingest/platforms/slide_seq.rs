//! Slide-seq and Curio Seeker: a matrix of genes and beads, and the table that says where each bead lies.
//!
//! Slide-seq's matrix is text (`…digital_expression.txt`, `MappedDGEForR.csv`: a row for each gene), Curio's is
//! `…MoleculesPerMatchedBead.mtx` with `…genes.tsv` and `…barcodes.tsv`. The table has the barcode, x and y as its last three columns, whatever
//! they are called. Their unit is not told: Curio's are µm, Slide-seq's pixels of 0.65 µm mostly.

use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::flags;
use crate::ingest::folders::{Named, entries};
use crate::ingest::matrix::{Mtx, PlacesOf, TenX, read_wide};
use crate::ingest::reader::{Platform, Reader};
use crate::ingest::text::{KeyedTable, first_fields};
use crate::{Error, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Distance of beads in µm.
const BEAD_UM: f64 = 10.0;

static PLATFORM: Platform = Platform {
    name: "slide-seq",
    title: "Slide-seq, Curio Seeker",
    input: "a folder with …digital_expression.txt, MappedDGEForR.csv or …MoleculesPerMatchedBead.mtx, and the bead locations (.csv)",
    part_of: None,
    flags: &[&flags::UM_PER_UNIT],
};

/// Ends of the names of tables of positions.
const LOCATIONS: [&str; 8] = [
    "matchedbeadlocation.csv",
    "matchedbeadlocation.csv.gz",
    "bead_locations.csv",
    "bead_locations.csv.gz",
    "beadlocationsforr.csv",
    "beadlocationsforr.csv.gz",
    "beadlocations.csv",
    "beadlocations.csv.gz",
];

/// Ends of the names of matrices: MTX, else text.
const MATRICES: [&str; 6] = [
    "moleculespermatchedbead.mtx",
    "moleculespermatchedbead.mtx.gz",
    "digital_expression.txt.gz",
    "digital_expression.txt",
    "mappeddgeforr.csv",
    "mappeddgeforr.csv.gz",
];

/// The reader of beads.
pub(crate) struct SlideSeq;

impl Reader for SlideSeq {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn recognises(&self, input: &Path) -> Result<bool> {
        match Beads::find(input) {
            Ok(_) => Ok(true),
            Err(Error::Missing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn files(&self, path: &Path, _: &PrepConfig) -> Result<Vec<PathBuf>> {
        let beads = Beads::find(path)?;
        let matrix = beads.mtx()?.map_or_else(|| vec![beads.matrix.clone()], Mtx::files);
        Ok([matrix, vec![beads.locations]].concat())
    }

    fn unit(&self, config: &PrepConfig) -> String {
        format!("positions in units of {} µm (--um-per-unit)", config.csv.unit_um())
    }

    fn finest_um(&self, _: &Path, _: &PrepConfig) -> Option<f64> {
        Some(BEAD_UM)
    }

    fn read(&self, path: &Path, config: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        if config.csv.um_per_unit.is_none() {
            let told = "positions taken as µm, as Curio's are; those of Slide-seq are pixels, of 0.65 µm mostly: --um-per-unit 0.65";
            collector.note(told.to_owned());
        }
        Beads::find(path)?.read(config.csv.unit_um(), collector)
    }
}

/// A matrix and its table of positions.
struct Beads {
    matrix: PathBuf,
    /// What stands before `MoleculesPerMatchedBead.mtx`; nothing for text.
    prefix: Option<String>,
    locations: PathBuf,
}

impl Beads {
    /// Finds both in the folder `input`, or beside the matrix `input`.
    ///
    /// [`Error::Missing`] where one is not there, [`Error::Data`] where there are two.
    fn find(input: &Path) -> Result<Beads> {
        let folder = if input.is_dir() { input } else { input.parent().unwrap_or(input) };
        let missing = |what: &str| Error::Missing(format!("{}: no {what} in it", folder.display()));
        let here = entries(folder).map_err(|_| missing("files"))?;
        let found = |names: &[&str]| Named::or_given(Named::among(&here, names), input);
        let matrices = found(&MATRICES);
        if !input.is_dir() && !matrices.iter().any(|found| found.path == input) {
            return Err(missing("matrix of beads"));
        }
        let remedy = "Give the matrix itself, or the folder of one section";
        let matrix = Named::only(matrices, folder, remedy)?.ok_or_else(|| missing("matrix of beads"))?;
        let words = |named: &Named| named.prefix.trim_end_matches(|letter: char| !letter.is_alphanumeric()).to_owned();
        let mut tables = found(&LOCATIONS);
        if tables.iter().any(|table| words(table) == words(&matrix)) {
            tables.retain(|table| words(table) == words(&matrix));
        }
        let locations = Named::only(tables, folder, remedy)?.ok_or_else(|| missing("table of bead locations"))?.path;
        let prefix = (matrix.rank < 2).then_some(matrix.prefix);
        Ok(Beads { matrix: matrix.path, prefix, locations })
    }

    /// The three files of a matrix that is no text.
    fn mtx(&self) -> Result<Option<Mtx>> {
        let Some(prefix) = &self.prefix else { return Ok(None) };
        let folder = self.matrix.parent().unwrap_or(Path::new("."));
        let here = entries(folder)?;
        let beside = |end: &str| {
            let named = Named::among(&here, &[&format!("{end}.gz"), end]);
            let found = named.into_iter().find(|found| found.prefix == *prefix).map(|found| found.path);
            found.ok_or_else(|| {
                Error::Missing(format!("{}: no {prefix}{end} in it, which goes with the matrix", folder.display()))
            })
        };
        Ok(Some(Mtx::of(self.matrix.clone(), beside("genes.tsv")?, beside("barcodes.tsv")?)))
    }

    /// x and y of each bead in µm.
    fn positions(&self, unit_um: f64) -> Result<HashMap<Box<str>, [f64; 2]>> {
        let header = first_fields(&self.locations)?;
        let number = |field: &String| field.trim().parse::<f64>().is_ok();
        let names: Vec<&str> = header.iter().map(|name| name.trim()).collect();
        let (headerless, names) = match header.as_slice() {
            [.., x, y] if number(x) && number(y) => (Some(&["barcode", "x", "y"][..]), vec!["barcode", "x", "y"]),
            _ => (None, names),
        };
        let (key, [x, y]) = match names.as_slice() {
            [.., key, x, y] => (*key, [*x, *y]),
            [x, y] => ("barcode", [*x, *y]),
            _ => return Err(Error::data(&self.locations, "one column, expected barcode, x and y")),
        };
        let table = KeyedTable { path: &self.locations, key, numbers: [x, y], flag: None, headerless };
        let mut all = HashMap::new();
        table.for_each(|bead, at| match all.insert(bead.into(), at.map(|units| units * unit_um)) {
            Some(_) => Err(format!("bead {bead} stands twice in the table")),
            None => Ok(()),
        })?;
        Ok(all)
    }

    fn read(&self, unit_um: f64, collector: &Collector) -> Result<ReadStats> {
        let positions = self.positions(unit_um)?;
        let Some(mtx) = self.mtx()? else {
            let place = |bead: &str| Ok(positions.get(bead).copied());
            return read_wide(&self.matrix, &PlacesOf::Columns(&place), collector);
        };
        let place = |bead: &str| positions.get(bead).copied();
        TenX::of_mtx(&self.matrix, mtx)?.read_at("bead", &self.locations, place, collector)
    }
}
