//! What a shell and `man` need of a program: written to stdout, for packages to install.

use super::print;
use crate::{Error, Result};
use clap::{Args, Command};
use clap_complete::Shell;

// The same flags in every stage; they stand in --help, not in -h. (A doc comment would become the text of every stage's --help.)
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct ShellArguments {
    /// Print the completions for this shell, and do nothing else
    #[arg(long, value_name = "SHELL", exclusive = true, hide_short_help = true)]
    print_completions: Option<Shell>,
    /// Print the manual page, for man, and do nothing else
    #[arg(long, exclusive = true, hide_short_help = true)]
    print_man: bool,
}

/// `command`; where its first word asks to print something, without requiring what it works on. (clap waives single arguments beside
/// an exclusive one, but no groups.)
pub(super) fn freed(command: Command) -> Command {
    let first = std::env::args_os().nth(1);
    if !first.is_some_and(|word| word.as_encoded_bytes().starts_with(b"--print-")) {
        return command;
    }
    let groups: Vec<_> = command.get_groups().map(|group| group.get_id().clone()).collect();
    groups.into_iter().fold(command, |command, group| command.mut_group(group, |group| group.required(false)))
}

impl ShellArguments {
    /// Prints what is asked for of `command`; whether anything was.
    pub(super) fn answer(self, command: &Command) -> Result<bool> {
        let mut text = Vec::new();
        if let Some(shell) = self.print_completions {
            clap_complete::generate(shell, &mut command.clone(), command.get_name(), &mut text);
        } else if self.print_man {
            // The processor and the features of this machine's build are no part of a manual.
            let plain = command.clone().long_version(None);
            clap_mangen::Man::new(plain).render(&mut text).map_err(|e| Error::Bug(format!("the manual page: {e}")))?;
        } else {
            return Ok(false);
        }
        let text = String::from_utf8(text).map_err(|e| Error::Bug(format!("the text for the shell: {e}")))?;
        print(&text).map(|()| true)
    }
}
