//! The map to µm that a user gives for coordinates that are none.

use crate::guides::{Affine, read_map};
use crate::{Error, Result};
use std::path::Path;

/// The map that `flag` gives: µm per pixel, or a file with two rows of three numbers. None without it.
pub(super) fn to_um(text: Option<&str>, flag: &str) -> Result<Option<Affine>> {
    let Some(text) = text else { return Ok(None) };
    match text.parse::<f64>() {
        Ok(um) if um.is_finite() && um > 0.0 => Ok(Some(Affine::pixels([um; 2], [0.0; 2]))),
        Ok(_) => Err(Error::Usage(format!("{flag} {text}: expected µm per pixel above 0, or a file"))),
        Err(_) => read_map(Path::new(text)).map(|(map, _)| Some(map)),
    }
}
