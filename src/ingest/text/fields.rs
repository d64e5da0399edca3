//! A line of a table in its fields.

use super::values::is_number;
use memchr::memchr;

/// Delimiters, those that are tried first in front; blanks delimit only where nothing else does.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Calls `each` with the number and the content of every field, and returns how many there are.
///
/// A field may be quoted, with blanks around it; a quoted quote (`""`) stays doubled, which no gene or number has use for. Any
/// number of blanks is one delimiter.
pub(crate) fn fields<'a>(line: &'a [u8], delimiter: u8, each: impl FnMut(usize, &'a [u8])) -> Result<usize, String> {
    // Two loops, for this is where most of the time of reading goes.
    if delimiter == b' ' {
        split::<true>(line.trim_ascii(), delimiter, each)
    } else {
        split::<false>(line, delimiter, each)
    }
}

fn split<'a, const BLANKS: bool>(
    line: &'a [u8],
    delimiter: u8,
    mut each: impl FnMut(usize, &'a [u8]),
) -> Result<usize, String> {
    let mut rest = line;
    for number in 0.. {
        let (field, after) = match quoted(rest, BLANKS) {
            None => rest.split_at(memchr(delimiter, rest).unwrap_or(rest.len())),
            Some(quoted) => {
                let end = closing_quote(quoted).ok_or(
                    "a quoted field that does not end on this line. Line breaks within a field are not supported",
                )?;
                let after = &quoted[end + 1..];
                (&quoted[..end], if BLANKS { after } else { without_blanks(after) })
            }
        };
        each(number, field);
        match after.split_first() {
            None => return Ok(number + 1),
            Some((next, after)) if *next == delimiter => rest = if BLANKS { after.trim_ascii_start() } else { after },
            Some(_) => return Err("text between a closing quote and the next field".to_owned()),
        }
    }
    Ok(0)
}

/// What follows the quote that the next field starts with, if it does.
fn quoted(rest: &[u8], blanks_delimit: bool) -> Option<&[u8]> {
    match rest.first()? {
        b'"' => Some(&rest[1..]),
        b' ' if !blanks_delimit => without_blanks(rest).strip_prefix(b"\""),
        _ => None,
    }
}

fn without_blanks(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|byte| **byte == b' ').count()..]
}

fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let quote = from + memchr(b'"', &text[from..])?;
        if text.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        from = quote + 2;
    }
}

/// The delimiter that the header line has most of, outside of quotes.
pub(crate) fn delimiter(header: &[u8]) -> u8 {
    let bare: Vec<u8> = header.trim_ascii().split(|byte| *byte == b'"').step_by(2).flatten().copied().collect();
    let number = |candidate: u8| bare.iter().filter(|byte| **byte == candidate).count();
    let best = |best: u8, candidate: u8| if number(candidate) > number(best) { candidate } else { best };
    let best = DELIMITERS.into_iter().reduce(best).unwrap_or(b',');
    if number(best) == 0 && bare.contains(&b' ') { b' ' } else { best }
}

/// The fields of a line as texts without blanks around them; none of a line that has no such fields.
pub(crate) fn texts(line: &[u8], delimiter: u8) -> Vec<String> {
    let mut texts = Vec::new();
    let good = fields(line, delimiter, |_, field| texts.push(String::from_utf8_lossy(field).trim().to_owned()));
    if good.is_ok() { texts } else { Vec::new() }
}

/// Whether a line is a row of data and no header: two of its fields or more are numbers.
pub(crate) fn is_data(fields: &[String]) -> bool {
    fields.iter().filter(|field| is_number(field.as_bytes())).count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_one_the_header_has_most_of() {
        for (text, expected) in [
            ("gene\tx\ty", b'\t'),
            ("gene;x;y,z", b';'),
            ("gene,x,y", b','),
            ("", b','),
            ("gene, x, y", b','),
            ("\"gene\" \"x\" \"y\"", b' '),
            ("\"x, µm\";\"y, µm\"", b';'),
            ("gene|x|y", b'|'),
        ] {
            assert_eq!(delimiter(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn fields_are_split_as_the_csv_crate_does() {
        for line in ["a,b,,c", "", ",", "\"a,b\",2,\"\"", "1,\"x\"", "\"\"\"q\"\"\",2"] {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            let expected: Vec<Vec<u8>> =
                reader.byte_records().next().map_or(vec![vec![]], |r| r.unwrap().iter().map(<[u8]>::to_vec).collect());
            let mut got = Vec::new();
            fields(line.as_bytes(), b',', |_, field| {
                got.push(String::from_utf8_lossy(field).replace("\"\"", "\"").into_bytes());
            })
            .unwrap();
            assert_eq!(got, expected, "{line}");
        }
        for line in ["\"a", "a,\"b\"\"", "\"a\"b,c"] {
            assert!(fields(line.as_bytes(), b',', |_, _| ()).is_err(), "{line}");
        }
    }

    #[test]
    fn blanks_around_quotes_and_between_fields_are_no_content() {
        assert_eq!(texts(b"\"a b\" , \"c\",d ", b','), ["a b", "c", "d"]);
        assert_eq!(texts(b"  \"1\"   \"ACTB\" 61.45 2 ", b' '), ["1", "ACTB", "61.45", "2"]);
        assert_eq!(texts(b"a\t\"b\"\t", b'\t'), ["a", "b", ""]);
    }
}
