//! What decides the result of a run: two runs with the same identity, and as many passes a step, give the same weights.

use super::settings::FitSettings;
use crate::Result;
use crate::provenance::differences;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Everything that decides the weights up to rounding: version, data, config, seed, start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(Value);

impl Identity {
    /// The identity of the run that `settings` ask for.
    pub fn of(settings: &FitSettings) -> Result<Self> {
        let config = |e: serde_json::Error| crate::Error::bug(format!("config: {e}"));
        let mut fit = serde_json::to_value(settings.fit).map_err(config)?;
        // The one decides no more than how sums are rounded: a run whose GPU was too small may go on with a smaller one. The other decides
        // nothing.
        fit.as_object_mut().map(|keys| ["micro_batch", "replay"].map(|key| keys.remove(key)));
        Ok(Identity(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "dataset": settings.dataset.map(|dataset| dataset.fingerprint()),
            "genes": settings.genes,
            "seed": settings.seed,
            "scale": settings.scale.get(),
            "network": serde_json::to_value(settings.network).map_err(config)?,
            "fit": fit,
            "images": settings.images.map(|images| images.fingerprint()),
            "init": settings.init.map(|init| &init.fingerprint),
        })))
    }

    /// Without these keys.
    pub(super) fn without(&self, keys: &[&str]) -> Self {
        let kept = self.0.as_object().into_iter().flatten().filter(|(key, _)| !keys.contains(&key.as_str()));
        Identity(Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect()))
    }

    /// The keys in which `other` differs, each with both values.
    pub fn differences(&self, other: &Identity) -> Vec<String> {
        differences(&self.0, &other.0)
    }
}
