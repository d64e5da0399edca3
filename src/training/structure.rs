//! How often each gene of a panel is drawn, by how much the map of its measured bins has to teach.

use super::pixels::Pixels;
use crate::section::Neighbours;
use rand::distr::weighted::WeightedIndex;

/// Draws a gene evenly, but for a `share` of the draws: those go to genes in proportion to Moran's I over the measured bins that are
/// learned from, nothing below 0. `None` where no two of them are neighbours, or no gene has any structure.
pub(super) fn structure(pixels: &Pixels, share: f64) -> Option<WeightedIndex<f64>> {
    let genes = pixels.genes();
    let learned = pixels.learned().map(|looked_at| *looked_at > 0.0);
    let neighbours = Neighbours::new(&learned);
    let of = |gene: usize| neighbours.morans_i(&pixels.bins(gene)).unwrap_or(0.0).max(0.0);
    let structure: Vec<f64> = (0..genes).map(of).collect();
    let sum = Some(structure.iter().sum::<f64>()).filter(|sum| *sum > 0.0)?;
    let weight = |structure: f64| (1.0 - share) / genes as f64 + share * structure / sum;
    WeightedIndex::new(structure.into_iter().map(weight)).ok()
}

#[cfg(test)]
mod tests {
    use super::super::measured::MeasuredImage;
    use super::*;
    use crate::section::Raster;
    use burn::tensor::Device;
    use rand::SeedableRng;
    use rand::distr::Distribution;
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn genes_without_structure_have_their_part_of_the_even_draws_alone() {
        let smooth = Raster::from_fn(8, 8, |row, _| row as f32);
        let board = Raster::from_fn(8, 8, |row, col| ((row + col) % 2) as f32);
        let image = MeasuredImage::new(&smooth.map(|_| true), &smooth.map(|_| false));
        let draw = |image: MeasuredImage, share: f64| {
            let drawn = structure(&Pixels::new(image, (8, 8), &Device::flex()), share)?;
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
            Some((0..4000).filter(|_| drawn.sample(&mut rng) == 1).count() as f64 / 4000.0)
        };
        let both = image.clone().with(&smooth, 1.0).with(&board, 1.0);
        assert_eq!(draw(both.clone(), 1.0), Some(0.0));
        assert!((draw(both, 0.6).unwrap() - 0.2).abs() < 0.03);
        assert_eq!(draw(image.with(&board, 1.0), 0.6), None, "nothing has any structure");
    }
}
