//! Loading a config: YAML on top of the defaults, `--set` on top of both, every key known.

use super::{Config, Recipe};
use crate::error::nearest_names;
use crate::{Error, Result, yaml};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::path::Path;

impl Config {
    /// The config that is `given`, the name of a [`Recipe`] or a file (`./quick` is a file), the defaults without one, with
    /// `overrides` on top: `KEY=VALUE` as `--set` takes them, the last one of a key counting.
    ///
    /// [`Error::Usage`] names an unknown key, with the nearest known one, or a value of the wrong type.
    pub fn load(given: Option<&Path>, overrides: &[String]) -> Result<Self> {
        given.map_or_else(|| Ok(Config::default()), Config::read)?.changed(overrides)
    }

    /// This config with `overrides` on top, as [`Config::load`] takes them.
    pub fn changed(self, overrides: &[String]) -> Result<Self> {
        overrides
            .iter()
            .try_fold(self, |config, one| config.with(one).map_err(|what| Error::Usage(format!("--set {one}: {what}"))))
    }

    fn read(path: &Path) -> Result<Self> {
        let text = text(path)?;
        let wrong = |what: String| Error::Usage(format!("{}: {what}", path.display()));
        let given: Value = yaml::from_str(&text).map_err(|e| wrong(format!("not valid YAML: {e}")))?;
        // An empty file, or one that only holds comments, is the defaults.
        let given = if given.is_null() { Value::Object(Default::default()) } else { given };
        let known = serde_json::to_value(Config::default()).map_err(|e| Error::bug(e))?;
        let (given, empty) = without_empty_sections(given, &known);
        known_keys(&given, &known, "").map_err(&wrong)?;
        let mistyped = |e: String| wrong(format!("{}. {EVERY_KEY}", in_words(&e)));
        if empty {
            return serde_json::from_value(given).map_err(|e| mistyped(e.to_string()));
        }
        // Of the text: its errors say in which line.
        yaml::from_str::<Option<Config>>(&text).map(Option::unwrap_or_default).map_err(|e| mistyped(e.to_string()))
    }

    /// This config with one `KEY=VALUE` changed, for example `fit.betas=[0.5,0.999]`; the error says what is wrong with it.
    fn with(&self, change: &str) -> std::result::Result<Self, String> {
        let expected = "expected KEY=VALUE, for example fit.images=false";
        let (key, text) = change.split_once('=').ok_or(expected)?;
        let (key, text) = (key.trim(), text.trim());
        if text.is_empty() {
            return Err(format!("no value. {expected}; null where a key shall have none"));
        }
        let value: Value = yaml::from_str(text).map_err(|e| format!("the value is not valid YAML: {e}"))?;
        let mut whole = serde_json::to_value(self).map_err(|e| e.to_string())?;
        *place(&mut whole, key)? = value;
        serde_json::from_value(whole).map_err(|e| format!("{}. {EVERY_KEY}", in_words(&e.to_string())))
    }
}

/// `given` without the sections that have no keys, or comments alone; and whether there were any.
fn without_empty_sections(given: Value, known: &Value) -> (Value, bool) {
    let Value::Object(mut keys) = given else { return (given, false) };
    let all = keys.len();
    keys.retain(|key, value| !(value.is_null() && known.get(key).is_some_and(Value::is_object)));
    let empty = keys.len() < all;
    (Value::Object(keys), empty)
}

/// What a parser expected, in other words than a programmer's.
fn in_words(error: &str) -> String {
    let types =
        [("usize", "a whole number"), ("u64", "a whole number"), ("u32", "a whole number"), ("f64", "a number")];
    types.into_iter().fold(error.to_owned(), |told, (rust, words)| {
        told.replace(&format!("expected {rust}"), &format!("expected {words}"))
    })
}

const EVERY_KEY: &str = "s2s-fit --print-config paper tells every key and its type";

/// The text of a recipe or of a file.
fn text(given: &Path) -> Result<Cow<'static, str>> {
    let name = given.to_str();
    if let Some(recipe) = name.and_then(Recipe::named) {
        return Ok(Cow::Borrowed(recipe.text));
    }
    // What has neither a folder nor an ending may have been meant as a name.
    if let Some(name) = name.filter(|name| !name.contains(['/', '\\', '.']) && !given.exists()) {
        return Err(Error::Missing(Recipe::unknown(name)));
    }
    std::fs::read_to_string(given).map(Cow::Owned).map_err(|e| Error::io(given, "read", e))
}

/// Where the value of `key`, for example `fit.betas`, stands in the `whole` config.
fn place<'a>(whole: &'a mut Value, key: &str) -> std::result::Result<&'a mut Value, String> {
    let elsewhere = leaves(whole).into_iter().find(|leaf| leaf.ends_with(&format!(".{key}")));
    let mut at = whole;
    let mut prefix = String::new();
    for name in key.split('.') {
        let Value::Object(known) = at else {
            return Err(format!("{} holds a value, no keys", prefix.trim_end_matches('.')));
        };
        if !known.contains_key(name) {
            return Err(unknown(&prefix, name, elsewhere.or_else(|| nearest(&prefix, name, known))));
        }
        at = &mut known[name];
        prefix += &format!("{name}.");
    }
    match at {
        Value::Object(_) => Err(format!("{key} is a section: set its keys one by one, --set {key}.NAME=VALUE")),
        at => Ok(at),
    }
}

/// The full names of all keys of `whole` that hold a value.
fn leaves(whole: &Value) -> Vec<String> {
    let Value::Object(keys) = whole else { return vec![String::new()] };
    let below = |(key, inner): (&String, &Value)| {
        leaves(inner)
            .into_iter()
            .map(move |leaf| format!("{key}.{leaf}").trim_end_matches('.').to_owned())
            .collect::<Vec<_>>()
    };
    keys.iter().flat_map(below).collect()
}

fn unknown(prefix: &str, key: &str, near: Option<String>) -> String {
    format!("unknown key {prefix}{key}. The nearest known key is {}", near.unwrap_or_default())
}

/// The key of `known` that is most like `key`, with its `prefix`.
fn nearest(prefix: &str, key: &str, known: &Map<String, Value>) -> Option<String> {
    nearest_names(key, known.keys().map(String::as_str)).first().map(|name| format!("{prefix}{name}"))
}

/// Refuses keys of `given` that `known` does not have.
fn known_keys(given: &Value, known: &Value, prefix: &str) -> std::result::Result<(), String> {
    let (Value::Object(given), Value::Object(known)) = (given, known) else {
        return if known.is_object() {
            let place = if prefix.is_empty() { "the config" } else { prefix.trim_end_matches('.') };
            Err(format!("{place}: expected keys with values, found {given}"))
        } else {
            Ok(())
        };
    };
    for (key, value) in given {
        let Some(inner) = known.get(key) else {
            return Err(unknown(prefix, key, nearest(prefix, key, known)));
        };
        known_keys(value, inner, &format!("{prefix}{key}."))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::{CsvConfig, PrepConfig};

    fn load(text: &str) -> Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.yaml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path), &[])
    }

    #[test]
    fn keys_override_defaults_one_by_one() {
        let config = load("prep:\n  bin_um: 30\n").unwrap();
        assert_eq!(config.prep, PrepConfig { bin_um: Some(30.0), ..PrepConfig::default() });
        assert_eq!(load("# nothing\n").unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest_known_one() {
        let error = load("prep:\n  bin_size: 30\n").unwrap_err().to_string();
        assert!(error.contains("prep.bin_size") && error.contains("prep.bin_um"), "{error}");
    }

    fn set(changes: &[&str]) -> Result<Config> {
        Config::load(None, &changes.iter().map(|change| (*change).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn changes_come_on_top_of_the_file_and_the_last_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.yaml");
        std::fs::write(&path, "prep: {bin_um: 30, csv: {x_column: px}}\nfit: {betas: [0.1, 0.2]}\n").unwrap();
        let changes =
            ["prep.scale=4", "prep.csv.y_column=py", "fit.betas=[0.5,0.999]", "prep.scale = 3", "fit.gene_scale=rms"];
        let found = Config::load(Some(&path), &changes.map(str::to_owned)).unwrap();
        let csv = CsvConfig { x_column: Some("px".into()), y_column: Some("py".into()), ..CsvConfig::default() };
        assert_eq!(found.prep, PrepConfig { bin_um: Some(30.0), scale: 3, csv, ..PrepConfig::default() });
        assert_eq!(found.fit.betas, [0.5, 0.999]);
        assert_eq!(found.network, Config::default().network);
        assert_eq!(set(&["prep.csv.y_column=py", "prep.csv.y_column=null"]).unwrap(), Config::default());
    }

    #[test]
    fn a_wrong_change_is_named_with_what_was_expected() {
        let cases = [
            ("fit.image=false", "unknown key fit.image. The nearest known key is fit.image"),
            ("images=false", "The nearest known key is fit.images"),
            ("fit.images=maybe", "expected a boolean"),
            ("network.cascades=2.5", "expected a whole number"),
            ("fit.betas=[0.5]", "expected an array of length 2"),
            ("fit.betas=[0.5", "not valid YAML"),
            ("fit.images", "expected KEY=VALUE"),
            ("fit.images=", "no value"),
            ("prep.csv={x_column: px}", "prep.csv is a section"),
            ("prep.scale.x=1", "prep.scale holds a value"),
        ];
        for (change, expected) in cases {
            let error = set(&["prep.scale=2", change]).unwrap_err();
            let told = error.to_string();
            assert!(told.contains(&format!("--set {change}: ")) && told.contains(expected), "{told}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
