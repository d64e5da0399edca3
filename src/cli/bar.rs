//! The task that is under way: a bar on a terminal, a line now and then in a log.

use indicatif::{DecimalBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often a log that people read gets a line.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How often a program does, which may draw a bar of its own.
const OBJECT_EVERY: Duration = Duration::from_secs(1);

/// The unit that is told in kB, MB and GB.
const BYTES: &str = "bytes";

/// A task that is shown.
pub(super) struct Bar {
    task: String,
    bar: ProgressBar,
    /// When the last line was due; `None` where a bar is drawn.
    last_line: Option<Instant>,
}

impl Bar {
    /// Shows the event of [`compute::PROGRESS`](crate::compute::PROGRESS) that has these `fields`, and gives the line that it is
    /// worth, if one is due. A bar is drawn only where it is `drawable` and stderr is a terminal.
    pub(super) fn show(shown: &mut Option<Bar>, fields: &Map<String, Value>, drawable: bool) -> Option<String> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| fields.get(name).and_then(Value::as_u64).unwrap_or(0);
        if fields.contains_key("ended") {
            if let Some(ended) = shown.take_if(|bar| bar.task == text("task")) {
                ended.bar.finish_and_clear();
            }
            return None;
        }
        if let Some(other) = shown.take_if(|bar| bar.task != text("task")) {
            other.bar.finish_and_clear();
        }
        let bar = shown.get_or_insert_with(|| Bar::new(text("task"), text("unit"), number("all"), drawable));
        bar.bar.set_position(number("done"));
        let Some(last) = bar.last_line else {
            bar.bar.set_message(text("note").to_owned());
            return None;
        };
        if last.elapsed() < if drawable { LINE_EVERY } else { OBJECT_EVERY } {
            return None;
        }
        bar.last_line = Some(Instant::now());
        let (task, left) = (text("task"), HumanDuration(bar.bar.eta()));
        let (done, all) = amounts(number("done"), number("all"), text("unit"));
        let note = if text("note").is_empty() { String::new() } else { format!(", {}", text("note")) };
        Some(format!("{task}: {done} of {all}, {left:#} left{note}"))
    }

    /// Does something to the terminal without the bar getting between.
    pub(super) fn aside(shown: &Option<Bar>, act: impl FnOnce()) {
        match shown {
            Some(Bar { bar, last_line: None, .. }) => bar.suspend(act),
            _ => act(),
        }
    }

    fn new(task: &str, unit: &str, all: u64, drawable: bool) -> Self {
        let drawn = drawable && std::io::stderr().is_terminal();
        let target = if drawn { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(all), target);
        let [position, length] =
            if unit == BYTES { ["decimal_bytes", "decimal_total_bytes"] } else { ["human_pos", "human_len"] };
        let unit = if unit == BYTES { "" } else { of(unit, all) };
        let template = format!("{{prefix}} {{wide_bar}} {{{position}}} of {{{length}}} {unit} {{eta}} left {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_prefix(task.to_owned());
        Bar { task: task.to_owned(), bar, last_line: (!drawn).then(Instant::now) }
    }
}

/// How many things are done, and of how many, as people read it: "2" of "16 genes".
fn amounts(done: u64, all: u64, unit: &str) -> (String, String) {
    match unit {
        BYTES => (DecimalBytes(done).to_string(), DecimalBytes(all).to_string()),
        _ => (HumanCount(done).to_string(), format!("{} {}", HumanCount(all), of(unit, all))),
    }
}

/// The unit of a number of things: one gene, two genes.
fn of(unit: &str, number: u64) -> &str {
    if number == 1 { unit.strip_suffix('s').unwrap_or(unit) } else { unit }
}

#[cfg(test)]
mod tests {
    use super::amounts;

    #[test]
    fn one_gene_is_no_genes() {
        assert_eq!(amounts(0, 1, "genes"), ("0".to_owned(), "1 gene".to_owned()));
        assert_eq!(amounts(1200, 4000, "steps"), ("1,200".to_owned(), "4,000 steps".to_owned()));
        assert_eq!(amounts(1_500_000, 3_000_000, "bytes"), ("1.50 MB".to_owned(), "3.00 MB".to_owned()));
    }
}
