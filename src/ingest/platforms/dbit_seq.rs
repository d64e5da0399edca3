//! DBiT-seq and its kin: channels A (columns) and B (rows), as wide as the gaps between them, counted from 1.
//!
//! A matrix as text has a row `AxB` for each crossing, such as `12x34`; AnnData of which the observations are pairs of barcodes has a list
//! of them beside it. AnnData that knows its channels (`array_A`, `array_B`) is read as such.

use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::flags;
use crate::ingest::folders::{entries, lower_name};
use crate::ingest::matrix::{Channels, Places, PlacesOf, Tree, names, read_table_at, read_wide};
use crate::ingest::reader::{Platform, Reader};
use crate::ingest::text::{Lines, Wide};
use crate::{Error, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

static PLATFORM: Platform = Platform {
    name: "dbit-seq",
    title: "DBiT-seq and its kin",
    input: "a matrix as text whose rows are AxB, or a folder with .h5ad and a list of barcodes. See --preset",
    part_of: None,
    flags: &[&flags::PITCH_UM, &flags::LAYER, &flags::GENE_COLUMN],
};

/// Bases of a barcode of one channel.
const BASES: usize = 8;

/// The reader of DBiT-seq.
pub(crate) struct DbitSeq;

impl Reader for DbitSeq {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn recognises(&self, input: &Path) -> Result<bool> {
        Ok(Source::find(input).is_some())
    }

    fn files(&self, path: &Path, _: &PrepConfig) -> Result<Vec<PathBuf>> {
        Ok(match Source::found(path)? {
            Source::Text(matrix) => vec![matrix],
            Source::Barcodes { matrix, list } => vec![matrix, list],
        })
    }

    fn spot_um(&self, _: &Path, config: &PrepConfig) -> Option<f64> {
        Some(config.spot_um())
    }

    fn read(&self, path: &Path, config: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        let source = Source::found(path)?;
        let channels = Channels::of(path, collector.binning.bin_um, config, collector)?;
        let side_um = channels.side_um;
        match source {
            Source::Text(matrix) => {
                collector.note(format!("channels from the names of the rows, AxB; one square is {side_um} µm"));
                let place = |name: &str| {
                    let at = crossing(name).ok_or_else(|| format!("row {name}, expected AxB, for example 12x34"))?;
                    Ok(Some(channels.centre_um(at)))
                };
                read_wide(&matrix, &PlacesOf::Rows(&place), collector)
            }
            Source::Barcodes { matrix, list } => {
                collector.note(format!("channels from {}; one square is {side_um} µm", list.display()));
                let barcodes = Barcodes::read(&list)?;
                let tree = Tree::open(&matrix)?;
                let place = |name: &String| match barcodes.place(name) {
                    Some(at) => Ok(channels.square(at)),
                    None => Err(Error::data(&list, format!("the barcodes of {name} are not in it"))),
                };
                let at = names(&tree)?.iter().map(place).collect::<Result<Vec<[i32; 2]>>>()?;
                read_table_at(&tree, config, collector, |_| Ok(Places::squares(side_um, at)))
            }
        }
    }
}

/// What there is to read.
enum Source {
    Text(PathBuf),
    Barcodes { matrix: PathBuf, list: PathBuf },
}

impl Source {
    fn find(input: &Path) -> Option<Source> {
        if input.is_dir() {
            let here = entries(input).ok()?;
            let one = |is: &dyn Fn(&str) -> bool| {
                let mut found = here.iter().filter(|path| path.is_file() && is(&lower_name(path)));
                found.next().filter(|_| found.next().is_none()).cloned()
            };
            let matrix = one(&|name| name.ends_with(".h5ad"))?;
            let list = one(&|name| {
                name.contains("barcode") && [".txt", ".tsv", ".csv"].iter().any(|end| name.ends_with(end))
            })?;
            return Some(Source::Barcodes { matrix, list });
        }
        let name = lower_name(input);
        let is_text = [".tsv", ".txt", ".csv"].iter().any(|end| name.trim_end_matches(".gz").ends_with(end));
        let wide = Some(input).filter(|path| is_text && path.is_file()).and_then(|path| Wide::open(path).ok())?;
        crossing(wide.first_row()).map(|_| Source::Text(input.to_owned()))
    }

    fn found(input: &Path) -> Result<Source> {
        Source::find(input).ok_or_else(|| {
            let expected = "a matrix as text whose rows are AxB, or a folder with one .h5ad and one list of barcodes";
            Error::Missing(format!("{}: no DBiT-seq, expected {expected}", input.display()))
        })
    }
}

/// Row and column, counted from 0, of a name `AxB`, whose channels are counted from 1.
fn crossing(name: &str) -> Option<[i32; 2]> {
    let (a, b) = name.split_once('x')?;
    let channel = |text: &str| text.parse().ok().filter(|channel: &i32| (0..10_000).contains(channel));
    Some([channel(b)? - 1, channel(a)? - 1])
}

/// Which barcodes are of which channel.
#[derive(Default)]
struct Barcodes {
    /// Of channels A and B, counted from 1; a pair is B's before A's.
    a: HashMap<String, i32>,
    b: HashMap<String, i32>,
    /// Of pairs: row and column.
    pairs: HashMap<String, [i32; 2]>,
}

impl Barcodes {
    /// Reads lines `A1 AACGTGAT`, or `AACGTGATAACGTGAT 1 50`: a pair, A and B.
    fn read(path: &Path) -> Result<Barcodes> {
        let mut barcodes = Barcodes::default();
        Lines::open(path)?.for_each(|line| {
            let fields: Vec<&str> =
                line.split(|c: char| c.is_whitespace() || c == ',').filter(|f| !f.is_empty()).collect();
            match fields.as_slice() {
                [] => {}
                [channel, barcode] => {
                    let number = |letter| channel.strip_prefix(letter).and_then(|number: &str| number.parse().ok());
                    let (known, number) = match (number('A'), number('B')) {
                        (Some(number), _) => (&mut barcodes.a, number),
                        (_, Some(number)) => (&mut barcodes.b, number),
                        _ => return Err(format!("channel {channel}, expected A or B and a number")),
                    };
                    known.insert(barcode.to_uppercase(), number);
                }
                [pair, a, b] => {
                    let at = crossing(&format!("{a}x{b}"))
                        .ok_or_else(|| format!("channels {a} and {b}, expected two numbers"))?;
                    barcodes.pairs.insert(pair.to_uppercase(), at);
                }
                _ => {
                    return Err(format!(
                        "found {line:?}, expected a channel and its barcode, or two barcodes as one and their channels"
                    ));
                }
            }
            Ok(())
        })?;
        Ok(barcodes)
    }

    /// Row and column of the observation `name`, whatever stands behind its barcodes.
    fn place(&self, name: &str) -> Option<[i32; 2]> {
        let pair = name.get(..2 * BASES)?.to_uppercase();
        let (b, a) = pair.split_at(BASES);
        let by_channel = || Some([self.b.get(b)? - 1, self.a.get(a)? - 1]);
        self.pairs.get(&pair).copied().or_else(by_channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_channels() {
        assert_eq!((crossing("12x34"), crossing("1x50")), (Some([33, 11]), Some([49, 0])));
        assert!(["x", "12", "GAPDHx1", "1x", "-1x2", "1x2x3"].iter().all(|name| crossing(name).is_none()));
    }
}
