//! Eigenvectors of a small symmetric matrix.

/// Sweeps after which Jacobi's method has converged for any matrix of this size in practice.
const SWEEPS: usize = 30;

/// The eigenvalues of the symmetric matrix `a`, largest first, and their eigenvectors, by Jacobi's rotations.
pub(crate) fn eigenvectors(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = a.len();
    // Row i is the i-th eigenvector once `a` is diagonal.
    let mut vectors: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for _ in 0..SWEEPS {
        let mut turned = false;
        for (p, q) in (0..n).flat_map(|p| (p + 1..n).map(move |q| (p, q))) {
            if a[p][q].abs() <= f64::EPSILON * (a[p][p] * a[q][q]).abs().sqrt() {
                continue;
            }
            turned = true;
            let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
            let cos = (t * t + 1.0).sqrt().recip();
            let sin = t * cos;
            a.iter_mut().for_each(|row| (row[p], row[q]) = (cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]));
            rotate(&mut a, p, q, cos, sin);
            rotate(&mut vectors, p, q, cos, sin);
        }
        if !turned {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[j][j].total_cmp(&a[i][i]));
    (order.iter().map(|&i| a[i][i]).collect(), order.iter().map(|&i| vectors[i].clone()).collect())
}

/// Rows p < q, turned.
fn rotate(rows: &mut [Vec<f64>], p: usize, q: usize, cos: f64, sin: f64) {
    let (before, from) = rows.split_at_mut(q);
    for (x, y) in before[p].iter_mut().zip(&mut from[0]) {
        (*x, *y) = (cos * *x - sin * *y, sin * *x + cos * *y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_are_stretched_by_their_eigenvalues() {
        let a: Vec<Vec<f64>> = (0..6)
            .map(|i: i32| (0..6).map(|j: i32| 1.0 / f64::from(1 + i + j) + f64::from((i * j) % 3)).collect())
            .collect();
        let (values, vectors) = eigenvectors(a.clone());
        assert!(values.is_sorted_by(|a, b| a >= b));
        for (value, vector) in values.iter().zip(&vectors) {
            for (row, v) in a.iter().zip(vector) {
                let product: f64 = row.iter().zip(vector).map(|(a, v)| a * v).sum();
                assert!((product - value * v).abs() < 1e-9, "{product}, {value} · {v}");
            }
        }
    }
}
