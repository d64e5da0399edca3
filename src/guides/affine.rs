//! From pixels of an image, or µm of another section, to µm of the section.

use crate::{Error, Result};
use std::path::Path;

/// An affine map of the plane: (x, y) ↦ (a·x + b·y + c, d·x + e·y + f) with rows [a, b, c] and [d, e, f].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine(pub [[f64; 3]; 2]);

impl Affine {
    /// Pixels of `x` by `y` µm, the corner of the first one at `origin_um`.
    pub fn pixels(size_um: [f64; 2], origin_um: [f64; 2]) -> Self {
        Affine([[size_um[0], 0.0, origin_um[0]], [0.0, size_um[1], origin_um[1]]])
    }

    /// Reads two or three rows of three numbers, the third of which is 0, 0, 1.
    ///
    /// [`Error::Data`] for anything else, or a map that folds the plane onto a line.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "read", e))?;
        let expected = "Expected two rows of three numbers, [a, b, c] and [d, e, f] of x = a·column + b·row + c and y = d·column + e·row + f, or a third row 0, 0, 1";
        let mut rows: Vec<[f64; 3]> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let parts = line.split([',', ';', '\t', ' ']).filter(|part| !part.is_empty());
            let numbers: Option<Vec<f64>> =
                parts.map(|part| part.trim().parse().ok().filter(|value: &f64| value.is_finite())).collect();
            let row = numbers.and_then(|numbers| <[f64; 3]>::try_from(numbers).ok());
            let row = row.ok_or_else(|| {
                Error::data(path, format!("line {}: \"{}\" is not three numbers. {expected}", number + 1, line.trim()))
            })?;
            rows.push(row);
        }
        let last = rows.get(2).is_none_or(|last| *last == [0.0, 0.0, 1.0]);
        let affine = match rows.as_slice() {
            [x, y] | [x, y, _] if last => Affine([*x, *y]),
            _ => return Err(Error::data(path, format!("{} rows. {expected}", rows.len()))),
        };
        match affine.inverse() {
            Some(_) => Ok(affine),
            None => Err(Error::data(path, format!("it folds the plane onto a line. {expected}"))),
        }
    }

    /// Where the point (x, y) goes.
    pub fn at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        self.0.map(|[a, b, c]| a * x + b * y + c)
    }

    /// This map, and after it `next`.
    pub fn then(&self, next: &Affine) -> Affine {
        let [p, q] = self.0;
        Affine(next.0.map(|[a, b, c]| [a * p[0] + b * q[0], a * p[1] + b * q[1], a * p[2] + b * q[2] + c]))
    }

    /// The map back; `None` where the plane is folded onto a line.
    pub fn inverse(&self) -> Option<Affine> {
        let [[a, b, c], [d, e, f]] = self.0;
        let area = a * e - b * d;
        let back = [[e / area, -b / area, (b * f - c * e) / area], [-d / area, a / area, (c * d - a * f) / area]];
        back.as_flattened().iter().all(|number| number.is_finite()).then_some(Affine(back))
    }

    /// The side of a square as large as the image of a unit square: µm per pixel.
    pub fn scale(&self) -> f64 {
        let [[a, b, _], [d, e, _]] = self.0;
        (a * e - b * d).abs().sqrt()
    }

    /// The box around the image of [0, width] × [0, height]: its corners of least and largest x and y.
    pub fn extent(&self, width: f64, height: f64) -> [[f64; 2]; 2] {
        let corners = [[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]].map(|corner| self.at(corner));
        let over = |pick: fn(f64, f64) -> f64| {
            corners.iter().copied().reduce(|one, other| [pick(one[0], other[0]), pick(one[1], other[1])])
        };
        [over(f64::min), over(f64::max)].map(Option::unwrap_or_default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_again() {
        let turned = Affine([[0.0, -2.0, 5.0], [3.0, 0.5, -7.0]]);
        let back = turned.inverse().expect("it has an area");
        let [x, y] = back.at(turned.at([11.0, -4.0]));
        assert!((x - 11.0).abs() < 1e-12 && (y + 4.0).abs() < 1e-12);
        assert_eq!(turned.then(&back).at([1.0, 2.0]).map(|v| v.round()), [1.0, 2.0]);
        assert_eq!(turned.scale(), 6f64.sqrt());
        assert_eq!(turned.extent(2.0, 1.0), [[3.0, -7.0], [5.0, -0.5]]);
        assert_eq!(Affine([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]]).inverse(), None);
    }
}
