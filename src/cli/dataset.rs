//! The dataset that a stage reads: its first argument, or `--dataset`.

use clap::Args;
use std::path::{Path, PathBuf};

// (A doc comment would become the text of every stage's --help.)
#[derive(Args, Clone, Debug)]
#[allow(missing_docs, reason = "its fields are private")]
pub struct DatasetArgument {
    /// The dataset that s2s-prep wrote
    #[arg(value_name = "SAMPLE.s2s")]
    place: Option<PathBuf>,
    /// The same, by a flag
    #[arg(short, long, value_name = "SAMPLE.s2s")]
    dataset: Option<PathBuf>,
}

impl DatasetArgument {
    /// The names of both, for the group of which one is required.
    pub const NAMES: [&str; 2] = ["place", "dataset"];

    /// Where it is, if it was given.
    pub fn path(&self) -> Option<&Path> {
        self.place.as_deref().or(self.dataset.as_deref())
    }
}
