//! Where a fit is written, checked before hours of work.

use super::identity::Identity;
use super::metadata::ModelMetadata;
use crate::files::{Earlier, companion, file_name, remove};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Whether `path` holds the network of this very run. [`Error::Usage`] if it holds what is not to be replaced: the network of other
/// settings without `force`, or what s2s-fit did not write. Another version of the program is no other setting, and neither is any of
/// the keys in `but`.
pub(super) fn done(path: &Path, identity: &Identity, but: &[&str], force: bool) -> Result<bool> {
    if path.is_dir() {
        return Err(Error::Usage(format!("{}: is a folder, expected the name of a file to write", path.display())));
    }
    if !path.exists() {
        return Ok(false);
    }
    let found = ModelMetadata::read(path).map(|found| found.identity);
    let known = |identity: &Identity| identity.without(&[but, &["version"]].concat());
    let earlier = match &found {
        Err(_) => Earlier::Foreign,
        Ok(None) => Earlier::Another(vec!["of an unknown version".to_owned()]),
        Ok(Some(found)) => match known(identity).differences(&known(found)) {
            none if none.is_empty() => Earlier::Same,
            differences => Earlier::Another(differences),
        },
    };
    earlier.give_way(path, force)?;
    Ok(found.is_ok_and(|found| found.as_ref() == Some(identity)))
}

/// Makes the folder of a run's snapshots, and tells of those in it that are not to be replaced, as [`done`] does. With `force` those
/// of other runs are removed: the run at hand may stop earlier.
pub(super) fn snapshots(folder: &Path, identity: &Identity, force: bool) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, "create", e))?;
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io(folder, "read", e))?;
    let earlier: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| is_snapshot(path)).collect();
    let told = |path: &PathBuf| {
        let same = done(path, identity, &[], force);
        same.map_err(|error| error.retold(format!("--snapshots: {error}")))
    };
    let same = earlier.iter().map(told).collect::<Result<Vec<bool>>>()?;
    let others = earlier.iter().zip(same).filter(|(_, same)| force && !same);
    others.into_iter().try_for_each(|(path, _)| {
        remove(&companion(path, "fit.parquet"))?;
        remove(path)
    })
}

/// The weights at a look at the held-out bins, after so many steps.
pub(super) fn snapshot(folder: &Path, steps: usize) -> PathBuf {
    folder.join(format!("step{steps:06}.safetensors"))
}

fn is_snapshot(path: &Path) -> bool {
    let steps = path.file_name().and_then(|name| name.to_str()?.strip_prefix("step")?.strip_suffix(".safetensors"));
    steps.is_some_and(|steps| steps.len() >= 6 && steps.bytes().all(|digit| digit.is_ascii_digit()))
}

/// `NAME.safetensors` in `folder`, by [`file_name`].
pub(super) fn named(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{}.safetensors", file_name(name)))
}

/// Makes the folder of the networks of `genes`; [`Error::Usage`] if its disk ignores case, and two genes' names differ in nothing else.
pub(super) fn make(folder: &Path, genes: &[String]) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => Error::Usage(format!(
            "{}: a file stands there, expected a folder, for --genes writes a file for each gene. Give a folder, or --gene",
            folder.display()
        )),
        _ => Error::io(folder, "create", e),
    })?;
    let mut seen = BTreeMap::new();
    let twins = genes.iter().find_map(|gene| seen.insert(gene.to_lowercase(), gene).map(|other| (other, gene)));
    match twins.filter(|_| ignores_case(folder)) {
        Some((one, other)) => Err(Error::Usage(format!(
            "{}: its disk ignores case, so {one} and {other} would be one file. Fit them into two folders",
            folder.display()
        ))),
        None => Ok(()),
    }
}

/// Whether the names of files in `folder` are the same in lower and upper case.
fn ignores_case(folder: &Path) -> bool {
    let probe = tempfile::Builder::new().prefix(".s2s-case-").rand_bytes(0).tempfile_in(folder);
    probe.is_ok_and(|_| folder.join(".S2S-CASE-").exists())
}
