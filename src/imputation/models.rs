//! The networks of a file, or of a folder of them.

use super::network::NetworkImputer;
use crate::dataset::Dataset;
use crate::training::ModelMetadata;
use crate::{Error, Result};
use burn::tensor::Device;
use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

impl NetworkImputer {
    /// Opens the weights that s2s-fit wrote to `path`, for `dataset`: one imputer for each gene that they were fitted to.
    ///
    /// `path` is a file or a folder. Of a folder, all `*.safetensors` are taken but those that know natural images alone, in the order of
    /// their genes' names; a gene that has a network of its own beside the panel's (`s2s-fit --finetune`) is predicted by that.
    ///
    /// [`Error::Data`] if they were trained on another dataset (a network only knows the section that it learned from), or
    /// what they say of themselves fits neither the section nor the network; [`Error::Missing`] for a folder without any.
    pub fn open(path: &Path, dataset: &Dataset, device: &Device) -> Result<Vec<Self>> {
        Self::open_all(&[path], dataset, device)
    }

    /// [`open`](NetworkImputer::open) of several files and folders. A folder without any is passed over where another one has some: of the batches
    /// of a panel, one may hold nothing but genes without counts.
    pub fn open_all(paths: &[impl AsRef<Path>], dataset: &Dataset, device: &Device) -> Result<Vec<Self>> {
        let found =
            paths.iter().map(|path| Self::in_path(path.as_ref(), dataset, device)).collect::<Result<Vec<_>>>()?;
        let any = found.iter().any(|networks| !networks.is_empty());
        for (path, _) in paths.iter().zip(&found).filter(|(_, networks)| networks.is_empty()) {
            let what = format!("{}: no GENE.safetensors in this folder that knows a gene", path.as_ref().display());
            if !any {
                return Err(Error::Missing(format!("{what}. s2s-fit --genes A,B --output FOLDER writes them")));
            }
            tracing::warn!("{what}, so it is passed over");
        }
        Ok(found.into_iter().flatten().collect())
    }

    fn in_path(path: &Path, dataset: &Dataset, device: &Device) -> Result<Vec<Self>> {
        if !path.is_dir() {
            is_network(path)?;
            return Self::from_file(path, ModelMetadata::open(path, device)?, dataset, device);
        }
        let (mut found, mut panels) = (Vec::new(), Vec::new());
        for file in files(path)? {
            let (net, metadata) = ModelMetadata::open(&file, device)?;
            let into = match metadata.genes.len() {
                0 => continue,
                1 => &mut found,
                _ => &mut panels,
            };
            into.extend(Self::from_file(&file, (net, metadata), dataset, device)?);
        }
        let own: HashSet<String> = found.iter().map(|network| network.gene().to_owned()).collect();
        found.extend(panels.into_iter().filter(|network| !own.contains(network.gene())));
        found.sort_by(|a, b| a.gene().cmp(b.gene()));
        Ok(found)
    }
}

/// [`Error::Data`] for a file that is known to be something else: the loss curves lie beside the weights.
fn is_network(path: &Path) -> Result<()> {
    let mut first = [0; 4];
    let known = File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok();
    match known && &first == b"PAR1" {
        true => Err(Error::data(
            path,
            "Parquet, and no network. Give the GENE.safetensors that s2s-fit wrote, or their folder",
        )),
        false => Ok(()),
    }
}

/// The weights in a folder, in the order of their names.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e| Error::io(folder, "read", e);
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>();
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let mut weights: Vec<PathBuf> = paths.map_err(failed)?;
    weights.retain(|path| path.extension().is_some_and(|ending| ending == "safetensors") && !hidden(path));
    weights.sort();
    Ok(weights)
}
