//! The task that is under way: a bar on a terminal, a line now and then in a log.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often a log gets a line.
const LINE_EVERY: Duration = Duration::from_secs(10);

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
        if last.elapsed() < LINE_EVERY {
            return None;
        }
        bar.last_line = Some(Instant::now());
        let (speed, left) = (bar.bar.per_sec(), bar.bar.eta().as_secs());
        let (task, done, all, note) = (text("task"), number("done"), number("all"), text("note"));
        Some(format!("{task}: {done}/{all}, {speed:.2}/s, {left} s left, {note}"))
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
        let template = format!("{{prefix}} {{wide_bar}} {{pos}}/{{len}} {unit} {{per_sec}} ETA {{eta}} {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_prefix(task.to_owned());
        Bar { task: task.to_owned(), bar, last_line: (!drawn).then(Instant::now) }
    }
}
