//! Convolutions that read and write by twos.

use super::super::conv::Finish;
use super::super::forward::{Convolution, View};
use super::super::plan::{Pass, Plan};
use super::super::products::Products;
use super::super::tests::{adapter, small_dimensions, upload, values};
use super::{by_twos, numbers, rounded};
use crate::kernels::tests::noise;

/// A convolution reads and writes the same, by twos or not.
#[test]
fn convolutions_write_by_twos_what_they_would_write() {
    let Some(device) = adapter() else { return };
    let (size, few) = ((8, 12), 6);
    let pixels = size.0 * size.1;
    let dimensions = small_dimensions(Products::BF16);
    let plan = Plan { dimensions, images: vec![size], genes: Vec::new() };
    let weights = upload(&noise(dimensions.parameters(), 1), &device);
    let pass = Pass::new(&plan, upload(&noise(2 * pixels, 2), &device), weights);
    let (source, other) = (upload(&noise(pixels * 3, 9), &device), rounded(&noise(pixels * few, 10)));
    let of = |halves: bool, finish: Finish| {
        let other = by_twos(&other, Products { halves, ..Products::F32 }, &device);
        let out = pass.words(if halves { pixels * few / 2 } else { pixels * few });
        let put = Some(View::by_twos(&other, few, halves));
        let convolution = Convolution { finish, other: put, ..Convolution::forward(0, 3, 3, few) };
        pass.convolve(&convolution, View::new(&source, 3), View::by_twos(&out, few, halves));
        out
    };
    for finish in [Finish::Plain, Finish::Add, Finish::Slope] {
        assert_eq!(numbers(&of(true, finish)), rounded(&values(&of(false, finish))), "{finish:?}");
    }
}
