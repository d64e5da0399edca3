//! CDCIN and its losses against an independent PyTorch statement of them (`golden/reference_network.py`).

mod common;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use s2s::network::weights::{NamedTensor, from_tensors, read_tensors, to_tensors};
use s2s::network::{Cdcin, CdcinConfig, InputConfig, Upsampling, flatten, flatten_gradients, unflatten};
use s2s::training::{Adam, Batch, Distance, FitConfig, Objective};
use std::collections::{BTreeMap, HashMap};

/// A golden file: its tensors by name, its metadata.
struct Golden {
    tensors: BTreeMap<String, NamedTensor>,
    metadata: BTreeMap<String, String>,
}

impl Golden {
    fn read(rel: &str) -> Option<Self> {
        let (tensors, metadata) = read_tensors(&common::shared(rel)?).unwrap();
        Some(Golden { tensors: tensors.into_iter().map(|t| (t.name.clone(), t)).collect(), metadata })
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

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn scalar(loss: &Tensor<1>) -> f64 {
    loss.clone().into_scalar::<f32>() as f64
}

#[test]
fn forward_equals_pytorch() {
    let Some(golden) = Golden::read("golden/cdcin_forward.safetensors") else { return };
    let device = Device::flex();
    let outputs = golden.network(&device).forward(golden.image("x0", &device), golden.image("mask", &device), None);
    assert_eq!(outputs.len(), 2);
    for (k, output) in outputs.into_iter().enumerate() {
        let expected = &golden.tensors[&format!("output.{k}")];
        assert_eq!(output.dims().to_vec(), expected.shape);
        let difference = largest_difference(&output.try_into_vec_as::<f32>().unwrap(), &expected.values);
        assert!(difference <= 1e-4, "stage {k}: {difference}");
    }
}

/// The kind of a parameter: its name without the indices of stage, block and layer.
fn kind(name: &str) -> String {
    name.split('.').filter(|part| part.parse::<usize>().is_err()).collect::<Vec<_>>().join(".")
}

#[test]
fn losses_gradients_and_adam_equal_pytorch() {
    let Some(golden) = Golden::read("golden/cdcin_train.safetensors") else { return };
    let device = Device::flex().autodiff();
    let expected: Vec<HashMap<String, f64>> = serde_json::from_str(&golden.metadata["losses"]).unwrap();
    let input = InputConfig { scale: 2, upsampling: Upsampling::Nearest, guides: vec![], components: 0 };
    let recipe = Objective { input, lambda: 10.0, distance: Distance::L1 };
    let batch = Batch {
        section: Some(Tensor::cat(
            ["st_m", "tissue_m", "tissue_m"].map(|name| golden.image(name, &device)).to_vec(),
            1,
        )),
        images: Some(golden.image("gni_h", &device)),
        dense: true,
    };
    let mut net = golden.network(&device);
    let mut weights = flatten(&net);
    let mut adam = Adam::new(&weights);
    for (step, expected) in expected.iter().enumerate() {
        let losses = recipe.losses(&net, batch.clone());
        let found = [
            ("st_m", &losses.st_m),
            ("st_h", &losses.st_h),
            ("gni_m", &losses.gni_m),
            ("gni_h", &losses.gni_h),
            ("total", &Some(losses.total.clone())),
        ];
        for (name, loss) in found {
            let (found, expected) = (scalar(loss.as_ref().unwrap()), expected[name]);
            assert!((found / expected - 1.0).abs() <= 1e-4, "step {step}, {name}: {found}, expected {expected}");
        }
        let gradients = GradientsParams::from_grads(losses.total.backward(), &net);
        if step == 0 {
            compare_gradients(&golden, &net, &gradients);
        }
        let gradient = flatten_gradients(&net, gradients);
        weights = adam.step(&FitConfig::default(), weights, gradient, 1e-3, step + 1);
        net = unflatten(&net, &weights, true);
    }
    let expected: BTreeMap<_, _> = golden.under("after5.").into_iter().map(|t| (t.name.clone(), t)).collect();
    for found in to_tensors(&net) {
        let difference = largest_difference(&found.values, &expected[&found.name].values);
        assert!(difference <= 2e-3, "{} after 5 steps: {difference}", found.name);
    }
}

fn compare_gradients(golden: &Golden, net: &Cdcin, gradients: &GradientsParams) {
    let expected = golden.under("grad.");
    let mut largest: HashMap<String, f32> = HashMap::new();
    for tensor in &expected {
        let entry = largest.entry(kind(&tensor.name)).or_default();
        *entry = tensor.values.iter().fold(*entry, |most, value| most.max(value.abs()));
    }
    let found = gradients_by_name(net, gradients);
    assert_eq!(found.len(), expected.len());
    for tensor in expected {
        let scale = largest[&kind(&tensor.name)];
        let difference = largest_difference(&found[&tensor.name], &tensor.values);
        assert!(difference <= 1e-4 * scale, "gradient of {}: off by {difference}, scale {scale}", tensor.name);
    }
}

fn gradients_by_name(net: &Cdcin, gradients: &GradientsParams) -> HashMap<String, Vec<f32>> {
    struct Collect<'a> {
        path: Vec<String>,
        gradients: &'a GradientsParams,
        found: HashMap<String, Vec<f32>>,
    }
    impl burn::module::ModuleVisitor for Collect<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
            let name = self.path.join(".");
            let gradient = self.gradients.get::<D>(param.id).unwrap_or_else(|| panic!("{name} has no gradient"));
            self.found.insert(name, gradient.try_into_vec_as::<f32>().unwrap());
        }
    }
    let mut collect = Collect { path: Vec::new(), gradients, found: HashMap::new() };
    net.visit(&mut collect);
    collect.found
}
