//! The platforms and their flags, as the library's table has them, on the command line.

use clap::builder::PossibleValue;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use s2s::Result;
use s2s::ingest::PrepConfig;
use s2s::ingest::{Flag, Request, Takes, flags, platforms};

/// The value of `--platform` that leaves it to the files.
pub const AUTO: &str = "auto";

/// The values of `--platform`.
pub fn platform_names() -> PossibleValuesParser {
    let auto = PossibleValue::new(AUTO).help("By the names of the files");
    let named = platforms().map(|platform| PossibleValue::new(platform.name).help(platform.title));
    PossibleValuesParser::new(std::iter::once(auto).chain(named))
}

/// The long help of `--platform`.
pub fn platform_help() -> String {
    let line = |name: &str, input: &str| format!("{name}: {input}.\n");
    let lines: String = platforms().map(|platform| line(platform.name, platform.input)).collect();
    format!(
        "Whose files they are; auto goes by the names of the files\n\n{lines}Text files may be gzipped. Controls, blanks and unassigned codewords are left out on all."
    )
}

/// The flags of platforms that were given, with their values; a switch has an empty one, and some stand more than once.
#[derive(Clone, Debug, Default)]
pub struct PlatformFlags(Vec<(&'static str, String)>);

impl PlatformFlags {
    /// Sets all of them in `request`.
    pub fn set(&self, request: &mut Request) -> Result<()> {
        self.0.iter().try_for_each(|(flag, value)| request.set(flag, value))
    }
}

fn arg(flag: &'static Flag) -> Arg {
    let long_help = if flag.more.is_empty() { flag.help.to_owned() } else { format!("{}\n\n{}", flag.help, flag.more) };
    let arg = Arg::new(flag.name).long(flag.name).help(flag.help).long_help(long_help);
    let arg = flag.conflicts.into_iter().fold(arg, |arg, other| arg.conflicts_with(other));
    let value = match flag.takes {
        Takes::Nothing => return arg.action(ArgAction::SetTrue),
        Takes::Text(value) | Takes::Texts(value) | Takes::Number(value) => value,
    };
    let arg = if matches!(flag.takes, Takes::Texts(_)) { arg.action(ArgAction::Append) } else { arg };
    // Tried on a config that nobody reads, so that a wrong value is told as every other wrong value of a flag.
    let try_out = |text: &str| (flag.set)(&mut PrepConfig::default(), text).map(|()| text.to_owned());
    let negative = matches!(flag.takes, Takes::Number(_));
    arg.value_name(value).value_parser(try_out).allow_negative_numbers(negative)
}

impl Args for PlatformFlags {
    fn augment_args(command: Command) -> Command {
        command.args(flags().into_iter().map(arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for PlatformFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let values = |flag: &'static Flag| match flag.takes {
            Takes::Nothing => matches.get_flag(flag.name).then(String::new).into_iter().collect(),
            _ => matches.get_many(flag.name).into_iter().flatten().cloned().collect::<Vec<String>>(),
        };
        let named = |flag: &'static Flag| values(flag).into_iter().map(|value| (flag.name, value));
        Ok(PlatformFlags(flags().into_iter().flat_map(named).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
