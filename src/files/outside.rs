//! Outputs lie in no dataset and in no store: whoever writes that anew would find what is not its own.

use super::{behind_links, parent};
use crate::{Error, Result};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// [`Error::Usage`] if the output `target` would lie inside a dataset of s2s-prep or a Zarr store.
pub fn check_outside(target: &Path) -> Result<()> {
    let real = behind_links(target);
    let whole = std::path::absolute(parent(&real)).map_err(|e| Error::io(target, "read", e))?;
    // What is not there yet holds nothing; of what is there, links are followed.
    let Some(around) = whole.ancestors().find_map(|folder| fs::canonicalize(folder).ok()) else { return Ok(()) };
    for folder in around.ancestors() {
        if let Some(kind) = kind(folder) {
            let (target, folder) = (target.display(), folder.display());
            return Err(Error::Usage(format!(
                "{target}: lies inside {folder}, which is {kind} and holds nothing else, so that it can be written anew. Choose a place outside of it"
            )));
        }
    }
    Ok(())
}

/// What a folder is, if outputs must not lie in it.
fn kind(folder: &Path) -> Option<&'static str> {
    if folder.join("zarr.json").is_file() || folder.join(".zgroup").is_file() {
        return Some("a Zarr store");
    }
    let manifest: Value = serde_json::from_slice(&fs::read(folder.join("manifest.json")).ok()?).ok()?;
    (manifest["provenance"]["tool"] == "s2s-prep").then_some("a dataset of s2s-prep")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_made_inside_a_dataset_or_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["d.s2s/fits", "p.zarr/tables", "plain"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        fs::write(at("d.s2s/manifest.json"), r#"{"provenance": {"tool": "s2s-prep"}}"#).unwrap();
        fs::write(at("p.zarr/zarr.json"), "{}").unwrap();
        fs::write(at("plain/manifest.json"), r#"{"provenance": {"tool": "another"}}"#).unwrap();
        std::os::unix::fs::symlink("d.s2s/fits", at("link")).unwrap();
        for name in ["d.s2s/x.zarr", "d.s2s/fits/A", "d.s2s/no/such/A", "p.zarr/tables/mine", "link/A", "link"] {
            let told = check_outside(&at(name)).unwrap_err();
            assert!(told.exit_code() == 2 && told.to_string().contains("lies inside"), "{name}: {told}");
        }
        for name in ["d.s2s", "p.zarr", "plain/x.zarr", "no/such/A", "d.s2s/../A"] {
            check_outside(&at(name)).unwrap();
        }
    }
}
