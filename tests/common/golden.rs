//! CDCIN and its losses held against an independent PyTorch statement of them (`golden/reference_network.py`), on any device.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use s2s::network::weights::{NamedTensor, from_tensors, read_tensors, to_tensors};
use s2s::network::{Cdcin, CdcinConfig, InputConfig, Upsampling, flatten, unflatten};
use s2s::training::{Adam, Batch, Distance, FitConfig, Objective};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;

/// How far a result is from PyTorch's, and how far it may be.
pub struct Check {
    what: String,
    off: f64,
    most: f64,
}

impl Check {
    /// What it is off by, as a share of what it may be.
    pub fn share(&self) -> f64 {
        self.off / self.most
    }

    /// Whether it is near enough.
    pub fn holds(&self) -> bool {
        self.share() <= 1.0
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: off by {:.1e}, at most {:.0e}", self.what, self.off, self.most)
    }
}

/// A golden file: its tensors by name, its metadata.
struct Golden {
    tensors: BTreeMap<String, NamedTensor>,
    metadata: BTreeMap<String, String>,
}

impl Golden {
    fn read(path: &Path) -> s2s::Result<Self> {
        let (tensors, metadata) = read_tensors(path)?;
        Ok(Golden { tensors: tensors.into_iter().map(|t| (t.name.clone(), t)).collect(), metadata })
    }

    fn image(&self, name: &str, device: &Device) -> Tensor<4> {
        let NamedTensor { shape, values, .. } = self.tensors[name].clone();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// All tensors under `prefix`, without it.
    fn under(&self, prefix: &str) -> Vec<NamedTensor> {
        let named = self.tensors.values().filter_map(|t| {
            let name = t.name.strip_prefix(prefix)?.to_owned();
            Some(NamedTensor { name, ..t.clone() })
        });
        named.collect()
    }

    fn network(&self, device: &Device) -> Cdcin {
        let config: CdcinConfig = serde_json::from_str(&self.metadata["config"]).unwrap();
        from_tensors(&config, self.under("weights."), device).unwrap()
    }
}

fn largest_difference(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
}

fn values(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// The outputs of every stage, of `golden/cdcin_forward.safetensors`.
pub fn forward(path: &Path, device: &Device) -> s2s::Result<Vec<Check>> {
    let golden = Golden::read(path)?;
    let outputs = golden.network(device).forward(golden.image("x0", device), golden.image("mask", device), None);
    assert_eq!(outputs.len(), 2);
    let check = |(k, output): (usize, Tensor<4>)| {
        let expected = &golden.tensors[&format!("output.{k}")];
        assert_eq!(output.dims().to_vec(), expected.shape);
        let off = largest_difference(&values(output.flatten(0, 3)), &expected.values);
        Check { what: format!("output of stage {k}"), off, most: 1e-4 }
    };
    Ok(outputs.into_iter().enumerate().map(check).collect())
}

/// Losses, gradients and five steps of Adam, of `golden/cdcin_train.safetensors`, in passes of at most `most` examples.
///
/// `device` is one with autodiff.
pub fn training(path: &Path, device: &Device, most: usize) -> s2s::Result<Vec<Check>> {
    let golden = Golden::read(path)?;
    let expected: Vec<HashMap<String, f64>> = serde_json::from_str(&golden.metadata["losses"]).expect("a golden file");
    let input = InputConfig::new(2, Upsampling::Nearest);
    let recipe = Objective { input, lambda: 10.0, distance: Distance::L1 };
    let stack = ["st_m", "tissue_m", "tissue_m"].map(|name| golden.image(name, device));
    let section = Some(Tensor::cat(stack.to_vec(), 1));
    let batch = Batch { section, genes: Vec::new(), images: Some(golden.image("gni_h", device)), dense: true };
    let mut net = golden.network(device);
    let mut weights = flatten(&net);
    let mut adam = Adam::new(&weights);
    let mut checks = Vec::new();
    for (step, expected) in expected.iter().enumerate() {
        let (losses, gradient) = recipe.gradient(&net, &batch, most);
        let found = [
            ("st_m", losses.st_m),
            ("st_h", losses.st_h),
            ("gni_m", losses.gni_m),
            ("gni_h", losses.gni_h),
            ("total", Some(losses.total)),
        ];
        for (name, loss) in found {
            let found = f64::from(values(loss.expect("every loss joins"))[0]);
            let off = (found / expected[name] - 1.0).abs();
            checks.push(Check { what: format!("step {step}, loss {name}, relative"), off, most: 1e-4 });
        }
        if step == 0 {
            checks.extend(gradients(&golden, &net, &gradient));
        }
        weights = adam.step(&FitConfig::default(), weights, gradient, 1e-3, step + 1);
        net = unflatten(&net, &weights, true);
    }
    let expected: BTreeMap<_, _> = golden.under("after5.").into_iter().map(|t| (t.name.clone(), t)).collect();
    checks.extend(to_tensors(&net).into_iter().map(|found| {
        let off = largest_difference(&found.values, &expected[&found.name].values);
        Check { what: format!("{} after 5 steps", found.name), off, most: 2e-3 }
    }));
    Ok(checks)
}

/// The kind of a parameter: its name without the indices of stage, block and layer.
fn kind(name: &str) -> String {
    name.split('.').filter(|part| part.parse::<usize>().is_err()).collect::<Vec<_>>().join(".")
}

/// The gradient of every parameter, held against the largest of its kind.
fn gradients(golden: &Golden, net: &Cdcin, gradient: &Tensor<1>) -> Vec<Check> {
    let expected = golden.under("grad.");
    let mut largest: HashMap<String, f32> = HashMap::new();
    for tensor in &expected {
        let entry = largest.entry(kind(&tensor.name)).or_default();
        *entry = tensor.values.iter().fold(*entry, |most, value| most.max(value.abs()));
    }
    // The gradient has the order of the parameters: the same network with it in their place tells their names.
    let found = to_tensors(&unflatten(&net.clone().valid(), gradient, false));
    assert_eq!(found.len(), expected.len());
    let expected: BTreeMap<_, _> = expected.into_iter().map(|t| (t.name.clone(), t.values)).collect();
    let check = |found: NamedTensor| {
        let scale = f64::from(largest[&kind(&found.name)]);
        let off = largest_difference(&found.values, &expected[&found.name]) / scale;
        Check { what: format!("gradient of {}, relative", found.name), off, most: 1e-4 }
    };
    found.into_iter().map(check).collect()
}
