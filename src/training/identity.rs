//! What decides the result of a run: two runs with the same identity, and as many passes a step, give the same weights.

use super::settings::FitSettings;
use crate::Result;
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
        // It decides no more than how sums are rounded: a run whose GPU was too small may go on with a smaller one.
        fit.as_object_mut().map(|keys| keys.remove("micro_batch"));
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

    /// The keys in which `other` differs, each with both values.
    pub fn differences(&self, other: &Identity) -> Vec<String> {
        let mut found = Vec::new();
        compare("", &self.0, &other.0, &mut found);
        found
    }
}

fn compare(key: &str, now: &Value, then: &Value, found: &mut Vec<String>) {
    if let (Value::Object(now), Value::Object(then)) = (now, then) {
        let keys = now.keys().chain(then.keys().filter(|key| !now.contains_key(*key)));
        for name in keys {
            let inner = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            compare(&inner, now.get(name).unwrap_or(&Value::Null), then.get(name).unwrap_or(&Value::Null), found);
        }
    } else if now != then {
        found.push(format!("{key} was {}, is {}", short(then), short(now)));
    }
}

/// A value as it fits into a message.
fn short(value: &Value) -> String {
    const MOST: usize = 40;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_the_key_and_both_values() {
        let of = |rate: f64, extra: bool| {
            let mut value = json!({"seed": 1, "fit": {"learning_rate": rate}});
            if extra {
                value["fit"]["clip"] = json!(1.0);
            }
            Identity(value)
        };
        assert!(of(0.1, false).differences(&of(0.1, false)).is_empty());
        assert_eq!(of(0.1, false).differences(&of(0.2, false)), ["fit.learning_rate was 0.2, is 0.1"]);
        assert_eq!(of(0.1, false).differences(&of(0.1, true)), ["fit.clip was 1.0, is null"]);
    }
}
