//! What every query of a window has with every key: products of a head's queries and keys, their softmax, and sums that are weighted by it.
//! Keys are rows and queries lie side by side in vectors, `[keys, pitch]`: so no lane is idle however few channels a head has, and
//! the softmax, which is over keys, takes no sums across the lanes of a vector.
#![allow(unsafe_code, reason = "the innermost loops read what was checked before them")]
#![allow(clippy::needless_range_loop, reason = "iterators over arrays of vectors take them through memory")]

use super::simd::{MOST_LANES, Simd};

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
}

/// Writes the transpose `[width, pitch]` of so many rows to `out`; zeros behind the last.
#[inline(always)]
pub(super) fn to_columns<S: Simd>(s: S, rows: Rows, count: usize, out: &mut [f32]) {
    let pitch = pitch(count);
    for first in (0..rows.width).step_by(S::LANES) {
        let columns = S::LANES.min(rows.width - first);
        for row in (0..pitch).step_by(S::LANES) {
            let mut tile = [s.splat(0.0); MOST_LANES];
            for i in 0..S::LANES {
                if row + i < count {
                    tile[i] = s.load_part(&rows.values[(row + i) * rows.stride + first..][..columns]);
                }
            }
            s.transpose(&mut tile);
            for k in 0..S::LANES {
                if k < columns {
                    s.store(&mut out[(first + k) * pitch + row..], tile[k]);
                }
            }
        }
    }
}

/// Writes a transpose `[columns, pitch]` back as `rows` rows, the first number of each `stride` numbers after that of the one before.
#[inline(always)]
pub(super) fn to_rows<S: Simd>(s: S, values: &[f32], rows: usize, stride: usize, out: &mut [f32]) {
    let pitch = pitch(rows);
    let width = values.len() / pitch;
    for first in (0..width).step_by(S::LANES) {
        let columns = S::LANES.min(width - first);
        for row in (0..rows).step_by(S::LANES) {
            let mut tile = [s.splat(0.0); MOST_LANES];
            for k in 0..S::LANES {
                if k < columns {
                    tile[k] = s.load(&values[(first + k) * pitch + row..]);
                }
            }
            s.transpose(&mut tile);
            for i in 0..S::LANES {
                if row + i < rows {
                    s.store_part(&mut out[(row + i) * stride + first..][..columns], tile[i]);
                }
            }
        }
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

/// `V` vectors from `at` on.
///
/// # Safety
///
/// So many numbers lie there.
#[inline(always)]
unsafe fn load<S: Simd, const V: usize>(s: S, values: &[f32], at: usize) -> [S::V; V] {
    let mut vectors = [s.splat(0.0); V];
    for (v, vector) in vectors.iter_mut().enumerate() {
        let first = at + v * S::LANES;
        // SAFETY: as the caller promises.
        *vector = s.load(unsafe { values.get_unchecked(first..first + S::LANES) });
    }
    vectors
}

/// `out[j, i] = start[j, i] + Σ_k keys[j, k] · queries[k, i]`: for each key and query, the product of their channels. Hands out the largest of
/// each query as vectors: `largest(i, vector)`.
///
/// # Shapes
///
/// - keys: `[keys, channels]`
/// - queries: `[channels, pitch]`
/// - start: `[keys, pitch]`, or `[pitch]` for every key alike
/// - out: `[keys, pitch]`
#[inline(always)]
pub(super) fn products<S: Simd>(
    s: S,
    keys: Rows,
    queries: &[f32],
    start: &[f32],
    pitch: usize,
    out: &mut [f32],
    mut largest: impl FnMut(usize, S::V),
) {
    let count = out.len() / pitch;
    let step = if start.len() == pitch { 0 } else { pitch };
    keys.assert_rows(count);
    assert!(keys.width * pitch <= queries.len(), "the channels of all queries");
    assert!(step == 0 || count * pitch <= start.len(), "where the products of all keys start");
    parts!(pitch, |first, V| {
        channels!(keys.width, |channel, D| {
            let mut factors = [[s.splat(0.0); V]; D];
            for k in 0..D {
                // SAFETY: `parts` and `channels` stay within the pitch and the width, and so many numbers were asserted.
                factors[k] = unsafe { load(s, queries, (channel + k) * pitch + first) };
            }
            let mut most = [s.splat(f32::MIN); V];
            for j in 0..count {
                // SAFETY: and those of every key.
                unsafe {
                    let mut sums: [S::V; V] = match channel {
                        0 => load(s, start, j * step + first),
                        _ => load(s, out, j * pitch + first),
                    };
                    for k in 0..D {
                        let factor = keys.splat(s, j, channel + k);
                        for v in 0..V {
                            sums[v] = s.fma(factor, factors[k][v], sums[v]);
                        }
                    }
                    for v in 0..V {
                        let at = j * pitch + first + v * S::LANES;
                        s.store(out.get_unchecked_mut(at..at + S::LANES), sums[v]);
                        most[v] = s.max(most[v], sums[v]);
                    }
                }
            }
            if channel + D == keys.width {
                for (v, most) in most.into_iter().enumerate() {
                    largest(first + v * S::LANES, most);
                }
            }
        });
    });
}

/// Sums over keys of what belongs to them, by weights that are found from `R` numbers for each key and query and `C` for each query.
pub(super) struct Weighted<'a, const R: usize, const C: usize> {
    /// `[keys, pitch]` each. The first ones keep the weights.
    pub(super) rows: [&'a mut [f32]; R],
    /// `[pitch]` each.
    pub(super) of_queries: [&'a [f32]; C],
}

impl<const R: usize, const C: usize> Weighted<'_, R, C> {
    /// Hands out `Σ_j weights[j, i] · keys[j, k]` times `factor(i, Σ_j weights[j, i])` as vectors of queries: `emit(k, i, vector)`.
    /// `weigh(rows, of_queries)` makes a vector of the weights of a key from what lies at its place, where it leaves them as well: channels
    /// that do not fit into registers together come one part after the other.
    ///
    /// # Shapes
    ///
    /// - keys: `[keys, channels]`
    #[inline(always)]
    pub(super) fn sum<S: Simd>(
        mut self,
        s: S,
        keys: Rows,
        mut weigh: impl FnMut([&mut [f32]; R], [S::V; C]) -> S::V,
        mut factor: impl FnMut(usize, S::V) -> S::V,
        mut emit: impl FnMut(usize, usize, S::V),
    ) {
        let pitch = self.of_queries[0].len();
        let count = self.rows[0].len() / pitch;
        keys.assert_rows(count);
        assert!(self.rows.iter().all(|rows| rows.len() == count * pitch), "rows of all keys");
        assert!(self.of_queries.iter().all(|numbers| numbers.len() == pitch), "numbers of all queries");
        parts!(pitch, |first, V| {
            channels!(keys.width, |channel, D| {
                // SAFETY: `parts` and `channels` stay within the pitch and the width, and so many numbers were asserted.
                let (totals, sums) = unsafe {
                    match channel {
                        0 => self.part::<S, V, D, true>(s, keys, channel, first, &mut weigh),
                        _ => self.part::<S, V, D, false>(s, keys, channel, first, &mut weigh),
                    }
                };
                for v in 0..V {
                    let i = first + v * S::LANES;
                    let factor = factor(i, totals[v]);
                    for k in 0..D {
                        emit(channel + k, i, s.mul(factor, sums[k][v]));
                    }
                }
            });
        });
    }

    /// The weights' sums and the weighted ones of `D` channels from `channel` on, for `V` vectors of queries from `first` on; the weights are
    /// made where these are the `FIRST` channels.
    ///
    /// # Safety
    ///
    /// There are such channels of each key, and such queries in each row.
    #[inline(always)]
    unsafe fn part<S: Simd, const V: usize, const D: usize, const FIRST: bool>(
        &mut self,
        s: S,
        keys: Rows,
        channel: usize,
        first: usize,
        weigh: &mut impl FnMut([&mut [f32]; R], [S::V; C]) -> S::V,
    ) -> ([S::V; V], [[S::V; V]; D]) {
        let pitch = self.of_queries[0].len();
        let mut of_queries = [[s.splat(0.0); V]; C];
        for c in 0..C {
            // SAFETY: as the caller promises, here and below.
            of_queries[c] = unsafe { load(s, self.of_queries[c], first) };
        }
        let (mut totals, mut sums) = ([s.splat(0.0); V], [[s.splat(0.0); V]; D]);
        for j in 0..self.rows[0].len() / pitch {
            let mut weights = [s.splat(0.0); V];
            for v in 0..V {
                let at = j * pitch + first + v * S::LANES;
                let rows = self.rows.each_mut().map(
                    #[inline(always)]
                    |row| unsafe { row.get_unchecked_mut(at..at + S::LANES) },
                );
                weights[v] = if FIRST { weigh(rows, of_queries.map(|vectors| vectors[v])) } else { s.load(rows[0]) };
                totals[v] = s.add(totals[v], weights[v]);
            }
            for k in 0..D {
                let key = unsafe { keys.splat(s, j, channel + k) };
                for v in 0..V {
                    sums[k][v] = s.fma(key, weights[v], sums[k][v]);
                }
            }
        }
        (totals, sums)
    }
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
    let mut lanes = [0.0; MOST_LANES];
    s.store(&mut lanes, s.lane_sums(sums));
    lanes
}
