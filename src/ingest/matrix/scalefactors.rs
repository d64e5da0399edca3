//! `uns/spatial/LIBRARY/scalefactors`: what Space Ranger says of the pixels that positions are counted in.

use super::lattice::hexagonal_pitch;
use super::tree::Tree;
use crate::Result;
use crate::ingest::config::condition;

/// The diameter in µm that `spot_diameter_fullres` has pixels of: Space Ranger's, of which spots are 55 µm.
const SPOT_UM: f64 = 65.0;

/// Distance in µm of neighbouring Visium spots.
pub(crate) const PITCH_UM: f64 = 100.0;

/// Positions whose hexagons are this near to [`PITCH_UM`] are µm.
const IN_UM: f64 = 0.03;

/// The scale factors of a library.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ScaleFactors {
    /// µm per pixel; of Visium HD alone.
    pub microns_per_pixel: Option<f64>,
    /// Side in µm of the squares of Visium HD.
    pub bin_size_um: Option<f64>,
    /// Pixels of a spot.
    pub spot_diameter: Option<f64>,
}

impl ScaleFactors {
    /// Those of the library that `conditions` name, or on which all libraries agree; empty where there are none.
    pub(crate) fn read(tree: &Tree, conditions: &[String]) -> Result<ScaleFactors> {
        let mut libraries = tree.children("uns/spatial")?;
        let asked =
            |name: &String| conditions.iter().filter_map(|text| condition(text)).any(|(_, value)| value == name);
        if libraries.iter().any(asked) {
            libraries.retain(asked);
        }
        let of = |library: &String| {
            let value = |key: &str| {
                let name = format!("uns/spatial/{library}/scalefactors/{key}");
                tree.number(&name).ok().filter(|number| number.is_finite() && *number > 0.0)
            };
            ScaleFactors {
                microns_per_pixel: value("microns_per_pixel"),
                bin_size_um: value("bin_size_um"),
                spot_diameter: value("spot_diameter_fullres"),
            }
        };
        let mut all = libraries.iter().map(of);
        let first = all.next().unwrap_or_default();
        Ok(if all.all(|other| other == first) { first } else { ScaleFactors::default() })
    }

    /// Why `points` are pixels of Visium, and what µm per pixel are then; `None` where nothing says so.
    pub(crate) fn pixels(&self, points: &[[f64; 2]]) -> Option<(String, f64)> {
        let pitch = hexagonal_pitch(points);
        if let Some(pitch) = pitch {
            let in_um = (pitch / PITCH_UM - 1.0).abs() <= IN_UM;
            let why = format!("a hexagonal lattice of spacing {pitch:.2}, and Visium's spots are {PITCH_UM} µm apart");
            return (!in_um).then_some((why, PITCH_UM / pitch));
        }
        let diameter = self.spot_diameter?;
        Some((
            format!("pixels, for uns/spatial has spot_diameter_fullres {diameter:.2}, which is {SPOT_UM} µm"),
            SPOT_UM / diameter,
        ))
    }
}
