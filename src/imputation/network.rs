//! Prediction by a fitted network.

use super::config::PredictConfig;
use super::finish;
use super::scene::Scene;
use super::stitching::stitch;
use super::uncertainty::features;
use crate::calibration::Calibration;
use crate::dataset::Dataset;
use crate::network::{Cdcin, CdcinConfig, Ensemble, InputConfig};
use crate::section::{Lattice, Raster};
use crate::training::{FittedGene, ModelMetadata};
use crate::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The prediction of a gene for the whole section.
#[derive(Clone, Debug)]
pub struct Imputed {
    /// Log-normalised values [rows, cols], NaN outside the tissue.
    pub values: Raster<f32>,
    /// Half the width of the intervals around them [rows, cols]: 0 at measured bins, NaN outside the tissue. `None` where the
    /// network carries no calibration, or the turns that it was calibrated with are left out.
    pub uncertainty: Option<Raster<f32>>,
}

/// A fitted gene, ready to predict.
#[derive(Clone)]
pub struct NetworkImputer {
    /// The network, which all genes of a panel share.
    shared: Arc<Shared>,
    /// Which of its genes.
    index: usize,
}

struct Shared {
    /// `None` where it is read when it predicts: of the networks of thousands of genes one is held at a time.
    net: Option<Cdcin>,
    metadata: ModelMetadata,
    path: PathBuf,
    device: Device,
}

impl NetworkImputer {
    /// As [`open`](NetworkImputer::open), of a network in memory and its metadata.
    pub fn new(net: &Cdcin, metadata: &ModelMetadata, dataset: &Dataset, device: &Device) -> Result<Vec<Self>> {
        let path = PathBuf::from("network in memory");
        Self::checked(&path, net.config(), metadata, dataset)?;
        Ok(Self::of(Some(net.clone()), metadata.clone(), path, device))
    }

    /// Of weights and metadata that were read from `path`. What one gene has for itself is read again when it predicts.
    pub(super) fn from_file(
        path: &Path,
        (net, metadata): (Cdcin, ModelMetadata),
        dataset: &Dataset,
        device: &Device,
    ) -> Result<Vec<Self>> {
        Self::checked(path, net.config(), &metadata, dataset)?;
        let kept = (metadata.genes.len() > 1).then_some(net);
        Ok(Self::of(kept, metadata, path.to_owned(), device))
    }

    fn of(net: Option<Cdcin>, metadata: ModelMetadata, path: PathBuf, device: &Device) -> Vec<Self> {
        let shared = Arc::new(Shared { net, metadata, path, device: device.clone() });
        (0..shared.metadata.genes.len()).map(|index| NetworkImputer { shared: shared.clone(), index }).collect()
    }

    /// Whether the network and its metadata fit the dataset.
    fn checked(path: &Path, config: &CdcinConfig, metadata: &ModelMetadata, dataset: &Dataset) -> Result<()> {
        if metadata.genes.is_empty() {
            return Err(Error::data(path, "knows natural images alone. Fit genes from it: s2s-fit --init"));
        }
        let names: Vec<&str> = metadata.genes.iter().map(|gene| gene.name.as_str()).collect();
        let names = names.join(", ");
        let expected = dataset.fingerprint();
        if metadata.dataset_fingerprint != expected {
            let told = metadata.provenance.inputs.iter().find(|input| input.sha256 == metadata.dataset_fingerprint);
            let other = told.map_or("it does not say which", |input| input.path.as_str());
            let given = dataset.folder().display();
            let what = if Path::new(other) == dataset.folder() {
                format!("trained on another dataset: {other} as it was before it was prepared anew")
            } else {
                format!(
                    "trained on another dataset ({other}) than {given}, and a network knows the section alone that it learned from"
                )
            };
            return Err(Error::data(
                path,
                format!("{what}. Fit {names} on {given}, or give the dataset it was trained on"),
            ));
        }
        metadata.genes.iter().try_for_each(|gene| {
            dataset.manifest().gene(&gene.name).map_err(|e| Error::data(path, e))?;
            check(gene, metadata, config, dataset.lattice())
                .map_err(|what| Error::data(path, format!("{what}. Fit {names} again")))
        })
    }

    fn fitted(&self) -> &FittedGene {
        &self.shared.metadata.genes[self.index]
    }

    /// The gene it was fitted to.
    pub fn gene(&self) -> &str {
        &self.fitted().name
    }

    /// Whether it was trained with guides.
    pub(super) fn has_guides(&self) -> bool {
        self.shared.metadata.input.stains > 0
    }

    /// Whether it was trained to do without them in part of its examples.
    pub(super) fn can_do_without_guides(&self) -> bool {
        let share = self.shared.metadata.provenance.config.pointer("/fit/guide_dropout");
        share.and_then(serde_json::Value::as_f64).is_some_and(|share| share > 0.0)
    }

    /// What its intervals rest on, if it can make any with this `config`.
    pub fn calibration(&self, config: &PredictConfig) -> Option<&Calibration> {
        let as_calibrated = config.turns && (config.network_guides || !self.has_guides());
        self.fitted().calibration.as_ref().filter(|_| as_calibrated)
    }

    /// The file of its weights, and how they came to be.
    pub fn metadata(&self) -> (&Path, &ModelMetadata) {
        (&self.shared.path, &self.shared.metadata)
    }

    /// The network for its gene alone.
    fn net(&self) -> Result<Cdcin> {
        let Shared { net, path, device, .. } = &*self.shared;
        let own = |net: &Cdcin| net.for_genes(&[Some(self.index)], 0, device);
        match net {
            Some(net) => Ok(own(net)),
            None => ModelMetadata::open(path, device).map(|(net, _)| own(&net)),
        }
    }

    /// What its network is shown of the section, for so many genes that share the network.
    pub(super) fn scene<'a>(&self, dataset: &'a Dataset, config: &'a PredictConfig, genes: usize) -> Result<Scene<'a>> {
        let Shared { metadata, device, .. } = &*self.shared;
        Scene::new(dataset, config, metadata, genes.min(metadata.genes.len()), device)
    }

    /// Whether it is the network of `other`, for another gene.
    pub(super) fn shares_network(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The prediction of its gene for the whole section.
    ///
    /// [`Error::Data`] if the weights predict what is no number.
    pub fn impute(&self, dataset: &Dataset, config: &PredictConfig) -> Result<Imputed> {
        self.impute_in(&self.scene(dataset, config, 1)?)
    }

    /// The same in the scene of its network.
    pub(super) fn impute_in(&self, scene: &Scene) -> Result<Imputed> {
        let Shared { metadata, path, .. } = &*self.shared;
        let Scene { dataset, config, .. } = *scene;
        let net = self.net()?;
        let shape = dataset.tissue().shape();
        let divisor = self.fitted().scale as f32;
        let scaled = dataset.values(self.gene())?.map(|value| value / divisor);
        let scale = metadata.input.factor();
        let predicted = |batch: usize| {
            let Ensemble { mean, square } = scene.predict(&net, &scaled, batch);
            Ok([pixels(mean)?, pixels(square)?])
        };
        let dense = match metadata.window {
            None => predicted(0)?.map(|field| crop(field, scaled.shape(), scale, shape)),
            Some(window) => stitch(shape, window / scale, scale, scene.batches(), predicted)?,
        };
        let [mean, square] = dense;
        let spread = Raster::from_fn(shape.0, shape.1, |row, col| {
            let at = (row, col);
            (square[at] - mean[at] * mean[at]).max(0.0) * divisor * divisor
        });
        let dense = mean.map(|value| value * divisor);
        // Clamping at 0 would turn NaN into a prediction that looks like one.
        let broken = dense.values().iter().filter(|value| !value.is_finite()).count();
        if broken > 0 {
            return Err(Error::data(
                path,
                format!(
                    "predicts no finite number of {} for {broken} of {} bins, so its training diverged. Fit it again",
                    self.gene(),
                    dense.values().len()
                ),
            ));
        }
        let measured = dataset.measured_values(self.gene())?;
        let values = finish(dense, &measured, dataset.sampling(), dataset.tissue());
        let uncertainty = self.calibration(config).map(|calibration| {
            let features = features(dataset, &measured, &values, &spread);
            calibration.half_widths(&features, dataset.sampling().measured(), config.coverage)
        });
        Ok(Imputed { values, uncertainty })
    }
}

/// The widest window that a network is applied to: far wider than what fits into memory in training.
const WIDEST: usize = 1 << 12;

/// Whether the metadata of a network fit the network and the section; otherwise what they say and what was expected.
fn check(
    gene: &FittedGene,
    metadata: &ModelMetadata,
    config: &CdcinConfig,
    lattice: Lattice,
) -> std::result::Result<(), String> {
    let (scale, expected) = (metadata.input.scale, lattice.scale.get());
    if scale != expected {
        return Err(format!("scale {scale}, expected {expected}, as the section is measured"));
    }
    if let Some(window) = metadata.window.filter(|window| !(scale..=WIDEST).contains(window)) {
        return Err(format!("window {window}, expected a side of {scale} to {WIDEST} bins"));
    }
    if !(gene.scale.is_finite() && gene.scale > 0.0) {
        return Err(format!("scale {} of gene {}, expected a positive number", gene.scale, gene.name));
    }
    let InputConfig { guides, components, stains, .. } = &metadata.input;
    let channels = config.input_channels;
    let found = components.checked_add(*stains).and_then(|further| further.checked_add(guides.len() + 1));
    if found != Some(channels) {
        return Err(format!(
            "{} guides, {components} components and {stains} stains, expected {} for a network of {channels} input channels",
            guides.len(),
            channels - 1
        ));
    }
    Ok(())
}

fn pixels(dense: Tensor<4>) -> Result<Vec<f32>> {
    let data: TensorData = dense.into_data();
    data.try_into_vec_as::<f32>().map_err(|e| Error::bug(format!("prediction: {e:?}")))
}

/// A field of the measured image of `rows` × `cols`, `s` times as high and wide, cut to the `shape` of the section's grid.
fn crop(field: Vec<f32>, (rows, cols): (usize, usize), s: usize, shape: (usize, usize)) -> Raster<f32> {
    debug_assert_eq!(field.len(), rows * s * cols * s);
    Raster::from_fn(shape.0, shape.1, |row, col| field[row * cols * s + col])
}
