//! Where randomness comes from: each purpose and each step has a stream of its own.
//!
//! A resumed run needs nothing but the seed and the number of its next step to draw what it would have drawn.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Draws {
    /// The bins held out.
    HeldOut,
    /// Likes of the section's holes.
    Holes,
    /// The examples of this step, from 0.
    Step(usize),
}

/// The stream of a purpose. The first weights have the seed's own stream ([`crate::network::CdcinConfig::init`]).
pub(super) fn draws(seed: u64, purpose: Draws) -> Xoshiro256PlusPlus {
    let number = match purpose {
        Draws::Holes => u64::MAX,
        Draws::HeldOut => 1,
        Draws::Step(step) => 2 + step as u64,
    };
    // Odd multiples of a constant without structure keep the streams of neighbouring seeds and steps apart.
    Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}
