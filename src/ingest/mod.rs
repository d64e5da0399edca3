//! From a platform's files to a binned section: molecules (gene, position, count) that become counts per gene and bin.
//!
//! [`read()`] gives the section that a [`Request`] names in memory, [`prepare()`] writes it as a dataset, [`describe()`] tells what the
//! files are and which bins they allow. None of them prints or reads the command line.
//!
//! A `reader` is what a platform is to the rest of the crate; `platforms` has a file for each and one table of them, over which
//! everything else walks: `detect`, [`platforms()`], [`flags()`]. Readers share `text` (tables) and `matrix` (HDF5, Zarr, MTX), and
//! give all molecules to `binning`.

mod areas;
mod automatic;
mod binning;
mod config;
mod describe;
mod detect;
mod flags;
mod folders;
mod images;
mod matrix;
mod platforms;
mod prepare;
mod presets;
mod reader;
mod request;
mod sampled;
mod section;
mod serial;
mod strangers;
mod stripes;
mod survey;
mod text;
mod words;

pub use areas::{Area, cells};
pub use binning::ReadStats;
pub use config::{CsvConfig, MatrixConfig, PatternKind, PrepConfig};
pub use describe::{Description, describe};
pub use flags::{Flag, Takes};
pub use images::images;
pub use platforms::{flags, platforms};
pub use prepare::{Prepared, prepare, read_known};
pub use presets::{Preset, presets};
pub use reader::Platform;
pub use request::{Request, SerialSection};
pub use section::{Section, read};
pub use survey::{BinSize, Recommendation, Survey, Why};
