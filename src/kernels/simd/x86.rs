//! AVX2 + FMA and AVX-512 vectors. The tokens can only be made where the processor has the instructions.

use std::arch::x86_64::*;

use super::{MOST_LANES, Simd, Work};

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
    const UNDERFLOWS: bool = false;

    super::intrinsics! {
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
    fn transpose(self, rows: &mut [__m256; MOST_LANES]) {
        // SAFETY: the token proves AVX.
        unsafe {
            // Blocks of four by four in each half of the vectors, then the halves.
            for four in rows[..Self::LANES].chunks_exact_mut(4) {
                let [a, b, c, d] = [four[0], four[1], four[2], four[3]];
                let [low, high] = [_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)].map(|v| _mm256_castps_pd(v));
                let [low2, high2] = [_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d)].map(|v| _mm256_castps_pd(v));
                four[0] = _mm256_castpd_ps(_mm256_unpacklo_pd(low, low2));
                four[1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low, low2));
                four[2] = _mm256_castpd_ps(_mm256_unpacklo_pd(high, high2));
                four[3] = _mm256_castpd_ps(_mm256_unpackhi_pd(high, high2));
            }
            for i in 0..4 {
                let (a, b) = (rows[i], rows[i + 4]);
                rows[i] = _mm256_permute2f128_ps::<0x20>(a, b);
                rows[i + 4] = _mm256_permute2f128_ps::<0x31>(a, b);
            }
        }
    }
    #[inline(always)]
    fn add_pairs(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe {
            // Within each half of the vector first.
            let pairs = _mm256_castps_pd(_mm256_hadd_ps(a, b));
            _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(pairs))
        }
    }
    #[inline(always)]
    fn keep_positive(self, gate: __m256, v: __m256) -> __m256 {
        // SAFETY: the token proves AVX.
        unsafe { _mm256_and_ps(v, _mm256_cmp_ps::<_CMP_GT_OQ>(gate, _mm256_setzero_ps())) }
    }
    #[inline(always)]
    fn round(self, x: __m256) -> __m256 {
        // SAFETY: the token proves AVX.
        unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x) }
    }
    #[inline(always)]
    fn times_pow2(self, v: __m256, n: __m256) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe {
            let n = _mm256_slli_epi32::<23>(_mm256_cvtps_epi32(n));
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(v), n))
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
    const UNDERFLOWS: bool = true;

    super::intrinsics! {
        add(a, b) = _mm512_add_ps;
        sub(a, b) = _mm512_sub_ps;
        mul(a, b) = _mm512_mul_ps;
        div(a, b) = _mm512_div_ps;
        fma(a, b, c) = _mm512_fmadd_ps;
        max(a, b) = _mm512_max_ps;
        min(a, b) = _mm512_min_ps;
    }

    #[inline(always)]
    fn sum(self, v: __m512) -> f32 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_reduce_add_ps(v) }
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
        // Half a vector needs no mask.
        if let Some(half) = x.first_chunk::<8>().filter(|_| x.len() == 8) {
            // SAFETY: the slice holds 8 values; the token proves AVX-512 F.
            return unsafe { _mm512_zextps256_ps512(_mm256_loadu_ps(half.as_ptr())) };
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
        if x.len() == 8 {
            // SAFETY: the slice holds 8 values; the token proves AVX-512 F.
            return unsafe { _mm256_storeu_ps(x.as_mut_ptr(), _mm512_castps512_ps256(v)) };
        }
        // SAFETY: the mask admits no lane beyond the slice; the token proves AVX-512 F.
        unsafe { _mm512_mask_storeu_ps(x.as_mut_ptr(), self.mask(x.len()), v) }
    }
    #[inline(always)]
    fn transpose(self, rows: &mut [__m512; MOST_LANES]) {
        // SAFETY: the token proves AVX-512 F.
        unsafe {
            // Blocks of four by four in each quarter of the vectors, then the quarters.
            for four in rows.chunks_exact_mut(4) {
                let [a, b, c, d] = [four[0], four[1], four[2], four[3]];
                let [low, high] = [_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)].map(|v| _mm512_castps_pd(v));
                let [low2, high2] = [_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d)].map(|v| _mm512_castps_pd(v));
                four[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, low2));
                four[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, low2));
                four[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high, high2));
                four[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high, high2));
            }
            for i in 0..4 {
                let [a, b, c, d] = [rows[i], rows[i + 4], rows[i + 8], rows[i + 12]];
                let (even, odd) = (_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xdd>(a, b));
                let (even2, odd2) = (_mm512_shuffle_f32x4::<0x88>(c, d), _mm512_shuffle_f32x4::<0xdd>(c, d));
                rows[i] = _mm512_shuffle_f32x4::<0x88>(even, even2);
                rows[i + 4] = _mm512_shuffle_f32x4::<0x88>(odd, odd2);
                rows[i + 8] = _mm512_shuffle_f32x4::<0xdd>(even, even2);
                rows[i + 12] = _mm512_shuffle_f32x4::<0xdd>(odd, odd2);
            }
        }
    }
    #[inline(always)]
    fn add_pairs(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512 F.
        unsafe {
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
            _mm512_add_ps(_mm512_permutex2var_ps(a, even, b), _mm512_permutex2var_ps(a, odd, b))
        }
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
    fn round(self, x: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT }>(x) }
    }
    #[inline(always)]
    fn times_pow2(self, v: __m512, n: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_scalef_ps(v, n) }
    }
}
