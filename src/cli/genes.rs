//! `--genes A,B|FILE`: which genes.

use crate::{Error, Result};
use std::path::Path;

/// The genes of `--genes`: names separated by commas, or the first column of a file with one gene per line. In the order
/// given, each once.
pub fn genes(given: &str) -> Result<Vec<String>> {
    let path = Path::new(given);
    let clean = |name: &str| name.trim().trim_matches('"').trim().to_owned();
    let all: Vec<String> = if path.is_file() {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "read", e))?;
        text.lines().filter_map(|line| line.split([',', '\t', ';']).next()).map(clean).collect()
    } else {
        given.split(',').map(clean).collect()
    };
    let mut names: Vec<String> = Vec::new();
    for name in all {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return Err(Error::Usage(format!(
            "--genes {given}: no gene names in it. Give A,B or a file with one per line"
        )));
    }
    Ok(names)
}
