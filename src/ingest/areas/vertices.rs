//! Tables of polygons' corners, as Xenium Explorer exports selections: X and Y in µm, and of several selections the name of each.

use super::polygons::{Polygons, Ring};
use crate::ingest::text::Header;
use crate::{Error, Result};
use std::path::Path;

/// Whether a table with this header holds corners of polygons: it names selections, in a column or before the header.
pub(super) fn is_one(header: &Header) -> bool {
    let named = header.comments.iter().any(|comment| comment.to_lowercase().trim_start().starts_with("selection name"));
    header.has(&["x", "y"]) && (named || header.has(&["selection"]))
}

/// Reads the polygons of the table `path`: corners in the order of its rows, selection by selection.
///
/// [`Error::Data`] names the line and what is wrong with it.
pub(super) fn read(path: &Path, header: &Header) -> Result<Polygons> {
    let column = |name: &str| header.usual(&[name], "--exclude, --tissue-mask or --region");
    let (x, y) = (column("x")?, column("y")?);
    let (Some(x), Some(y)) = (x, y) else { return Err(Error::data(path, "no columns X and Y")) };
    let selection = column("selection")?;
    let bad = |e: csv::Error| Error::data(path, format!("{e}. Is the file complete?"));
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_path(path).map_err(bad)?;
    let mut polygons: Vec<(String, Ring)> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(bad)?;
        let line = record.position().map_or(0, csv::Position::line);
        let number = |column: usize| {
            let field = record.get(column).unwrap_or_default().trim();
            let number = field.parse().ok().filter(|number: &f64| number.is_finite());
            number.ok_or_else(|| Error::data(path, format!("line {line}: {field:?}, expected a number in µm")))
        };
        let point = [number(x)?, number(y)?];
        let name = selection.and_then(|column| record.get(column)).unwrap_or_default().trim();
        match polygons.iter_mut().find(|(other, _)| other == name) {
            Some((_, ring)) => ring.push(point),
            None => polygons.push((name.to_owned(), vec![point])),
        }
    }
    if let Some((name, ring)) = polygons.iter().find(|(_, ring)| ring.len() < 3) {
        return Err(Error::data(path, format!("selection {name:?} has {} corners, expected 3 or more", ring.len())));
    }
    if polygons.is_empty() {
        return Err(Error::data(path, "no corners in it"));
    }
    Ok(Polygons(polygons.into_iter().map(|(_, ring)| vec![ring]).collect()))
}
