//! STOmics Stereo-seq: `.gef`, HDF5 with counts per gene and DNB, or square of N DNBs: `geneExp/binN`.
//!
//! `expression` has a record (x, y, count) for every gene and square in turn, x and y in DNBs, counted from its attributes `minX` and
//! `minY`, of the square's corner; `gene` tells which records are whose. Of the sizes that there are, the largest is read whose squares
//! make up the bins: what is on a border between two squares is in a bin on the right side of it, as from the single DNBs. Records of
//! cells (`cellBin`) are read by cell.

use super::cells;
use super::chip::{self, BIN_DNB};
use crate::ingest::binning::{Binning, Collector, Feature, Molecule, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::flags;
use crate::ingest::folders::{entries, lower_name};
use crate::ingest::matrix::{Array, ELEMENTS, Features, Gene, Tree, ranges, read_pieces, whole_chunks};
use crate::ingest::reader::{Platform, Reader};
use crate::{Error, Result};
use std::ops::Range;
use std::path::{Path, PathBuf};

static PLATFORM: Platform = Platform {
    name: "stereo-seq-gef",
    title: "STOmics Stereo-seq, as HDF5",
    input: "a .gef of squares or of cells",
    part_of: Some("stereo-seq"),
    flags: &[&flags::PIXEL_UM, &BIN_DNB],
};

/// Ends of names in a folder, best first: what is under tissue before all of the chip, squares before cells.
const FILES: [&str; 7] = [".tissue.gef", ".raw.gef", ".gef", ".bgef", "adjusted.cellbin.gef", ".cellbin.gef", ".cgef"];

/// The reader of GEF.
pub(crate) struct StereoSeqGef;

impl Reader for StereoSeqGef {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn recognises(&self, input: &Path) -> Result<bool> {
        Ok(find(input)?.is_some())
    }

    fn files(&self, path: &Path, _: &PrepConfig) -> Result<Vec<PathBuf>> {
        Ok(vec![found(path)?])
    }

    fn with_units(&self, config: PrepConfig) -> Result<PrepConfig> {
        chip::with_units(config)
    }

    fn unit(&self, config: &PrepConfig) -> String {
        chip::unit(config)
    }

    fn finest_um(&self, _: &Path, config: &PrepConfig) -> Option<f64> {
        Some(chip::finest_um(config))
    }

    fn bin_flag(&self, um: f64, config: &PrepConfig) -> String {
        chip::bin_flag(um, config)
    }

    fn read(&self, path: &Path, config: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        let tree = Tree::open(&found(path)?)?;
        let pitch_um = chip::pitch_um(config);
        if tree.has("cellBin")? {
            return cells::read(&tree, pitch_um, collector);
        }
        let squares = Squares::choose(&tree, pitch_um, &collector.binning)?;
        collector.note(format!("squares of {} DNBs: {}", squares.side, tree.full(&squares.name)));
        squares.read(&tree, pitch_um, collector)
    }
}

/// The GEF that `input` is or holds, if any; beside a `.gem`, that is read.
fn find(input: &Path) -> Result<Option<PathBuf>> {
    let is_gef = |path: &Path| FILES.iter().any(|end| lower_name(path).ends_with(end));
    let holds = |path: &Path| {
        let tree = Tree::open(path).ok().filter(|_| Tree::is_hdf5(path));
        tree.is_some_and(|tree| ["geneExp", "cellBin"].iter().any(|group| tree.has(group).unwrap_or(false)))
    };
    if !input.is_dir() {
        return Ok(Some(input.to_owned()).filter(|path| path.is_file() && (is_gef(path) || holds(path))));
    }
    let files = entries(input).unwrap_or_default();
    let gem = [".gem", ".gem.gz"];
    if files.iter().any(|path| gem.iter().any(|end| lower_name(path).ends_with(end))) {
        return Ok(None);
    }
    let cells = |name: &str| name.contains("cellbin") || name.contains("cgef");
    for end in FILES {
        let named = |path: &&PathBuf| lower_name(path).ends_with(end) && cells(end) == cells(&lower_name(path));
        let found: Vec<&PathBuf> = files.iter().filter(named).collect();
        match found.as_slice() {
            [] => {}
            [one] => return Ok(Some((*one).clone())),
            [one, other, ..] => {
                let both = format!("holds {} and {}. Give the one to read itself", one.display(), other.display());
                return Err(Error::data(input, both));
            }
        }
    }
    Ok(None)
}

fn found(input: &Path) -> Result<PathBuf> {
    find(input)?.ok_or_else(|| Error::Missing(format!("{}: no .gef of Stereo-seq", input.display())))
}

/// The squares of one size.
struct Squares {
    /// The group that holds them.
    name: String,
    /// Side in DNBs.
    side: u32,
    /// x and y in DNBs that positions are counted from.
    from: [f64; 2],
}

impl Squares {
    /// The largest squares of which bins of `binning` are made; single DNBs are made to any.
    fn choose(tree: &Tree, pitch_um: f64, binning: &Binning) -> Result<Squares> {
        let sides = tree.children("geneExp")?.into_iter().filter_map(|name| name.strip_prefix("bin")?.parse().ok());
        let mut sides: Vec<u32> = sides.filter(|side| *side > 0).collect();
        sides.sort_unstable_by(|a, b| b.cmp(a));
        let all = sides.iter().map(|side| Squares::of(tree, *side, pitch_um)).collect::<Result<Vec<Squares>>>()?;
        let is_whole = |number: f64| (number - number.round()).abs() < 1e-6;
        let makes_up = |squares: &&Squares| is_whole(binning.bin_um / (f64::from(squares.side) * pitch_um));
        let lies_within = |squares: &&Squares| {
            let corner =
                |axis: usize| (binning.anchor_um[axis] / pitch_um - squares.from[axis]) / f64::from(squares.side);
            (0..2).all(|axis| is_whole(corner(axis)))
        };
        let single = || all.iter().find(|squares| squares.side == 1);
        let exact = all.iter().filter(makes_up).find(lies_within).or_else(single);
        // Without single DNBs, the finest squares lie nearest to where their counts are from.
        let chosen = exact.or_else(|| all.iter().rev().find(makes_up));
        let Some(Squares { name, side, from }) = chosen else {
            let sides: Vec<String> = sides.iter().map(u32::to_string).collect();
            let found = if sides.is_empty() { "none".to_owned() } else { sides.join(", ") };
            return Err(tree.error(
                "geneExp",
                format!(
                    "squares of {found} DNBs of {pitch_um} µm, expected some of which bins of {} µm are made. Choose --bin-dnb, a multiple of one of them",
                    binning.bin_um
                ),
            ));
        };
        Ok(Squares { name: name.clone(), side: *side, from: *from })
    }

    fn of(tree: &Tree, side: u32, pitch_um: f64) -> Result<Squares> {
        let name = format!("geneExp/bin{side}");
        let records = format!("{name}/expression");
        let attribute = |key: &str| tree.numbers(&records, key).and_then(|numbers| numbers.first().copied());
        let nm = attribute("resolution").filter(|nm| *nm > 0).map(|nm| nm as f64);
        match nm.filter(|nm| (nm / 1000.0 - pitch_um).abs() > 1e-6) {
            Some(nm) => Err(Error::Usage(format!(
                "{}: DNBs are {} µm apart (resolution of {records}), not {pitch_um} µm. Give --pixel-um {0}",
                tree.path().display(),
                nm / 1000.0
            ))),
            None => Ok(Squares { side, from: ["minX", "minY"].map(|key| attribute(key).unwrap_or(0) as f64), name }),
        }
    }

    /// Reads all records, on all cores.
    fn read(&self, tree: &Tree, pitch_um: f64, collector: &Collector) -> Result<ReadStats> {
        let records = format!("{}/expression", self.name);
        let [x, y, count] = ["x", "y", "count"].map(|field| tree.array(&format!("{records}/{field}")));
        let (x, y, count) = (x?, y?, count?);
        let all = x.shape().iter().product();
        let (genes, starts) = self.genes(tree, all, collector)?;
        let middle = f64::from(self.side) / 2.0;
        let um = |at: f64, axis: usize| (self.from[axis] + at + middle) * pitch_um;
        let read = |part: &Range<u64>| {
            let wrong = |what: String| tree.error(&records, what);
            let column = |array: &dyn Array| array.numbers(std::slice::from_ref(part)).map_err(wrong);
            let (x, y, count) = (column(&*x)?, column(&*y)?, column(&*count)?);
            let mut intake = collector.intake();
            let mut gene = starts.partition_point(|start| *start <= part.start).saturating_sub(1);
            for (i, record) in part.clone().enumerate() {
                while starts.get(gene + 1).is_some_and(|next| *next <= record) {
                    gene += 1;
                }
                let molecules = count[i] as u32;
                if f64::from(molecules) != count[i] {
                    return Err(wrong(format!(
                        "record {record}: count {}, expected a whole number, 0 or more",
                        count[i]
                    )));
                }
                let molecule = Molecule {
                    feature: genes[gene],
                    x: um(x[i], 0),
                    y: um(y[i], 1),
                    qv: f64::INFINITY,
                    count: molecules,
                };
                intake.take(molecule).map_err(|what| wrong(format!("record {record}: {what}")))?;
            }
            Ok(intake.finish())
        };
        let step = whole_chunks(ELEMENTS, x.chunk().first().copied().unwrap_or(1));
        read_pieces("records", &ranges(all, step).collect::<Vec<_>>(), |part| part.end - part.start, read)
    }

    /// The genes, and the first of `records` of each.
    fn genes(&self, tree: &Tree, records: u64, collector: &Collector) -> Result<(Vec<Feature>, Vec<u64>)> {
        let table = format!("{}/gene", self.name);
        let genes = Features::of_records(tree, &table, collector)?;
        let column = |field: &str| tree.column(&format!("{table}/{field}"));
        let (starts, counts) = (column("offset")?, column("count")?);
        let ends = starts.iter().zip(&counts).map(|(start, count)| start + count);
        let next = starts.iter().copied().skip(1).chain([records as f64]);
        if starts.first().is_some_and(|first| *first != 0.0) || !ends.eq(next) {
            let what = format!("offset and count do not part {records} records among the genes. Is the file damaged?");
            return Err(tree.error(&table, what));
        }
        let mut intake = collector.intake();
        let feature = |(i, gene): (usize, &Gene)| {
            intake
                .feature(gene.name.as_bytes())
                .map_err(|what| tree.error(&table, format!("gene {i} (counted from 0): {what}")))
        };
        let features = genes.iter().enumerate().map(feature).collect::<Result<Vec<Feature>>>()?;
        Ok((features, starts.into_iter().map(|start| start as u64).collect()))
    }
}
