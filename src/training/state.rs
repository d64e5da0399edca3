//! Everything that changes over a run, and the file that keeps it: `NAME.ckpt`.
//!
//! Every draw of a step comes from the seed and the step's number alone ([`super::draws`]), so no random generator has to
//! be kept. Numbers that are compared later are kept as their bits: a resumed run goes on exactly where it stopped.

use super::adam::Adam;
#[cfg(feature = "gpu")]
use super::adam::{clip, rates};
use super::config::FitConfig;
use super::curves::Curves;
use super::evaluation::HeldOutError;
use super::identity::Identity;
use crate::files::{readable, write_atomically};
#[cfg(feature = "gpu")]
use crate::kernels::ops::{self, Copies};
use crate::network::weights::{NamedTensor, encode_tensors, read_tensors};
use crate::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

/// The version of the format; a reader refuses newer ones.
const FORMAT: u32 = 1;

/// The metadata key of what is no vector.
const KEY: &str = "s2s.ckpt";

/// What changes from step to step. Vectors are all parameters of the network ([`crate::network::flatten`]).
#[derive(Debug)]
pub(super) struct State {
    /// Steps made.
    pub made: usize,
    /// Wall-clock seconds spent on them, in all sittings.
    pub seconds: f64,
    /// What a step changes; recorded steps change it as well.
    pub learned: Rc<RefCell<Learned>>,
    /// The best weights so far, by held-out error.
    pub best: Option<Best>,
    /// The losses so far.
    pub curves: Curves,
}

/// The vectors that a step changes.
#[derive(Debug)]
pub(super) struct Learned {
    /// The weights.
    pub weights: Tensor<1>,
    /// Their moving average.
    pub average: Tensor<1>,
    /// The optimiser's moments.
    pub adam: Adam,
    /// How often a vector was copied to change it, since somebody else held it; else it stays where it is.
    #[cfg(feature = "gpu")]
    pub copies: Copies,
}

/// The best weights so far.
#[derive(Clone, Debug)]
pub(super) struct Best {
    /// The averaged weights.
    pub weights: Tensor<1>,
    /// The step after which they were looked at.
    pub step: usize,
    /// Their error on held-out bins.
    pub error: HeldOutError,
}

/// What is no vector.
#[derive(Serialize, Deserialize)]
struct Record {
    format: u32,
    identity: Identity,
    made: usize,
    seconds: u64,
    /// Step, and the bits of both errors.
    best: Option<(usize, [u64; 2])>,
    curves: Vec<Vec<u64>>,
}

impl State {
    /// Before the first step.
    pub(super) fn start(weights: Tensor<1>) -> Self {
        let (average, adam) = (weights.clone(), Adam::new(&weights));
        let learned = Learned {
            weights,
            average,
            adam,
            #[cfg(feature = "gpu")]
            copies: Copies::default(),
        };
        State { made: 0, seconds: 0.0, learned: Rc::new(RefCell::new(learned)), best: None, curves: Curves::default() }
    }

    /// Makes the next step of the recipe, by its gradient and at this learning rate.
    pub(super) fn advance(&mut self, config: &FitConfig, gradient: Tensor<1>, rate: f64) {
        let decay = decay(config, self.made);
        self.made += 1;
        let learned = &mut *self.learned.borrow_mut();
        #[cfg(feature = "gpu")]
        if ops::cascade_available(&learned.weights) {
            let rates = Tensor::from_floats(rates(config, rate, self.made, decay), &learned.weights.device());
            return learned.advance(config, gradient, rates);
        }
        let Learned { weights, average, adam, .. } = learned;
        *weights = adam.step(config, weights.clone(), gradient, rate, self.made);
        *average = average.clone() * decay + weights.clone() * (1.0 - decay);
    }

    /// The average of the weights.
    pub(super) fn average(&self) -> Tensor<1> {
        self.learned.borrow().average.clone()
    }

    /// Writes it to `path`, whole or not at all.
    pub(super) fn save(&self, path: &Path, identity: &Identity) -> Result<()> {
        let vector = |name: &str, tensor: &Tensor<1>| {
            let values: Vec<f32> = tensor.to_data_as::<f32>().iter::<f32>().collect();
            NamedTensor { name: name.to_owned(), shape: vec![values.len()], values }
        };
        let Learned { weights, average, adam, .. } = &*self.learned.borrow();
        let mut tensors = vec![
            vector("weights", weights),
            vector("average", average),
            vector("adam.first", &adam.first),
            vector("adam.second", &adam.second),
        ];
        tensors.extend(self.best.iter().map(|best| vector("best", &best.weights)));
        let bits = |error: &HeldOutError| [error.network.to_bits(), error.start.to_bits()];
        let record = Record {
            format: FORMAT,
            identity: identity.clone(),
            made: self.made,
            seconds: self.seconds.to_bits(),
            best: self.best.as_ref().map(|best| (best.step, bits(&best.error))),
            curves: self.curves.to_bits(),
        };
        let record = serde_json::to_string(&record).map_err(|e| Error::bug(e))?;
        write_atomically(path, &encode_tensors(tensors, &BTreeMap::from([(KEY.to_owned(), record)]))?)
    }

    /// Reads what [`State::save`] wrote for the same run.
    ///
    /// [`Error::Data`] if the file is broken or belongs to a run of other settings, whose differences it names. The vectors
    /// are of so many `parameters`.
    pub(super) fn open(path: &Path, identity: &Identity, parameters: usize, device: &Device) -> Result<Self> {
        let broken = |what: String| {
            Error::data(path, format!("{what}. Remove it or run again with --restart to start from step 0"))
        };
        let (tensors, metadata) = read_tensors(path)?;
        let text = metadata.get(KEY).ok_or_else(|| broken("no checkpoint of s2s-fit".to_owned()))?;
        let record: Record = serde_json::from_str(text).map_err(|e| broken(e.to_string()))?;
        readable("checkpoint", record.format.into(), FORMAT, FORMAT, "s2s-fit").map_err(broken)?;
        let differences = identity.differences(&record.identity);
        if !differences.is_empty() {
            return Err(broken(format!("belongs to a run with other settings: {}", differences.join("; "))));
        }
        let mut vectors: BTreeMap<String, Vec<f32>> = tensors.into_iter().map(|t| (t.name, t.values)).collect();
        let mut vector = |name: &str| {
            let values = vectors.remove(name).ok_or_else(|| broken(format!("vector {name} is missing")))?;
            match values.len() {
                length if length == parameters => Ok(Tensor::<1>::from_data(TensorData::new(values, [length]), device)),
                length => Err(broken(format!("vector {name} has {length} numbers, expected {parameters}"))),
            }
        };
        let best = match record.best {
            Some((step, [network, start])) => {
                let error = HeldOutError { network: f64::from_bits(network), start: f64::from_bits(start) };
                Some(Best { weights: vector("best")?, step, error })
            }
            None => None,
        };
        Ok(State {
            made: record.made,
            seconds: f64::from_bits(record.seconds),
            learned: Rc::new(RefCell::new(Learned {
                weights: vector("weights")?,
                average: vector("average")?,
                adam: Adam { first: vector("adam.first")?, second: vector("adam.second")? },
                #[cfg(feature = "gpu")]
                copies: Copies::default(),
            })),
            best,
            curves: Curves::from_bits(&record.curves).ok_or_else(|| broken("its curves are cut short".to_owned()))?,
        })
    }
}

/// The share of itself that the average keeps in the step behind `made`: average ← d·average + (1 − d)·weights.
///
/// d grows to that of the recipe over the first steps, so that the random start is forgotten early.
pub(super) fn decay(config: &FitConfig, made: usize) -> f64 {
    config.average.min((made + 1) as f64 / (made + 10) as f64)
}

#[cfg(feature = "gpu")]
impl Learned {
    /// A step by kernels that are told of it by `rates`, on the device. The vectors stay where they are, unless somebody else holds them.
    pub(super) fn advance(&mut self, config: &FitConfig, gradient: Tensor<1>, rates: Tensor<1>) {
        let gradient = clip(gradient, config.clip);
        let weights = std::mem::replace(&mut self.weights, gradient.clone());
        self.weights = self.adam.step_by(config, weights, gradient, rates.clone(), &self.copies);
        let (weights, copies) = (&self.weights, &self.copies);
        self.average.inplace(|average| ops::follow(average, weights.clone(), rates, copies));
    }
}
