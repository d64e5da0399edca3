//! The images that instruments leave beside the molecules.

use super::folders::entries;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Names of images in a bundle, best first: of the first of them that is there, all that match are taken. `*` is any text.
///
/// Xenium: the stains of the analyser from version 2 on (`ch0000_dapi.ome.tif` from 4 on), in one file before; the projection of version 1.
/// MERSCOPE: the mosaics of all stains, of which the middle of the stack is taken. Visium and Visium HD: the larger of Space
/// Ranger's pictures.
const NAMES: [&str; 6] = [
    "morphology_focus/*.ome.tif",
    "morphology_focus.ome.tif",
    "morphology_mip.ome.tif",
    "images/mosaic_*.tif",
    "morphology.ome.tif",
    "spatial/tissue_hires_image.png",
];

/// The images of the bundle that `input`, a folder or a file in it, belongs to.
///
/// [`Error::Missing`] where there are none that are known.
pub fn images(input: &Path) -> Result<Vec<PathBuf>> {
    let folder = if input.is_dir() { input } else { input.parent().unwrap_or(input) };
    let of_store = of_spatialdata(folder);
    if !of_store.is_empty() {
        return Ok(of_store);
    }
    let found = NAMES.iter().map(|name| matching(folder, name)).find(|found| !found.is_empty());
    let found = found.ok_or_else(|| {
        Error::Missing(format!(
            "{}: no images that --image auto knows (looked for {}, and the images of a SpatialData store). Give their paths",
            folder.display(),
            NAMES.join(", ")
        ))
    })?;
    Ok(middle_of_stacks(found))
}

/// The images of the SpatialData store `folder`, none if it is no store.
fn of_spatialdata(folder: &Path) -> Vec<PathBuf> {
    let is_group = |path: &Path| ["zarr.json", ".zgroup"].iter().any(|name| path.join(name).is_file());
    if !is_group(folder) {
        return Vec::new();
    }
    let mut images = entries(&folder.join("images")).unwrap_or_default();
    images.retain(|path| is_group(path));
    images.sort();
    images
}

/// The files below `folder` of a name with one `*` at most.
fn matching(folder: &Path, name: &str) -> Vec<PathBuf> {
    let (below, name) = name.rsplit_once('/').unwrap_or(("", name));
    let folder = folder.join(below);
    let Some((start, end)) = name.split_once('*') else {
        return Some(folder.join(name)).filter(|path| path.is_file()).into_iter().collect();
    };
    let entries = entries(&folder).unwrap_or_default().into_iter();
    let is = |path: &PathBuf| {
        let file = path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
        file.len() >= start.len() + end.len() && file.starts_with(start) && file.ends_with(end)
    };
    entries.filter(is).collect()
}

/// Of files that differ in `_z` and a number alone, the middle one.
fn middle_of_stacks(files: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut stacks: std::collections::BTreeMap<String, Vec<(u32, PathBuf)>> = Default::default();
    for file in files {
        let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let plane = name.rsplit_once("_z").and_then(|(stack, z)| Some((stack.to_owned(), z.parse().ok()?)));
        let (stack, z) = plane.unwrap_or((name, 0));
        stacks.entry(stack).or_default().push((z, file));
    }
    let middle = |mut stack: Vec<(u32, PathBuf)>| {
        stack.sort();
        let at = stack.len() / 2;
        stack.into_iter().nth(at)
    };
    stacks.into_values().filter_map(middle).map(|(_, file)| file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_gives_its_stains_and_a_stack_its_middle() {
        let folder = tempfile::tempdir().expect("a folder");
        let touch = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, "").expect("written");
        };
        let error = images(folder.path()).expect_err("nothing there").to_string();
        assert!(error.contains("morphology_mip.ome.tif"), "{error}");
        for z in [0, 1, 2, 10, 3] {
            touch(&format!("images/mosaic_DAPI_z{z}.tif"));
            touch(&format!("images/mosaic_PolyT_z{z}.tif"));
        }
        let names = |input: &Path| -> Vec<String> {
            let found = images(input).expect("some");
            found.iter().map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names(folder.path()), ["mosaic_DAPI_z2.tif", "mosaic_PolyT_z2.tif"]);
        touch("morphology_focus/morphology_focus_0001.ome.tif");
        touch("morphology_focus/morphology_focus_0000.ome.tif");
        touch("transcripts.parquet");
        let stains = ["morphology_focus_0000.ome.tif", "morphology_focus_0001.ome.tif"];
        assert_eq!(names(&folder.path().join("transcripts.parquet")), stains);
    }
}
