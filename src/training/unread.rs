//! Losses that the device was not asked for yet.
//!
//! Asking makes the processor wait until a GPU has done everything before, and the GPU then wait for its next step. So it
//! is asked once a second, for all losses since.

use super::curves::Point;
use super::losses::Losses;
use burn::tensor::Tensor;
use std::time::{Duration, Instant};

/// How often the device is asked.
const EVERY: Duration = Duration::from_secs(1);

/// The most steps that wait: each keeps a few numbers on the device.
const MOST: usize = 1000;

/// Points of the curves whose losses are still on the device.
pub(super) struct Unread {
    points: Vec<(Point, Losses)>,
    last: Instant,
}

impl Unread {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Unread { points: Vec::new(), last: Instant::now() }
    }

    /// Keeps the losses of a step for later.
    pub(super) fn push(&mut self, point: Point, losses: Losses) {
        self.points.push((point, losses));
    }

    /// Whether it is time to ask.
    pub(super) fn due(&self) -> bool {
        self.points.len() >= MOST || self.last.elapsed() >= EVERY
    }

    /// Asks once for all, and leaves nothing.
    pub(super) fn read(&mut self) -> Vec<Point> {
        self.last = Instant::now();
        if self.points.is_empty() {
            return Vec::new();
        }
        let terms = |losses: &Losses| {
            let Losses { st_m, st_h, gni_m, gni_h, total } = losses.clone();
            [st_m, st_h, gni_m, gni_h, Some(total)]
        };
        let all: Vec<Tensor<1>> = self.points.iter().flat_map(|(_, losses)| terms(losses)).flatten().collect();
        let mut numbers = Tensor::cat(all, 0).into_data().iter::<f32>().map(f64::from).collect::<Vec<_>>().into_iter();
        let read = self.points.drain(..).map(|(point, losses)| {
            // A term that does not join in a step was not asked for.
            let mut next = |term: Option<Tensor<1>>| term.and_then(|_| numbers.next()).unwrap_or(f64::NAN);
            let [st_m, st_h, gni_m, gni_h, total] = terms(&losses).map(&mut next);
            Point { st_m, st_h, gni_m, gni_h, total, ..point }
        });
        read.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn losses_read_together_are_those_of_their_steps() {
        let of = |value: f32| Tensor::<1>::from_floats([value], &Device::flex());
        let mut unread = Unread::new();
        for step in 1..=3 {
            let value = step as f32 / 3.0;
            let images = (step == 2).then(|| of(7.0));
            let losses = Losses {
                st_m: Some(of(value)),
                st_h: None,
                gni_m: images.clone(),
                gni_h: images,
                total: of(2.0 * value),
            };
            unread.push(Point::unread(step, 0.5, 1e-4, None), losses);
        }
        let points = unread.read();
        assert_eq!(points.iter().map(|point| point.step).collect::<Vec<_>>(), [1, 2, 3]);
        for point in points {
            let value = point.step as f32 / 3.0;
            assert_eq!((point.st_m, point.total), (f64::from(value), f64::from(2.0 * value)));
            assert!(point.st_h.is_nan() && point.gni_m.is_nan() == (point.step != 2));
        }
        assert!(unread.read().is_empty());
    }
}
