//! Views of a section in which part of the measured bins is hidden, to be predicted and yet known.

use super::Panel;
use crate::section::{Pattern, Raster, Sampling};

/// Hidden bins that are enough.
const ENOUGH: usize = 1000;

/// The quarters that are hidden, opposite phases of a lattice first.
const QUARTERS: [usize; 4] = [0, 3, 1, 2];

/// A section without a quarter of its measured bins.
pub(super) struct View {
    /// What it shows: measured bins alone, of which the hidden ones count as tissue that was not measured.
    pub(super) panel: Panel,
    /// The bins of the section that its bins are: every `step`-th one, which on a lattice are the measured ones.
    step: usize,
}

impl View {
    /// As many views of `panel` as hide enough bins, at most four; then each measured bin is hidden once.
    pub(super) fn all(panel: &Panel) -> Vec<Self> {
        let (mut views, mut hidden) = (Vec::new(), 0);
        for quarter in QUARTERS {
            if hidden < ENOUGH {
                let view = Self::hiding(panel, quarter);
                let shown = view.panel.tissue.values().iter().zip(view.panel.sampling.measured().values());
                hidden += shown.filter(|(inside, measured)| **inside && !**measured).count();
                views.push(view);
            }
        }
        views
    }

    fn hiding(panel: &Panel, quarter: usize) -> Self {
        let lattice = panel.sampling.lattice();
        let step = lattice.map_or(1, |lattice| lattice.scale.get());
        let (rows, cols) = (panel.tissue.rows().div_ceil(step), panel.tissue.cols().div_ceil(step));
        let measured = |row: usize, col: usize| panel.sampling.measures(row * step, col * step);
        let of = if lattice.is_some() { phase } else { drawn };
        let left = Raster::from_fn(rows, cols, |row, col| measured(row, col) && of(row, col) != quarter);
        let bins = left.values().iter().filter(|left| **left).count() as u64;
        let pattern = Pattern::Listed { bins, sha256: String::new() };
        let inside = |row: usize, col: usize| panel.tissue[(row * step, col * step)] && measured(row, col);
        let tissue = Raster::from_fn(rows, cols, inside);
        let shown = |map: &Raster<f32>| Raster::from_fn(rows, cols, |row, col| map[(row * step, col * step)]);
        let (components, guides) = (panel.components.iter().map(shown), panel.guides.iter().map(shown));
        let panel = Panel {
            sampling: Sampling::of(panel.sampling.nominal(), pattern, left),
            components: components.collect(),
            variances: panel.variances.clone(),
            guides: guides.collect(),
            tissue,
        };
        View { panel, step }
    }

    /// What the view shows of a `map` of the section [rows, cols].
    pub(super) fn of(&self, map: &Raster<f32>) -> Raster<f32> {
        let (rows, cols) = self.panel.tissue.shape();
        Raster::from_fn(rows, cols, |row, col| map[(row * self.step, col * self.step)])
    }
}

/// The quarter of a bin of the image of a lattice: every second row and column.
fn phase(row: usize, col: usize) -> usize {
    row % 2 * 2 + col % 2
}

/// The quarter of a bin by a hash of its place alone.
fn drawn(row: usize, col: usize) -> usize {
    let mixed = (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (col as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) as usize >> 61 & 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::{Lattice, Scale};

    fn panel(sampling: Sampling) -> Panel {
        let (rows, cols) = sampling.measured().shape();
        let tissue = Raster::from_fn(rows, cols, |row, col| row + col > 5);
        let component = Raster::from_fn(rows, cols, |row, col| (row * cols + col) as f32);
        Panel { sampling, tissue, components: vec![component], variances: vec![1.0], guides: Vec::new() }
    }

    #[test]
    fn together_the_views_hide_every_measured_bin_once() {
        let lattice = Sampling::regular(Lattice::new(Scale::new(3).unwrap()), 31, 44);
        let drawn = Raster::from_fn(31, 44, |row, col| (row * 7 + col * 5) % 3 == 0);
        let drawn = Sampling::of(Lattice::new(Scale::TWO), Pattern::Listed { bins: 0, sha256: String::new() }, drawn);
        for panel in [lattice, drawn].map(panel) {
            let mut hidden = Vec::new();
            for view in View::all(&panel) {
                let (shown, map) = (&view.panel, view.of(&panel.components[0]));
                for (i, value) in map.values().iter().enumerate() {
                    let bin = (i / map.cols(), i % map.cols());
                    let place = (*value as usize / 44, *value as usize % 44);
                    let known = panel.tissue[place] && panel.sampling.measures(place.0, place.1);
                    assert_eq!(shown.tissue[bin], known, "only measured bins are shown, as bins of the tissue");
                    if known && !shown.sampling.measures(bin.0, bin.1) {
                        hidden.push(place);
                    }
                }
            }
            hidden.sort_unstable();
            let every = (0..31 * 44).map(|i| (i / 44, i % 44));
            let measured: Vec<_> =
                every.filter(|bin| panel.tissue[*bin] && panel.sampling.measures(bin.0, bin.1)).collect();
            assert_eq!(hidden, measured);
        }
    }
}
