//! Where an image lies on the section: the map from its pixels to µm.

use super::Image;
use super::affine::Affine;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Vizgen's map from µm to pixels of the mosaics, beside them.
const MOSAIC: &str = "micron_to_mosaic_pixel_transform.csv";

/// Pixels of Xenium, which alignments of Xenium Explorer lead to.
const XENIUM_UM: f64 = 0.2125;

/// The map from pixels to µm of `image`, and where it is from: the file given by the user, a file beside the image, the platform's files, or
/// what the image says of the size of its pixels.
///
/// [`Error::Data`] where nobody says.
pub(super) fn frame(image: &Image, pixel_um: Option<[f64; 2]>) -> Result<(Affine, String)> {
    let path = &image.path;
    if let Some(given) = &image.transform {
        return read(given);
    }
    if let Some(mosaic) = beside(path) {
        return read(&mosaic);
    }
    if let Some(to_um) = image.to_um {
        return Ok((to_um, "as the platform's files say".to_owned()));
    }
    let size = pixel_um.ok_or_else(|| {
        Error::data(
            path,
            "it does not say how large its pixels are. Give --image-transform FILE with the map from pixels to µm: two rows of three numbers, for pixels of 0.5 µm whose first one is at x 100 µm, y 200 µm\n0.5,0,100\n0,0.5,200",
        )
    })?;
    Ok((Affine::pixels(size, [0.0; 2]), format!("pixels of {} × {} µm, as it says, from (0, 0) on", size[0], size[1])))
}

fn beside(path: &Path) -> Option<PathBuf> {
    let mosaic = path.with_file_name(MOSAIC);
    mosaic.is_file().then_some(mosaic)
}

/// Reads a map ([`Affine::read`]). Vizgen's file, which leads from µm to pixels, and Xenium Explorer's, which leads to pixels of Xenium, are known by their names.
pub(crate) fn read(path: &Path) -> Result<(Affine, String)> {
    let affine = Affine::read(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let back = affine.inverse().filter(|_| name == MOSAIC);
    Ok(match (back, name.as_str()) {
        (Some(back), _) => (back, format!("{}, from µm to pixels", path.display())),
        (None, name) if name.contains("alignment") => {
            let to_um = affine.then(&Affine::pixels([XENIUM_UM; 2], [0.0; 2]));
            (to_um, format!("{}, to Xenium's pixels of {XENIUM_UM} µm", path.display()))
        }
        _ => (affine, format!("{}, to µm", path.display())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, text: &str) -> Result<(Affine, String)> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        frame(&Image { path: "a.png".into(), transform: Some(path), to_um: None }, None)
    }

    #[test]
    fn maps_lead_to_um_by_their_names() {
        let plain = told("a.csv", "0.5,0,100\n0,0.5,200\n").expect("a map").0;
        assert_eq!(plain.at([2.0, 4.0]), [101.0, 202.0]);
        let vizgen = told(MOSAIC, "2 0 10\n0 2 20\n0 0 1\n").expect("a map").0;
        assert_eq!(vizgen.at([12.0, 24.0]), [1.0, 2.0]);
        let explorer = told("he_imagealignment.csv", "2,0,0\n0,2,8\n0,0,1").expect("a map").0;
        assert_eq!(explorer.at([1.0, 0.0]), [2.0 * XENIUM_UM, 8.0 * XENIUM_UM]);
    }

    #[test]
    fn what_is_no_map_is_told() {
        for (text, part) in
            [("1,0\n", "line 1"), ("1,0,0\n", "1 rows"), ("1,0,0\n2,0,0\n", "line"), ("1,0,0\n0,1,0\n1,1,1", "3 rows")]
        {
            let error = told("a.csv", text).expect_err(text).to_string();
            assert!(error.contains(part) && error.contains("Expected"), "{error}");
        }
        let image = Image { path: "a.png".into(), transform: None, to_um: None };
        let error = frame(&image, None).expect_err("no scale").to_string();
        assert!(error.contains("a.png") && error.contains("--image-transform"), "{error}");
    }
}
