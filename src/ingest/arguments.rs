//! The command line of `s2s-prep`.

use super::detect::Platform;
use crate::Result;
use crate::config::{Config, PrepConfig};
use crate::dataset::Mode;
use clap::{Parser, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  A dense Xenium section as a benchmark: three of four bins are withheld into truth.parquet, for s2s-score alone
    s2s-prep --input xenium_bundle/ --bin-um 30 --mode benchmark --output pancreas.s2s

  A section that really was sampled at every second position, two genes of it
    s2s-prep --input transcripts.parquet --mode impute --genes ERBB2,CD8A --output tumour.s2s

  A table of spots in pixels of 0.325 µm
    s2s-prep --input spots.tsv.gz --gene-column target --x-column px --y-column py \\
        --um-per-unit 0.325 --bin-um 20 --mode benchmark --output spots.s2s

Exit codes: 0 done, 2 usage, 65 bad input data, 66 missing input, 70 a bug, 74 input/output.";

/// Bins the transcripts of a section, log-normalises them, and writes the dataset that all other stages read
///
/// Bins are squares of --bin-um, counted from --origin. One bin in scale² is measured: the top-left one of every
/// block. The grid is framed by the measured bins that hold a transcript; what lies outside is dropped. Values are
/// ln(1 + counts / total counts of the bin × target), target being the median total of the measured bins in the
/// tissue. In benchmark mode the other bins go into truth.parquet, and nothing else that is written depends on them.
///
/// Memory is bounded by the grid and the panel, not by the number of transcripts.
#[derive(Debug, Parser)]
#[command(name = "s2s-prep", version, after_help = EXAMPLES)]
pub struct Arguments {
    /// A file of transcripts, or the bundle folder that holds it
    #[arg(long, value_name = "PATH")]
    pub input: PathBuf,

    /// Whose files they are; auto goes by the names of the files
    ///
    /// xenium: transcripts.parquet with feature_name, x_location, y_location, and qv and is_gene where there are any.
    /// csv: a table of gene, x, y and perhaps count and qv, separated by comma, tab or semicolon, also gzipped.
    /// Controls and unassigned codewords are left out on both.
    #[arg(long, value_enum, default_value_t = PlatformChoice::Auto)]
    pub platform: PlatformChoice,

    /// The dataset to write, by custom SAMPLE.s2s; the sample's name is the folder's without .s2s
    ///
    /// It appears whole or not at all, and replaces an earlier dataset of that name.
    #[arg(long, value_name = "SAMPLE.s2s")]
    pub output: PathBuf,

    /// benchmark: the section is dense, withhold all bins but the measured ones; impute: it was sampled sparsely
    #[arg(long, value_enum)]
    pub mode: Mode,

    /// The genes to write: names separated by commas, or a file with one per line [default: all genes]
    ///
    /// Totals are always over all genes.
    #[arg(long, value_name = "A,B|FILE")]
    pub genes: Option<String>,

    /// A YAML config, of which this stage reads the section prep; flags override it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Change one key of the config, for example prep.min_qv=15; may be given more than once, flags override it
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// Side of a bin in µm [default: 100]
    #[arg(long, value_name = "µm", allow_negative_numbers = true)]
    pub bin_um: Option<f64>,

    /// S: one bin in S² is measured, 2 or more [default: 2]
    #[arg(long, value_name = "S")]
    pub scale: Option<usize>,

    /// A measured bin with fewer counts is outside the tissue [default: 10]
    #[arg(long, value_name = "COUNTS")]
    pub min_counts: Option<u64>,

    /// Lowest quality of a transcript, where the file has a column qv [default: 20]
    #[arg(long, value_name = "QV", allow_negative_numbers = true)]
    pub min_qv: Option<f64>,

    /// Side of the dense training patch in bins [default: 64]
    #[arg(long, value_name = "BINS")]
    pub patch: Option<usize>,

    /// x and y in µm of a corner of a measured bin, from which bins are counted [default: 0,0]
    ///
    /// It is the origin of the instrument's field, never of the transcripts, so that no withheld transcript can move
    /// the grid. Transcripts may lie on all sides of it.
    #[arg(long, value_name = "X,Y", allow_hyphen_values = true, value_parser = point)]
    pub origin: Option<[f64; 2]>,

    /// csv: the column of the genes [default: gene, feature_name, geneID, gene_id, gene_name or target]
    #[arg(long, value_name = "NAME")]
    pub gene_column: Option<String>,

    /// csv: the column of x [default: x_location, x_um, global_x or x]
    #[arg(long, value_name = "NAME")]
    pub x_column: Option<String>,

    /// csv: the column of y [default: y_location, y_um, global_y or y]
    #[arg(long, value_name = "NAME")]
    pub y_column: Option<String>,

    /// csv: the column of counts [default: count, counts, MIDCount, MIDCounts or UMICount, else 1 per row]
    #[arg(long, value_name = "NAME")]
    pub count_column: Option<String>,

    /// csv: µm per unit of x and y, the size of a pixel [default: 1]
    #[arg(long, value_name = "µm", allow_negative_numbers = true)]
    pub um_per_unit: Option<f64>,

    /// Threads [default: one per core]
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,
}

/// The values of `--platform`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlatformChoice {
    /// By the names of the files.
    Auto,
    /// 10x Xenium.
    Xenium,
    /// A plain table.
    Csv,
}

impl PlatformChoice {
    pub(super) fn platform(self) -> Option<Platform> {
        match self {
            PlatformChoice::Auto => None,
            PlatformChoice::Xenium => Some(Platform::Xenium),
            PlatformChoice::Csv => Some(Platform::Csv),
        }
    }
}

impl Arguments {
    /// The config in force: defaults, then the file, then --set, then the flags.
    pub(super) fn merged(&self) -> Result<PrepConfig> {
        let mut config = Config::load(self.config.as_deref(), &self.set)?.prep;
        override_with(&mut config.bin_um, self.bin_um);
        override_with(&mut config.scale, self.scale);
        override_with(&mut config.min_counts, self.min_counts);
        override_with(&mut config.min_qv, self.min_qv);
        override_with(&mut config.patch, self.patch);
        override_with(&mut config.origin_um, self.origin);
        override_with(&mut config.csv.um_per_unit, self.um_per_unit);
        let columns = [
            (&mut config.csv.gene_column, &self.gene_column),
            (&mut config.csv.x_column, &self.x_column),
            (&mut config.csv.y_column, &self.y_column),
            (&mut config.csv.count_column, &self.count_column),
        ];
        columns.into_iter().for_each(|(key, flag)| override_with(key, flag.clone().map(Some)));
        Ok(config)
    }

    /// The flags given that only plain tables know.
    pub(super) fn csv_flags(&self) -> Vec<&'static str> {
        let given = [
            ("--gene-column", self.gene_column.is_some()),
            ("--x-column", self.x_column.is_some()),
            ("--y-column", self.y_column.is_some()),
            ("--count-column", self.count_column.is_some()),
            ("--um-per-unit", self.um_per_unit.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }
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
        let config = Arguments::try_parse_from(line).unwrap().merged().unwrap();
        let expected = PrepConfig { bin_um: 30.0, min_counts: 7, origin_um: [-1.0, 2.5], ..PrepConfig::default() };
        assert_eq!(config, PrepConfig { csv: config.csv.clone(), ..expected });
        assert_eq!(config.csv.um_per_unit, 0.5);
    }
}
