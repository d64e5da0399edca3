//! Palettes and pictures: a map of values as an 8-bit PNG in a data URI.

use crate::section::Raster;
use crate::{Error, Result};
use base64::Engine;
use maud::{Markup, html};

/// A palette by evenly spaced anchor points, interpolated in sRGB.
pub(super) struct Palette(&'static [u32]);

/// Viridis (van der Walt and Smith, 2015): perceptually uniform, readable with colour vision deficiency and in grey.
pub(super) const VALUES: Palette =
    Palette(&[0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c, 0x28ae80, 0x5ec962, 0xaddc30, 0xfde725]);

/// ColorBrewer's RdBu (Harrower and Brewer, 2003), reversed: blue is below the truth, red above.
pub(super) const ERRORS: Palette = Palette(&[
    0x053061, 0x2166ac, 0x4393c3, 0x92c5de, 0xd1e5f0, 0xf7f7f7, 0xfddbc7, 0xf4a582, 0xd6604d, 0xb2182b, 0x67001f,
]);

/// ColorBrewer's BrBG (Harrower and Brewer, 2003): brown is worse, green better; told apart with colour vision deficiency.
/// The middle is pure white, like measured bins: they are the same in all methods.
pub(super) const GAINS: Palette = Palette(&[
    0x543005, 0x8c510a, 0xbf812d, 0xdfc27d, 0xf6e8c3, 0xffffff, 0xc7eae5, 0x80cdc1, 0x35978f, 0x01665e, 0x003c30,
]);

/// ColorBrewer's Purples: white is certain, as measured bins are, dark is not known.
pub(super) const WIDTHS: Palette =
    Palette(&[0xffffff, 0xefedf5, 0xdadaeb, 0xbcbddc, 0x9e9ac8, 0x807dba, 0x6a51a3, 0x54278f, 0x3f007d]);

/// From black to white, as a microscope shows it.
pub(super) const GREYS: Palette = Palette(&[0x000000, 0xffffff]);

/// Index of the transparent colour: outside the tissue.
const NOTHING: u8 = 0;
/// Index of the colour of bins in the tissue that hold no value.
const BLANK: u8 = 1;
/// Index of the first colour of the palette.
const FIRST: u8 = 2;
/// Number of colours of the palette.
const LEVELS: usize = 254;

impl Palette {
    /// The colour at `share` (0 to 1) of the palette.
    fn colour(&self, share: f64) -> [u8; 3] {
        let position = share.clamp(0.0, 1.0) * (self.0.len() - 1) as f64;
        let below = (position.floor() as usize).min(self.0.len() - 2);
        let part = position - below as f64;
        [16, 8, 0].map(|shift| {
            let channel = |anchor: u32| f64::from((anchor >> shift) & 0xff);
            (channel(self.0[below]) * (1.0 - part) + channel(self.0[below + 1]) * part).round() as u8
        })
    }

    /// The palette as the stops of an SVG gradient from left to right.
    pub(super) fn stops(&self) -> Markup {
        let last = (self.0.len() - 1) as f64;
        html! {
            @for (i, anchor) in self.0.iter().enumerate() {
                stop offset=(format!("{:.4}", i as f64 / last)) stop-color=(format!("#{anchor:06x}")) {}
            }
        }
    }

    /// Its anchor points in the notation of CSS.
    pub(super) fn anchors(&self) -> Vec<String> {
        self.0.iter().map(|anchor| format!("#{anchor:06x}")).collect()
    }

    /// The palette as a CSS gradient from left to right.
    pub(super) fn gradient(&self) -> String {
        format!("linear-gradient(to right,{})", self.anchors().join(","))
    }
}

/// The values from `low` to `high`, on a palette.
pub(super) struct Scale<'a> {
    /// The palette.
    pub(super) palette: &'a Palette,
    /// The value of its first colour; lower ones share it.
    pub(super) low: f64,
    /// The value of its last colour; higher ones share it.
    pub(super) high: f64,
}

impl Scale<'_> {
    /// `image` [rows, cols] as a PNG of one pixel per bin in a data URI: NaN is blank within `tissue` and transparent outside.
    pub(super) fn picture(&self, image: &Raster<f32>, tissue: &Raster<bool>) -> Result<String> {
        Ok(data_uri(&self.png(image, tissue)?))
    }

    /// The same as the bytes of a PNG.
    pub(super) fn png(&self, image: &Raster<f32>, tissue: &Raster<bool>) -> Result<Vec<u8>> {
        self.encode(&self.levels(image, tissue), true)
    }

    /// `image` as a grey PNG in a data URI, whose pixels are the levels themselves: 0 outside the tissue, 1 blank, 2 the lowest
    /// value of the scale, 255 the highest.
    pub(super) fn level_picture(&self, image: &Raster<f32>, tissue: &Raster<bool>) -> Result<String> {
        Ok(data_uri(&self.encode(&self.levels(image, tissue), false)?))
    }

    /// The index of the colour of every bin.
    fn levels(&self, image: &Raster<f32>, tissue: &Raster<bool>) -> Raster<u8> {
        let level = |value: f32| {
            let share = ((f64::from(value) - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
            FIRST + (share * (LEVELS - 1) as f64).round() as u8
        };
        let index = |at: (usize, usize)| match (image[at].is_nan(), tissue[at]) {
            (false, _) => level(image[at]),
            (true, true) => BLANK,
            (true, false) => NOTHING,
        };
        let (rows, cols) = image.shape();
        Raster::from_fn(rows, cols, |row, col| index((row, col)))
    }

    /// Levels as a PNG, in the colours of the palette or in grey.
    fn encode(&self, levels: &Raster<u8>, coloured: bool) -> Result<Vec<u8>> {
        let (rows, cols) = levels.shape();
        let failed = |e: png::EncodingError| Error::bug(format!("picture of {rows} × {cols} bins: {e}"));
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, cols as u32, rows as u32);
        encoder.set_depth(png::BitDepth::Eight);
        if coloured {
            let mut colours = vec![255u8; 6];
            colours.extend((0..LEVELS).flat_map(|i| self.palette.colour(i as f64 / (LEVELS - 1) as f64)));
            encoder.set_color(png::ColorType::Indexed);
            encoder.set_palette(colours);
            encoder.set_trns(vec![0u8]);
        } else {
            encoder.set_color(png::ColorType::Grayscale);
        }
        encoder.set_compression(png::Compression::Balanced);
        // After the compression, which chooses a filter of its own: on palette indices filters only do harm.
        encoder.set_filter(png::Filter::NoFilter);
        encoder.write_header().and_then(|mut writer| writer.write_image_data(levels.values())).map_err(failed)?;
        Ok(bytes)
    }
}

fn data_uri(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(png))
}

/// `image` with every `factor` × `factor` block as one pixel: the mean of the values it holds, NaN where it holds none.
pub(super) fn shrink(image: &Raster<f32>, factor: usize) -> Raster<f32> {
    blocks(image, factor, |block| {
        let (sum, count) = block.filter(|v| !v.is_nan()).fold((0.0, 0), |(sum, count), v| (sum + *v, count + 1));
        if count > 0 { sum / count as f32 } else { f32::NAN }
    })
}

/// `mask` with every `factor` × `factor` block as one pixel, set where any of its bins is.
pub(super) fn shrink_mask(mask: &Raster<bool>, factor: usize) -> Raster<bool> {
    blocks(mask, factor, |block| block.max() == Some(&true))
}

fn blocks<T, U>(
    image: &Raster<T>,
    factor: usize,
    mut value: impl FnMut(&mut dyn Iterator<Item = &T>) -> U,
) -> Raster<U> {
    let (rows, cols) = image.shape();
    Raster::from_fn(rows.div_ceil(factor), cols.div_ceil(factor), |row, col| {
        let within = |at: usize, length: usize| at * factor..((at + 1) * factor).min(length);
        value(&mut within(row, rows).flat_map(|r| within(col, cols).map(move |c| &image[(r, c)])))
    })
}

/// The value below which `share` of `values` lie (linear interpolation, NaN left out); `None` without values.
pub(super) fn quantile(values: impl Iterator<Item = f32>, share: f64) -> Option<f64> {
    let mut sorted: Vec<f32> = values.filter(|v| !v.is_nan()).collect();
    sorted.sort_by(f32::total_cmp);
    let position = share * sorted.len().checked_sub(1)? as f64;
    let (below, part) = (position.floor() as usize, position.fract());
    let above = (below + 1).min(sorted.len() - 1);
    Some(f64::from(sorted[below]) * (1.0 - part) + f64::from(sorted[above]) * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_decodes_to_the_colours_of_its_values() {
        let image = Raster::from_vec(1, 4, vec![0.0, 9.0, f32::NAN, f32::NAN]).unwrap();
        let tissue = Raster::from_vec(1, 4, vec![true, true, true, false]).unwrap();
        let uri = Scale { palette: &VALUES, low: 0.0, high: 2.0 }.picture(&image, &tissue).unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(uri.split_once(',').unwrap().1).unwrap();
        let decoded = image::load_from_memory(&bytes).unwrap().into_rgba8();
        assert_eq!(decoded.dimensions(), (4, 1));
        let pixels: Vec<[u8; 4]> = (0..4).map(|bin| decoded.get_pixel(bin, 0).0).collect();
        assert_eq!(pixels[..3], [[0x44, 0x01, 0x54, 255], [0xfd, 0xe7, 0x25, 255], [255, 255, 255, 255]]);
        assert_eq!(pixels[3][3], 0);
    }

    #[test]
    fn shrinking_takes_the_mean_of_what_is_there() {
        let image = Raster::from_vec(2, 3, vec![1.0, f32::NAN, f32::NAN, 3.0, 5.0, f32::NAN]).unwrap();
        let small = shrink(&image, 2);
        assert_eq!(small.shape(), (1, 2));
        assert!(small[(0, 0)] == 3.0 && small[(0, 1)].is_nan());
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        let values = [3.0, f32::NAN, 1.0, 2.0, 10.0];
        // numpy.quantile([1, 2, 3, 10], 0.9) = 7.9
        assert!((quantile(values.into_iter(), 0.9).unwrap() - 7.9).abs() < 1e-6);
        assert_eq!(quantile([].into_iter(), 0.5), None);
    }
}
