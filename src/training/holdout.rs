//! Measured bins that are held out of training, to see how well it does without any truth (§8.2 of the method).

use crate::section::Raster;
use rand::Rng;
use rand::seq::SliceRandom;

/// Marks whole blocks of `side` × `side` measured bins, drawn at random, until `share` of the tissue is held out.
///
/// Blocks rather than single bins: the neighbours of a single bin would give it away. Returns all `false` for a
/// `share` of 0, and never holds out everything.
pub(super) fn held_out(tissue: &Raster<bool>, share: f64, side: usize, rng: &mut impl Rng) -> Raster<bool> {
    let (rows, cols) = tissue.shape();
    let inside = |&(top, left): &(usize, usize)| {
        let bins = (top..(top + side).min(rows)).flat_map(|r| (left..(left + side).min(cols)).map(move |c| (r, c)));
        bins.filter(|&at| tissue[at]).collect::<Vec<_>>()
    };
    let corners = (0..rows).step_by(side).flat_map(|top| (0..cols).step_by(side).map(move |left| (top, left)));
    let mut blocks: Vec<Vec<(usize, usize)>> =
        corners.map(|corner| inside(&corner)).filter(|bins| !bins.is_empty()).collect();
    blocks.shuffle(rng);
    let wanted = share * blocks.iter().map(Vec::len).sum::<usize>() as f64;
    let mut held = tissue.map(|_| false);
    let mut count = 0;
    for block in blocks.iter().skip(1) {
        if count as f64 >= wanted {
            break;
        }
        count += block.len();
        block.iter().for_each(|&at| held[at] = true);
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn about_the_share_asked_for_is_held_out_and_only_in_tissue() {
        let tissue = Raster::from_fn(40, 50, |row, col| row + col > 20);
        let held = held_out(&tissue, 0.1, 5, &mut Xoshiro256PlusPlus::seed_from_u64(3));
        let both = held.values().iter().zip(tissue.values());
        assert!(both.clone().all(|(held, tissue)| !held || *tissue));
        let share = both.filter(|(held, _)| **held).count() as f64
            / tissue.values().iter().filter(|inside| **inside).count() as f64;
        assert!((0.1..0.13).contains(&share), "{share}");
    }

    #[test]
    fn a_share_of_zero_holds_out_nothing_and_a_single_block_is_kept() {
        let tissue = Raster::filled(4, 4, true);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        assert!(held_out(&tissue, 0.0, 2, &mut rng).values().iter().all(|held| !held));
        assert!(held_out(&tissue, 0.9, 5, &mut rng).values().iter().all(|held| !held));
    }
}
