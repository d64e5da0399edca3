//! A map without its zeros: most genes were seen in few bins.

use super::raster::Raster;

/// A [`Raster`] of which only the values that are not 0 are held: 8 bytes for each.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRaster {
    rows: usize,
    cols: usize,
    /// Index, row by row, and value, in ascending order.
    entries: Vec<(u32, f32)>,
}

impl SparseRaster {
    /// The map with its zeros.
    pub fn raster(&self) -> Raster<f32> {
        let mut raster = Raster::filled(self.rows, self.cols, 0.0);
        let values = raster.values_mut();
        self.entries.iter().for_each(|(index, value)| values[*index as usize] = *value);
        raster
    }

    /// The value at `index`, row by row.
    pub fn at(&self, index: usize) -> f32 {
        let found = self.entries.binary_search_by_key(&index, |entry| entry.0 as usize);
        found.map_or(0.0, |place| self.entries[place].1)
    }
}

impl From<&Raster<f32>> for SparseRaster {
    /// Of a map of at most 2³² bins, which is more than a grid may have.
    fn from(raster: &Raster<f32>) -> Self {
        let entries = raster.values().iter().enumerate().filter(|(_, value)| **value != 0.0);
        let entries = entries.map(|(index, value)| (index as u32, *value)).collect();
        SparseRaster { rows: raster.rows(), cols: raster.cols(), entries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_in_comes_out() {
        let raster = Raster::from_fn(5, 7, |row, col| if (row + col) % 3 == 0 { row as f32 - 2.5 } else { 0.0 });
        let sparse = SparseRaster::from(&raster);
        assert_eq!(sparse.raster(), raster);
        assert!(raster.values().iter().enumerate().all(|(index, value)| sparse.at(index) == *value));
    }
}
