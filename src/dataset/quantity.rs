//! What the second number of an entry of [`super::GeneCounts`] is.

/// Counts, or values that came normalised already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Molecules. They are log-normalised as they are written.
    Counts,
    /// The bits of a value ([`Quantity::payload`]) that is stored as it is. There are no molecules then: a bin's total is
    /// the number of genes found in it.
    Values,
}

impl Quantity {
    /// How a value, finite and 0 or more, travels as the second number of an entry.
    pub fn payload(value: f32) -> u32 {
        value.to_bits()
    }

    /// The value behind a payload.
    pub fn value(payload: u32) -> f32 {
        f32::from_bits(payload)
    }
}
