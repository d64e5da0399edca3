//! What every query of a window has with every key: products of a head's queries and keys, their softmax, and sums that are weighted by it.
//! Keys are rows and queries lie side by side in vectors, `[keys, pitch]`: so no lane is idle however few channels a head has, and
//! the softmax, which is over keys, takes no sums across the lanes of a vector.
#![allow(unsafe_code, reason = "the innermost loops read what was checked before them")]
#![allow(clippy::needless_range_loop, reason = "iterators over arrays of vectors take them through memory")]

use super::functions::exp_of_score;
use super::simd::Simd;

/// Lanes of the widest vectors.
const MOST_LANES: usize = 16;

/// Numbers from a row to the next one: whole vectors of queries.
pub(super) const fn pitch(queries: usize) -> usize {
    queries.next_multiple_of(MOST_LANES)
}

/// Rows of numbers, each `stride` numbers after the one before; of each the first `width` count.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f32],
    pub(super) stride: usize,
    pub(super) width: usize,
}

impl<'a> Rows<'a> {
    /// Asserts that there are so many rows.
    #[inline(always)]
    fn assert_rows(&self, rows: usize) {
        let end = rows.checked_sub(1).map_or(0, |last| last * self.stride + self.width);
        assert!(end <= self.values.len(), "{rows} rows of {} numbers", self.width);
    }

    /// A number of a row in each lane.
    ///
    /// # Safety
    ///
    /// There is such a row ([`Rows::assert_rows`]), and `column` lies within the width.
    #[inline(always)]
    unsafe fn splat<S: Simd>(&self, s: S, row: usize, column: usize) -> S::V {
        // SAFETY: as the caller promises.
        s.splat(unsafe { *self.values.get_unchecked(row * self.stride + column) })
    }

    /// Their transpose, `[width, pitch]`, of `rows` rows: zeros behind the last.
    #[inline(always)]
    pub(super) fn transpose(&self, rows: usize, out: &mut [f32]) {
        let pitch = pitch(rows);
        for (k, out) in out[..self.width * pitch].chunks_exact_mut(pitch).enumerate() {
            let (out, beyond) = out.split_at_mut(rows);
            let column = self.values[k..].iter().step_by(self.stride);
            out.iter_mut().zip(column).for_each(|(out, value)| *out = *value);
            beyond.fill(0.0);
        }
    }
}

/// Writes a transpose `[columns, pitch]` back as `rows` rows, the first number of each `stride` numbers after that of the one before.
#[inline(always)]
pub(super) fn transpose_back(values: &[f32], rows: usize, stride: usize, out: &mut [f32]) {
    for (k, column) in values.chunks_exact(pitch(rows)).enumerate() {
        let places = out[k..].iter_mut().step_by(stride);
        places.zip(&column[..rows]).for_each(|(place, value)| *place = *value);
    }
}

/// Calls `$do` with every part of the queries that is worked on at once, and how many vectors it is.
macro_rules! parts {
    ($pitch:expr, |$first:ident, $vectors:ident| $do:expr) => {
        let mut $first = 0;
        while $first < $pitch {
            if S::MANY_REGISTERS && $first + 2 * S::LANES <= $pitch {
                const $vectors: usize = 2;
                $do;
                $first += 2 * S::LANES;
            } else {
                const $vectors: usize = 1;
                $do;
                $first += S::LANES;
            }
        }
    };
}

/// Calls `$do` with every part of the channels that is worked on at once, and how many they are.
macro_rules! channels {
    ($width:expr, |$first:ident, $channels:ident| $do:expr) => {
        channels!($width, |$first, $channels| $do, 8 6 4 2 1)
    };
    ($width:expr, |$first:ident, $channels:ident| $do:expr, $($count:literal)*) => {
        let mut $first = 0;
        while $first < $width {
            $(if $width - $first >= $count {
                const $channels: usize = $count;
                $do;
                $first += $count;
                continue;
            })*
        }
    };
}

#[inline(always)]
fn load<S: Simd, const V: usize>(s: S, values: &[f32]) -> [S::V; V] {
    let mut vectors = [s.splat(0.0); V];
    for (v, vector) in vectors.iter_mut().enumerate() {
        *vector = s.load(&values[v * S::LANES..]);
    }
    vectors
}

/// `out[j, i] = start(j, i) + Σ_k keys[j, k] · queries[k, i]`: for each key and query, the product of their channels.
///
/// # Shapes
///
/// - keys: `[keys, channels]`
/// - queries: `[channels, pitch]`
/// - out: `[keys, pitch]`; `start` gives a vector of queries from i on
#[inline(always)]
pub(super) fn products<S: Simd>(
    s: S,
    keys: Rows,
    queries: &[f32],
    start: impl Fn(usize, usize) -> S::V,
    pitch: usize,
    out: &mut [f32],
) {
    keys.assert_rows(out.len() / pitch);
    assert!(keys.width * pitch <= queries.len(), "the channels of all queries");
    parts!(pitch, |first, V| {
        channels!(keys.width, |channel, D| {
            let mut factors = [[s.splat(0.0); V]; D];
            for k in 0..D {
                factors[k] = load(s, &queries[(channel + k) * pitch + first..]);
            }
            for j in 0..out.len() / pitch {
                // SAFETY: `parts` and `channels` stay within the pitch and the width, and what rows there are was asserted.
                unsafe {
                    let out = out.get_unchecked_mut(j * pitch + first..j * pitch + first + V * S::LANES);
                    let mut sums = [s.splat(0.0); V];
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let at = v * S::LANES;
                        *sum = if channel == 0 { start(j, first + at) } else { s.load(&out[at..]) };
                    }
                    for k in 0..D {
                        let factor = keys.splat(s, j, channel + k);
                        for v in 0..V {
                            sums[v] = s.fma(factor, factors[k][v], sums[v]);
                        }
                    }
                    for v in 0..V {
                        s.store(&mut out[v * S::LANES..], sums[v]);
                    }
                }
            }
        });
    });
}

/// Hands out `Σ_j weights[j, i] · keys[j, k]` as vectors of queries: `emit(k, i, vector)`.
///
/// # Shapes
///
/// - weights: `[keys, pitch]`
/// - keys: `[keys, channels]`: what belongs to each key
#[inline(always)]
pub(super) fn weighted<S: Simd>(
    s: S,
    weights: &[f32],
    keys: Rows,
    pitch: usize,
    mut emit: impl FnMut(usize, usize, S::V),
) {
    keys.assert_rows(weights.len() / pitch);
    parts!(pitch, |first, V| {
        channels!(keys.width, |channel, D| {
            let mut sums = [[s.splat(0.0); V]; D];
            for j in 0..weights.len() / pitch {
                // SAFETY: as in `products`.
                unsafe {
                    let at = j * pitch + first;
                    let weights: [S::V; V] = load(s, weights.get_unchecked(at..at + V * S::LANES));
                    for k in 0..D {
                        let factor = keys.splat(s, j, channel + k);
                        for v in 0..V {
                            sums[k][v] = s.fma(factor, weights[v], sums[k][v]);
                        }
                    }
                }
            }
            for (k, sums) in sums.into_iter().enumerate() {
                for (v, sum) in sums.into_iter().enumerate() {
                    emit(channel + k, first + v * S::LANES, sum);
                }
            }
        });
    });
}

/// Hands out `Σ_i weights[j, i] · queries[k, i]` for each key and some channels: `emit(j, k, sums)` has those of key j and the channels from
/// k on.
///
/// # Shapes
///
/// - weights: `[keys, pitch]`
/// - queries: `[channels, pitch]`: what belongs to each query; zeros behind the last
#[inline(always)]
pub(super) fn across<S: Simd>(
    s: S,
    weights: &[f32],
    queries: &[f32],
    pitch: usize,
    mut emit: impl FnMut(usize, usize, &[f32]),
) {
    let (keys, width) = (weights.len() / pitch, queries.len() / pitch);
    let mut channel = 0;
    while channel < width {
        macro_rules! channels {
            ($channels:literal) => {{
                for first in (0..keys).step_by(S::LANES / $channels) {
                    let sums = across_tile::<S, $channels>(s, weights, &queries[channel * pitch..], pitch, first);
                    for (j, sums) in (first..keys).zip(sums[..S::LANES].chunks_exact($channels)) {
                        emit(j, channel, sums);
                    }
                }
                channel += $channels;
            }};
        }
        match width - channel {
            left if left >= 4 => channels!(4),
            left if left >= 2 => channels!(2),
            _ => channels!(1),
        }
    }
}

/// Of `D` channels, and of as many keys from `first` on (the last one again where there are fewer) as give a vector of sums, `[keys, D]`.
#[inline(always)]
fn across_tile<S: Simd, const D: usize>(
    s: S,
    weights: &[f32],
    queries: &[f32],
    pitch: usize,
    first: usize,
) -> [f32; MOST_LANES] {
    let last = weights.len() / pitch - 1;
    assert!(D * pitch <= queries.len() && pitch.is_multiple_of(S::LANES), "the channels of all queries");
    let mut rows = [0; MOST_LANES];
    for (key, row) in rows.iter_mut().enumerate() {
        *row = (first + key).min(last) * pitch;
    }
    let mut sums = [s.splat(0.0); MOST_LANES];
    for i in (0..pitch).step_by(S::LANES) {
        macro_rules! vector {
            ($values:expr, $row:expr) => {
                // SAFETY: whole vectors lie within a pitch of numbers, of keys up to the last and of D channels.
                s.load(unsafe { $values.get_unchecked($row + i..$row + i + S::LANES) })
            };
        }
        let mut factors = [s.splat(0.0); D];
        for (k, factor) in factors.iter_mut().enumerate() {
            *factor = vector!(queries, k * pitch);
        }
        for key in 0..S::LANES / D {
            let row = vector!(weights, rows[key]);
            for k in 0..D {
                sums[key * D + k] = s.fma(row, factors[k], sums[key * D + k]);
            }
        }
    }
    // Of two vectors one, until one is left.
    let mut left = S::LANES;
    while left > 1 {
        left /= 2;
        for k in 0..left {
            sums[k] = s.add_pairs(sums[2 * k], sums[2 * k + 1]);
        }
    }
    let mut lanes = [0.0; MOST_LANES];
    s.store(&mut lanes, sums[0]);
    lanes
}

/// The numerators of the softmax over the keys, in place; of each query the largest score, and one over the sum of the numerators.
///
/// # Shapes
///
/// - scores: `[keys, pitch]`
/// - largest, scales: `[pitch]`
#[inline(always)]
pub(super) fn softmax<S: Simd>(s: S, scores: &mut [f32], largest: &mut [f32], scales: &mut [f32]) {
    let pitch = largest.len();
    parts!(pitch, |first, V| {
        let mut most = [s.splat(f32::MIN); V];
        for row in scores.chunks_exact(pitch) {
            let row: [S::V; V] = load(s, &row[first..]);
            for v in 0..V {
                most[v] = s.max(most[v], row[v]);
            }
        }
        let mut sums = [s.splat(0.0); V];
        for row in scores.chunks_exact_mut(pitch) {
            for v in 0..V {
                let at = &mut row[first + v * S::LANES..][..S::LANES];
                let numerator = exp_of_score(s, s.sub(s.load(at), most[v]));
                sums[v] = s.add(sums[v], numerator);
                s.store(at, numerator);
            }
        }
        for v in 0..V {
            let at = first + v * S::LANES;
            s.store(&mut largest[at..], most[v]);
            s.store(&mut scales[at..], s.div(s.splat(1.0), sums[v]));
        }
    });
}
