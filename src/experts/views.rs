//! Views of a section in which part of the measured bins is hidden, to be predicted and yet known.

use super::Panel;
use crate::section::{Holes, Pattern, Raster, Sampling};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Hidden bins that are enough.
const ENOUGH: usize = 1000;

/// The share of the measured bins that a view hides in holes.
const IN_HOLES: f64 = 0.1;

/// The quarters that are hidden, opposite phases of a lattice first.
const QUARTERS: [usize; 4] = [0, 3, 1, 2];

/// A section without part of its measured bins: a quarter of them, or around holes a tenth, in holes of the same shapes.
pub(super) struct View {
    /// What it shows: measured bins alone, of which the hidden ones count as tissue that was not measured.
    pub(super) panel: Panel,
    /// The bins of the section that its bins are: every `step`-th one, which on a lattice are the measured ones.
    step: usize,
}

impl View {
    /// As many views of `panel` as hide enough bins, at most four; four of quarters hide each measured bin once.
    pub(super) fn all(panel: &Panel) -> Vec<Self> {
        let holes = Holes::of(&panel.sampling, &panel.tissue);
        let (mut views, mut hidden) = (Vec::new(), 0);
        for quarter in QUARTERS {
            if hidden < ENOUGH {
                let view = match &holes {
                    Some(holes) => Self::with_holes(panel, holes, quarter as u64),
                    None => Self::hiding(panel, quarter),
                };
                let shown = view.panel.tissue.values().iter().zip(view.panel.sampling.measured().values());
                hidden += shown.filter(|(inside, measured)| **inside && !**measured).count();
                views.push(view);
            }
        }
        views
    }

    /// Without measured bins in likes of the section's holes, elsewhere with every seed.
    fn with_holes(panel: &Panel, holes: &Holes, seed: u64) -> Self {
        let (rows, cols) = panel.tissue.shape();
        let measured = panel.sampling.measured();
        let known = Raster::from_fn(rows, cols, |row, col| panel.tissue[(row, col)] && measured[(row, col)]);
        let hidden = holes.moved(&known, IN_HOLES, &mut Xoshiro256PlusPlus::seed_from_u64(seed));
        Self::showing(panel, 1, Raster::from_fn(rows, cols, |row, col| measured[(row, col)] && !hidden[(row, col)]))
    }

    fn hiding(panel: &Panel, quarter: usize) -> Self {
        let lattice = panel.sampling.lattice();
        let step = lattice.map_or(1, |lattice| lattice.scale.get());
        let (rows, cols) = (panel.tissue.rows().div_ceil(step), panel.tissue.cols().div_ceil(step));
        let of = if lattice.is_some() { phase } else { drawn };
        let measured = |row: usize, col: usize| panel.sampling.measures(row * step, col * step);
        Self::showing(
            panel,
            step,
            Raster::from_fn(rows, cols, |row, col| measured(row, col) && of(row, col) != quarter),
        )
    }

    /// Every `step`-th bin of `panel`, those `left` as measured ones.
    fn showing(panel: &Panel, step: usize, left: Raster<bool>) -> Self {
        let (rows, cols) = left.shape();
        let bins = left.values().iter().filter(|left| **left).count() as u64;
        let pattern = Pattern::Listed { bins, sha256: String::new() };
        let inside = |row: usize, col: usize| {
            panel.tissue[(row * step, col * step)] && panel.sampling.measures(row * step, col * step)
        };
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

    /// Holes of 3 × 3 and one bin: the bins that views hide lie as deep as those of the section, and none of the holes themselves is shown.
    #[test]
    fn around_holes_views_hide_their_likes() {
        let hole = |row: usize, col: usize| (10..13).contains(&row) && (20..23).contains(&col) || (row, col) == (30, 8);
        let listed = Pattern::Listed { bins: 0, sha256: String::new() };
        let measured = Raster::from_fn(44, 50, |row, col| !hole(row, col));
        let panel = panel(Sampling::of(Lattice::new(Scale::TWO), listed, measured));
        let views = View::all(&panel);
        assert_eq!(views.len(), 4);
        let mut sizes = std::collections::BTreeMap::new();
        for View { panel: shown, .. } in &views {
            let hidden =
                Raster::from_fn(44, 50, |row, col| shown.tissue[(row, col)] && !shown.sampling.measures(row, col));
            assert!((0..44 * 50).map(|i| (i / 50, i % 50)).all(|bin| !(shown.tissue[bin] && hole(bin.0, bin.1))));
            for group in crate::section::groups(&hidden) {
                *sizes.entry(group.len()).or_insert(0_usize) += 1;
            }
        }
        assert_eq!(sizes.keys().copied().collect::<Vec<_>>(), [1, 9], "{sizes:?}");
        assert!(sizes[&1].abs_diff(sizes[&9]) <= 4, "{sizes:?}");
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
