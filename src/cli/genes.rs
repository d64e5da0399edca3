//! `--genes A,B|FILE`: which genes.

use crate::{Error, Result};
use std::path::Path;

/// Endings by which a name is that of a file, and of no gene.
const LISTS: [&str; 5] = ["txt", "csv", "tsv", "list", "lst"];

/// The genes that were chosen, as [`genes`] reads them; `None` where all are meant, by the word `all` or by none.
pub fn chosen(given: Option<&str>) -> Result<Option<Vec<String>>> {
    given.filter(|given| *given != "all").map(genes).transpose()
}

/// The genes of `--genes`: names separated by commas, or a file: the first column where there are more, with one gene per line, or names
/// separated by commas. In the order given, each once.
///
/// [`Error::Missing`] for what can only be a file and is not there.
pub fn genes(given: &str) -> Result<Vec<String>> {
    let path = Path::new(given);
    let list = path.extension().is_some_and(|ending| LISTS.iter().any(|list| ending.eq_ignore_ascii_case(list)));
    if !path.is_file() && list && !given.contains(',') {
        let what = "no such file. Give the genes as A,B, or a file with one per line";
        return Err(Error::Missing(format!("--genes {given}: {what}")));
    }
    let all = if path.is_file() {
        let text = std::fs::read(path).map_err(|e| Error::io(path, "read", e))?;
        listed(&String::from_utf8(text).map_err(|e| Error::data(path, format!("no text: {e}")))?)
    } else {
        fields(given)
    };
    let mut names: Vec<String> = Vec::new();
    for name in all {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return Err(Error::Usage(format!(
            "--genes {given}: no gene names in it. Give A,B or a file with one per line"
        )));
    }
    Ok(names)
}

/// The genes of a file. Lines with as many fields each are a table, of which the first column counts; others are lists.
fn listed(text: &str) -> Vec<String> {
    let lines = text.trim_start_matches('\u{feff}').lines().filter(|line| !line.trim().is_empty());
    let mut rows: Vec<Vec<String>> = lines.map(fields).collect();
    let table = rows.len() > 1 && rows.iter().all(|row| row.len() == rows[0].len());
    if table {
        rows.iter_mut().for_each(|row| row.truncate(1));
    }
    rows.concat()
}

/// What is separated by commas, semicolons or tabs; in quotes, these are part of a name.
fn fields(line: &str) -> Vec<String> {
    let mut quoted = false;
    let separates = |letter: char| {
        quoted ^= letter == '"';
        !quoted && [',', ';', '\t'].contains(&letter)
    };
    let clean = |name: &str| name.trim().trim_matches('"').trim().to_owned();
    line.split(separates).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_lists_or_tables_and_names_in_quotes_may_hold_commas() {
        let folder = tempfile::tempdir().unwrap();
        let of = |text: &str| {
            let path = folder.path().join("genes.txt");
            std::fs::write(&path, text).unwrap();
            genes(path.to_str().unwrap()).unwrap().join("|")
        };
        assert_eq!(of("\u{feff}ERBB2\r\n\r\nCD8A\r\n ERBB2 \r\n"), "ERBB2|CD8A");
        assert_eq!(of("ERBB2,0.5\nCD8A,0.25\n"), "ERBB2|CD8A");
        assert_eq!(of("ERBB2,CD8A,INS\n"), "ERBB2|CD8A|INS");
        assert_eq!(of("ERBB2,CD8A\nINS\n"), "ERBB2|CD8A|INS");
        assert_eq!(of("\"a,b\"\n'c'\n"), "a,b|'c'");
        assert_eq!(genes("A, B,\"a,b\",A").unwrap(), ["A", "B", "a,b"]);
        let missing = genes("panel.txt").unwrap_err();
        assert!(missing.exit_code() == 66 && missing.to_string().contains("panel.txt: no such file"), "{missing}");
    }
}
