//! Pictures on the device, from which crops are cut there.

use super::Images;
use super::crop::Placement;
use crate::section::Raster;
use crate::{Error, Result};
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::{Rng, RngExt};

/// A collection of pictures on a device, to be cut there: where is drawn on the host, pixels never leave the device.
#[derive(Clone, Debug)]
pub struct Bank {
    /// All pictures, one after the other, row by row.
    pixels: Tensor<1>,
    pictures: Vec<Picture>,
    side: usize,
    fingerprint: String,
}

/// A picture in the bank.
#[derive(Clone, Copy, Debug)]
struct Picture {
    /// Its size as it was given.
    shape: (usize, usize),
    /// Its first pixel.
    offset: i32,
    /// Its size in the bank: mirrored beyond its edge where it is smaller than a crop.
    stored: (usize, usize),
}

impl Bank {
    /// `images` on `device`, for crops of `side` pixels. [`Error::Data`] for more pixels than can be counted on a device.
    pub fn new(images: Images, side: usize, device: &Device) -> Result<Self> {
        let stored = |picture: &Raster<f32>| (picture.rows().max(side), picture.cols().max(side));
        let length = images.pictures.iter().map(|picture| stored(picture).0 * stored(picture).1).sum();
        countable(length, images.pictures.len())?;
        let fingerprint = images.fingerprint();
        let mut pixels = Vec::with_capacity(length);
        let mut pictures = Vec::with_capacity(images.pictures.len());
        for picture in images.pictures {
            let (shape, stored, offset) = (picture.shape(), stored(&picture), pixels.len() as i32);
            pictures.push(Picture { shape, offset, stored });
            if stored == shape {
                pixels.extend_from_slice(picture.values());
            } else {
                pixels.extend_from_slice(picture.window((0, 0), stored).values());
            }
        }
        let pixels = Tensor::from_data(TensorData::new(pixels, [length]), device);
        Ok(Bank { pixels, pictures, side, fingerprint })
    }

    /// One hash of all pixels.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Pixels along a side of a crop.
    #[cfg(feature = "gpu")]
    pub(crate) fn side(&self) -> usize {
        self.side
    }

    /// `count` random square crops `[count, 1, side, side]`, in [0, 1]: each from a random picture, at a random place, turned
    /// by any angle and flipped (§5 of the method).
    pub fn batch(&self, count: usize, rng: &mut impl Rng) -> Tensor<4> {
        let (turns, places) = self.draw(count, rng);
        let (turns, places) = (TensorData::new(turns, [7 * count]), TensorData::new(places, [2 * count]));
        let device = self.pixels.device();
        self.sample(Tensor::from_data(turns, &device), Tensor::from_data(places, &device))
    }

    /// Where such crops lie: of each its centre, sine, cosine, flip and last places, and its offset and width.
    pub(crate) fn draw(&self, count: usize, rng: &mut impl Rng) -> (Vec<f32>, Vec<i32>) {
        let (mut turns, mut places) = (Vec::with_capacity(7 * count), Vec::with_capacity(2 * count));
        for _ in 0..count {
            let picture = self.pictures[rng.random_range(0..self.pictures.len())];
            let Placement { centre, angle, flip } = Placement::random(picture.shape, self.side, rng);
            let (sin, cos) = angle.sin_cos();
            let (rows, cols) = picture.stored;
            // The last row and column have no neighbour: sampled as the far end of the ones before them.
            let last = |length: usize| length.saturating_sub(2) as f32;
            turns.extend([centre.0, centre.1, sin, cos, if flip { -1.0 } else { 1.0 }, last(rows), last(cols)]);
            places.extend([picture.offset, cols as i32]);
        }
        (turns, places)
    }

    /// The bilinear values of crops that lie where [`Bank::draw`] says.
    ///
    /// # Shapes
    ///
    /// - turns: `[7 · count]`; places: `[2 · count]`
    /// - output: `[count, 1, side, side]`
    pub(crate) fn sample(&self, turns: Tensor<1>, places: Tensor<1, Int>) -> Tensor<4> {
        let (side, device, count) = (self.side, self.pixels.device(), places.dims()[0] / 2);
        let turns = turns.reshape([count, 7, 1]);
        let turn = |which: usize| turns.clone().narrow(1, which, 1);
        let places = places.reshape([count, 2, 1]);
        let place = |which: usize| places.clone().narrow(1, which, 1);

        let steps = || Tensor::<1, Int>::arange(0..side as i64, &device).float() - (side as f64 - 1.0) / 2.0;
        let y = steps().reshape([1, side, 1]);
        let x = steps().reshape([1, 1, side]) * turn(4);
        let row = turn(0) + y.clone() * turn(3) + x.clone() * turn(2);
        let col = turn(1) + x * turn(3) - y * turn(2);
        let top = row.clone().floor().min_pair(turn(5).expand([count, side, side]));
        let left = col.clone().floor().min_pair(turn(6).expand([count, side, side]));
        let (down, right) = ((row - top.clone()).flatten(0, 2), (col - left.clone()).flatten(0, 2));

        let at: Tensor<1, Int> = (place(0) + top.int() * place(1) + left.int()).flatten(0, 2);
        let width: Tensor<1, Int> = place(1).expand([count, side, side]).flatten(0, 2);
        let pixel = |at: Tensor<1, Int>| self.pixels.clone().select(0, at);
        let line = |at: Tensor<1, Int>| pixel(at.clone()) * (right.clone().neg() + 1.0) + pixel(at + 1) * right.clone();
        let value = line(at.clone()) * (down.clone().neg() + 1.0) + line(at + width) * down;
        value.reshape([count, 1, side, side])
    }
}

/// Whether so many pixels can be counted on a device.
fn countable(pixels: usize, pictures: usize) -> Result<()> {
    match i32::try_from(pixels) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::Data(format!(
            "{pictures} natural images of {pixels} pixels in all, expected {} at most. Give fewer photographs to --images",
            i32::MAX
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bank(side: usize) -> Bank {
        let plane = Raster::from_fn(40, 50, |row, col| 0.01 * row as f32 + 0.005 * col as f32);
        let before = Raster::filled(9, 7, 9.0);
        Bank::new(Images::new(vec![before, plane]), side, &Device::flex()).unwrap()
    }

    /// One crop of the plane, behind another picture in the bank.
    fn crop(side: usize, centre: (f32, f32), angle: f32, flip: f32) -> Vec<f32> {
        let bank = bank(side);
        let Picture { offset, stored, .. } = bank.pictures[1];
        let (sin, cos) = angle.sin_cos();
        let turns = vec![centre.0, centre.1, sin, cos, flip, stored.0 as f32 - 2.0, stored.1 as f32 - 2.0];
        let device = Device::flex();
        let (turns, places) = (TensorData::new(turns, [7]), TensorData::new(vec![offset, stored.1 as i32], [2]));
        let crop = bank.sample(Tensor::from_data(turns, &device), Tensor::from_data(places, &device));
        crop.into_data().try_into_vec().unwrap()
    }

    fn plane(row: f32, col: f32) -> f32 {
        0.01 * row + 0.005 * col
    }

    fn assert_close(found: &[f32], expected: impl Iterator<Item = f32>) {
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!((found - expected).abs() < 1e-5, "pixel {i}: {found}, expected {expected}");
        }
    }

    #[test]
    fn without_a_turn_a_crop_is_the_picture_itself() {
        let places = |flip: bool| {
            (10..14).flat_map(move |r| (20..24).map(move |c| plane(r as f32, if flip { 43 - c } else { c } as f32)))
        };
        assert_close(&crop(4, (11.5, 21.5), 0.0, 1.0), places(false));
        assert_close(&crop(4, (11.5, 21.5), 0.0, -1.0), places(true));
    }

    #[test]
    fn a_crop_reaches_the_last_row_and_column() {
        let corner = crop(4, (37.5, 47.5), 0.0, 1.0);
        assert_close(&corner, (36..40).flat_map(|r| (46..50).map(move |c| plane(r as f32, c as f32))));
    }

    #[test]
    fn a_turned_crop_of_a_plane_is_the_turned_plane() {
        let angle = 0.7_f32;
        let expected = (0..81).map(|i| {
            let (y, x) = ((i / 9) as f32 - 4.0, (i % 9) as f32 - 4.0);
            plane(20.0 + y * angle.cos() + x * angle.sin(), 25.0 + x * angle.cos() - y * angle.sin())
        });
        assert_close(&crop(9, (20.0, 25.0), angle, 1.0), expected);
    }

    #[test]
    fn more_pixels_than_a_device_counts_are_an_error() {
        assert!(countable(i32::MAX as usize, 3).is_ok());
        let told = countable(1 << 31, 3000);
        assert!(matches!(told, Err(Error::Data(text)) if text.contains("3000 natural images of 2147483648 pixels")));
    }
}
