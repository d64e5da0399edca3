//! JPEG 2000, as 10x Genomics compresses the tiles of Xenium's images.

use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};

/// The samples of a code stream, pixel by pixel, and its width, height and samples a pixel.
pub(super) fn decode(data: &[u8]) -> Result<(Vec<f32>, [usize; 3]), String> {
    let image = Image::new(data, &DecodeSettings::default()).map_err(|e| e.to_string())?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(|e| e.to_string())?;
    let components = decoded.components();
    if components.iter().any(|component| component.samples().len() != width * height) {
        return Err("components of different sizes".to_owned());
    }
    let pixels = (0..width * height).flat_map(|at| components.iter().map(move |component| component.samples()[at]));
    Ok((pixels.collect(), [width, height, components.len()]))
}
