//! The invented tissue: an irregular outline with ducts, islands and layers in it, as functions of position in µm.

use rand::{Rng, RngExt};
use std::f64::consts::TAU;

/// Distance over which a border fades, in µm.
const BORDER_UM: f64 = 12.0;

/// How far structures are bent out of their plain shapes, in µm.
const BEND_UM: f64 = 20.0;

/// Molecules of all genes that diffused off the tissue, relative to plain tissue.
const STRAY: f64 = 0.004;

/// How far the border and the axis of a structure lean at most: µm along the section for one across it.
const LEAN: f64 = 0.5;

/// No structure is smaller than this radius in µm, however far it tapers.
const SMALLEST_UM: f64 = 10.0;

/// Depth in µm over which the section's outline turns into another.
const OUTLINE_UM: f64 = 500.0;

/// A round structure: a duct (hollow) or an island (solid).
#[derive(Clone, Copy, Debug)]
struct Round {
    x: f64,
    y: f64,
    radius: f64,
}

/// A smooth random field: a sum of plane waves.
#[derive(Clone, Debug)]
pub(super) struct Field(Vec<[f64; 4]>);

impl Field {
    /// A field whose features are about `size_um` large.
    pub(super) fn random(size_um: f64, rng: &mut impl Rng) -> Self {
        let wave = |_| {
            let angle = rng.random::<f64>() * TAU;
            let k = TAU / (size_um * (1.0 + 1.5 * rng.random::<f64>()));
            [k * angle.cos(), k * angle.sin(), rng.random::<f64>() * TAU, 1.0]
        };
        Field((0..12).map(wave).collect())
    }

    /// Goes `depth` µm deeper: waves run across the section as they do along it.
    pub(super) fn go_down(&mut self, depth: f64, rng: &mut impl Rng) {
        for [kx, ky, phase, _] in &mut self.0 {
            *phase += kx.hypot(*ky) * (2.0 * rng.random::<f64>() - 1.0) * depth;
        }
    }

    /// The field at a position: mean 0, mostly between −1 and 1.
    pub(super) fn at(&self, x: f64, y: f64) -> f64 {
        let sum: f64 = self.0.iter().map(|[kx, ky, phase, weight]| weight * (kx * x + ky * y + phase).sin()).sum();
        sum / (self.0.len() as f64 / 2.0).sqrt() / 1.5
    }
}

/// Where everything lies in a section of `width` × `height` µm.
#[derive(Clone, Debug)]
pub(super) struct Anatomy {
    width: f64,
    height: f64,
    lobes: Vec<[f64; 3]>,
    ducts: Vec<Round>,
    islands: Vec<Round>,
    /// Bends x and y, so that no structure is a perfect circle.
    bend: [Field; 2],
    density: Field,
    /// Cells packed more and less densely: neighbouring bins differ in their totals as much as in a real section.
    packing: Field,
}

impl Anatomy {
    /// A random anatomy; lengths in µm.
    pub(super) fn random(width: f64, height: f64, rng: &mut impl Rng) -> Self {
        let area = width * height / 1e6;
        let lobes =
            (2..7).map(|k| [f64::from(k), 0.12 / f64::from(k - 1) * rng.random::<f64>(), rng.random::<f64>() * TAU]);
        let lobes = lobes.collect();
        let mut rounds = |per_mm2: f64, smallest: f64, spread: f64| -> Vec<Round> {
            let round = |_| Round {
                x: width * rng.random::<f64>(),
                y: height * rng.random::<f64>(),
                radius: smallest + spread * rng.random::<f64>().powi(2),
            };
            (0..(area * per_mm2).ceil() as usize).map(round).collect()
        };
        // Sizes spread over a decade, as in tissue: small structures are common, large ones rare.
        let (ducts, islands) = (rounds(3.0, 60.0, 340.0), rounds(5.0, 45.0, 300.0));
        let mut field = |size_um: f64| Field::random(size_um, rng);
        let (density, bend, packing) = (field(400.0), [field(150.0), field(150.0)], field(40.0));
        Anatomy { width, height, lobes, ducts, islands, bend, density, packing }
    }

    /// Goes `depth` µm deeper into the block: structures lean and taper, fields run on.
    pub(super) fn go_down(&mut self, depth: f64, rng: &mut impl Rng) {
        let mut lean = || LEAN * (2.0 * rng.random::<f64>() - 1.0) * depth;
        for round in self.ducts.iter_mut().chain(&mut self.islands) {
            (round.x, round.y) = (round.x + lean(), round.y + lean());
            round.radius = (round.radius + lean() / 2.0).max(SMALLEST_UM);
        }
        for [_, _, phase] in &mut self.lobes {
            *phase += depth / OUTLINE_UM * (2.0 * rng.random::<f64>() - 1.0);
        }
        for field in self.bend.iter_mut().chain([&mut self.density, &mut self.packing]) {
            field.go_down(depth, rng);
        }
    }

    /// What lies at a position in µm.
    pub(super) fn at(&self, x: f64, y: f64) -> Site {
        let [right, down] = &self.bend;
        let (x, y) = (x + BEND_UM * right.at(x, y), y + BEND_UM * down.at(x, y));
        let depth = self.depth(x, y);
        Site {
            x,
            y,
            depth,
            duct: self.duct(x, y),
            island: self.island(x, y),
            cellularity: self.cellularity(x, y, depth),
        }
    }

    /// Depth below the tissue's border; negative outside.
    fn depth(&self, x: f64, y: f64) -> f64 {
        let (dx, dy) = ((x / self.width - 0.5) * 2.0, (y / self.height - 0.5) * 2.0);
        let angle = dy.atan2(dx);
        let wobble: f64 = self.lobes.iter().map(|[k, size, phase]| size * (k * angle + phase).sin()).sum();
        (0.86 + wobble - dx.hypot(dy)) * self.width.min(self.height) / 2.0
    }

    fn duct(&self, x: f64, y: f64) -> f64 {
        let wall = |duct: &Round| {
            let off = (x - duct.x).hypot(y - duct.y) - duct.radius;
            (-(off / (0.25 * duct.radius + BORDER_UM)).powi(2)).exp()
        };
        self.ducts.iter().map(wall).fold(0.0, f64::max)
    }

    fn island(&self, x: f64, y: f64) -> f64 {
        let inside = |island: &Round| fade(island.radius - (x - island.x).hypot(y - island.y));
        self.islands.iter().map(inside).fold(0.0, f64::max)
    }

    fn cellularity(&self, x: f64, y: f64, depth: f64) -> f64 {
        let lumen = |duct: &Round| fade(0.6 * duct.radius - (x - duct.x).hypot(y - duct.y));
        let hollow = self.ducts.iter().map(lumen).fold(0.0, f64::max);
        let packing = (0.4 * self.density.at(x, y) + 0.5 * self.packing.at(x, y)).exp();
        STRAY + fade(depth) * (1.0 - 0.75 * hollow) * packing
    }
}

/// What lies at one position: worked out once, and then asked by every gene.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    /// Position to the right in µm, as the tissue bends.
    pub x: f64,
    /// Position downwards in µm, as the tissue bends.
    pub y: f64,
    /// Depth below the tissue's border, in µm along the section's shorter side; negative outside.
    pub depth: f64,
    /// 1 in the wall of a duct, 0 away from one.
    pub duct: f64,
    /// 1 inside an island, 0 outside.
    pub island: f64,
    /// Molecules of all genes per unit of area, relative to plain tissue; near 0 outside the tissue and in a duct's lumen.
    pub cellularity: f64,
}

impl Site {
    /// 1 in a layer that lies `from` to `to` µm below the border, 0 outside it.
    pub(super) fn layer(&self, from: f64, to: f64) -> f64 {
        fade(self.depth - from) * fade(to - self.depth)
    }
}

/// From 0 well below zero to 1 well above it, over the width of a border.
fn fade(distance: f64) -> f64 {
    1.0 / (1.0 + (-4.0 * distance / BORDER_UM).exp())
}
