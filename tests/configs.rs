//! The recipes that ship: complete, true to the paper, and valid.

use s2s::config::Config;
use s2s::section::Scale;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn recipe(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(name)
}

/// Every key of `known` stands in `given`.
fn complete(given: &Value, known: &Value, path: &str) {
    let (Value::Object(given), Value::Object(known)) = (given, known) else { return };
    for (key, value) in known {
        let found = given.get(key).unwrap_or_else(|| panic!("paper.yaml does not explain {path}{key}"));
        complete(found, value, &format!("{path}{key}."));
    }
}

#[test]
fn the_papers_recipe_is_the_default_and_explains_every_key() {
    let path = recipe("paper.yaml");
    assert_eq!(Config::load(Some(&path), &[]).unwrap(), Config::default());
    let text = std::fs::read_to_string(path).unwrap();
    complete(&serde_yaml::from_str(&text).unwrap(), &serde_json::to_value(Config::default()).unwrap(), "");
}

/// Method §5: P 64, S 2, K 3, 8 blocks, 32 channels, growth 32, 4 layers, window 8, α 0.01, λ 10, lr 1e-4, batch 16 + 16.
#[test]
fn the_papers_recipe_is_the_papers() {
    let Config { prep, network, fit, .. } = Config::default();
    assert_eq!((prep.patch, prep.scale), (64, 2));
    assert_eq!((network.cascades, network.blocks, network.channels, network.growth), (3, 8, 32, 32));
    assert_eq!((network.layers, network.window, network.alpha), (4, 8, 0.01));
    assert_eq!(network.parameters(), 3_310_659);
    assert_eq!((fit.lambda, fit.learning_rate, fit.batch, fit.image_batch, fit.epochs), (10.0, 1e-4, 16, 16, 3000));
}

#[test]
fn every_recipe_is_valid() {
    for entry in std::fs::read_dir(recipe("")).unwrap() {
        let path = entry.unwrap().path();
        let config = Config::load(Some(&path), &[]).unwrap();
        config.network.check().unwrap();
        config.fit.check(Scale::new(config.prep.scale).unwrap()).unwrap();
        config.predict.check().unwrap();
        assert_eq!(
            config.network.input_channels,
            1 + config.fit.guides.len() + config.fit.components + config.fit.stains,
            "{}",
            path.display()
        );
    }
}
