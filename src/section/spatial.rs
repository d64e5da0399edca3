//! Spatial autocorrelation: how alike neighbouring bins are.

use super::Raster;

/// The bins of a tissue, each linked to its up to four neighbours in tissue.
///
/// Made once for a tissue, it gives Moran's I of a gene in the time of its non-zero bins.
#[derive(Clone, Debug)]
pub struct Neighbours {
    /// The number of neighbours of each bin; `None` outside the tissue.
    degrees: Raster<Option<u8>>,
    bins: usize,
    links: usize,
}

impl Neighbours {
    /// The neighbours within `tissue` [rows, cols].
    pub fn new(tissue: &Raster<bool>) -> Self {
        let (rows, cols) = tissue.shape();
        let degrees = Raster::from_fn(rows, cols, |row, col| {
            let beside = [(row.wrapping_sub(1), col), (row + 1, col), (row, col.wrapping_sub(1)), (row, col + 1)];
            let near = beside.into_iter().filter(|at| at.0 < rows && at.1 < cols && tissue[*at]);
            tissue[(row, col)].then(|| near.count() as u8)
        });
        let inside = || degrees.values().iter().flatten();
        let (bins, ends) = (inside().count(), inside().map(|degree| usize::from(*degree)).sum::<usize>());
        Neighbours { bins, links: ends / 2, degrees }
    }

    /// Moran's I of a map that is `values` at the bins of these indices (row × cols + col, rising) and 0 elsewhere;
    /// what lies outside the tissue does not count.
    ///
    /// I = (n / W) · Σ w_ij z_i z_j / Σ z_i², all weights 1 (scanpy's `morans_i` on that graph). `None` where no two bins
    /// are neighbours or the values are constant. Interpolation raises it above that of the truth: it smooths.
    pub fn morans_i(&self, values: &[(usize, f64)]) -> Option<f64> {
        let Deviations { inside, mean, squares } = self.deviations(values)?;
        // Σ over links of (x_i − mean)(x_j − mean), each link once, as a sum over the bins that are not zero.
        let ends: f64 = inside.iter().map(|(index, value)| value * self.degree(*index)).sum();
        let products = self.linked_products(&inside) - mean * ends + mean * mean * self.links as f64;
        Some(self.bins as f64 / self.links as f64 * products / squares)
    }

    /// Geary's C of the same map: (n − 1) / (2W) · Σ w_ij (x_i − x_j)² / Σ z_i², all weights 1 (scanpy's `gearys_c` on that
    /// graph). 1 without autocorrelation, 0 for a map that does not change between neighbours. `None` as [`Self::morans_i`].
    pub fn gearys_c(&self, values: &[(usize, f64)]) -> Option<f64> {
        let Deviations { inside, squares, .. } = self.deviations(values)?;
        let ends: f64 = inside.iter().map(|(index, value)| value * value * self.degree(*index)).sum();
        let differences = ends - 2.0 * self.linked_products(&inside);
        Some((self.bins as f64 - 1.0) / (2.0 * self.links as f64) * differences / squares)
    }

    /// Number of neighbours of a bin; 0 outside the tissue.
    fn degree(&self, index: usize) -> f64 {
        self.degrees.values()[index].map_or(0.0, f64::from)
    }

    /// The values in the tissue that are not zero, their mean and sum of squared deviations over all of its bins; `None`
    /// where no two bins are neighbours or the values are constant.
    fn deviations(&self, values: &[(usize, f64)]) -> Option<Deviations> {
        let in_tissue = |index: usize| self.degrees.values()[index].is_some();
        let inside: Vec<(usize, f64)> = values.iter().copied().filter(|(index, _)| in_tissue(*index)).collect();
        let first = inside.first()?.1;
        let constant = if inside.len() == self.bins { first } else { 0.0 };
        if self.links == 0 || inside.iter().all(|(_, value)| *value == constant) {
            return None;
        }
        let mean = inside.iter().map(|(_, value)| value).sum::<f64>() / self.bins as f64;
        let zeros = (self.bins - inside.len()) as f64;
        let squares = inside.iter().map(|(_, value)| (value - mean).powi(2)).sum::<f64>() + zeros * mean * mean;
        Some(Deviations { inside, mean, squares })
    }

    /// Σ x_i x_j over the links between the bins `inside` the tissue.
    fn linked_products(&self, inside: &[(usize, f64)]) -> f64 {
        let cols = self.degrees.cols();
        let (mut sum, mut below) = (0.0, 0);
        for (at, &(index, value)) in inside.iter().enumerate() {
            match inside.get(at + 1) {
                Some(&(next, right)) if next == index + 1 && next % cols != 0 => sum += value * right,
                _ => {}
            }
            while inside.get(below).is_some_and(|(other, _)| *other < index + cols) {
                below += 1;
            }
            match inside.get(below) {
                Some(&(next, under)) if next == index + cols => sum += value * under,
                _ => {}
            }
        }
        sum
    }
}

/// What both statistics are made of.
struct Deviations {
    inside: Vec<(usize, f64)>,
    mean: f64,
    squares: f64,
}

/// The bins of `values` that are not zero, as [`Neighbours`] wants them.
fn filled(values: &Raster<f64>) -> Vec<(usize, f64)> {
    values.values().iter().copied().enumerate().filter(|(_, value)| *value != 0.0).collect()
}

/// Moran's I of `values` over the in-tissue bins [rows, cols]; see [`Neighbours::morans_i`].
pub fn morans_i(values: &Raster<f64>, tissue: &Raster<bool>) -> Option<f64> {
    Neighbours::new(tissue).morans_i(&filled(values))
}

/// Geary's C of `values` over the in-tissue bins [rows, cols]; see [`Neighbours::gearys_c`].
pub fn gearys_c(values: &Raster<f64>, tissue: &Raster<bool>) -> Option<f64> {
    Neighbours::new(tissue).gearys_c(&filled(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chessboard_is_minus_one_and_a_constant_has_none() {
        let all = Raster::filled(4, 4, true);
        let board = Raster::from_fn(4, 4, |row, col| ((row + col) % 2) as f64);
        assert!((morans_i(&board, &all).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(morans_i(&board.map(|_| 0.1), &all), None);
        assert_eq!(morans_i(&board.map(|_| 0.0), &all), None);
    }

    #[test]
    fn they_equal_their_definitions_link_by_link() {
        let tissue = Raster::from_fn(5, 7, |row, col| (row * 3 + col) % 5 != 0);
        let values = Raster::from_fn(5, 7, |row, col| ((row * 7 + col * 3) % 4) as f64);
        let inside: Vec<(usize, usize)> = (0..35).map(|i| (i / 7, i % 7)).filter(|at| tissue[*at]).collect();
        let n = inside.len() as f64;
        let mean = inside.iter().map(|at| values[*at]).sum::<f64>() / n;
        let (mut products, mut differences, mut weights) = (0.0, 0.0, 0.0);
        for a in &inside {
            for b in inside.iter().filter(|b| a.0.abs_diff(b.0) + a.1.abs_diff(b.1) == 1) {
                products += (values[*a] - mean) * (values[*b] - mean);
                differences += (values[*a] - values[*b]).powi(2);
                weights += 1.0;
            }
        }
        let squares: f64 = inside.iter().map(|at| (values[*at] - mean).powi(2)).sum();
        assert!((morans_i(&values, &tissue).unwrap() - n / weights * products / squares).abs() < 1e-12);
        let expected = (n - 1.0) / (2.0 * weights) * differences / squares;
        assert!((gearys_c(&values, &tissue).unwrap() - expected).abs() < 1e-12);
    }
}
