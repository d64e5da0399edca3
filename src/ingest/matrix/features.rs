//! The features of a matrix: what they are called, and which of them are genes.

use super::columns::Column;
use super::sink::Gene;
use super::tree::Tree;
use crate::error::listed;
use crate::ingest::binning::Collector;
use crate::ingest::words::is_missing;
use crate::{Error, Result};
use std::collections::HashMap;

/// Kinds of features that are genes, as letters and digits alone.
const GENES: [&str; 10] =
    ["geneexpression", "gene", "genes", "gex", "rna", "mrna", "generna", "transcript", "transcripts", "expression"];

/// What the kinds of features hold that are none.
const OTHERS: [&str; 18] = [
    "antibody",
    "protein",
    "adt",
    "crispr",
    "guide",
    "multiplexing",
    "custom",
    "peak",
    "atac",
    "control",
    "codeword",
    "hashtag",
    "hto",
    "blank",
    "unassigned",
    "deprecated",
    "antigen",
    "vdj",
];

/// The features of a matrix as they stand in its file.
pub(crate) struct Features {
    /// The name of each; `None` where it has none.
    pub names: Vec<Option<String>>,
    /// What to call those without a name, in their order: identifiers.
    pub ids: Vec<Option<String>>,
    /// The kind of each, where there are kinds.
    pub kinds: Option<Column>,
}

impl Features {
    /// The genes of the records `table` of Stereo-seq, which call them by their names (`geneName`, or `gene` in old files) or identifiers.
    pub(crate) fn of_records(tree: &Tree, table: &str, collector: &Collector) -> Result<Vec<Gene>> {
        let fields = tree.children(table)?;
        let texts = |names: &[&str]| {
            let mut all = Vec::new();
            if let Some(field) = names.iter().find(|name| fields.iter().any(|field| field == *name)) {
                tree.texts(&format!("{table}/{field}"), |text| all.push(Some(text.to_owned())))?;
            }
            Ok::<_, Error>(all)
        };
        let features =
            Features { names: texts(&["geneName", "gene", "geneID"])?, ids: texts(&["geneID"])?, kinds: None };
        if features.names.is_empty() {
            return Err(tree.error(
                table,
                format!("found {}, expected geneName, gene or geneID", listed(fields.iter().map(String::as_str))),
            ));
        }
        let (genes, notes) = features.genes().map_err(|what| tree.error(table, what))?;
        notes.into_iter().for_each(|note| collector.note(note));
        Ok(genes)
    }

    /// The columns of the matrix, and what there is to say of them. The error says what is wrong with their kinds.
    pub(crate) fn genes(self) -> Result<(Vec<Gene>, Vec<String>), String> {
        let Features { names, ids, kinds } = self;
        let mut notes = Vec::new();
        let control = match &kinds {
            Some(kinds) if kinds.len() == names.len() => no_genes(kinds, &mut notes)?,
            Some(kinds) => {
                return Err(format!("{} kinds of {} features. Is the file damaged?", kinds.len(), names.len()));
            }
            None => vec![false; names.len()],
        };
        let genes: Vec<Gene> = named(names, &ids, &mut notes)
            .into_iter()
            .zip(control)
            .map(|(name, control)| Gene { name, control })
            .collect();
        twice(&genes, &mut notes);
        Ok((genes, notes))
    }
}

/// A name for every feature: its own, else its identifier, else its number.
fn named(names: Vec<Option<String>>, ids: &[Option<String>], notes: &mut Vec<String>) -> Vec<String> {
    // A word for missing that stands once may be a gene: `nan` and `na` are genes of the fruit fly.
    let mut times: HashMap<&str, usize> = HashMap::new();
    names.iter().flatten().for_each(|name| *times.entry(name.trim()).or_default() += 1);
    let missing = |name: &str| name.is_empty() || (is_missing(name) && times[name] > 1);
    let known: Vec<bool> = names.iter().map(|name| name.as_deref().is_some_and(|name| !missing(name.trim()))).collect();
    let missing = known.iter().filter(|known| !**known).count();
    if missing > 0 {
        let instead = if ids.is_empty() { "their number" } else { "their identifier" };
        notes.push(format!("{missing} of {} features have no name: called by {instead}", names.len()));
    }
    let name = |(i, (name, known)): (usize, (Option<String>, bool))| {
        let id = || ids.get(i).cloned().flatten().filter(|id| !is_missing(id));
        name.filter(|_| known).map(|name| name.trim().to_owned()).or_else(id).unwrap_or_else(|| format!("unnamed_{i}"))
    };
    names.into_iter().zip(known).enumerate().map(name).collect()
}

/// Tells which names several genes have.
fn twice(genes: &[Gene], notes: &mut Vec<String>) {
    let mut times: HashMap<&str, usize> = HashMap::new();
    genes.iter().filter(|gene| !gene.control).for_each(|gene| *times.entry(&gene.name).or_default() += 1);
    let mut several: Vec<&str> = times.into_iter().filter(|(_, times)| *times > 1).map(|(name, _)| name).collect();
    several.sort_unstable();
    if !several.is_empty() {
        notes.push(format!("genes of the same name are added up: {}", listed(several.into_iter())));
    }
}

/// Which features are none by their kind.
fn no_genes(kinds: &Column, notes: &mut Vec<String>) -> Result<Vec<bool>, String> {
    let values = kinds.values();
    // Biotypes, as Ensembl has them: all of them are kinds of genes.
    if values.iter().any(|kind| kind == "protein_coding") {
        return Ok(vec![false; kinds.len()]);
    }
    let letters = |kind: &str| kind.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let is_gene = |kind: &String| GENES.contains(&letters(kind).as_str());
    let is_other = |kind: &String| OTHERS.iter().any(|other| letters(kind).contains(other));
    let known: Vec<&String> = values.iter().filter(|kind| is_gene(kind)).collect();
    let unknown: Vec<&String> = values.iter().filter(|kind| !is_gene(kind) && !is_other(kind)).collect();
    let genes = match (known.as_slice(), unknown.as_slice()) {
        ([], [only]) => {
            notes.push(format!("features of the kind {only:?} are taken for genes"));
            vec![*only]
        }
        ([], _) if !values.is_empty() => {
            return Err(format!(
                "found features of the kinds {}, expected genes: Gene Expression. Name them so, or leave the kinds out",
                listed(values.iter().map(String::as_str))
            ));
        }
        (known, _) => known.to_vec(),
    };
    let mut left_out: HashMap<String, usize> = HashMap::new();
    let mut control = Vec::with_capacity(kinds.len());
    for row in 0..kinds.len() {
        // Without a kind, as joined tables have them, a feature is judged by its name alone.
        let other = kinds.text(row).filter(|kind| !is_missing(kind) && !genes.contains(&kind));
        control.push(other.is_some());
        other.into_iter().for_each(|kind| *left_out.entry(kind).or_default() += 1);
    }
    let mut left_out: Vec<String> = left_out.into_iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    left_out.sort();
    if !left_out.is_empty() {
        let kinds = listed(left_out.iter().map(String::as_str));
        notes.push(format!("features left out, for they are no genes: {kinds}"));
    }
    Ok(control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(names: &[&str], ids: &[&str], kinds: &[&str]) -> Features {
        let texts = |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).collect();
        let kinds = (!kinds.is_empty()).then(|| Column::of_texts(kinds.iter().map(|kind| (*kind).to_owned())));
        Features { names: texts(names), ids: texts(ids), kinds }
    }

    #[test]
    fn genes_are_known_whatever_their_kind_is_called() {
        for gene in ["Gene Expression", "gene", "RNA", "Gene.Expression", "GEX", "Spatial"] {
            let (genes, notes) = features(&["A", "B"], &[], &[gene, "Antibody Capture"]).genes().unwrap();
            assert_eq!(genes.iter().map(|gene| gene.control).collect::<Vec<_>>(), [false, true], "{gene}");
            assert!(notes.iter().any(|note| note.contains("1 Antibody Capture")), "{notes:?}");
        }
        let told = features(&["A", "B"], &[], &["left", "right"]).genes().unwrap_err();
        assert!(told.contains("left, right"), "{told}");
        let (genes, _) = features(&["A", "B"], &[], &["lncRNA", "protein_coding"]).genes().unwrap();
        assert!(genes.iter().all(|gene| !gene.control));
        assert!(features(&["A"], &[], &["Peaks"]).genes().is_err());
    }

    #[test]
    fn features_without_a_name_are_called_by_their_identifier_and_names_twice_are_told() {
        let (genes, notes) = features(&["A", "", "nan", "nan", "A"], &["1", "2", "3", "", "5"], &[]).genes().unwrap();
        let names: Vec<&str> = genes.iter().map(|gene| gene.name.as_str()).collect();
        assert_eq!(names, ["A", "2", "3", "unnamed_3", "A"]);
        assert!(notes[0].starts_with("3 of 5 features") && notes[1].ends_with("added up: A"), "{notes:?}");
        let (genes, _) = features(&["nan", "na"], &[], &[]).genes().unwrap();
        assert_eq!(genes[0].name, "nan", "a gene of the fruit fly");
    }
}
