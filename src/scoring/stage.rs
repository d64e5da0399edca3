//! The stage `s2s-score`: from a dataset and predictions in files to scores and a report in files.

use super::outcome::Outcome;
use super::prediction::{Names, Prediction, labels};
use super::report::{MOST_PICTURED, Plots, UNFOLDED, Viewer, block, figure, page};
use super::scorer::{ScoreSettings, Scorer};
use super::{multiqc, tables};
use crate::dataset::Dataset;
use crate::files::{file_name, folder_fingerprint, remove, write_atomically};
use crate::provenance::{Input, Provenance};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A run of `s2s-score`.
pub struct Job<'a> {
    /// The dataset's folder.
    pub dataset: &'a Path,
    /// The stores of the predictions.
    pub predictions: &'a [PathBuf],
    /// What the predictions are called.
    pub names: Names<'a>,
    /// Where everything is written.
    pub output: Target<'a>,
    /// Who asks for it, for the provenance: a command line, or the name of a program.
    pub command: &'a [String],
}

/// Where a scoring run writes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The folder of the scores and the report.
    pub folder: &'a Path,
    /// The folder of the plots as files, if they are asked for.
    pub plots: Option<&'a Path>,
}

/// Runs the stage on paths: opens the dataset and its predictions and [`score_into`]s them. `progress` is that of
/// [`score`](super::score()).
///
/// Errors as those of [`score_into`], and [`Error::Usage`] if the names do not fit the predictions.
pub fn run(job: &Job, progress: impl FnMut(usize, usize, &str)) -> Result<Outcome> {
    let dataset = Dataset::open(job.dataset)?;
    let mut predictions = job.predictions.iter().map(|path| Prediction::open(path)).collect::<Result<Vec<_>>>()?;
    let methods: Vec<&str> = predictions.iter().map(|prediction| prediction.method.as_str()).collect();
    let labels = labels(job.names.labels, &methods)?;
    for (prediction, label) in predictions.iter_mut().zip(labels) {
        prediction.label = label;
    }
    let provenance = Provenance::new("s2s-score", serde_json::json!({}), None, inputs(job, &dataset)?);
    let settings = ScoreSettings {
        dataset: &dataset,
        predictions: &predictions,
        reference: job.names.reference,
        provenance: &provenance.with_command(job.command),
    };
    score_into(&settings, job.output, progress)
}

/// What the run reads.
fn inputs(job: &Job, dataset: &Dataset) -> Result<Vec<Input>> {
    let mut inputs = vec![Input { path: job.dataset.display().to_string(), sha256: dataset.fingerprint() }];
    if let Some(sha256) = dataset.manifest().fingerprints.get("truth.parquet") {
        let path = job.dataset.join("truth.parquet").display().to_string();
        inputs.push(Input { path, sha256: sha256.clone() });
    }
    for path in job.predictions {
        inputs.push(Input { path: path.display().to_string(), sha256: folder_fingerprint(path)? });
    }
    Ok(inputs)
}

/// Scores predictions as [`score`](super::score()) does, shows them, and writes `scores.json`, `scores.csv`, `scores.parquet` and
/// `report.html` into the folder of `output`, each whole or not at all; of a panel also `genes.html`, a viewer of all its genes; with a truth also `profiles.csv` and `*_mqc.json` for
/// MultiQC; and the plots as files where [`Target::plots`] asks for them. Without a truth the report holds the maps alone.
///
/// Errors as those of [`score`](super::score()), and [`Error::Io`] where an output cannot be written.
pub fn score_into(
    settings: &ScoreSettings,
    output: Target,
    progress: impl FnMut(usize, usize, &str),
) -> Result<Outcome> {
    let mut scorer = Scorer::new(settings)?;
    let plots = output.plots.map(Plots::new).transpose()?;
    let (methods, genes) = (settings.predictions.len(), scorer.genes.clone());
    // Truth and input, prediction and error, gain.
    let pictures = 2 + 2 * methods + methods.saturating_sub(1);
    let shape = settings.dataset.tissue().shape();
    let viewer_block = block(shape, (2 + methods) * genes.len());
    let block = block(shape, pictures * genes.len().min(MOST_PICTURED));
    let mut cards = Vec::new();
    let panel = genes.len() > UNFOLDED;
    let mut viewer = panel.then(|| Viewer::new(viewer_block));
    scorer.all(progress, |index, gene, tissue| {
        let figure = figure(gene, tissue);
        if index < MOST_PICTURED {
            cards.push(figure.card(index < UNFOLDED, block)?);
        }
        viewer.as_mut().map_or(Ok(()), |viewer| viewer.add(&figure))?;
        plots.as_ref().map_or(Ok(()), |plots| plots.gene(&figure))
    })?;
    let outcome = scorer.finish();
    plots.map_or(Ok(()), |plots| plots.charts(&outcome, &genes))?;
    let viewer = viewer.map(|viewer| viewer.page(&outcome)).transpose()?;
    let pages = [("report.html", Some(page(&outcome, &genes, &cards)?)), ("genes.html", viewer)];
    write(&outcome, &pages, output.folder)?;
    Ok(outcome)
}

/// Writes the outputs. `scores.json` comes last: where it stands, the others do.
fn write(outcome: &Outcome, pages: &[(&str, Option<String>)], output: &Path) -> Result<()> {
    let failed = |e: serde_json::Error| Error::bug(format!("scores.json: {e}"));
    let provenance = serde_json::to_string(&outcome.provenance).map_err(failed)?;
    let json = serde_json::to_string_pretty(outcome).map_err(failed)? + "\n";
    let (csv, parquet) = (tables::csv(&outcome.scores)?, tables::parquet(&outcome.scores, provenance)?);
    std::fs::create_dir_all(output).map_err(|e| Error::io(output, "create", e))?;
    let files = multiqc::files(outcome);
    // An earlier output may have had a panel, or profiles.
    for stale in ["summary", "genes", "panel"].map(|kind| format!("{}.{kind}", outcome.sample)) {
        if files.iter().all(|(name, _)| *name != stale) {
            remove(&output.join(format!("{}_mqc.json", file_name(&stale))))?;
        }
    }
    for (name, content) in files {
        write_atomically(&output.join(format!("{}_mqc.json", file_name(&name))), format!("{content:#}\n").as_bytes())?;
    }
    if outcome.profiles.is_empty() {
        remove(&output.join("profiles.csv"))?;
    } else {
        write_atomically(&output.join("profiles.csv"), &tables::profiles(&outcome.profiles)?)?;
    }
    write_atomically(&output.join("scores.csv"), &csv)?;
    write_atomically(&output.join("scores.parquet"), &parquet)?;
    for (name, page) in pages {
        // An earlier output may have had a page that this one has not.
        match page {
            Some(page) => write_atomically(&output.join(name), page.as_bytes())?,
            None => remove(&output.join(name))?,
        }
    }
    write_atomically(&output.join("scores.json"), json.as_bytes())
}
