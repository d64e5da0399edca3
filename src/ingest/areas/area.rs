//! What names bins.

use crate::ingest::config::condition;
use std::fmt;
use std::path::{Path, PathBuf};

/// Bins that a user names. A bin is meant if its centre is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Area {
    /// By a file: polygons (GeoJSON, or a table of the corners of selections), a mask or an image of labels, or a table of bins.
    File(PathBuf),
    /// By a condition COLUMN=VALUE on the observations of the input.
    Observations(String),
}

impl Area {
    /// What a command line names: a file, or where there is none of that name and it looks like one, a condition.
    pub fn of(text: &str) -> Self {
        let file = Path::new(text);
        if !file.exists() && condition(text).is_some() {
            return Area::Observations(text.to_owned());
        }
        Area::File(file.to_owned())
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Area::File(path) => write!(f, "{}", path.display()),
            Area::Observations(text) => f.write_str(text),
        }
    }
}
