//! Natural images: from a folder, or made in memory.

mod common;

use burn::tensor::Device;
use image::{GrayImage, ImageFormat, Rgb, Rgb32FImage, RgbImage};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use s2s::Error;
use s2s::images::{Bank, Images};

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// `count` crops of `side` pixels, one after the other.
fn crops(images: Images, count: usize, side: usize, seed: u64) -> Vec<f32> {
    let crops = Bank::new(images, side, &Device::flex()).unwrap().batch(count, &mut rng(seed));
    assert_eq!(crops.dims(), [count, 1, side, side]);
    crops.into_data().try_into_vec().unwrap()
}

#[test]
fn every_format_is_read_and_a_broken_file_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let grey = GrayImage::from_fn(40, 30, |x, _| image::Luma([(x * 6) as u8]));
    std::fs::create_dir(folder.path().join("below")).unwrap();
    grey.save_with_format(folder.path().join("a.png"), ImageFormat::Png).unwrap();
    grey.save_with_format(folder.path().join("below/b.tif"), ImageFormat::Tiff).unwrap();
    grey.save_with_format(folder.path().join("c.webp"), ImageFormat::WebP).unwrap();
    RgbImage::from_pixel(20, 20, Rgb([255, 0, 0]))
        .save_with_format(folder.path().join("d.JPG"), ImageFormat::Jpeg)
        .unwrap();
    std::fs::write(folder.path().join("e.png"), b"no picture").unwrap();
    std::fs::write(folder.path().join("notes.txt"), b"not asked for").unwrap();
    let images = Images::from_folder(folder.path()).unwrap();
    assert_eq!(images.pictures().len(), 4);
    let first = &images.pictures()[0];
    assert_eq!(first.shape(), (30, 40));
    assert!((first[(3, 10)] - 60.0 / 255.0).abs() < 1e-6);
    // Rec. 601: red weighs 0.299.
    let red = images.pictures().iter().find(|picture| picture.shape() == (20, 20)).unwrap();
    assert!((red[(10, 10)] - 0.299).abs() < 0.01);
}

/// A floating-point TIFF can hold anything; pixels that are no grey are told and left out.
#[test]
fn pixels_that_are_no_grey_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, value: f32| {
        Rgb32FImage::from_pixel(8, 8, Rgb([0.5, value, 0.5])).save(folder.path().join(name)).unwrap();
    };
    save("fine.tif", 0.25);
    save("bright.tif", 180.0);
    save("broken.tif", f32::NAN);
    let images = Images::from_folder(folder.path()).unwrap();
    assert_eq!(images.pictures().len(), 1);
    let expected = 0.299 * 0.5 + 0.587 * 0.25 + 0.114 * 0.5;
    assert!((images.pictures()[0][(4, 4)] - expected).abs() < 1e-6);
}

#[test]
fn a_large_picture_is_made_smaller_and_keeps_its_shape() {
    let folder = tempfile::tempdir().unwrap();
    let ramp = GrayImage::from_fn(2048, 512, |x, _| image::Luma([(x / 8) as u8]));
    ramp.save(folder.path().join("large.png")).unwrap();
    let images = Images::from_folder(folder.path()).unwrap();
    let picture = &images.pictures()[0];
    assert_eq!(picture.shape(), (256, 1024));
    // A quarter of the way along a ramp is a quarter of its height, at any size.
    assert!((picture[(100, 256)] - 64.0 / 255.0).abs() < 0.01);
}

/// With room to turn, a crop never reaches the picture's edge, where it would have to be mirrored.
#[test]
fn crops_lie_wholly_inside_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let (side, crop) = (120_u32, 64);
    // The frame is white and all else black: bilinear sampling shows it to a crop that touches it.
    let frame = GrayImage::from_fn(side, side, |x, y| {
        image::Luma([if x.min(y) == 0 || x.max(y) == side - 1 { 255 } else { 0 }])
    });
    frame.save(folder.path().join("frame.png")).unwrap();
    let crops = crops(Images::from_folder(folder.path()).unwrap(), 200, crop, 3);
    assert!(crops.iter().all(|value| *value == 0.0));
}

#[test]
fn a_folder_without_pictures_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Images::from_folder(folder.path()), Err(Error::Data(text)) if text.contains("png")));
    assert!(matches!(Images::from_folder(&folder.path().join("none")), Err(Error::Missing(_))));
}

#[test]
fn the_seed_decides_the_leaves_and_the_crops() {
    let leaves = Images::dead_leaves(5, 3, 96);
    assert_eq!(leaves.fingerprint(), Images::dead_leaves(5, 3, 96).fingerprint());
    assert_ne!(leaves.fingerprint(), Images::dead_leaves(6, 3, 96).fingerprint());
    let first = crops(leaves.clone(), 4, 32, 1);
    assert_eq!(first, crops(leaves, 4, 32, 1));
    assert!(first.iter().all(|value| (0.0..=1.0).contains(value)));
}

#[test]
fn a_picture_smaller_than_the_crop_is_mirrored() {
    let crops = crops(Images::dead_leaves(2, 1, 16), 3, 64, 2);
    assert!(crops.iter().all(|value| (0.0..=1.0).contains(value)));
}

/// Power against frequency: dead leaves fall like photographs do, about as 1/f² (Lee, Mumford & Huang 2001).
#[test]
fn dead_leaves_have_the_spectrum_of_photographs() {
    let side = 256;
    let leaves = Images::dead_leaves(1, 8, side);
    let power = |frequency: usize| -> f64 {
        let rows = leaves.pictures().iter().flat_map(|picture| picture.values().chunks(side));
        let one = |row: &[f32]| {
            let mean = row.iter().sum::<f32>() / side as f32;
            let angle = |i: usize| std::f64::consts::TAU * (frequency * i) as f64 / side as f64;
            let terms = || row.iter().enumerate().map(|(i, value)| (f64::from(value - mean), angle(i)));
            let (re, im): (f64, f64) =
                (terms().map(|(v, a)| v * a.cos()).sum(), terms().map(|(v, a)| v * a.sin()).sum());
            re * re + im * im
        };
        rows.map(one).sum()
    };
    let slope = (power(32) / power(4)).log2() / 3.0;
    assert!((-2.8..-1.2).contains(&slope), "power falls as f^{slope:.2}");
}

#[test]
fn real_photographs_are_read() {
    let Some(folder) = common::shared("data/images") else { return };
    let images = Images::from_folder(&folder).unwrap();
    assert_eq!(images.pictures().len(), 24);
    assert!(images.pictures().iter().all(|picture| picture.rows().max(picture.cols()) <= 1024));
}
