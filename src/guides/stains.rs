//! From samples of a pixel to what was stained there.

/// How the samples of a pixel are read as channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    /// One sample, fluorescence: its square root, for the noise of counted photons grows with the root of their number.
    Grey,
    /// Red, green and blue of light that shines: three such.
    Shining,
    /// A grey picture that was saved with three equal samples: one such.
    Uncoloured,
    /// Red, green and blue of light that comes through a section stained with haematoxylin and eosin.
    Stained,
}

/// Optical densities of red, green and blue that haematoxylin and eosin take (Ruifrok & Johnston 2001).
const HAEMATOXYLIN: [f32; 3] = [0.65, 0.70, 0.29];
const EOSIN: [f32; 3] = [0.07, 0.99, 0.11];

impl Colours {
    /// Of a coloured picture that is `bright`, nearer to white than to black, or not.
    pub(super) fn of(bright: bool) -> Self {
        if bright { Colours::Stained } else { Colours::Shining }
    }

    /// The channels' names; of grey ones that of the plane, `name`.
    pub(super) fn names(self, name: &str) -> Vec<String> {
        match self {
            Colours::Grey | Colours::Uncoloured => vec![name.to_owned()],
            Colours::Shining => ["red", "green", "blue"].map(str::to_owned).to_vec(),
            Colours::Stained => ["haematoxylin", "eosin", "residual"].map(str::to_owned).to_vec(),
        }
    }

    /// The channels of rows of samples `[sample][pixel]`.
    pub(super) fn channels(self, mut samples: Vec<Vec<f32>>, white: f32) -> Vec<Vec<f32>> {
        match self {
            Colours::Grey | Colours::Shining | Colours::Uncoloured => {
                samples.truncate(self.names("").len());
                samples.iter_mut().flatten().for_each(|sample| *sample = sample.max(0.0).sqrt());
            }
            Colours::Stained => {
                let unmix = unmixing();
                for at in 0..samples[0].len() {
                    let density = [0, 1, 2].map(|band| -((samples[band][at] + 1.0) / (white + 1.0)).min(1.0).log10());
                    for (band, row) in unmix.iter().enumerate() {
                        samples[band][at] = row.iter().zip(density).map(|(weight, density)| weight * density).sum();
                    }
                }
            }
        }
        samples
    }
}

/// The matrix from densities to stains: the inverse of that whose columns are the two stains and what is orthogonal to both, each of
/// length 1.
fn unmixing() -> [[f32; 3]; 3] {
    let unit = |v: [f32; 3]| {
        let length = v.iter().map(|part| part * part).sum::<f32>().sqrt();
        v.map(|part| part / length)
    };
    let cross =
        |a: [f32; 3], b: [f32; 3]| [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let (h, e) = (unit(HAEMATOXYLIN), unit(EOSIN));
    let rest = unit(cross(h, e));
    let volume: f32 = cross(h, e).iter().zip(rest).map(|(a, b)| a * b).sum();
    [cross(e, rest), cross(rest, h), cross(h, e)].map(|row| row.map(|part| part / volume))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stains_that_were_mixed_come_apart() {
        let unit = |v: [f32; 3]| v.map(|part| part / v.iter().map(|part| part * part).sum::<f32>().sqrt());
        let (h, e) = (unit(HAEMATOXYLIN), unit(EOSIN));
        let colour = [0, 1, 2].map(|band| vec![256.0 * 10f32.powf(-(0.5 * h[band] + 0.3 * e[band])) - 1.0]);
        let found = Colours::Stained.channels(colour.to_vec(), 255.0);
        for (stain, expected) in found.iter().zip([0.5, 0.3, 0.0]) {
            assert!((stain[0] - expected).abs() < 1e-4, "{found:?}");
        }
        let white = Colours::Stained.channels(vec![vec![255.0]; 3], 255.0);
        assert!(white.iter().all(|stain| stain[0].abs() < 1e-6));
    }
}
