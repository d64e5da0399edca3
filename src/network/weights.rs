//! Networks as files: `.safetensors` with PyTorch's names and layouts, so that anyone can open a checkpoint.
//!
//! The same file always has the same bytes: tensors in the order of their names, metadata in the order of its keys.

use super::{Cdcin, CdcinConfig};
use crate::files::{readable, write_atomically};
use crate::{Error, Result};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The metadata key under which a checkpoint holds its [`CdcinConfig`] as JSON.
pub const CONFIG_KEY: &str = "network";

/// The newest version of the format; a reader refuses newer ones. Files written before it was told are of the first, and so is a
/// network without embeddings of genes, which the second brought.
pub const FORMAT: u32 = 2;

/// The key of a [`CdcinConfig`] that the first version lacks.
const EMBEDDING: &str = "gene_embedding";

/// The genes' embeddings, whose rows tell how many there are.
const TABLE: &str = "genes.table";

/// The metadata key under which a file of weights holds its [`FORMAT`].
pub const FORMAT_KEY: &str = "s2s.format";

/// A tensor on the host, in the order of the last axis.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Path of the parameter in the network (method §3), such as `stages.0.shallow1.weight`.
    pub name: String,
    /// Sizes of the axes.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub values: Vec<f32>,
}

/// All parameters of `net` in the order of its layers.
pub fn to_tensors(net: &Cdcin) -> Vec<NamedTensor> {
    struct Collect {
        path: Vec<String>,
        tensors: Vec<NamedTensor>,
    }
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val();
            self.tensors.push(NamedTensor {
                name: self.path.join("."),
                shape: tensor.dims().to_vec(),
                values: tensor.to_data_as::<f32>().iter::<f32>().collect(),
            });
        }
    }
    let mut collect = Collect { path: Vec::new(), tensors: Vec::new() };
    net.visit(&mut collect);
    collect.tensors
}

/// The network of `config` with `tensors` as its parameters, in any order.
///
/// [`Error::Data`] names a tensor that is missing, unknown, or not of the shape that `config` asks for.
pub fn from_tensors(config: &CdcinConfig, tensors: Vec<NamedTensor>, device: &Device) -> Result<Cdcin> {
    struct Replace<'a> {
        path: Vec<String>,
        tensors: BTreeMap<String, NamedTensor>,
        device: &'a Device,
        error: Option<String>,
    }
    impl ModuleMapper for Replace<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let name = self.path.join(".");
            let expected = param.dims();
            let problem = match self.tensors.remove(&name) {
                Some(tensor)
                    if tensor.shape == expected && tensor.values.len() == expected.iter().product::<usize>() =>
                {
                    return Param::from_data(TensorData::new(tensor.values, expected), self.device);
                }
                Some(tensor) => format!("tensor {name} has shape {:?}; expected {expected:?}", tensor.shape),
                None => format!("tensor {name} of shape {expected:?} is missing"),
            };
            self.error.get_or_insert(problem);
            param
        }
    }
    // What a small file asks for is built, to name the tensor that differs; a network of gigabytes is not.
    let (held, expected) = (tensors.iter().map(|tensor| tensor.values.len()).sum::<usize>(), config.parameters());
    if expected > held.saturating_mul(2).max(1 << 24) {
        return Err(Error::Data(format!(
            "{held} weights, expected {expected}. The weights belong to a network of other dimensions"
        )));
    }
    let rows = tensors.iter().find(|tensor| tensor.name == TABLE).and_then(|table| table.shape.first().copied());
    let tensors = tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
    let mut replace = Replace { path: Vec::new(), tensors, device, error: None };
    let genes = vec![None; rows.unwrap_or(1).clamp(1, held.max(1))];
    let net = config.init(0, device).for_genes(&genes, 0, device).map(&mut replace);
    let unknown = || replace.tensors.keys().next().map(|name| format!("tensor {name} is not part of the network"));
    match replace.error.or_else(unknown) {
        Some(problem) => Err(Error::Data(format!("{problem}. The weights belong to a network of other dimensions"))),
        None => Ok(net),
    }
}

/// Writes `net` and `metadata` to `path` as [`encode`] has them, whole or not at all.
pub fn save(net: &Cdcin, metadata: &BTreeMap<String, String>, path: &Path) -> Result<()> {
    write_atomically(path, &encode(net, metadata)?)
}

/// The bytes of a file of `net` and `metadata`; the network's config goes into the metadata as [`CONFIG_KEY`], the version of the format as
/// [`FORMAT_KEY`].
pub fn encode(net: &Cdcin, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let mut metadata = metadata.clone();
    let mut config = serde_json::to_value(net.config()).map_err(|e| Error::bug(e))?;
    let first = net.config().gene_embedding == 0;
    if first {
        // Then older programs read it, and know all of its keys.
        config.as_object_mut().map(|keys| keys.remove(EMBEDDING));
    }
    let format = if first { 1 } else { FORMAT };
    metadata.insert(CONFIG_KEY.to_owned(), config.to_string());
    metadata.insert(FORMAT_KEY.to_owned(), format.to_string());
    encode_tensors(to_tensors(net), &metadata)
}

/// Rebuilds the network in `path` on `device`, with its config and metadata.
///
/// [`Error::Data`] says what is wrong with a file that is not a checkpoint, is truncated, or does not fit its config.
pub fn open(path: &Path, device: &Device) -> Result<(Cdcin, CdcinConfig, BTreeMap<String, String>)> {
    let (tensors, metadata) = read(path)?;
    let config = metadata.get(CONFIG_KEY).ok_or_else(|| {
        Error::data(path, format!("the metadata has no key {CONFIG_KEY}; expected a checkpoint of s2s-fit"))
    })?;
    let config: CdcinConfig = serde_json::from_str(config)
        .map_err(|e| Error::data(path, format!("metadata key {CONFIG_KEY}: {e}; expected a checkpoint of s2s-fit")))?;
    config.check().map_err(|e| Error::data(path, format!("metadata key {CONFIG_KEY}: {e}")))?;
    let net = from_tensors(&config, tensors, device).map_err(|e| Error::data(path, e))?;
    Ok((net, config, metadata))
}

/// The tensors and the metadata of a file of weights, of any [`FORMAT`] that is read.
pub fn read(path: &Path) -> Result<(Vec<NamedTensor>, BTreeMap<String, String>)> {
    let (tensors, metadata) = read_tensors(path)?;
    let format = metadata.get(FORMAT_KEY).map_or(Some(1), |format| format.parse().ok());
    let none =
        || Error::data(path, format!("metadata key {FORMAT_KEY} is no number; expected a checkpoint of s2s-fit"));
    readable("model", format.ok_or_else(none)?, 1, FORMAT, "s2s-fit").map_err(|e| Error::data(path, e))?;
    Ok((tensors, metadata))
}

/// Writes `tensors` (f32, in the order of their names) and `metadata` to `path`, whole or not at all.
pub fn write_tensors(tensors: Vec<NamedTensor>, metadata: &BTreeMap<String, String>, path: &Path) -> Result<()> {
    write_atomically(path, &encode_tensors(tensors, metadata)?)
}

/// The bytes of a `.safetensors` file of `tensors` (f32, in the order of their names) and `metadata`.
pub fn encode_tensors(mut tensors: Vec<NamedTensor>, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    // The safetensors crate writes metadata in the order of a hash map, another one in each run: hence by hand.
    let mut header = BTreeMap::from([("__metadata__", serde_json::json!(metadata))]);
    let mut end = 0;
    for tensor in &tensors {
        let start = end;
        end += size_of_val(tensor.values.as_slice());
        let entry = serde_json::json!({"dtype": "F32", "shape": tensor.shape, "data_offsets": [start, end]});
        header.insert(&tensor.name, entry);
    }
    let mut header = serde_json::to_string(&header).map_err(|e| Error::bug(e))?;
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    let values = tensors.iter().flat_map(|tensor| &tensor.values);
    let mut bytes = Vec::with_capacity(8 + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header.into_bytes());
    bytes.extend(values.flat_map(|value| value.to_le_bytes()));
    Ok(bytes)
}

/// The tensors of a `.safetensors` file, all f32, and its metadata.
pub fn read_tensors(path: &Path) -> Result<(Vec<NamedTensor>, BTreeMap<String, String>)> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, "read", e))?;
    let broken = |e| Error::data(path, format!("not a whole safetensors file ({e}); copy or fit it again"));
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(broken)?;
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let file = SafeTensors::deserialize(&bytes).map_err(broken)?;
    let mut tensors = Vec::with_capacity(file.len());
    let names: BTreeSet<&str> = file.names().into_iter().collect();
    for name in names {
        let view = file.tensor(name).map_err(broken)?;
        if view.dtype() != Dtype::F32 {
            return Err(Error::data(path, format!("tensor {name} is of type {:?}; expected F32", view.dtype())));
        }
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        tensors.push(NamedTensor { name: name.to_owned(), shape: view.shape().to_vec(), values });
    }
    Ok((tensors, metadata))
}
