//! The command line of `s2s-prep`.

use crate::platforms::{AUTO, PlatformFlags, platform_help, platform_names};
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{ArgGroup, Parser};
use s2s::cli::one_of;
use s2s::config::Config;
use s2s::dataset::Mode;
use s2s::guides::Image;
use s2s::ingest::{self, Area, PatternKind, PrepConfig, Preset, Request, SerialSection};
use s2s::{Error, Result, cli};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  What is this, and which bins does it allow?
    s2s-prep --describe xenium_bundle/

  A dense Xenium section as a benchmark: three of four bins are withheld into truth.parquet, for s2s-score alone
    s2s-prep xenium_bundle/ --bin-um 30 --mode benchmark -o pancreas.s2s

  A section that really was sampled at every second position, two genes of it
    s2s-prep transcripts.parquet --mode impute --genes ERBB2,CD8A -o tumour.s2s

  How sparse may the next sections be, if they are like this one?
    s2s-prep pilot/ --bin-um 30 --genes panel.txt --plan plan

  A section of which bins failed: everything else is measured, and they are imputed
    s2s-prep binned_outputs/ --bin-um 16 --exclude folds.geojson --exclude auto --mode impute -o mended.s2s

  A table of spots in pixels of 0.325 µm
    s2s-prep spots.tsv.gz --gene-column target --x-column px --y-column py \\
        --um-per-unit 0.325 --bin-um 20 --mode benchmark -o spots.s2s";

/// Bins the transcripts of a section, log-normalises them, and writes the dataset that all other stages read
///
/// Bins are squares of --bin-um, counted from --origin. One bin in scale² is measured: the top-left one of every
/// block. The grid is framed by the measured bins that hold a transcript; what lies outside is dropped. Values are
/// ln(1 + counts / total counts of the bin × target), target being the median total of the measured bins in the
/// tissue. In benchmark mode the other bins go into truth.parquet, and nothing else that is written depends on them.
///
/// Memory is bounded by the grid and the panel, not by the number of transcripts.
#[derive(Debug, Parser)]
#[command(name = "s2s-prep", after_help = cli::below_help(EXAMPLES, cli::ENDED), group(ArgGroup::new("source").required(true).args(["place", "input", "describe"])), group(ArgGroup::new("guide").multiple(true).args(["image", "section"])), group(ArgGroup::new("area").multiple(true).args(["exclude", "tissue_mask", "region"])))]
pub struct Arguments {
    /// A file of transcripts, or the bundle folder that holds it
    #[arg(value_name = "PATH")]
    pub place: Option<PathBuf>,

    /// The same, by a flag
    #[arg(short, long, value_name = "PATH")]
    pub input: Option<PathBuf>,

    /// Tell what PATH is (platform, size, molecules, genes, counts per bin at several sizes, a bin size to take), write nothing
    #[arg(long, value_name = "PATH", conflicts_with_all = ["output", "mode"])]
    pub describe: Option<PathBuf>,

    /// How sparse may a section like this dense pilot be? Write plan.csv and plan.svg into DIR, print a table, prepare nothing
    ///
    /// The pilot is sampled with S = 2, 3 and 4 and at random, and what each leaves out is predicted by interpolation and by the experts, for --genes, or the
    /// dozen with the most structure. Minutes on a laptop. A plan of that name is replaced by the same run (input, genes, settings) or with --force.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["output", "mode", "describe", "scale", "phase", "pattern", "rate", "seed", "measured", "exclude", "image", "section"])]
    pub plan: Option<PathBuf>,

    /// Whose files they are; auto goes by the names of the files
    #[arg(long, long_help = platform_help(), value_parser = platform_names(), default_value = AUTO)]
    pub platform: String,

    /// The dataset to write, by custom SAMPLE.s2s; the sample's name is the folder's without .s2s
    ///
    /// It appears whole or not at all. A dataset of that name is replaced by the same run (input, settings) or with --force.
    #[arg(short, long, value_name = "SAMPLE.s2s", required_unless_present_any = ["describe", "plan"])]
    pub output: Option<PathBuf>,

    /// benchmark: the section is dense, withhold all bins but the measured ones; impute: it was sampled sparsely
    #[arg(long, value_name = "MODE", value_parser = one_of(modes()), required_unless_present_any = ["describe", "plan"])]
    pub mode: Option<Mode>,

    /// The genes to write: names separated by commas, or a file with one per line [default: all genes]
    ///
    /// Totals are always over all genes.
    #[arg(short, long, value_name = "A,B|FILE|all")]
    pub genes: Option<String>,

    /// A YAML config, of which this stage reads the section prep; flags override it
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Change one key of the config, for example prep.min_qv=15; may be given more than once, flags override it
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// Settings under one name: of instruments whose positions are a lattice with gaps
    #[arg(long, value_name = "NAME", value_parser = preset_names())]
    pub preset: Option<String>,

    /// Side of a bin in µm [default: what --describe recommends; 100, a bin for every spot, on Visium and AnnData]
    #[arg(id = "bin-um", long, value_name = "µm", allow_negative_numbers = true)]
    pub bin_um: Option<f64>,

    /// S: one bin in S² is measured, 2 or more [default: 2]
    #[arg(long, value_name = "S", value_parser = scale)]
    pub scale: Option<usize>,

    /// Row and column of the measured bin in every S × S block, counted from --origin [default: 0,0]
    #[arg(long, value_name = "ROW,COL", value_parser = phase)]
    pub phase: Option<[usize; 2]>,

    /// lattice: one bin in S², regularly; random: each bin with the probability --rate, for benchmarks; all: every bin [default: lattice,
    /// and all with --exclude unless --scale is given]
    #[arg(long, value_parser = one_of(patterns()), value_name = "PATTERN")]
    pub pattern: Option<PatternKind>,

    /// --pattern random: the share of measured bins [default: 0.25]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub rate: Option<f64>,

    /// --pattern random: what the draws depend on [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// A table of the bins that are measured, regular or not, instead of --pattern
    ///
    /// Its columns are row and col (bins counted from --origin, rows down along y) or x and y (µm, anywhere in the bin).
    /// The box around them frames the grid. See docs/patterns.md for what follows the pattern, and how.
    #[arg(long, value_name = "FILE", conflicts_with = "pattern")]
    pub measured: Option<PathBuf>,

    /// Bins that failed, to be imputed from all others; or auto; may be repeated
    ///
    /// A file: polygons in µm (GeoJSON of QuPath or Xenium Explorer, or the latter's table of X and Y), a mask or an image of labels (PNG, TIFF: 0 is no), or a table
    /// of bins (row and col, x and y in µm, or barcodes of Visium HD). Or COLUMN=VALUE: the observations of AnnData with this value. What they hold is not read with
    /// --mode impute, and withheld with --mode benchmark. auto: bins whose total is far below what the bins around them say. See docs/holes.md.
    #[arg(long, value_name = "FILE|COLUMN=VALUE|auto")]
    pub exclude: Vec<String>,

    /// The tissue, as --exclude names bins: it is exactly that, whatever --min-counts
    #[arg(long, value_name = "FILE|COLUMN=VALUE")]
    pub tissue_mask: Option<String>,

    /// The part of the section to read, as --exclude names bins
    #[arg(long, value_name = "FILE|COLUMN=VALUE")]
    pub region: Option<String>,

    /// For polygons and masks whose coordinates are pixels: µm per pixel, or a file with the map to µm as of --image-transform
    #[arg(long, value_name = "µm|FILE", requires = "area")]
    pub area_transform: Option<String>,

    /// An image of the section, to guide the experts: OME-TIFF, TIFF, PNG or JPEG; auto takes those of the input; may be repeated
    ///
    /// It is measured in every bin. Where it lies is found in the file (the size of its pixels), in a file beside it (MERSCOPE), or given
    /// with --image-transform. See docs/guides.md for when an image helps.
    #[arg(long, value_name = "PATH|auto")]
    pub image: Vec<PathBuf>,

    /// The map from pixels of the image to µm: one for all images, or one for each in their order
    ///
    /// Two or three rows of three numbers: x = a·column + b·row + c, y = d·column + e·row + f. An alignment of Xenium Explorer
    /// (…alignment.csv) and Vizgen's micron_to_mosaic_pixel_transform.csv are known by their names.
    #[arg(long, value_name = "FILE", requires = "image")]
    pub image_transform: Vec<PathBuf>,

    /// The dataset of a serial section, to guide the experts: what was measured there, gene by gene; may be repeated
    ///
    /// Its genes are matched by name and its bins may be others. It has the frame of this section, or --section-transform. A dense section
    /// is prepared with --pattern all. See docs/guides.md.
    #[arg(long, value_name = "OTHER.s2s")]
    pub section: Vec<PathBuf>,

    /// The map from µm of the other section to µm of this one: one for all sections, or one for each in their order
    ///
    /// Two or three rows of three numbers, as for --image-transform [default: both have the same frame]
    #[arg(long, value_name = "FILE", requires = "section")]
    pub section_transform: Vec<PathBuf>,

    /// How far the other section lies from this one across both, in µm: one for all sections, or one for each in their order
    ///
    /// Of several sections the nearer ones count more.
    #[arg(long, value_name = "µm", requires = "section", allow_negative_numbers = true)]
    pub section_distance: Vec<f64>,

    /// Move an image or a section to where it fits the measured bins better (shifted, turned or mirrored), if it does; else only a warning says so
    #[arg(long, requires = "guide")]
    pub align: bool,

    /// A measured bin with fewer counts is outside the tissue [default: 10]
    #[arg(long, value_name = "COUNTS")]
    pub min_counts: Option<u64>,

    /// Lowest quality of a transcript, where the file has a column qv [default: 20]
    #[arg(long, value_name = "QV", allow_negative_numbers = true)]
    pub min_qv: Option<f64>,

    /// Side of the dense training patch in bins [default: 64]
    #[arg(long, value_name = "BINS")]
    pub patch: Option<usize>,

    /// x and y in µm of a corner of a bin (by default, a measured one), from which bins are counted [default: 0,0]
    ///
    /// It is the origin of the instrument's field, never of the transcripts, so that no withheld transcript can move
    /// the grid. Transcripts may lie on all sides of it.
    #[arg(long, value_name = "X,Y", allow_hyphen_values = true, value_parser = point)]
    pub origin: Option<[f64; 2]>,

    /// What is for some platforms alone.
    #[command(flatten)]
    pub platform_flags: PlatformFlags,

    /// Replace the dataset, or the plan, of another run
    #[arg(long)]
    pub force: bool,

    /// Threads on the CPU; 0 takes every core
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
}

impl Arguments {
    /// Defaults, then the file, then --set, then the preset, then the flags that all platforms have.
    fn config(&self, mode: Mode) -> Result<PrepConfig> {
        let config = Config::load(self.config.as_deref(), &self.set)?.prep;
        let mut config = match self.preset() {
            Some(preset) => preset.apply(config, mode),
            None => config,
        };
        config.bin_um = self.bin_um.or(config.bin_um);
        override_with(&mut config.scale, self.scale);
        override_with(&mut config.phase, self.phase);
        let all_but_excluded = !self.exclude.is_empty() && self.scale.is_none() && self.measured.is_none();
        override_with(&mut config.pattern, self.pattern.or(all_but_excluded.then_some(PatternKind::All)));
        override_with(&mut config.rate, self.rate);
        override_with(&mut config.seed, self.seed);
        override_with(&mut config.min_counts, self.min_counts);
        override_with(&mut config.min_qv, self.min_qv);
        override_with(&mut config.patch, self.patch);
        override_with(&mut config.origin_um, self.origin);
        if self.bin_um.is_some() {
            config.bin_dnb = None;
        }
        self.check_pattern(config.pattern)?;
        Ok(config)
    }

    /// [`Error::Usage`] for a flag of one pattern where the bins are measured by another.
    fn check_pattern(&self, pattern: PatternKind) -> Result<()> {
        let random = (PatternKind::Random, "--pattern random");
        let lattice = (PatternKind::Lattice, "--pattern lattice");
        let flags = [
            (self.rate.map(|rate| format!("--rate {rate}")), random),
            (self.seed.map(|seed| format!("--seed {seed}")), random),
            (self.phase.map(|[row, col]| format!("--phase {row},{col}")), lattice),
        ];
        let own = if self.measured.is_some() { None } else { Some(pattern) };
        let stray = flags.into_iter().find_map(|(flag, (of, name))| Some((flag.filter(|_| own != Some(of))?, name)));
        let Some((flag, name)) = stray else { return Ok(()) };
        let known = patterns().into_iter().find(|(kind, ..)| Some(*kind) == own);
        let found = known.map_or("--measured".to_owned(), |(_, known, _)| format!("--pattern {known}"));
        Err(Error::Usage(format!(
            "{flag}: only for {name}, but the measured bins are those of {found}. Leave one out, or choose {name}"
        )))
    }

    /// The preset that was named.
    fn preset(&self) -> Option<&'static Preset> {
        ingest::presets().iter().find(|preset| Some(preset.name) == self.preset.as_deref())
    }

    /// The images, each with its map.
    fn images(&self, input: &Path) -> Result<Vec<Image>> {
        let mut paths = Vec::new();
        for path in &self.image {
            if path.as_os_str() == "auto" { paths.extend(ingest::images(input)?) } else { paths.push(path.clone()) }
        }
        let transform = each("--image-transform", &self.image_transform, paths.len(), "image")?;
        let image = |(path, transform)| Image { path, transform, to_um: None };
        Ok(paths.into_iter().zip(transform).map(image).collect())
    }

    /// The serial sections, each with its map and distance.
    fn sections(&self) -> Result<Vec<SerialSection>> {
        let count = self.section.len();
        let transform = each("--section-transform", &self.section_transform, count, "section")?;
        let distance = each("--section-distance", &self.section_distance, count, "section")?;
        if let Some(wrong) = self.section_distance.iter().find(|um| !um.is_finite()) {
            return Err(Error::Usage(format!("--section-distance {wrong}: expected µm")));
        }
        let section = |((path, transform), distance_um): ((&PathBuf, _), _)| SerialSection {
            path: path.clone(),
            transform,
            distance_um,
        };
        Ok(self.section.iter().zip(transform).zip(distance).map(section).collect())
    }

    /// What is to be read of `input`.
    pub fn request(&self, input: &Path, mode: Mode) -> Result<Request> {
        let mut request = Request::new(input, mode);
        request.platform = Some(self.platform.clone()).filter(|name| name != AUTO);
        request.genes = cli::chosen(self.genes.as_deref())?.map(BTreeSet::from_iter);
        request.measured = self.measured.clone();
        request.exclude_auto = self.exclude.iter().any(|what| what == AUTO);
        request.exclude = self.exclude.iter().filter(|what| *what != AUTO).map(|what| Area::of(what)).collect();
        request.tissue_mask = self.tissue_mask.as_deref().map(Area::of);
        request.region = self.region.as_deref().map(Area::of);
        request.area_transform = self.area_transform.clone();
        request.images = self.images(input)?;
        request.sections = self.sections()?;
        request.align = self.align;
        request.config = self.config(mode)?;
        request.preset = self.preset();
        request.force = self.force;
        self.platform_flags.set(&mut request)?;
        Ok(request)
    }
}

/// The values of `flag` for each of `count` things: none, one for all, or one for each.
fn each<T: Clone>(flag: &str, values: &[T], count: usize, thing: &str) -> Result<Vec<Option<T>>> {
    match values {
        [] => Ok(vec![None; count]),
        [one] => Ok(vec![Some(one.clone()); count]),
        all if all.len() == count => Ok(all.iter().cloned().map(Some).collect()),
        all => Err(Error::Usage(format!(
            "{flag}: {} values for {count} {thing}s, expected one for all or one for each",
            all.len()
        ))),
    }
}

/// Whether the section is dense, as `--mode` has it.
fn modes() -> [(Mode, &'static str, &'static str); 2] {
    [
        (Mode::Benchmark, "benchmark", "A dense section: all bins off the lattice are withheld into `truth.parquet`"),
        (Mode::Impute, "impute", "The section really was sampled sparsely: there is no truth"),
    ]
}

/// Which bins are measured, as `--pattern` has it.
fn patterns() -> [(PatternKind, &'static str, &'static str); 4] {
    [
        (
            PatternKind::All,
            "all",
            "Every bin but those that --exclude names: also of a dense section that guides others (--section)",
        ),
        (PatternKind::Lattice, "lattice", "One bin of every S×S block"),
        (PatternKind::Random, "random", "Each bin by a draw of its own"),
        (PatternKind::Spots, "spots", "The bins that hold a spot of Visium, with bins between"),
    ]
}

fn override_with<T>(key: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *key = value;
    }
}

/// `X,Y` as two finite numbers.
fn point(text: &str) -> Result<[f64; 2], String> {
    let number = |text: &str| text.trim().parse().ok().filter(|value: &f64| value.is_finite());
    let parsed = text.split_once(',').and_then(|(x, y)| Some([number(x)?, number(y)?]));
    parsed.ok_or_else(|| "expected two numbers in µm separated by a comma, for example 0,0".to_owned())
}

/// S as one number.
fn scale(text: &str) -> Result<usize, String> {
    let advice = "expected one whole number, for S is the same along rows and columns. Where it is not, give --bin-um of the finer one, and list the measured bins with --measured";
    text.trim().parse().map_err(|_| advice.to_owned())
}

/// The values of `--preset`.
fn preset_names() -> PossibleValuesParser {
    PossibleValuesParser::new(ingest::presets().iter().map(|preset| PossibleValue::new(preset.name).help(preset.help)))
}

/// `ROW,COL` as two numbers.
fn phase(text: &str) -> Result<[usize; 2], String> {
    let number = |text: &str| text.trim().parse().ok();
    let parsed = text.split_once(',').and_then(|(row, col)| Some([number(row)?, number(col)?]));
    parsed.ok_or_else(|| "expected two numbers below S separated by a comma, for example 1,0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_override_the_file_and_the_file_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.yaml");
        std::fs::write(&path, "prep:\n  bin_um: 30\n  min_counts: 5\n  csv: {um_per_unit: 0.5}\n").unwrap();
        let line =
            ["s2s-prep", "--input", "a", "--output", "b", "--mode", "impute", "--min-counts", "7", "--origin=-1,2.5"];
        let mut line: Vec<String> = line.map(str::to_owned).to_vec();
        line.extend(["--config".to_owned(), path.display().to_string()]);
        let config = Arguments::try_parse_from(line).unwrap().config(Mode::Impute).unwrap();
        let expected =
            PrepConfig { bin_um: Some(30.0), min_counts: 7, origin_um: [-1.0, 2.5], ..PrepConfig::default() };
        assert_eq!(config, PrepConfig { csv: config.csv.clone(), ..expected });
        assert_eq!(config.csv.um_per_unit, Some(0.5));
    }

    #[test]
    fn flags_of_platforms_come_last_and_a_wrong_value_is_told() {
        let parse = |more: &[&'static str]| {
            let line = ["s2s-prep", "--input", "a", "--output", "b", "--mode", "impute"];
            Arguments::try_parse_from(line.iter().chain(more))
        };
        let given = ["--set", "prep.pixel_um=2", "--pixel-um", "0.5", "--bin-dnb", "40", "--xenium-cells"];
        let request = parse(&given).unwrap().request(Path::new("a"), Mode::Impute).unwrap();
        assert_eq!((request.config.pixel_um, request.config.bin_dnb), (Some(0.5), Some(40)));
        for wrong in [&["--pixel-um", "wide"][..], &["--bin-dnb", "40", "--bin-um", "20"], &["--platform", "xenum"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }
}
