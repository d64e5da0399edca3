//! What a stage says while it works: on stderr, as text for people or as JSON for programs.

use super::bar::Bar;
use crate::compute::PROGRESS;
use clap::builder::PossibleValue;
use clap::{ArgAction, Args, ValueEnum};
use serde_json::{Map, Value};
use std::fmt::{Debug, Write as _};
use std::io::Write as _;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

// How much a stage says, and how: the same flags in every stage. (A doc comment would become the text of every stage's --help.)
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct LogArguments {
    /// Say nothing but warnings and errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more; twice, also what libraries say
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
    /// How it is said on stderr: text for people, json for programs, an object on every line
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Format::Text, Format::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Format::Text => "text",
            Format::Json => "json",
        }))
    }
}

impl LogArguments {
    /// From now on, what the library and the stage say goes to stderr as these flags want it.
    pub(super) fn listen(self) {
        let ours = match (self.quiet, self.verbose) {
            (true, _) => LevelFilter::WARN,
            (false, 0) => LevelFilter::INFO,
            (false, 1) => LevelFilter::DEBUG,
            (false, _) => LevelFilter::TRACE,
        };
        let others = if self.verbose > 1 { LevelFilter::INFO } else { LevelFilter::OFF };
        let log = Log { format: self.log_format, ours, others, bar: Mutex::default() };
        // In a process that listens already, somebody else decides.
        let _ = tracing::subscriber::set_global_default(Registry::default().with(log));
    }
}

/// Writes events to stderr.
struct Log {
    format: Format,
    /// How much of this crate's and its programs' events is said.
    ours: LevelFilter,
    /// How much of those of others.
    others: LevelFilter,
    /// The task that is shown.
    bar: Mutex<Option<Bar>>,
}

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let most = if metadata.target().starts_with("s2s") { self.ours } else { self.others };
        *metadata.level() <= most
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.ours.max(self.others))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut bar = self.bar.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let metadata = event.metadata();
        if metadata.target() == PROGRESS {
            let line = Bar::show(&mut bar, &fields.0, self.format == Format::Text);
            match (line, self.format) {
                (Some(line), Format::Text) => say(&line),
                (Some(_), Format::Json) => say(&json(metadata, fields.0)),
                (None, _) => {}
            }
            return;
        }
        let line = match self.format {
            Format::Text => text(*metadata.level(), &fields.0),
            Format::Json => json(metadata, fields.0),
        };
        Bar::aside(&bar, || say(&line));
    }
}

/// The fields of an event.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

/// A message as a person reads it; the other fields are for programs.
fn text(level: Level, fields: &Map<String, Value>) -> String {
    let message = fields.get("message").and_then(Value::as_str).unwrap_or_default();
    let mut line = match level {
        Level::ERROR => format!("error: {message}"),
        Level::WARN => format!("warning: {message}"),
        _ => message.to_owned(),
    };
    if level > Level::INFO {
        for (name, value) in fields.iter().filter(|(name, _)| *name != "message") {
            // Writing into a text cannot fail.
            let _ = write!(line, " {name}={value}");
        }
    }
    line
}

/// One line: `time` in seconds since 1970, `level`, `target`, `message` and what else the event has.
fn json(metadata: &Metadata<'_>, mut fields: Map<String, Value>) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    fields.insert("time".to_owned(), ((since.as_secs_f64() * 1000.0).round() / 1000.0).into());
    fields.insert("level".to_owned(), metadata.level().as_str().to_lowercase().into());
    fields.insert("target".to_owned(), metadata.target().into());
    Value::Object(fields).to_string()
}

/// A line on stderr. Where it is closed or full nobody listens, and the work goes on.
fn say(line: &str) {
    let _ = std::io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn people_see_the_message_alone_and_more_only_if_they_ask() {
        let fields = json!({"message": "gene A: left out", "exit_code": 65});
        let fields = fields.as_object().unwrap();
        assert_eq!(text(Level::INFO, fields), "gene A: left out");
        assert_eq!(text(Level::WARN, fields), "warning: gene A: left out");
        assert_eq!(text(Level::ERROR, fields), "error: gene A: left out");
        assert_eq!(text(Level::DEBUG, fields), "gene A: left out exit_code=65");
    }
}
