//! One vector of f32 lanes, whatever the processor: AVX-512, AVX2 + FMA, or portable arrays.
//!
//! Kernels are written once, generic over [`Simd`], as `#[inline(always)]` functions; [`run`]
//! enters them inside a function compiled for the chosen instruction set, so a binary built for
//! any x86-64 uses what the machine has. Every implementor is a *token*: an AVX token exists only
//! where the processor was seen to have the instructions, which is what makes its methods safe.
#![allow(unsafe_code, reason = "intrinsics of the instruction sets")]

use std::cell::Cell;
use std::sync::OnceLock;

/// Implements `Simd` methods by the intrinsic of the same shape.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! intrinsics {
    ($($name:ident($($arg:ident),*) = $intrinsic:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, $($arg: Self::V),*) -> Self::V {
            // SAFETY: the token `self` proves that the processor has the instruction set.
            unsafe { $intrinsic($($arg),*) }
        }
    )*};
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use intrinsics;

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

/// Lanes of the widest vectors.
pub(crate) const MOST_LANES: usize = 16;

/// Arithmetic on a vector of f32 lanes.
pub(crate) trait Simd: Copy + Send + Sync {
    /// The vector.
    type V: Copy;
    /// How many f32 a vector holds.
    const LANES: usize;
    /// Whether the processor has 32 vector registers, so that tiles can be larger.
    const MANY_REGISTERS: bool;
    /// Whether `times_pow2` gives 0 where its product is too small for any number.
    const UNDERFLOWS: bool;

    fn splat(self, x: f32) -> Self::V;
    /// The first `LANES` values of `x`.
    fn load(self, x: &[f32]) -> Self::V;
    /// All of `x` (at most `LANES` values), then zeros.
    fn load_part(self, x: &[f32]) -> Self::V;
    fn store(self, x: &mut [f32], v: Self::V);
    /// As many lanes as `x` holds (at most `LANES`).
    fn store_part(self, x: &mut [f32], v: Self::V);
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a·b + c`.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// Swaps rows and columns of the first `LANES` vectors: lane j of vector i goes to lane i of vector j.
    fn transpose(self, rows: &mut [Self::V; MOST_LANES]);
    /// The sums of neighbouring lanes of `a`, then those of `b`.
    fn add_pairs(self, a: Self::V, b: Self::V) -> Self::V;
    /// `v` where `gate > 0`, else 0.
    fn keep_positive(self, gate: Self::V, v: Self::V) -> Self::V;
    /// The nearest integer to each lane of `x`, of ties the even one, for x below 2²² in size.
    fn round(self, x: Self::V) -> Self::V;
    /// `v·2ⁿ` given a v from 0.5 to 2 and an integer n, where that is a normal number.
    fn times_pow2(self, v: Self::V, n: Self::V) -> Self::V;

    /// The sums of the lanes of each of the first `LANES` vectors, side by side.
    #[inline(always)]
    fn lane_sums(self, mut vectors: [Self::V; MOST_LANES]) -> Self::V {
        // Of two vectors one, until one is left.
        let mut left = Self::LANES;
        while left > 1 {
            left /= 2;
            for k in 0..left {
                vectors[k] = self.add_pairs(vectors[2 * k], vectors[2 * k + 1]);
            }
        }
        vectors[0]
    }

    /// The sum of all lanes, always in the same order.
    #[inline(always)]
    fn sum(self, v: Self::V) -> f32 {
        let mut lanes = [0.0; MOST_LANES];
        self.store(&mut lanes, v);
        let mut half = Self::LANES / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] += lanes[i + half];
            }
            half /= 2;
        }
        lanes[0]
    }
}

/// Work that runs on any instruction set; see [`run`].
pub(crate) trait Work {
    /// What comes out of it.
    type Output;
    /// Does the work; implementations are `#[inline(always)]`.
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

/// An instruction set for which the kernels have code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstructionSet {
    /// Plain Rust.
    Portable,
    /// 64-bit ARM.
    Neon,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512 F and VL.
    Avx512,
}

thread_local! {
    /// What [`with_instruction_set`] asked of this thread.
    static FORCED: Cell<Option<InstructionSet>> = const { Cell::new(None) };
}

impl std::fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            InstructionSet::Portable => "portable",
            InstructionSet::Neon => "NEON",
            InstructionSet::Avx2 => "AVX2",
            InstructionSet::Avx512 => "AVX-512",
        })
    }
}

impl InstructionSet {
    /// The fastest that this processor can run.
    pub fn best() -> Self {
        static BEST: OnceLock<InstructionSet> = OnceLock::new();
        *BEST.get_or_init(|| Self::available()[0])
    }

    /// Every instruction set that this processor can run, the fastest first.
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if x86::Avx512::detect().is_some() {
                sets.push(Self::Avx512);
            }
            if x86::Avx2::detect().is_some() {
                sets.push(Self::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        sets.push(Self::Neon);
        sets.push(Self::Portable);
        sets
    }
}

/// Runs `f` on `threads` threads of its own, on which the kernels use `set` if the processor has it.
/// For tests and benchmarks, which compare the paths.
///
/// # Errors
/// When the threads cannot be started.
pub fn with_instruction_set<R: Send>(
    set: InstructionSet,
    threads: usize,
    f: impl FnOnce() -> R + Send,
) -> Result<R, rayon::ThreadPoolBuildError> {
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(threads).start_handler(move |_| FORCED.set(Some(set))).build()?;
    Ok(pool.install(f))
}

/// Runs `work` on the fastest instruction set of this processor, or the one that [`with_instruction_set`] chose.
pub(crate) fn run<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        let forced = FORCED.get();
        let allowed = |set: InstructionSet| forced.is_none_or(|forced| forced == set);
        if let Some(s) = x86::Avx512::detect().filter(|_| allowed(InstructionSet::Avx512)) {
            return s.run(work);
        }
        if let Some(s) = x86::Avx2::detect().filter(|_| allowed(InstructionSet::Avx2)) {
            return s.run(work);
        }
    }
    #[cfg(target_arch = "aarch64")]
    if FORCED.get() != Some(InstructionSet::Portable) {
        return work.run(neon::Neon);
    }
    work.run(portable::Portable)
}
