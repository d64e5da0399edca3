"""The figures of docs/metrics.md over the unmeasured in-tissue bins, from the dataset, its truth and a prediction."""

import json
import pathlib

import numpy as np
import pandas as pd
import zarr
from skimage.metrics import structural_similarity

from .steps import StepFailed

# A value beyond an interval by less than this is within: both are stored in single precision.
ROUNDING = 1e-5


class Truth:
    """What the withheld bins hold of some genes, as images [rows, cols] of log-normalised values, 0 outside the tissue.

    `rates` is the table that s2s-simulate writes: predictions are then compared with the expected counts as well, log-normalised in
    the same way.
    """

    def __init__(self, dataset, genes, rates=None):
        dataset = pathlib.Path(dataset)
        manifest = json.loads((dataset / "manifest.json").read_text())
        self.shape = manifest["grid"]["rows"], manifest["grid"]["cols"]
        bins = pd.read_parquet(dataset / "bins.parquet")
        self.tissue = self.raster(bins, bins.tissue, bool)
        measured = self.raster(bins, bins.measured, bool)
        wanted = [("gene", "in", list(genes))]
        own = pd.read_parquet(dataset / "measured.parquet", filters=wanted)
        withheld = pd.read_parquet(dataset / "truth.parquet", filters=wanted)
        totals = pd.read_parquet(dataset / "truth.parquet", columns=["gene", "row", "col", "count"])
        totals = totals[totals.gene.isna()]
        self.tissue[totals.row, totals["col"]] = totals["count"] >= manifest["min_counts"]
        self.region = self.tissue & ~measured
        self.images, self.mean_errors = {}, {}
        known = measured & self.raster(bins, bins.tissue, bool)
        for gene in genes:
            rows = pd.concat([own[own.gene == gene], withheld[withheld.gene == gene]])
            self.images[gene] = self.raster(rows, rows.value, float) * self.tissue
            self.mean_errors[gene] = mean_error(self.images[gene][known], self.region.sum())
        self.expected = self.expectations(pd.read_parquet(rates), genes, manifest) if rates else {}

    def expectations(self, rates, genes, manifest):
        grid = manifest["grid"]
        first = [round(at / grid["bin_um"]) for at in reversed(grid["origin_um"])]
        rates = rates.assign(row=rates.row.astype(int) - first[0], col=rates["col"].astype(int) - first[1])
        inside = rates.row.between(0, self.shape[0] - 1) & rates["col"].between(0, self.shape[1] - 1)
        rates = rates[inside]
        totals = rates.groupby(["row", "col"], as_index=False).rate.sum()
        totals = self.raster(totals, totals.rate, float)
        images = {gene: self.raster(rows, rows.rate, float) for gene, rows in rates[rates.gene.isin(genes)].groupby("gene")}
        return {gene: np.log1p(image / np.where(totals > 0, totals, 1.0) * manifest["target"]) for gene, image in images.items()}

    def raster(self, rows, values, kind):
        image = np.zeros(self.shape, kind)
        image[rows.row, rows["col"]] = values
        return image

    def score(self, gene, prediction):
        """Figures of a prediction: a dictionary, without those that it has no images for."""
        truth, imputed = self.images[gene], self.filled(prediction.image("imputed", gene))
        figures = compared(truth, imputed, self.region) | {"mean_error": self.mean_errors[gene]}
        if gene in self.expected:
            error = (imputed - self.expected[gene])[self.region]
            figures["rates_rmse"] = np.sqrt((error**2).mean())
            figures["rates_pcc"] = np.corrcoef(imputed[self.region], self.expected[gene][self.region])[0, 1]
        median = prediction.image("median", gene)
        if median is not None:
            figures["median_mae"] = np.abs(self.filled(median) - truth)[self.region].mean()
        bounds = intervals(prediction, gene)
        if bounds is not None:
            figures |= covered(truth, prediction.image("imputed", gene), bounds, self.region)
        return figures

    def filled(self, image):
        """A tissue bin that has no prediction counts as predicted 0."""
        if image.shape != self.shape:
            raise StepFailed(f"a prediction of {image.shape} bins for a section of {self.shape}")
        return np.nan_to_num(image) * self.tissue


def mean_error(values, others):
    """How far the mean of `others` bins may be from that of these for no reason but the draw: its standard error, as a share of the mean."""
    return np.sqrt(values.var() * (1 / len(values) + 1 / others)) / values.mean() if values.any() else np.nan


def compared(truth, predicted, region):
    t, p = truth[region], predicted[region]
    highest = max(truth.max(), predicted.max())
    _, similarity = structural_similarity(truth, predicted, data_range=highest, full=True)
    return {
        "mae": np.abs(p - t).mean(),
        "rmse": np.sqrt(((p - t) ** 2).mean()),
        "pcc": np.corrcoef(t, p)[0, 1] if p.std() > 0 and t.std() > 0 else np.nan,
        "ssim": similarity[region].mean(),
        "bias": p.mean() / t.mean() if t.mean() > 0 else np.nan,
    }


def intervals(prediction, gene):
    """Lower and upper bounds, or `None`: images of their own, else imputed ± uncertainty, cut at 0."""
    lower, upper = (prediction.image(name, gene) for name in ("lower", "upper"))
    if lower is not None and upper is not None:
        return lower, upper
    half = prediction.image("uncertainty", gene)
    if half is None:
        return None
    imputed = prediction.image("imputed", gene)
    return np.maximum(imputed - half, 0.0), imputed + half


def covered(truth, predicted, bounds, region):
    """The share of bins with an interval whose truth lies in it: of all, and of three equal parts by the predicted value."""
    lower, upper = bounds
    known = region & np.isfinite(predicted) & np.isfinite(lower) & np.isfinite(upper)
    if not known.any():
        return {}
    within = ((truth >= lower - ROUNDING) & (truth <= upper + ROUNDING))[known]
    thirds = np.array_split(within[np.argsort(predicted[known], kind="stable")], 3)
    shares = {f"coverage_{name}": part.mean() for name, part in zip(("low", "middle", "high"), thirds)}
    return {"coverage": within.mean(), **shares}


class Store:
    """A store that s2s-predict wrote."""

    def __init__(self, path):
        self.path = path
        self.root = zarr.open_group(str(path), mode="r")
        self.genes = list(self.root.attrs["s2s"]["genes"])
        self.rows = None

    def image(self, name, gene):
        """The image `name` of a gene, or the layer of that name as an image; `None` where the store has neither."""
        index = self.genes.index(gene)
        if f"images/{name}" in self.root:
            return self.root[f"images/{name}/s0"][index].astype(float)
        return self.layer(name, index) if f"tables/bins/layers/{name}" in self.root else None

    def layer(self, name, index):
        if self.rows is None:
            self.rows = [self.root[f"tables/bins/obs/{axis}"][:] for axis in ("row", "col")]
        image = np.full(self.root["images/imputed/s0"].shape[1:], np.nan)
        image[tuple(self.rows)] = self.root[f"tables/bins/layers/{name}"][:, index]
        return image
