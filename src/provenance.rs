//! How an output came to be: every output of every stage says it, so that the result of another run is not replaced unasked.

use crate::files::Earlier;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An input file and what identifies its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The path as it was given.
    pub path: String,
    /// SHA-256 of the content, in hexadecimal.
    pub sha256: String,
}

/// How an output came to be: every output of every stage carries one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The stage, for example `s2s-prep`.
    pub tool: String,
    /// The version of s2s.
    pub version: String,
    /// The command line, or the name of the program that called.
    pub command: Vec<String>,
    /// The config in force after flags were merged into the file.
    pub config: Value,
    /// What else was asked for and decides the output, for example the genes, and the version of its format. Null in outputs of
    /// versions that did not keep it.
    #[serde(default)]
    pub request: Value,
    /// The seed, where anything random is involved.
    pub seed: Option<u64>,
    /// What was read. In benchmark mode s2s-prep leaves this to `truth.parquet`: a hash of the whole input knows the withheld bins.
    pub inputs: Vec<Input>,
}

impl Provenance {
    /// The provenance of an output of `tool`; [`with_command`](Provenance::with_command) adds who asked for it.
    pub fn new(tool: &str, config: Value, seed: Option<u64>, inputs: Vec<Input>) -> Self {
        Provenance {
            tool: tool.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: Vec::new(),
            config,
            request: Value::Null,
            seed,
            inputs,
        }
    }

    /// What `value` tells; an output of a version that told it otherwise is of an unknown run.
    pub(crate) fn told(value: Value) -> Self {
        serde_json::from_value(value).unwrap_or_else(|_| Provenance::new("unknown", Value::Null, None, Vec::new()))
    }

    /// With the command line, or the name of the program, that asked for it.
    pub fn with_command(self, command: &[String]) -> Self {
        Provenance { command: command.to_vec(), ..self }
    }

    /// With what was asked for beside the config.
    pub fn with_request(self, request: Value) -> Self {
        Provenance { request, ..self }
    }

    /// What stands where this run is to write: `found` are the runs that an output there came from, none where nothing stands.
    ///
    /// It is of the same run if config, request, seed and the content of all inputs are the same; paths, threads and the version
    /// of the program do not matter.
    pub fn earlier(&self, found: &[Provenance]) -> Earlier {
        let decisive = |run: &Provenance| json!({ "config": run.config, "request": run.request, "seed": run.seed });
        let differences = found.iter().flat_map(|found| {
            let mut all = differences(&decisive(self), &decisive(found));
            all.extend(self.other_input(found));
            all
        });
        match differences.collect::<Vec<_>>() {
            none if none.is_empty() => Earlier::Same,
            differences => Earlier::Another(differences),
        }
    }

    /// What was read that `earlier` did not read.
    fn other_input(&self, earlier: &Provenance) -> Option<String> {
        let same = self.inputs.iter().map(|input| &input.sha256).eq(earlier.inputs.iter().map(|input| &input.sha256));
        let known = |input: &&Input| !earlier.inputs.iter().any(|known| known.sha256 == input.sha256);
        let new = self.inputs.iter().find(known);
        let told = new.map_or("it read more, or in another order".to_owned(), |input| {
            format!("{} is another input, or has changed", input.path)
        });
        (!same).then_some(told)
    }
}

/// The keys in which what was decided `then` differs from `now`, each with both values.
pub(crate) fn differences(now: &Value, then: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", now, then, &mut found);
    found
}

fn compare(key: &str, now: &Value, then: &Value, found: &mut Vec<String>) {
    if let (Value::Object(now), Value::Object(then)) = (now, then) {
        let keys = now.keys().chain(then.keys().filter(|key| !now.contains_key(*key)));
        for name in keys {
            // Users know no sections above these.
            let outer = ["", "config", "request"].contains(&key);
            let inner = if outer { name.clone() } else { format!("{key}.{name}") };
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
            value
        };
        assert!(differences(&of(0.1, false), &of(0.1, false)).is_empty());
        assert_eq!(differences(&of(0.1, false), &of(0.2, false)), ["fit.learning_rate was 0.2, is 0.1"]);
        assert_eq!(differences(&of(0.1, false), &of(0.1, true)), ["fit.clip was 1.0, is null"]);
    }

    #[test]
    fn paths_threads_and_versions_make_no_other_run() {
        let run = |path: &str, sha256: &str, genes: usize| {
            let input = Input { path: path.to_owned(), sha256: sha256.to_owned() };
            Provenance::new("s2s-test", Value::Null, None, vec![input]).with_request(json!({ "genes": genes }))
        };
        let now = run("a", "1", 3).with_command(&["--threads".to_owned()]);
        assert_eq!(now.earlier(&[]), Earlier::Same);
        assert_eq!(now.earlier(&[Provenance { version: "0".to_owned(), ..run("b", "1", 3) }]), Earlier::Same);
        let told = |other: Provenance| match now.earlier(&[other]) {
            Earlier::Another(differences) => differences.join(", "),
            same => format!("{same:?}"),
        };
        assert_eq!(told(run("a", "1", 1)), "genes was 1, is 3");
        assert_eq!(told(run("a", "2", 3)), "a is another input, or has changed");
    }
}
