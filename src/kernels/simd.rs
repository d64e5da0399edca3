//! One vector of f32 lanes, whatever the processor: AVX-512, AVX2 + FMA, or portable arrays.
//!
//! Kernels are written once, generic over [`Simd`], as `#[inline(always)]` functions; [`run`]
//! enters them inside a function compiled for the chosen instruction set, so a binary built for
//! any x86-64 uses what the machine has. Every implementor is a *token*: an AVX token exists only
//! where the processor was seen to have the instructions, which is what makes its methods safe.

use std::cell::Cell;

/// Arithmetic on a vector of f32 lanes.
pub(crate) trait Simd: Copy + Send + Sync {
    /// The vector.
    type V: Copy;
    /// How many f32 a vector holds.
    const LANES: usize;
    /// Whether the processor has 32 vector registers, so that tiles can be larger.
    const MANY_REGISTERS: bool;

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
    /// `v` where `gate > 0`, else 0.
    fn keep_positive(self, gate: Self::V, v: Self::V) -> Self::V;
    /// `2ⁿ`, given `n + 1.5·2²³` for an integer n in −126..=127 (the low bits of that sum hold n).
    fn pow2_from_shifted(self, shifted: Self::V) -> Self::V;

    /// The sum of all lanes, always in the same order.
    #[inline(always)]
    fn sum(self, v: Self::V) -> f32 {
        let mut lanes = [0.0; 16];
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

    /// The largest lane.
    #[inline(always)]
    fn largest(self, v: Self::V) -> f32 {
        let mut lanes = [0.0; 16];
        self.store(&mut lanes, v);
        let mut half = Self::LANES / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] = if lanes[i + half] > lanes[i] { lanes[i + half] } else { lanes[i] };
            }
            half /= 2;
        }
        lanes[0]
    }
}

/// Four lanes of plain Rust, which compilers turn into SSE2, NEON or scalar code.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Simd for Portable {
    type V = [f32; 4];
    const LANES: usize = 4;
    const MANY_REGISTERS: bool = cfg!(target_arch = "aarch64");

    #[inline(always)]
    fn splat(self, x: f32) -> [f32; 4] {
        [x; 4]
    }
    #[inline(always)]
    fn load(self, x: &[f32]) -> [f32; 4] {
        [x[0], x[1], x[2], x[3]]
    }
    #[inline(always)]
    fn load_part(self, x: &[f32]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| x.get(i).copied().unwrap_or(0.0),
        )
    }
    #[inline(always)]
    fn store(self, x: &mut [f32], v: [f32; 4]) {
        x[..4].copy_from_slice(&v);
    }
    #[inline(always)]
    fn store_part(self, x: &mut [f32], v: [f32; 4]) {
        x.iter_mut().zip(v).for_each(|(x, v)| *x = v);
    }
    #[inline(always)]
    fn add(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| a[i] + b[i],
        )
    }
    #[inline(always)]
    fn sub(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| a[i] - b[i],
        )
    }
    #[inline(always)]
    fn mul(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| a[i] * b[i],
        )
    }
    #[inline(always)]
    fn div(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| a[i] / b[i],
        )
    }
    #[inline(always)]
    fn fma(self, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        // Without the instruction, `mul_add` would call a slow library function.
        if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
            std::array::from_fn(
                #[inline(always)]
                |i| a[i].mul_add(b[i], c[i]),
            )
        } else {
            std::array::from_fn(
                #[inline(always)]
                |i| a[i] * b[i] + c[i],
            )
        }
    }
    #[inline(always)]
    fn max(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| if a[i] > b[i] { a[i] } else { b[i] },
        )
    }
    #[inline(always)]
    fn min(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| if a[i] < b[i] { a[i] } else { b[i] },
        )
    }
    #[inline(always)]
    fn keep_positive(self, gate: [f32; 4], v: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(
            #[inline(always)]
            |i| if gate[i] > 0.0 { v[i] } else { 0.0 },
        )
    }
    #[inline(always)]
    fn pow2_from_shifted(self, shifted: [f32; 4]) -> [f32; 4] {
        shifted.map(
            #[inline(always)]
            |x| f32::from_bits((x.to_bits() << 23).wrapping_add(0x3f80_0000)),
        )
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
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512 F and VL.
    Avx512,
}

thread_local! {
    /// What [`with_instruction_set`] asked of this thread.
    static FORCED: Cell<Option<InstructionSet>> = const { Cell::new(None) };
}

impl InstructionSet {
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
    work.run(Portable)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Simd, Work};
    use std::arch::x86_64::*;

    /// Implements `Simd` methods by the intrinsic of the same shape.
    macro_rules! intrinsics {
        ($($name:ident($($arg:ident),*) = $intrinsic:ident;)*) => {$(
            #[inline(always)]
            fn $name(self, $($arg: Self::V),*) -> Self::V {
                // SAFETY: the token `self` proves that the processor has the instruction set.
                unsafe { $intrinsic($($arg),*) }
            }
        )*};
    }

    /// The proof that the processor has AVX2 and FMA.
    #[derive(Clone, Copy)]
    pub(super) struct Avx2(());

    impl Avx2 {
        #[inline]
        pub(super) fn detect() -> Option<Self> {
            (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
        }

        pub(super) fn run<W: Work>(self, work: W) -> W::Output {
            #[target_feature(enable = "avx2,fma")]
            fn enter<W: Work>(s: Avx2, work: W) -> W::Output {
                work.run(s)
            }
            // SAFETY: the token proves that the processor has the features of `enter`.
            unsafe { enter(self, work) }
        }

        #[inline(always)]
        fn mask(self, n: usize) -> __m256i {
            const ONES_THEN_ZEROS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
            let window = &ONES_THEN_ZEROS[8 - n.min(8)..][..8];
            // SAFETY: `window` is 8 readable i32; the token proves AVX.
            unsafe { _mm256_loadu_si256(window.as_ptr().cast()) }
        }
    }

    impl Simd for Avx2 {
        type V = __m256;
        const LANES: usize = 8;
        const MANY_REGISTERS: bool = false;

        intrinsics! {
            add(a, b) = _mm256_add_ps;
            sub(a, b) = _mm256_sub_ps;
            mul(a, b) = _mm256_mul_ps;
            div(a, b) = _mm256_div_ps;
            fma(a, b, c) = _mm256_fmadd_ps;
            max(a, b) = _mm256_max_ps;
            min(a, b) = _mm256_min_ps;
        }

        #[inline(always)]
        fn splat(self, x: f32) -> __m256 {
            // SAFETY: the token proves AVX.
            unsafe { _mm256_set1_ps(x) }
        }
        #[inline(always)]
        fn load(self, x: &[f32]) -> __m256 {
            // SAFETY: the slice holds 8 values (checked here); the token proves AVX.
            unsafe { _mm256_loadu_ps(x[..8].as_ptr()) }
        }
        #[inline(always)]
        fn load_part(self, x: &[f32]) -> __m256 {
            if x.len() >= Self::LANES {
                return self.load(x);
            }
            // SAFETY: the mask admits no lane beyond the slice; the token proves AVX.
            unsafe { _mm256_maskload_ps(x.as_ptr(), self.mask(x.len())) }
        }
        #[inline(always)]
        fn store(self, x: &mut [f32], v: __m256) {
            // SAFETY: the slice holds 8 values (checked here); the token proves AVX.
            unsafe { _mm256_storeu_ps(x[..8].as_mut_ptr(), v) }
        }
        #[inline(always)]
        fn store_part(self, x: &mut [f32], v: __m256) {
            // Masked stores are slow.
            if x.len() >= Self::LANES {
                return self.store(x, v);
            }
            // SAFETY: the mask admits no lane beyond the slice; the token proves AVX.
            unsafe { _mm256_maskstore_ps(x.as_mut_ptr(), self.mask(x.len()), v) }
        }
        #[inline(always)]
        fn keep_positive(self, gate: __m256, v: __m256) -> __m256 {
            // SAFETY: the token proves AVX.
            unsafe { _mm256_and_ps(v, _mm256_cmp_ps::<_CMP_GT_OQ>(gate, _mm256_setzero_ps())) }
        }
        #[inline(always)]
        fn pow2_from_shifted(self, shifted: __m256) -> __m256 {
            // SAFETY: the token proves AVX2.
            unsafe {
                let n = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
                _mm256_castsi256_ps(_mm256_add_epi32(n, _mm256_set1_epi32(0x3f80_0000)))
            }
        }
    }

    /// The proof that the processor has AVX-512 F and VL.
    #[derive(Clone, Copy)]
    pub(super) struct Avx512(());

    impl Avx512 {
        #[inline]
        pub(super) fn detect() -> Option<Self> {
            let has = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
            (has && Avx2::detect().is_some()).then_some(Self(()))
        }

        pub(super) fn run<W: Work>(self, work: W) -> W::Output {
            #[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
            fn enter<W: Work>(s: Avx512, work: W) -> W::Output {
                work.run(s)
            }
            // SAFETY: the token proves that the processor has the features of `enter`.
            unsafe { enter(self, work) }
        }

        #[inline(always)]
        fn mask(self, n: usize) -> __mmask16 {
            ((1u32 << n.min(16)) - 1) as __mmask16
        }
    }

    impl Simd for Avx512 {
        type V = __m512;
        const LANES: usize = 16;
        const MANY_REGISTERS: bool = true;

        intrinsics! {
            add(a, b) = _mm512_add_ps;
            sub(a, b) = _mm512_sub_ps;
            mul(a, b) = _mm512_mul_ps;
            div(a, b) = _mm512_div_ps;
            fma(a, b, c) = _mm512_fmadd_ps;
            max(a, b) = _mm512_max_ps;
            min(a, b) = _mm512_min_ps;
        }

        #[inline(always)]
        fn splat(self, x: f32) -> __m512 {
            // SAFETY: the token proves AVX-512 F.
            unsafe { _mm512_set1_ps(x) }
        }
        #[inline(always)]
        fn load(self, x: &[f32]) -> __m512 {
            // SAFETY: the slice holds 16 values (checked here); the token proves AVX-512 F.
            unsafe { _mm512_loadu_ps(x[..16].as_ptr()) }
        }
        #[inline(always)]
        fn load_part(self, x: &[f32]) -> __m512 {
            if x.len() >= Self::LANES {
                return self.load(x);
            }
            // SAFETY: the mask admits no lane beyond the slice; the token proves AVX-512 F.
            unsafe { _mm512_maskz_loadu_ps(self.mask(x.len()), x.as_ptr()) }
        }
        #[inline(always)]
        fn store(self, x: &mut [f32], v: __m512) {
            // SAFETY: the slice holds 16 values (checked here); the token proves AVX-512 F.
            unsafe { _mm512_storeu_ps(x[..16].as_mut_ptr(), v) }
        }
        #[inline(always)]
        fn store_part(self, x: &mut [f32], v: __m512) {
            // Masked stores are slow.
            if x.len() >= Self::LANES {
                return self.store(x, v);
            }
            // SAFETY: the mask admits no lane beyond the slice; the token proves AVX-512 F.
            unsafe { _mm512_mask_storeu_ps(x.as_mut_ptr(), self.mask(x.len()), v) }
        }
        #[inline(always)]
        fn keep_positive(self, gate: __m512, v: __m512) -> __m512 {
            // SAFETY: the token proves AVX-512 F.
            unsafe {
                let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(gate, _mm512_setzero_ps());
                _mm512_maskz_mov_ps(positive, v)
            }
        }
        #[inline(always)]
        fn pow2_from_shifted(self, shifted: __m512) -> __m512 {
            // SAFETY: the token proves AVX-512 F.
            unsafe {
                let n = _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted));
                _mm512_castsi512_ps(_mm512_add_epi32(n, _mm512_set1_epi32(0x3f80_0000)))
            }
        }
    }
}
