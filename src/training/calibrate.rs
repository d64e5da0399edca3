//! At the end of a fit: how far off the network is on measured bins, predicted from the sparser lattice.

use super::evaluation::{phase_view, thinned_view};
use super::fitted::Fit;
use super::measured::MeasuredImage;
use super::sampler::Sampler;
use super::settings::FitSettings;
use super::thinning::Thinning;
use crate::calibration::{Calibration, Case, Distance, Features, Layout, count_noise, local_variance};
use crate::dataset::Dataset;
use crate::network::{Cdcin, Ensemble, KeptGuides};
use crate::section::{Lattice, Raster};
use crate::{Error, Result};
use burn::tensor::Tensor;

/// A panel of more genes is large.
const MANY: usize = 500;
/// Held-out bins that a phase of the sparser lattice must leave out for a gene of a large panel to be calibrated by that phase alone.
const ENOUGH: usize = 200;

/// Gives each gene of `fitted` its [`Calibration`], from the measured bins alone; none where no bins are held out.
///
/// A gene is predicted from every phase of the sparser lattice. Of a large panel each gene is predicted from one of them, in turn: it leaves
/// out most of the bins, others say less that is new of the same bins, and all of them would take most of the time of the fit.
pub(super) fn calibrate(
    settings: &FitSettings,
    sampler: &Sampler,
    thinning: Option<&Thinning>,
    fitted: &mut Fit,
) -> Result<()> {
    let phases = settings.scale.get().pow(2);
    let mut guides = None;
    for index in 0..fitted.genes.len() {
        let image = sampler.image(index);
        let held = image.held_out();
        if !held.values().contains(&true) {
            return Ok(());
        }
        let known = image.tissue.map(|inside| *inside > 0.0);
        let scale = fitted.genes[index].scale as f32;
        let spacing = settings.dataset.map_or(settings.scale.get(), |dataset| dataset.sampling().spacing());
        let masks = thinning.map(|thinning| thinning.calibrating(&held));
        let net = &fitted.net.for_genes(&[Some(index)], 0, settings.device);
        let values = &image.genes[0].raster();
        let left_out = held.values().iter().filter(|held| **held).count() * (phases - 1) / phases;
        let turn = (fitted.genes.len() > MANY && thinning.is_none() && left_out >= ENOUGH).then_some(index);
        let views = masks.as_ref().map_or(phases, Vec::len);
        let guides = guides.get_or_insert_with(|| KeptGuides::new(views, fitted.genes.len()));
        let cases =
            Cases { settings, net, image: &image, values, known: &known, spacing, scale, masks, turn, guides }.all()?;
        // On an image of the whole grid bins are a spacing apart, on one of their own they are neighbours.
        let apart = if thinning.is_some() { spacing } else { 1 };
        let values = values.map(|value| value * scale);
        let noise = settings.dataset.map_or(0.0, |dataset| noise(dataset, &values, &known, apart));
        let distance = match thinning {
            Some(Thinning::Holes(_)) => Some(Distance::SAME),
            _ => Distance::of(&values, &known, apart as f64, spacing, noise),
        };
        fitted.genes[index].calibration = Calibration::of(&cases, distance);
    }
    Ok(())
}

/// The noise of counting in the `values` of the measured bins; 0 where they came without counts.
fn noise(dataset: &Dataset, values: &Raster<f32>, known: &Raster<bool>, reach: usize) -> f64 {
    let totals = match dataset.sampling().lattice() {
        Some(lattice) => lattice.subsample(dataset.totals()),
        None => dataset.totals().clone(),
    };
    dataset.manifest().target.map_or(0.0, |target| count_noise(values, &totals, known, target, reach))
}

/// The measured bins of one gene, to be predicted from the sparser lattice.
struct Cases<'a> {
    settings: &'a FitSettings<'a>,
    /// For this gene.
    net: &'a Cdcin,
    /// Of this gene alone.
    image: &'a MeasuredImage,
    /// Its values as they are in the image.
    values: &'a Raster<f32>,
    known: &'a Raster<bool>,
    spacing: usize,
    /// What the gene's values in the image were divided by.
    scale: f32,
    /// Sparser masks where the measured bins lie on no lattice.
    masks: Option<Vec<Raster<bool>>>,
    /// Which phase of the sparser lattice it is predicted from, counted over and over; every one if `None`.
    turn: Option<usize>,
    /// What guides all genes, by the phase or the mask.
    guides: &'a KeptGuides,
}

impl Cases<'_> {
    /// From every phase of the sparser lattice the bins that are not on it; from sparser masks where there is no lattice.
    fn all(&self) -> Result<Vec<Case>> {
        let (s, device) = (self.settings.scale.get(), self.settings.device);
        let mut cases = Vec::new();
        match &self.masks {
            None => {
                let phases = self.turn.map_or(0..s * s, |turn| turn % (s * s)..turn % (s * s) + 1);
                for phase in phases {
                    let corner = (phase / s, phase % s);
                    let view = phase_view(self.image, self.values, s, corner, device);
                    self.of_view(
                        (phase, &view),
                        corner,
                        Layout::Lattice(Lattice::new(self.settings.scale)),
                        &mut cases,
                    )?;
                }
            }
            Some(masks) => {
                for (index, stays) in masks.iter().enumerate() {
                    let view = thinned_view(self.image, self.values, stays, device);
                    let layout = Layout::Scattered(self.spacing * self.spacing);
                    self.of_view((index, &view), (0, 0), layout, &mut cases)?;
                }
            }
        }
        Ok(cases)
    }

    /// Predicts one view with its number, whose first bin is `corner`, and adds the bins that its sparser image does not hold.
    fn of_view(
        &self,
        (index, view): (usize, &Tensor<4>),
        corner: (usize, usize),
        layout: Layout,
        cases: &mut Vec<Case>,
    ) -> Result<()> {
        let [_, _, rows, cols] = view.dims();
        if rows == 0 || cols == 0 {
            return Ok(());
        }
        let input = self.settings.input();
        let sparser = input.sparser(view);
        let Ensemble { mean, square } =
            self.guides.predict(index, self.net, &input, &sparser, input.stains_at(view), true);
        let (mean, square) = (raster(mean, self.scale)?, raster(square, self.scale * self.scale)?);
        let values = raster(sparser.clone().narrow(1, 0, 1), self.scale)?;
        let known = raster(sparser.narrow(1, 1, 1), 1.0)?.map(|inside| *inside > 0.0);
        let local = local_variance(&values, &known, layout, (rows, cols));
        let given = |at: (usize, usize)| match layout {
            Layout::Lattice(lattice) => lattice.measures(at.0, at.1),
            Layout::Scattered(_) => known[at],
        };
        for at in (0..rows * cols).map(|i| (i / cols, i % cols)).filter(|at| !given(*at)) {
            let bin = (corner.0 + at.0, corner.1 + at.1);
            if self.known[bin] {
                let spread = f64::from((square[at] - mean[at] * mean[at]).max(0.0));
                let features = Features { level: f64::from(mean[at].max(0.0)), local: f64::from(local[at]), spread };
                cases.push(self.case(bin, features));
            }
        }
        Ok(())
    }

    fn case(&self, bin: (usize, usize), features: Features) -> Case {
        let measured = f64::from(self.values[bin] * self.scale);
        let side = self.settings.fit.holdout_block;
        let block = bin.0 / side * self.known.cols().div_ceil(side) + bin.1 / side;
        let held_out = self.image.is_held_out(bin);
        Case { features, error: (measured - features.level).abs(), block, held_out }
    }
}

/// An image [1, 1, h, w] times `factor`.
fn raster(image: Tensor<4>, factor: f32) -> Result<Raster<f32>> {
    let [_, _, rows, cols] = image.dims();
    let values = image.into_data().try_into_vec_as::<f32>().map_err(|e| Error::bug(format!("calibration: {e:?}")))?;
    let values = values.into_iter().map(|value| value * factor).collect();
    Raster::from_vec(rows, cols, values).ok_or_else(|| Error::bug("calibration: an image of another size"))
}
