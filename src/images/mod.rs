//! stub
use crate::Result;
/// x
pub struct Images;
impl Images {
    /// x
    pub fn from_folder(_: &std::path::Path) -> Result<Self> {
        Ok(Images)
    }
    /// x
    pub fn dead_leaves(_: u64, _: usize, _: usize) -> Self {
        Images
    }
    /// x
    pub fn fingerprint(&self) -> String {
        String::new()
    }
    /// x
    pub fn batch(&self, n: usize, side: usize, rng: &mut impl rand::Rng) -> Vec<f32> {
        use rand::RngExt;
        (0..n * side * side).map(|_| rng.random()).collect()
    }
}
