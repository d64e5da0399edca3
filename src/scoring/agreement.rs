//! How far a prediction is from the truth, bin by bin (§7 of the method). All sums are in f64.

use crate::section::{Raster, pearson};

/// Errors and correlation over the bins of one region.
///
/// A figure that is not defined is `None`: all three over no bins at all, the correlation where truth or prediction is constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Number of bins compared.
    pub bins: usize,
    /// Mean absolute error, in log-normalised units.
    pub mae: Option<f64>,
    /// Root of the mean squared error, in log-normalised units.
    pub rmse: Option<f64>,
    /// Pearson's correlation coefficient.
    pub pcc: Option<f64>,
}

/// Compares `predicted` with `truth`, all [rows, cols], over the bins in `region`.
pub fn agreement(truth: &Raster<f64>, predicted: &Raster<f64>, region: &Raster<bool>) -> Agreement {
    let pairs = Pairs { truth, predicted, region };
    let bins = pairs.iter().count();
    if bins == 0 {
        return Agreement { bins, mae: None, rmse: None, pcc: None };
    }
    let mean = |of: fn((f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / bins as f64;
    Agreement {
        bins,
        mae: Some(mean(|(t, p)| (t - p).abs())),
        rmse: Some(mean(|(t, p)| (t - p).powi(2)).sqrt()),
        pcc: pearson(pairs.iter()),
    }
}

/// Peak signal-to-noise ratio in dB over the whole frame, bins outside `tissue` counted as 0 in both.
///
/// `None` where it is infinite (no error) or the frame is empty.
pub fn psnr(truth: &Raster<f64>, predicted: &Raster<f64>, tissue: &Raster<bool>, data_range: f64) -> Option<f64> {
    let squared: f64 = Pairs { truth, predicted, region: tissue }.iter().map(|(t, p)| (t - p).powi(2)).sum();
    let error = squared / tissue.values().len() as f64;
    (error > 0.0 && data_range > 0.0).then(|| 10.0 * (data_range * data_range / error).log10())
}

/// The larger of the two maxima over `tissue`: the data range of SSIM and PSNR. 0 without tissue.
pub fn data_range(truth: &Raster<f64>, predicted: &Raster<f64>, tissue: &Raster<bool>) -> f64 {
    Pairs { truth, predicted, region: tissue }.iter().fold(0.0, |range, (t, p)| t.max(p).max(range))
}

/// The bins of a region, as pairs of true and predicted value.
struct Pairs<'a> {
    truth: &'a Raster<f64>,
    predicted: &'a Raster<f64>,
    region: &'a Raster<bool>,
}

impl Pairs<'_> {
    fn iter(&self) -> impl Iterator<Item = (f64, f64)> + Clone {
        let pairs = self.truth.values().iter().zip(self.predicted.values());
        pairs.zip(self.region.values()).filter(|(_, inside)| **inside).map(|((t, p), _)| (*t, *p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[f64]) -> Raster<f64> {
        Raster::from_vec(1, values.len(), values.to_vec()).unwrap()
    }

    #[test]
    fn figures_by_hand() {
        let region = Raster::from_vec(1, 4, vec![true, true, true, false]).unwrap();
        let got = agreement(&line(&[0.0, 1.0, 2.0, 9.0]), &line(&[1.0, 1.0, 4.0, 0.0]), &region);
        assert_eq!((got.bins, got.mae), (3, Some(1.0)));
        assert!((got.rmse.unwrap() - (5.0f64 / 3.0).sqrt()).abs() < 1e-15);
        // Deviations (−1, 0, 1) and (−1, −1, 2): 3 / √(2 · 6).
        assert!((got.pcc.unwrap() - 3.0 / 12f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn a_constant_has_no_correlation_and_no_bins_have_no_error() {
        let all = Raster::filled(1, 3, true);
        let got = agreement(&line(&[0.1, 0.1, 0.1]), &line(&[0.0, 1.0, 2.0]), &all);
        assert!(got.mae.is_some() && got.pcc.is_none());
        let got = agreement(&line(&[0.0; 3]), &line(&[1.0; 3]), &all.map(|_| false));
        assert_eq!(got, Agreement { bins: 0, mae: None, rmse: None, pcc: None });
    }
}
