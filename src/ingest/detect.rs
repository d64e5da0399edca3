//! Recognises a platform by its files: the structure of matrices, the names of tables, and the columns of tables.

use super::binning::{Binning, Collector, Features, MeasuredBins, ReadStats};
use super::config::PrepConfig;
use super::folders::{below, entries, lower_name};
use super::matrix::Tree;
use super::platforms::{READERS, platforms};
use super::reader::{Platform, Reader, TableNames};
use super::request::Request;
use super::strangers;
use super::text::{Header, Table, is_parquet, is_stream};
use crate::dataset::Mode;
use crate::error::nearest_names;
use crate::section::{Lattice, Scale};
use crate::{Error, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The file or folder to read, and how.
pub(crate) struct Source {
    pub reader: &'static dyn Reader,
    pub path: PathBuf,
    /// What was opened to recognise it: a stream cannot be opened twice.
    pub table: Option<Table>,
}

impl Source {
    /// x and y in µm of the corner from which bins of `bin_um` are counted: that of the config, else one of the input's own squares.
    ///
    /// It is known before anything is read, for areas are laid on the grid before, too.
    pub(crate) fn anchor_um(&self, config: &PrepConfig, mode: Mode, bin_um: f64) -> Result<[f64; 2]> {
        if config.origin_um != [0.0; 2] {
            return Ok(config.origin_um);
        }
        let lattice = Lattice::new(Scale::new(config.scale)?);
        let binning = Binning { anchor_um: [0.0; 2], bin_um, lattice, measured: MeasuredBins::All };
        let config = PrepConfig { bin_um: Some(bin_um), ..config.clone() };
        let collector = Collector::new(binning, mode, &config, Features::new(Some(BTreeSet::new())));
        self.reader.corner_um(&self.path, &config, &collector)
    }

    /// Reads all of it into `collector`; [`Error::Data`] also if there is nothing in it.
    pub(crate) fn read(self, config: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        let Source { reader, path, table } = self;
        let stats = match table {
            None => reader.read(&path, config, collector)?,
            Some(table) => {
                let columns = reader.columns(table.header(), config)?;
                let notes = columns.notes(table.header(), reader.reads_any_table());
                reader.notes(&path)?.into_iter().chain(notes).for_each(|note| collector.note(note));
                table.read(&columns, collector)?
            }
        };
        if stats.read == 0 {
            return Err(Error::data(
                &path,
                "no transcripts in it: it is empty, or nothing was counted. Is this the right file?",
            ));
        }
        Ok(stats)
    }
}

/// Recognises the input of `request`, which may say what it is.
///
/// [`Error::Usage`] for a flag or a preset that files of this platform have no use for.
pub(crate) fn detect(request: &Request) -> Result<Source> {
    let asked = |flag: &str| request.given().any(|given| given.name == flag);
    let source = find_here_or_below(&request.input, request.platform.as_deref(), asked)?;
    let read_as = || format!("{} is read as {}", source.path.display(), source.reader.platform().name);
    if let Some(preset) = request.preset.filter(|preset| !preset.platforms.contains(&source.reader.platform().name)) {
        return Err(Error::Usage(format!(
            "--preset {}: only for {}, but {}. Leave it out, or say what it is with --platform",
            preset.name,
            preset.platforms.join(", "),
            read_as()
        )));
    }
    let strange = request.given().find(|flag| !knows(source.reader, flag.name));
    let Some(flag) = strange else { return Ok(source) };
    let named = |reader: &&dyn Reader| if reader.reads_any_table() { "plain tables" } else { reader.platform().name };
    let known = READERS.iter().filter(|reader| knows(**reader, flag.name)).map(named);
    Err(Error::Usage(format!(
        "--{}: only for {}, but {}. Leave it out, or say what it is with --platform",
        flag.name,
        known.collect::<Vec<_>>().join(", "),
        read_as()
    )))
}

fn knows(reader: &dyn Reader, flag: &str) -> bool {
    reader.platform().flags.iter().any(|known| known.name == flag)
}

/// Finds what to read of `input`, or of the only section in the folders below it.
fn find_here_or_below(input: &Path, platform: Option<&str>, asked: impl Fn(&str) -> bool) -> Result<Source> {
    if let Some(what) = strangers::told(input).filter(|_| input.exists()) {
        return Err(Error::data(input, what));
    }
    platform.map_or(Ok(()), |platform| contradiction(input, platform))?;
    match find(input, platform, &asked) {
        Err(Error::Missing(told)) if input.is_dir() => only_below(input, platform, &asked)?
            .ok_or_else(|| platform.and_then(|platform| contradicted(input, platform)).unwrap_or(Error::Missing(told))),
        found => found,
    }
}

/// What is wrong with `--platform` where the files of `folder` are of another one.
fn contradicted(folder: &Path, platform: &str) -> Option<Error> {
    let Source { reader, path, .. } = find(folder, None, |_: &str| false).ok()?;
    Some(other_platform(platform, &path, reader))
}

fn other_platform(platform: &str, path: &Path, reader: &dyn Reader) -> Error {
    let Platform { name, title, part_of, .. } = reader.platform();
    Error::Usage(format!(
        "--platform {platform}: {} is of {title}. Leave --platform out, or say {}",
        path.display(),
        part_of.unwrap_or(name)
    ))
}

/// [`Error::Usage`] where `input` is a matrix of another platform than the user says.
fn contradiction(input: &Path, platform: &str) -> Result<()> {
    let candidates = candidates(Some(platform))?;
    let is_own = |reader: &&dyn Reader| reader.recognises(input).unwrap_or(true);
    if (input.is_dir() && holds_table(input)) || candidates.iter().any(is_own) {
        return Ok(());
    }
    match READERS.iter().find(|reader| reader.recognises(input).unwrap_or(false)) {
        None => Ok(()),
        Some(other) => Err(other_platform(platform, input, *other)),
    }
}

/// The only section in the folders below `folder`; [`Error::Data`] names two.
fn only_below(folder: &Path, platform: Option<&str>, asked: impl Fn(&str) -> bool) -> Result<Option<Source>> {
    let mut found: Vec<(PathBuf, Source)> = Vec::new();
    for place in below(folder) {
        // A folder that is part of one that was read is no section of its own.
        if found.iter().any(|(known, _)| place.starts_with(known)) {
            continue;
        }
        match find(&place, platform, &asked) {
            Ok(source) => found.push((place, source)),
            Err(Error::Missing(_)) => {}
            Err(error) => return Err(error),
        }
    }
    if let [(one, _), (other, _), ..] = found.as_slice() {
        let both = format!("holds a section in {} and one in {}", one.display(), other.display());
        return Err(Error::data(folder, format!("{both}. Give the folder to read")));
    }
    Ok(found.pop().map(|(_, source)| source))
}

/// Finds what to read of `input`, a file or folder. `platform` is what the user said, if anything; `asked` tells which
/// switches were given.
fn find(input: &Path, platform: Option<&str>, asked: impl Fn(&str) -> bool) -> Result<Source> {
    let meta = || std::fs::metadata(input).map_err(|e| Error::io(input, "read", e));
    let candidates = candidates(platform)?;
    let source = |reader, path: &Path| Ok(Source { reader, path: path.to_owned(), table: None });
    let demanded = |reader: &&&dyn Reader| reader.demanded_by().is_some_and(|flag| asked(flag.name));
    if let Some(reader) = candidates.iter().find(demanded) {
        reader.check(input)?;
        return source(*reader, input);
    }
    match candidates.as_slice() {
        // What the user called it is what it is.
        [only] if only.tables().is_none() => return source(*only, input),
        // Molecules come before the matrix that was made of them.
        readers if !is_stream(input) && !is_parquet(input) && !holds_table(input) => {
            for reader in readers {
                if reader.recognises(input)? {
                    return source(*reader, input);
                }
            }
        }
        _ => {}
    }
    if platform.is_none() && Tree::is_zarr(input) {
        return Err(Error::data(input, "a Zarr store, but neither AnnData nor SpatialData"));
    }
    let is_folder = meta()?.is_dir() && !is_parquet(input);
    let path = if is_folder { in_folder(input, &candidates)? } else { input.to_owned() };
    if platform.is_none() && !is_table(&path) {
        return Err(Error::data(
            &path,
            "no known kind of file: expected .parquet or .csv, .tsv, .txt, .gem, also with .gz. Say what it is with --platform",
        ));
    }
    let table = Table::open(&path)?;
    let reader = match platform {
        Some(platform) => agreeing(candidates[0], platform, table.header())?,
        None => recognise(table.header())?,
    };
    Ok(Source { reader, path, table: Some(table) })
}

/// The reader that the user asked for by the name `platform`; [`Error::Usage`] where the columns are another's.
fn agreeing(asked: &'static dyn Reader, platform: &str, header: &Header) -> Result<&'static dyn Reader> {
    let other = READERS.iter().find(|reader| reader.has_columns(header));
    match other.filter(|_| !asked.reads_any_table() && !asked.has_columns(header)) {
        None => Ok(asked),
        Some(other) => Err(Error::Usage(format!(
            "--platform {platform}: {} has the columns of {}. Leave --platform out, or say {}",
            header.path().display(),
            other.platform().title,
            other.platform().name
        ))),
    }
}

/// The readers that a platform of that name may mean; all of them without one.
fn candidates(platform: Option<&str>) -> Result<Vec<&'static dyn Reader>> {
    let Some(wanted) = platform else { return Ok(READERS.to_vec()) };
    let is_meant = |reader: &&&dyn Reader| reader.platform().part_of.unwrap_or(reader.platform().name) == wanted;
    let meant: Vec<&dyn Reader> = READERS.iter().filter(is_meant).copied().collect();
    if meant.is_empty() {
        let names: Vec<&str> = platforms().map(|platform| platform.name).collect();
        let near = nearest_names(wanted, names.iter().copied());
        return Err(Error::Usage(format!(
            "platform {wanted}: expected one of {} (nearest: {})",
            names.join(", "),
            near.first().unwrap_or(&"none")
        )));
    }
    Ok(meant)
}

/// Every name of a table and who has it, best first: those that only one platform has come before those that others have too.
fn table_names() -> Vec<(&'static str, &'static dyn Reader)> {
    let of = |names: fn(TableNames) -> &'static [&'static str]| {
        let each = move |reader: &&'static dyn Reader| {
            let reader = *reader;
            reader.tables().map_or(&[][..], names).iter().map(move |name| (*name, reader))
        };
        READERS.iter().flat_map(each)
    };
    of(|names| names.own).chain(of(|names| names.common)).collect()
}

/// Whether `folder` holds a table of molecules under the very name of one.
fn holds_table(folder: &Path) -> bool {
    let is_table = |path: PathBuf| path.is_file() || is_parquet(&path);
    table_names().iter().any(|(name, _)| is_table(folder.join(name)))
}

fn in_folder(folder: &Path, readers: &[&'static dyn Reader]) -> Result<PathBuf> {
    let files: Vec<PathBuf> = entries(folder)?.into_iter().filter(|path| path.is_file() || is_parquet(path)).collect();
    let names = table_names();
    let is_read = |name: &str, owner: &dyn Reader| {
        let by_owner = |reader: &&dyn Reader| reader.platform().name == owner.platform().name;
        readers.iter().any(|reader| by_owner(reader) || (reader.reads_any_table() && is_table(Path::new(name))))
    };
    for (end, _) in names.iter().filter(|(name, owner)| is_read(name, *owner)) {
        let found: Vec<&PathBuf> = files.iter().filter(|path| lower_name(path).ends_with(end)).collect();
        match found.as_slice() {
            [] => {}
            [only] => return Ok((*only).clone()),
            [one, other, ..] => {
                return Err(Error::data(
                    folder,
                    format!("holds {} and {}. Give the one to read itself", one.display(), other.display()),
                ));
            }
        }
    }
    Err(Error::Missing(format!(
        "{}: no transcripts in this folder (looked for {}). {}",
        folder.display(),
        names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
        strangers::instead(folder)
    )))
}

/// The ending of a file's name, without `.gz`.
fn kind(path: &Path) -> String {
    let name = lower_name(path);
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.').map(|(_, end)| end.to_owned()).unwrap_or_default()
}

/// Whether a file is a table by its name; streams have none, and may be one.
fn is_table(path: &Path) -> bool {
    let known = ["csv", "tsv", "tab", "txt", "gem", "parquet", ""].contains(&kind(path).as_str());
    known || is_parquet(path) || is_stream(path)
}

/// The reader of the table with that header, by its columns.
fn recognise(header: &Header) -> Result<&'static dyn Reader> {
    let own = READERS.iter().find(|reader| reader.has_columns(header));
    let any = || READERS.iter().find(|reader| reader.reads_any_table());
    own.or_else(any).copied().ok_or_else(|| Error::Bug("no platform reads plain tables".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use std::sync::Arc;

    /// Name of the platform and path of what is found.
    fn detect(input: &Path, platform: Option<&str>) -> Result<(&'static str, PathBuf)> {
        find(input, platform, |_| false).map(|source| (source.reader.platform().name, source.path))
    }

    /// A table with the columns of Xenium and one row.
    fn write_parquet(path: &Path) {
        let names = Arc::new(StringArray::from(vec!["INS"])) as ArrayRef;
        let number = Arc::new(Float64Array::from(vec![1.0])) as ArrayRef;
        let columns = [("feature_name", names), ("x_location", number.clone()), ("y_location", number)];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    #[test]
    fn a_folder_gives_its_parquet_file_before_its_csv() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(detect(folder.path(), None).unwrap_err().exit_code(), 66);
        write_parquet(&folder.path().join("transcripts.parquet"));
        for name in ["transcripts.csv.gz", "cells.csv"] {
            std::fs::write(folder.path().join(name), "gene,x,y\n").unwrap();
        }
        let found = detect(folder.path(), None).unwrap();
        assert_eq!(found, ("xenium", folder.path().join("transcripts.parquet")));
        let found = detect(folder.path(), Some("csv")).unwrap();
        assert_eq!(found, ("csv", folder.path().join("transcripts.parquet")));
    }

    #[test]
    fn a_folder_of_two_sections_asks_which() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["S1_tx_file.csv", "S2_tx_file.csv"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let error = detect(folder.path(), None).unwrap_err().to_string();
        assert!(error.contains("S1_tx_file.csv") && error.contains("S2_tx_file.csv"), "{error}");
    }

    #[test]
    fn tables_are_known_by_their_columns_whatever_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.TSV");
        for (header, platform) in [
            (",transcript_id,feature_name,x_location,y_location,qv", "xenium"),
            (",barcode_id,global_x,global_y,global_z,x,y,fov,gene", "merscope"),
            ("fov,cell_ID,x_global_px,y_global_px,target", "cosmx"),
            ("#OffsetX=0\ngeneID\tx\ty\tMIDCount", "stereo-seq"),
            ("Gene,x,y", "csv"),
        ] {
            std::fs::write(&path, header).unwrap();
            assert_eq!(detect(&path, None).unwrap().0, platform, "{header}");
        }
        assert_eq!(detect(&path, Some("cosmx")).unwrap().0, "cosmx");
    }

    #[test]
    fn molecules_come_before_matrices_and_a_tables_own_name_before_a_common_one() {
        let names: Vec<&str> = table_names().iter().map(|(name, _)| *name).collect();
        let position = |wanted: &str| names.iter().position(|name| *name == wanted);
        assert!(position("transcripts.parquet") < position("detected_transcripts.csv"));
        assert!(position("detected_transcripts.csv") < position("transcripts.csv"));
        let folder = tempfile::tempdir().unwrap();
        write_parquet(&folder.path().join("transcripts.parquet"));
        for name in ["cell_feature_matrix.h5", "cells.parquet"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(detect(folder.path(), None).unwrap().0, "xenium");
        let cells = find(folder.path(), None, |flag| flag == "xenium-cells").unwrap();
        assert_eq!(cells.reader.platform().name, "xenium-cells");
        std::fs::remove_file(folder.path().join("transcripts.parquet")).unwrap();
        assert_eq!(detect(folder.path(), Some("xenium")).unwrap().0, "xenium-cells");
        assert!(detect(folder.path(), Some("xenum")).unwrap_err().to_string().contains("nearest: xenium"));
    }
}
