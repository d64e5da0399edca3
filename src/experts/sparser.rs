//! Sparser views of a section: part of the measured bins in the place of all of them, so that the others are to be predicted and
//! yet known.

use super::Panel;
use crate::section::{Lattice, Pattern, Raster, Sampling, Scale};

/// Hidden measured bins that are enough.
const ENOUGH: usize = 12_000;

/// Phases of the sparser lattice, opposite ones first.
const PHASES: [(usize, usize); 4] = [(0, 0), (1, 1), (0, 1), (1, 0)];

/// One sparser view.
pub(super) struct Sparser {
    /// What it shows.
    pub(super) panel: Panel,
    /// The bins of the section that its bins are: every `step`-th one from `origin` on.
    origin: (usize, usize),
    step: usize,
}

impl Sparser {
    /// Views of `panel` in which a quarter of the measured bins is left; on a lattice their spacing is doubled.
    pub(super) fn views(panel: &Panel) -> Vec<Self> {
        let mut views: Vec<Sparser> = Vec::new();
        let mut hidden = 0;
        for phase in PHASES {
            if hidden < ENOUGH {
                let view = match panel.sampling.lattice() {
                    Some(lattice) => Self::phase(panel, lattice.scale.get(), phase),
                    None => Self::drawn(panel, 2 * phase.0 + phase.1),
                };
                hidden += view.panel.tissue.values().iter().filter(|inside| **inside).count();
                views.push(view);
            }
        }
        views
    }

    /// The measured bins as an image from `phase` on, every second row and column of which is left.
    fn phase(panel: &Panel, step: usize, phase: (usize, usize)) -> Self {
        let (rows, cols) = panel.tissue.shape();
        let shape = (rows.div_ceil(step).saturating_sub(phase.0), cols.div_ceil(step).saturating_sub(phase.1));
        let sampling = Sampling::regular(Lattice::new(Scale::TWO), shape.0, shape.1);
        Self::cut(panel, sampling, (phase.0 * step, phase.1 * step), step)
    }

    /// The whole grid, with a quarter of the measured bins drawn for this `part`.
    fn drawn(panel: &Panel, part: usize) -> Self {
        let (rows, cols) = panel.tissue.shape();
        let left =
            Raster::from_fn(rows, cols, |row, col| panel.sampling.measures(row, col) && quarter(row, col) == part);
        let bins = left.values().iter().filter(|left| **left).count() as u64;
        let pattern = Pattern::Listed { bins, sha256: String::new() };
        Self::cut(panel, Sampling::of(panel.sampling.nominal(), pattern, left), (0, 0), 1)
    }

    fn cut(panel: &Panel, sampling: Sampling, origin: (usize, usize), step: usize) -> Self {
        let (rows, cols) = sampling.measured().shape();
        let at = |row: usize, col: usize| (origin.0 + row * step, origin.1 + col * step);
        let inside = |bin: (usize, usize)| panel.tissue[bin] && panel.sampling.measures(bin.0, bin.1);
        let tissue = Raster::from_fn(rows, cols, |row, col| inside(at(row, col)));
        let shown = |map: &Raster<f32>| Raster::from_fn(rows, cols, |row, col| map[at(row, col)]);
        let guides = panel.guides.iter().map(shown).collect();
        let components = panel.components.iter().map(shown).collect();
        let panel = Panel { sampling, tissue, components, variances: panel.variances.clone(), guides };
        Sparser { panel, origin, step }
    }

    /// What the view shows of a `map` of the section [rows, cols].
    pub(super) fn of<T: Copy>(&self, map: &Raster<T>) -> Raster<T> {
        let (rows, cols) = self.panel.tissue.shape();
        Raster::from_fn(rows, cols, |row, col| map[(self.origin.0 + row * self.step, self.origin.1 + col * self.step)])
    }
}

/// Which of four parts a bin belongs to, by a hash of its place alone.
fn quarter(row: usize, col: usize) -> usize {
    let mixed = (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (col as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) as usize >> 61 & 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(sampling: Sampling) -> Panel {
        let (rows, cols) = sampling.measured().shape();
        let tissue = Raster::from_fn(rows, cols, |row, col| row + col > 5);
        let component = Raster::from_fn(rows, cols, |row, col| (row * cols + col) as f32);
        Panel { sampling, tissue, components: vec![component], variances: vec![1.0], guides: Vec::new() }
    }

    #[test]
    fn together_the_views_leave_every_measured_bin_once() {
        let lattice = Sampling::regular(Lattice::new(Scale::new(3).unwrap()), 31, 44);
        let drawn = Raster::from_fn(31, 44, |row, col| (row * 7 + col * 5) % 3 == 0);
        let drawn = Sampling::of(Lattice::new(Scale::TWO), Pattern::Listed { bins: 0, sha256: String::new() }, drawn);
        for panel in [lattice, drawn].map(panel) {
            let mut left = Vec::new();
            for view in Sparser::views(&panel) {
                let (shown, map) = (&view.panel, view.of(&panel.components[0]));
                for (i, value) in map.values().iter().enumerate() {
                    let bin = (i / map.cols(), i % map.cols());
                    let place = (*value as usize / 44, *value as usize % 44);
                    let known = panel.tissue[place] && panel.sampling.measures(place.0, place.1);
                    assert_eq!(shown.tissue[bin], known, "only measured bins are shown, as bins of the tissue");
                    if known && shown.sampling.measures(bin.0, bin.1) {
                        left.push(place);
                    }
                }
            }
            left.sort_unstable();
            let every = (0..31 * 44).map(|i| (i / 44, i % 44));
            let measured: Vec<_> =
                every.filter(|bin| panel.tissue[*bin] && panel.sampling.measures(bin.0, bin.1)).collect();
            assert_eq!(left, measured);
        }
    }
}
