//! Arguments that cannot be read, told in words of people.

use std::io::Write;

/// What Rust says of a number that it cannot read, and what was expected.
const NUMBERS: [(&str, &str); 4] = [
    ("invalid digit found in string", "expected a whole number, 0 or more"),
    ("cannot parse integer from empty string", "expected a whole number, 0 or more"),
    ("number too large to fit in target type", "expected a smaller number"),
    ("invalid float literal", "expected a number"),
];

/// Ends the process as clap ends it: with help on stdout and 0, or with what is wrong on stderr and 2.
pub(super) fn refuse(error: clap::Error) -> ! {
    let said = error.render().to_string();
    match NUMBERS.iter().find(|(rust, _)| said.contains(rust)) {
        Some((rust, people)) => {
            let _ = std::io::stderr().lock().write_all(said.replace(rust, people).as_bytes());
            std::process::exit(error.exit_code())
        }
        None => error.exit(),
    }
}
