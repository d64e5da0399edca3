//! A training step of a network, with so many examples of the section and natural images, each in two sizes.

use super::losses::{Terms, WEIGHTS};
use super::plan::{Dimensions, Pass, Plan};
use super::products::Products;
use super::scattered::Scattered;
use super::step_input::{Column, StepInput, View};
use crate::device::{CubeTensor, DType, Shape};
use std::collections::BTreeMap;

pub fn launch(network: &BTreeMap<String, usize>) {
    let of = |key: &str| *network.get(key).unwrap_or_else(|| panic!("no {key}"));
    let channels = of("channels");
    let dimensions = Dimensions {
        cascades: of("cascades"),
        blocks: of("blocks"),
        input_channels: of("input_channels"),
        channels,
        growth: of("growth"),
        layers: of("layers"),
        window: of("window"),
        heads: of("heads"),
        alpha: 0.01,
        few: channels / of("compress"),
        squeezed: channels / of("squeeze"),
        hidden: channels * of("mlp_ratio"),
        data_consistency: true,
        embedding: of("gene_embedding"),
        genes: if of("gene_embedding") > 0 { 2 } else { 0 },
        products: Products { matrices: of("matrices") > 0, halves: of("halves") > 0 },
    };
    assert!(dimensions.fit(), "burn's operations compute such a network");
    let (side, examples) = (of("side"), of("examples"));
    let views = [(false, 2), (false, 1), (true, 4), (true, 2)].into_iter();
    let views = views.flat_map(|(natural, apart)| (0..examples).map(move |example| View { natural, example, apart }));
    let columns = [Column::Nearest(0), Column::Lattice, Column::Bilinear(1), Column::InTissue(3), Column::Known(4)];
    let step_input = StepInput {
        views: views.collect(),
        columns: columns.to_vec(),
        scale: 2,
        window: dimensions.window,
        stacks: [[8, side, side], [1, 2 * side, 2 * side]],
    };
    let images = step_input.sizes();
    let stacks =
        [CubeTensor::given([8 * examples, side * side], 1.0), CubeTensor::given([2 * side * examples, 2 * side], 1.0)];
    let [section, natural] = stacks;
    let (made, targets) = step_input.made(section, natural);
    made.is_result("input");
    if network.get("scattered").is_some_and(|scattered| *scattered > 0) {
        fill(examples, side);
    }
    let genes = (0..images.len()).map(|image| Some(image / examples).filter(|gene| *gene < 2)).collect();
    let plan = Plan { dimensions, images, genes };
    let pixels = plan.pixels();
    let inputs = CubeTensor::given([pixels, 1 + dimensions.input_channels], 1.0);
    let pass = Pass::new(&plan, inputs, CubeTensor::given([1, dimensions.parameters()], 0.2));
    let mut stages = Vec::new();
    let outputs = pass.forward(|stage| stages.push(stage));
    outputs.is_result("outputs");
    let outputs = CubeTensor::new_contiguous(
        outputs.client,
        outputs.device,
        Shape::from([dimensions.cascades, pixels]),
        outputs.handle,
        DType::F32,
    );
    let terms = Terms {
        ends: [pixels / 4, pixels / 2, pixels / 2, pixels],
        edge: 0.5,
        straight: 1.0,
        weights: [10.0, 10.0, 1.0, 1.0],
    };
    let losses = terms.losses(outputs.clone(), targets.clone());
    losses.is_result("losses");
    let grad = terms.gradient(outputs, targets, losses.clone(), losses, WEIGHTS);
    pass.backward(stages, &grad).is_result("gradient");
}

/// What fills a section's examples, and natural images, of which few pixels are measured, on no lattice.
fn fill(examples: usize, side: usize) {
    for (natural, channels, name) in [(false, 6, "filled"), (true, 3, "filled_images")] {
        // Of both signs, of which those above 0 are measured.
        let CubeTensor { client, device, handle, .. } = CubeTensor::given([examples * channels, side * side], 1.0);
        let shape = Shape::from([examples, channels, side, side]);
        let stack = CubeTensor::new_contiguous(client, device, shape, handle, DType::F32);
        let (components, stains) = (1, 1);
        Scattered { natural, components, stains, reach: 8, views: 2 }.filled(stack).is_result(name);
    }
}
