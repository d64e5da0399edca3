//! Which bins of the infinite grid are measured, before the section is framed.

use super::bin::AbsoluteBin;
use super::set::BinSet;
use crate::section::{Lattice, Pattern};

/// The measured bins.
#[derive(Clone, Debug)]
pub(crate) enum MeasuredBins {
    /// One bin of every S×S block; bin (0, 0) is one.
    Lattice(Lattice),
    /// Each bin by a draw of its own.
    Random {
        /// The probability of a bin.
        rate: f64,
        /// What the draws depend on, beside the bin's position.
        seed: u64,
    },
    /// The bins of a list.
    Listed {
        /// Which they are.
        bins: BinSet,
        /// SHA-256 of the list.
        sha256: String,
    },
    /// Every bin.
    All,
    /// Those of another choice but for some.
    Without {
        /// What they are left out of.
        of: Box<MeasuredBins>,
        /// Those that are left out.
        excluded: BinSet,
        /// SHA-256 of what names them.
        sha256: String,
    },
}

impl MeasuredBins {
    /// Whether this bin is measured.
    pub(crate) fn measures(&self, bin: AbsoluteBin) -> bool {
        match self {
            MeasuredBins::Lattice(lattice) => {
                let s = lattice.scale.get() as i32;
                bin.row % s == 0 && bin.col % s == 0
            }
            MeasuredBins::Random { rate, seed } => draw(bin, *seed) < *rate,
            MeasuredBins::Listed { bins, .. } => bins.holds(bin),
            MeasuredBins::All => true,
            MeasuredBins::Without { of, excluded, .. } => of.measures(bin) && !excluded.holds(bin),
        }
    }

    /// What the manifest says of them.
    pub(crate) fn pattern(&self) -> Pattern {
        match self {
            MeasuredBins::Lattice(_) => Pattern::Lattice,
            MeasuredBins::Random { rate, seed } => Pattern::Random { rate: *rate, seed: *seed },
            MeasuredBins::Listed { bins, sha256 } => Pattern::Listed { bins: bins.count(), sha256: sha256.clone() },
            MeasuredBins::All => Pattern::All,
            MeasuredBins::Without { of, sha256, .. } => {
                Pattern::Holes { bins: 0, automatic: 0, sha256: sha256.clone(), of: Box::new(of.pattern()) }
            }
        }
    }

    /// The bins of a list, around which the frame of the section is drawn.
    pub(crate) fn listed(&self) -> Option<&BinSet> {
        match self {
            MeasuredBins::Listed { bins, .. } => Some(bins),
            MeasuredBins::Without { of, .. } => of.listed(),
            _ => None,
        }
    }
}

/// A number in [0, 1) that depends on nothing but the bin and the seed: two rounds of SplitMix64.
fn draw(bin: AbsoluteBin, seed: u64) -> f64 {
    let mix = |z: u64| {
        let z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let position = (u64::from(bin.row as u32) << 32) | u64::from(bin.col as u32);
    (mix(mix(seed) ^ position) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_rate_and_depend_on_both_axes_and_the_seed() {
        let all = || (-300..300).flat_map(|row| (-300..300).map(move |col| AbsoluteBin { row, col }));
        let measured = |seed: u64| {
            let bins = MeasuredBins::Random { rate: 0.25, seed };
            all().map(|bin| bins.measures(bin)).collect::<Vec<_>>()
        };
        let (first, second) = (measured(1), measured(2));
        let share = |flags: &[bool]| flags.iter().filter(|flag| **flag).count() as f64 / flags.len() as f64;
        // 360,000 draws: a standard deviation of 0.0007.
        assert!((share(&first) - 0.25).abs() < 0.004, "{}", share(&first));
        let both: Vec<bool> = first.iter().zip(&second).map(|(a, b)| *a && *b).collect();
        assert!((share(&both) - 0.0625).abs() < 0.003, "{}", share(&both));
        let beside: Vec<bool> = first.iter().zip(&first[1..]).map(|(a, b)| *a && *b).collect();
        assert!((share(&beside) - 0.0625).abs() < 0.003, "{}", share(&beside));
    }
}
