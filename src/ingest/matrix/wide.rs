//! Matrices as text, of which either the rows or the columns are genes.

use crate::ingest::binning::{Collector, Feature, Intake, Molecule, ReadStats};
use crate::ingest::text::Wide;
use crate::{Error, Result};
use std::path::Path;

/// Where a place of that name is: x and y in µm, or `None` for one that is left out. The error says what is wrong with the name.
type PlaceOf<'a> = &'a dyn Fn(&str) -> Result<Option<[f64; 2]>, String>;

/// Which names of a matrix are places.
pub(crate) enum PlacesOf<'a> {
    Rows(PlaceOf<'a>),
    Columns(PlaceOf<'a>),
}

/// Reads the matrix `path`. Places without a position are left out, unless they are more than half.
pub(crate) fn read_wide(path: &Path, places: &PlacesOf, collector: &Collector) -> Result<ReadStats> {
    let wide = Wide::open(path)?;
    let columns = wide.columns().to_vec();
    let mut intake = collector.intake();
    let mut lost = Lost::default();
    let at_column =
        |column: usize, what: String| Error::data(path, format!("column {column} ({}): {what}", columns[column]));
    match places {
        PlacesOf::Columns(place) => {
            let mut at = Vec::with_capacity(columns.len());
            for (i, name) in columns.iter().enumerate() {
                at.push(lost.seen(name, place(name).map_err(|what| at_column(i, what))?));
            }
            wide.for_each(|gene, entries| {
                let feature = intake.feature(gene.as_bytes())?;
                entries.iter().try_for_each(|(column, count)| take(&mut intake, feature, at[*column], *count))
            })?;
        }
        PlacesOf::Rows(place) => {
            let mut genes = Vec::with_capacity(columns.len());
            for (i, name) in columns.iter().enumerate() {
                genes.push(intake.feature(name.as_bytes()).map_err(|what| at_column(i, what))?);
            }
            wide.for_each(|name, entries| {
                let at = lost.seen(name, place(name)?);
                entries.iter().try_for_each(|(column, count)| take(&mut intake, genes[*column], at, *count))
            })?;
        }
    }
    lost.tell(path, collector)?;
    Ok(intake.finish())
}

fn take(intake: &mut Intake, feature: Feature, at: Option<[f64; 2]>, count: u32) -> Result<(), String> {
    let Some([x, y]) = at else { return Ok(()) };
    intake.take(Molecule { feature, x, y, qv: f64::INFINITY, count })
}

/// Places that have no position.
#[derive(Default)]
struct Lost {
    all: usize,
    lost: usize,
    example: String,
}

impl Lost {
    fn seen(&mut self, name: &str, at: Option<[f64; 2]>) -> Option<[f64; 2]> {
        self.all += 1;
        if at.is_none() {
            self.lost += 1;
            name.clone_into(&mut self.example);
        }
        at
    }

    fn tell(&self, path: &Path, collector: &Collector) -> Result<()> {
        let Lost { all, lost, example } = self;
        match *lost {
            0 => Ok(()),
            lost if 2 * lost > *all => Err(Error::data(
                path,
                format!(
                    "{lost} of {all} places have no position, for example {example}. Are matrix and positions of the same section?"
                ),
            )),
            lost => {
                collector.note(format!("{lost} of {all} places left out: without a position, for example {example}"));
                Ok(())
            }
        }
    }
}
