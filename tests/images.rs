//! Natural images: from a folder, or made in memory.

mod common;

use image::{GrayImage, ImageFormat, Rgb, RgbImage};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use s2s::Error;
use s2s::images::Images;

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
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
    let crops = leaves.batch(4, 32, &mut rng(1));
    assert_eq!(crops.len(), 4 * 32 * 32);
    assert_eq!(crops, leaves.batch(4, 32, &mut rng(1)));
    assert!(crops.iter().all(|value| (0.0..=1.0).contains(value)));
}

#[test]
fn a_picture_smaller_than_the_crop_is_mirrored() {
    let crops = Images::dead_leaves(2, 1, 16).batch(3, 64, &mut rng(2));
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
