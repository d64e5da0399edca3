//! A training step of a network, with images of two sizes.

use super::losses::Terms;
use super::plan::{Dimensions, Pass, Plan};
use super::step_input::{Column, StepInput, View};
use crate::device::CubeTensor;
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
    };
    assert!(dimensions.fit(), "burn's operations compute such a network");
    let views = [(false, 2), (false, 1), (true, 4), (true, 2)];
    let columns = [Column::Nearest(0), Column::Lattice, Column::Bilinear(1), Column::InTissue(3), Column::Known(4)];
    let step_input = StepInput {
        views: views.map(|(natural, apart)| View { natural, example: 0, apart }).to_vec(),
        columns: columns.to_vec(),
        scale: 2,
        window: dimensions.window,
        stacks: [[8, 32, 32], [1, 64, 64]],
    };
    let images = step_input.sizes();
    let (_, targets) = step_input.made(CubeTensor::of([8, 32 * 32]), CubeTensor::of([64, 64]));
    let plan = Plan { dimensions, images, genes: vec![Some(0), Some(1), None, None] };
    let pixels = plan.pixels();
    let inputs = CubeTensor::of([pixels, 1 + dimensions.input_channels]);
    let pass = Pass::new(&plan, inputs, CubeTensor::of([1, dimensions.parameters()]));
    let mut stages = Vec::new();
    pass.forward(|stage| stages.push(stage));
    let outputs = CubeTensor::of([dimensions.cascades, pixels]);
    let terms = Terms { ends: [pixels / 4, pixels / 2, pixels / 2, pixels], edge: 0.5, straight: 1.0 };
    let losses = terms.losses(outputs.clone(), targets.clone());
    let grad = terms.gradient(outputs, targets, losses.clone(), losses);
    pass.backward(stages, &grad);
}
