//! The stage `s2s-score`: from a dataset and predictions in files to scores and a report in files.

use super::outcome::{FORMAT, Outcome};
use super::output::{Folders, Target, write};
use super::prediction::{Names, Prediction, baseline, labels};
use super::report::{Cards, MOST_PICTURED, Order, Plots, Shown, UNFOLDED, Viewer, block, figure, guides, page};
use super::scorer::{ScoreSettings, Scorer};
use super::{multiqc, tables};
use crate::dataset::{Dataset, Mode};
use crate::files::{file_name, folder_fingerprint};
use crate::provenance::{Input, Provenance};
use crate::{Error, Result};
use serde_json::json;
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
    /// Whether the scores and plots of another run may be replaced.
    pub force: bool,
    /// Who asks for it, for the provenance: a command line, or the name of a program.
    pub command: &'a [String],
}

/// Runs the stage on paths: opens the dataset and its predictions and [`score_into`]s them. `progress` is that of
/// [`score`](super::score()).
///
/// Errors as those of [`score_into`], and [`Error::Usage`] if the names do not fit the predictions, or the scores of another run stand
/// there without [`Job::force`].
pub fn run(job: &Job, progress: impl FnMut(usize, usize, &str)) -> Result<Outcome> {
    let dataset = Dataset::open(job.dataset)?;
    let mut predictions =
        job.predictions.iter().map(|path| Prediction::open_for(path, &dataset)).collect::<Result<Vec<_>>>()?;
    let methods: Vec<&str> = predictions.iter().map(|prediction| prediction.method.as_str()).collect();
    let labels = labels(job.names.labels, &methods)?;
    for (prediction, label) in predictions.iter_mut().zip(labels) {
        prediction.label = label;
    }
    let labels: Vec<&String> = predictions.iter().map(|prediction| &prediction.label).collect();
    let asked = json!({ "format": FORMAT, "labels": labels, "reference": job.names.reference });
    let provenance = Provenance::new("s2s-score", json!({}), None, inputs(job, &dataset)?).with_request(asked);
    let provenance = provenance.with_command(job.command);
    job.output.check(&provenance, job.force)?;
    let settings = ScoreSettings {
        dataset: &dataset,
        predictions: &predictions,
        reference: job.names.reference,
        provenance: &provenance,
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
/// `report.html` into the folder of `output`, which appears as a whole; of a panel also `genes.html`, a viewer of all its genes; with a truth
/// also `profiles.csv` and `*_mqc.json` for
/// MultiQC; and the plots as files where [`Target::plots`] asks for them. Without a truth the report holds the maps alone.
///
/// Errors as those of [`score`](super::score()), [`Error::Io`] where an output cannot be written, and [`Error::Usage`] where something
/// stands that is not ours; scores of another run are replaced.
pub fn score_into(
    settings: &ScoreSettings,
    output: Target,
    progress: impl FnMut(usize, usize, &str),
) -> Result<Outcome> {
    let mut scorer = Scorer::new(settings)?;
    let folders = Folders::begin(&output, settings.provenance)?;
    let plots = folders.plots().map(Plots::new).transpose()?;
    let (methods, genes) = (settings.predictions.len(), scorer.genes.clone());
    // Truth and input, prediction and error, gain, uncertainty.
    let pictures = 2 + 3 * methods + methods.saturating_sub(1);
    let shape = settings.dataset.tissue().shape();
    let viewer_block = block(shape, 2 * (1 + methods) * genes.len());
    let block = block(shape, pictures * genes.len().min(MOST_PICTURED));
    let labels = settings.predictions.iter().map(|prediction| prediction.label.as_str());
    let order = Order::new(labels, baseline(settings.predictions), genes.len());
    let scored = settings.dataset.manifest().mode == Mode::Benchmark;
    let mut cards = Cards::new(genes.len(), scored.then_some(order), block);
    let panel = genes.len() > UNFOLDED;
    let mut viewer = panel.then(|| Viewer::new(viewer_block));
    scorer.all(progress, |gene, tissue| {
        let figure = figure(gene, tissue);
        cards.add(&figure, &gene.scores)?;
        viewer.as_mut().map_or(Ok(()), |viewer| viewer.add(&figure))?;
        plots.as_ref().map_or(Ok(()), |plots| plots.gene(&figure))
    })?;
    let outcome = scorer.finish();
    plots.map_or(Ok(()), |plots| plots.charts(&outcome, &genes))?;
    let viewer = viewer.map(|viewer| viewer.page(&outcome)).transpose()?;
    let guides = guides(settings.dataset, block)?;
    let shown = Shown { genes: &genes, cards: &cards, guides: &guides };
    let pages = [("report.html", Some(page(&outcome, &shown)?)), ("genes.html", viewer)];
    write_all(&outcome, &pages, folders.report())?;
    folders.finish()?;
    Ok(outcome)
}

/// Writes the outputs.
fn write_all(outcome: &Outcome, pages: &[(&str, Option<String>)], folder: &Path) -> Result<()> {
    let failed = |e: serde_json::Error| Error::bug(format!("scores.json: {e}"));
    let provenance = serde_json::to_string(&outcome.provenance).map_err(failed)?;
    let json = serde_json::to_string_pretty(outcome).map_err(failed)? + "\n";
    for (name, content) in multiqc::files(outcome) {
        write(&folder.join(format!("{}_mqc.json", file_name(&name))), format!("{content:#}\n").as_bytes())?;
    }
    if !outcome.profiles.is_empty() {
        write(&folder.join("profiles.csv"), &tables::profiles(&outcome.profiles)?)?;
    }
    write(&folder.join("scores.csv"), &tables::csv(&outcome.scores)?)?;
    write(&folder.join("scores.parquet"), &tables::parquet(&outcome.scores, provenance)?)?;
    for (name, page) in pages.iter().filter_map(|(name, page)| Some((name, page.as_ref()?))) {
        write(&folder.join(name), page.as_bytes())?;
    }
    write(&folder.join("scores.json"), json.as_bytes())
}
