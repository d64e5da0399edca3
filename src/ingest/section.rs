//! A section in memory: what is in the files that a request names, binned.

use super::areas::{Area, Named, Surveyor, UNIT};
use super::automatic;
use super::binning::{Binning, Collector, Features, Framed, MeasuredBins, ReadStats, frame};
use super::config::{PatternKind, PrepConfig};
use super::detect::{Source, detect};
use super::reader::positive;
use super::request::Request;
use super::sampled::{binning, check, elsewhere, fitting_patch, spots};
use super::stripes::Stripes;
use super::survey::{Recommendation, Survey};
use super::text::Table;
use crate::dataset::{AreaEntry, Mode, Outline, Quantity, SectionCounts};
use crate::files::content_fingerprint;
use crate::guides::Image;
use crate::section::Sampling;
use crate::{Error, Result};
use std::path::PathBuf;

/// A binned section, and how it came to be.
#[derive(Debug)]
pub struct Section {
    /// The name of the platform whose files were read.
    pub platform: &'static str,
    /// The file or folder that was read: the input, or what was found in it.
    pub path: PathBuf,
    /// Of a stream, which can be read only once: SHA-256 of what came, in hexadecimal.
    pub stream: Option<String>,
    /// The config in force: the request's, with the instrument's units.
    pub config: PrepConfig,
    /// The grid (bins of `config.bin_um` µm, rows down along y), the genes' counts per bin, and totals over all genes [rows, cols].
    pub counts: SectionCounts,
    /// What the entries of `counts` are: counts, or values that came normalised.
    pub quantity: Quantity,
    /// Which bins are measured [rows, cols].
    pub sampling: Sampling,
    /// What the user says of the tissue and the part that was read.
    pub outline: Outline,
    /// How many molecules were read and dropped, and why.
    pub molecules: ReadStats,
    /// Molecules inside the grid.
    pub kept: u64,
    /// Molecules outside the grid: between or beyond the measured bins.
    pub outside: u64,
    /// Genes that were left out, for they have no count in any measured bin.
    pub unmeasured_genes: usize,
    /// What the reader found out on its own: layers, lattices, panels.
    pub notes: Vec<String>,
}

/// Reads the section that `request` names, on all threads of the pool, into memory bounded by the grid and the panel.
///
/// In [`Mode::Impute`], molecules between the measured bins are dropped; in [`Mode::Benchmark`] all bins hold what was found in
/// them, and `sampling` says which of them a fit may see.
///
/// ```
/// use s2s::dataset::Mode;
/// use s2s::ingest::{Request, read};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("spots.csv");
/// let spots = (0..64).map(|i| format!("ERBB2,{},{}\n", 10 * (i % 8) + 5, 10 * (i / 8) + 5));
/// std::fs::write(&path, format!("gene,x,y\n{}", spots.collect::<String>()))?;
///
/// let mut request = Request::new(&path, Mode::Benchmark);
/// request.config.bin_um = Some(10.0);
/// let section = read(&request)?;
/// assert_eq!((section.platform, section.molecules.read), ("csv", 64));
/// assert_eq!((section.counts.grid.rows, section.counts.grid.cols), (8, 8));
/// assert_eq!(section.counts.genes[0].counts.len(), 64);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Missing`] and [`Error::Data`] name the file, the line or row, what was found and what was expected;
/// [`Error::Usage`] names a value of the request that makes no sense, or no sense for these files.
pub fn read(request: &Request) -> Result<Section> {
    Plan::of(request)?.read()
}

/// What is read, once everything that can be checked before reading has been.
pub(crate) struct Plan<'a> {
    request: &'a Request,
    source: Source,
    config: PrepConfig,
    binning: Binning,
    areas: Areas,
    /// How what nobody said was found: the size of the bins, a patch that fits the scale.
    notes: Vec<String>,
}

/// The bins that the request names.
struct Areas {
    excluded: Vec<Named>,
    tissue: Option<Named>,
    region: Option<Named>,
}

impl<'a> Plan<'a> {
    /// Recognises the input, checks the request, and where it does not say the size of the bins, reads the input for its counts.
    pub(crate) fn of(request: &'a Request) -> Result<Self> {
        let source = detect(request)?;
        let (config, patch) = fitting_patch(source.reader.with_units(request.config.clone())?);
        check(request, &config)?;
        let (source, bin_um, size) = match config.bin_um {
            Some(bin_um) => (source, bin_um, None),
            None => sized(request, source, &config)?,
        };
        let mut binning = binning(request, &source, &config, positive(bin_um, "bin-um")?)?;
        let config = PrepConfig { bin_um: Some(bin_um), ..config };
        if config.pattern == PatternKind::Spots && request.measured.is_none() {
            binning.measured = spots(&source, &config, &binning)?;
        }
        let areas = Areas::of(request, &source, &config, &binning)?;
        areas.exclude_from(&mut binning)?;
        let notes = patch.into_iter().chain(size).collect();
        Ok(Plan { request, source, config, binning, areas, notes })
    }

    /// The name of the platform whose files are read.
    pub(crate) fn platform(&self) -> &'static str {
        self.source.reader.platform().name
    }

    /// The config in force.
    pub(crate) fn config(&self) -> &PrepConfig {
        &self.config
    }

    /// What identifies the areas of the request.
    pub(crate) fn areas(&self) -> serde_json::Value {
        let Areas { excluded, tissue, region } = &self.areas;
        let sums: Vec<&str> = excluded.iter().map(|named| named.sha256.as_str()).collect();
        let one = |named: &Option<Named>| named.as_ref().map(|named| named.sha256.clone());
        let transform = &self.request.area_transform;
        serde_json::json!({ "exclude": sums, "tissue": one(tissue), "region": one(region), "transform": transform })
    }

    /// Whether the input can be read only once.
    pub(crate) fn streams(&self) -> bool {
        self.source.table.as_ref().is_some_and(|table| table.digest().is_some())
    }

    /// Every file or folder that is read of the input.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        self.source.reader.files(&self.source.path, &self.config)
    }

    /// The images of the request, each with the map that the platform's files have, if they do.
    pub(crate) fn images(&self) -> Result<Vec<Image>> {
        let known = |image: &Image| {
            let told = image.to_um.is_some() || image.transform.is_some();
            let to_um = if told {
                image.to_um
            } else {
                self.source.reader.image_to_um(&self.source.path, &self.config, &image.path)?
            };
            Ok(Image { to_um, ..image.clone() })
        };
        self.request.images.iter().map(known).collect()
    }

    /// Reads, bins and frames everything.
    pub(crate) fn read(self) -> Result<Section> {
        let Plan { request, source, config, binning, areas, notes: found } = self;
        let collector = Collector::new(binning, request.mode, &config, Features::new(request.genes.clone()));
        found.into_iter().for_each(|note| collector.note(note));
        let (reader, path) = (source.reader, source.path.clone());
        let digest = source.table.as_ref().and_then(Table::digest);
        let molecules = source.read(&config, &collector)?;
        let stream = digest.map(|digest| digest.fingerprint());
        let Collector { binning, features, accumulator, quantity, notes, .. } = collector;
        let mut notes = notes.into_inner().unwrap_or_default();
        let (selection, names) = features.into_parts();
        let region = areas.region.as_ref().map(|region| &region.bins);
        let mut framed = frame(accumulator, &binning, quantity, selection.as_ref(), &names, &path, region)
            .map_err(|e| with_notes(with_notes(e, molecules.lost().as_slice()), &notes))?;
        areas.check(&framed, &binning)?;
        if request.exclude.is_empty() {
            elsewhere(&molecules, &framed, &config);
        }
        if request.exclude_auto {
            notes.push(automatic::exclude(&mut framed, request.mode, config.min_counts));
        }
        if !framed.sampling.measured().values().contains(&false) {
            let excludes = request.exclude_auto || !request.exclude.is_empty();
            if request.mode == Mode::Benchmark || config.pattern != PatternKind::All || excludes {
                return Err(Error::data(
                    &path,
                    "every bin is measured, so there is nothing to impute. Name those that failed with --exclude, or choose --pattern lattice or random",
                ));
            }
            notes.push(
                "every bin is measured: nothing is left to impute, and the section can guide others (--section)"
                    .to_owned(),
            );
        }
        let stripes =
            reader.may_have_stripes().then(|| Stripes::of(&framed.section.totals, framed.sampling.measured()));
        notes.extend(stripes.and_then(|stripes| stripes.told()));
        let outline = areas.outline(&framed);
        let Framed { section: counts, sampling, kept, outside, unmeasured_genes, .. } = framed;
        Ok(Section {
            platform: reader.platform().name,
            path,
            stream,
            config,
            counts,
            quantity,
            sampling,
            outline,
            molecules,
            kept,
            outside,
            unmeasured_genes,
            notes,
        })
    }
}

impl Areas {
    fn of(request: &Request, source: &Source, config: &PrepConfig, binning: &Binning) -> Result<Self> {
        let transform = request.area_transform.as_deref();
        let surveyor =
            Surveyor { reader: source.reader, path: &source.path, config, mode: request.mode, binning, transform };
        let one = |flag: &str, area: &Option<Area>| area.as_ref().map(|area| surveyor.find(flag, area)).transpose();
        Ok(Areas {
            excluded: request.exclude.iter().map(|area| surveyor.find("--exclude", area)).collect::<Result<_>>()?,
            tissue: one("--tissue-mask", &request.tissue_mask)?,
            region: one("--region", &request.region)?,
        })
    }

    /// Takes the excluded bins from the measured ones.
    fn exclude_from(&self, binning: &mut Binning) -> Result<()> {
        let mut named = self.excluded.iter();
        let Some(first) = named.next() else { return Ok(()) };
        let all = named.try_fold(first.bins.clone(), |all, next| all.union(&next.bins)).map_err(Error::Data)?;
        let sums: Vec<&str> = self.excluded.iter().map(|named| named.sha256.as_str()).collect();
        let sha256 = if let [only] = sums.as_slice() {
            (*only).to_owned()
        } else {
            content_fingerprint(sums.concat().as_bytes())
        };
        binning.measured = MeasuredBins::Without { of: Box::new(binning.measured.clone()), excluded: all, sha256 };
        Ok(())
    }

    /// Refuses areas that lie elsewhere than the section.
    fn check(&self, framed: &Framed, binning: &Binning) -> Result<()> {
        for Named { what, bins, .. } in self.excluded.iter().chain(&self.tissue) {
            if !bins.meets(framed.extent()) {
                return Err(Error::Data(format!(
                    "{what}: it holds none of the section's bins: it lies at {}, the section at {}. {UNIT}",
                    binning.span(bins.extent()),
                    binning.span(framed.extent())
                )));
            }
        }
        Ok(())
    }

    fn outline(&self, framed: &Framed) -> Outline {
        let flags = |named: &Option<Named>| named.as_ref().map(|named| framed.flags(&named.bins));
        let entry = |named: &Named| AreaEntry {
            what: named.what.clone(),
            sha256: named.sha256.clone(),
            bins: framed.flags(&named.bins).values().iter().filter(|flag| **flag).count() as u64,
        };
        let all = self.excluded.iter().chain(&self.tissue).chain(&self.region);
        Outline { tissue: flags(&self.tissue), region: flags(&self.region), areas: all.map(entry).collect() }
    }
}

/// What was recognised on the way often tells why it came to nothing.
pub(crate) fn with_notes(error: Error, notes: &[String]) -> Error {
    notes.iter().fold(error, |error, note| error.retold(format!("{error}\nnote: {note}")))
}

/// The size of bins that nobody asked for: a bin for every spot, or what all counts of `source` recommend; and what to say of it.
///
/// It is chosen before any bin is withheld, as a user who reads `--describe` chooses it.
fn sized(request: &Request, source: Source, config: &PrepConfig) -> Result<(Source, f64, Option<String>)> {
    let path = source.path.clone();
    if let Some(um) = source.reader.spot_um(&path, config) {
        return Ok((source, um, None));
    }
    if request.measured.is_some() {
        return Err(Error::Usage("--measured: expected --bin-um too, the size of the bins that it lists".to_owned()));
    }
    if source.table.as_ref().is_some_and(|table| table.digest().is_some()) {
        return Err(Error::Usage(format!(
            "{}: a stream is read once, and cannot be looked through for the size of the bins. Give --bin-um",
            path.display()
        )));
    }
    let reader = source.reader;
    let Recommendation { um, why } = Survey::of(source, config)?.recommendation;
    let flag = reader.bin_flag(um, config);
    if request.mode == Mode::Impute {
        tracing::warn!("{flag} was taken: {why}. Only you know in which bins the section was sampled: give their size");
    } else if !(Recommendation { um, why }).is_sound() {
        tracing::warn!("{flag} was taken, {why}");
    }
    Ok((detect(request)?, um, Some(format!("{flag} was taken: {why}"))))
}
