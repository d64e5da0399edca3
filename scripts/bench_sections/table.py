"""From figures of single genes to the table: ratios, means over genes, means over sections, Markdown."""

import numpy as np
import pandas as pd

from .methods import BASELINES

# A gene's bias is no more than the draw of its measured bins explains: within this, or within two standard errors of their mean.
BIAS, ERRORS = 0.03, 2
# What a prediction's RMSE has to be of the best interpolator's to count as a gain.
GAIN = 0.985
MEANS = {"tuned": "tuned sections", "untouched": "untouched sections"}

# Columns of the table: heading, key, digits.
COLUMNS = (
    ("genes", "genes", 0),
    ("MAE / bilinear", "mae_ratio", 3),
    ("RMSE / bilinear", "rmse_ratio", 3),
    ("RMSE / best", "rmse_best", 3),
    ("worst gene", "rmse_worst", 3),
    (f"share above {GAIN}", "share_above", 2),
    ("PCC", "pcc", 3),
    ("PCC − best's", "pcc_gain", 3),
    ("its worst", "pcc_worst", 3),
    ("SSIM − bilinear's", "ssim_gain", 3),
    ("bias", "bias", 3),
    ("bias as drawn", "bias_as_drawn", 2),
    ("median's MAE / bilinear", "median_ratio", 3),
    ("its worst", "median_worst", 3),
    ("RMSE to rates / bilinear's", "rates_ratio", 3),
    ("PCC with rates", "rates_pcc", 3),
    ("coverage", "coverage", 3),
    ("of low", "coverage_low", 3),
    ("of middle", "coverage_middle", 3),
    ("of high", "coverage_high", 3),
    ("seconds a gene", "seconds", 1),
    ("between seeds", "seed_sd", 4),
)
# Figures that not every prediction has.
SHARES = ("coverage", "coverage_low", "coverage_middle", "coverage_high")
OPTIONAL = ("median_mae", "rates_rmse", "rates_pcc", *SHARES)
WORST = {"rmse_worst": "max", "pcc_worst": "min", "median_worst": "max"}


def compare(rows):
    """Rows of one gene, phase, method and seed, beside bilinear interpolation and the interpolator with the lowest RMSE of the gene."""
    table = pd.DataFrame(rows)
    for name in OPTIONAL:
        if name not in table:
            table[name] = np.nan
    key = ["section", "gene", "phase"]
    baselines = table[table.method.isin(BASELINES)].reset_index(drop=True)
    best = baselines.loc[baselines.groupby(key).rmse.idxmin(), [*key, "method", "rmse", "pcc"]]
    best = best.rename(columns={"method": "best", "rmse": "best_rmse", "pcc": "best_pcc"})
    against = ("mae", "rmse", "ssim", "rates_rmse")
    bilinear = table.loc[table.method == "bilinear", [*key, *against]]
    bilinear = bilinear.rename(columns={name: f"bilinear_{name}" for name in against})
    table = table.merge(best, on=key).merge(bilinear, on=key)
    table["mae_ratio"] = table.mae / table.bilinear_mae
    table["rmse_ratio"] = table.rmse / table.bilinear_rmse
    table["rmse_best"] = table.rmse / table.best_rmse
    table["pcc_gain"] = table.pcc - table.best_pcc
    table["ssim_gain"] = table.ssim - table.bilinear_ssim
    table["rates_ratio"] = table.rates_rmse / table.bilinear_rates_rmse
    table["median_ratio"] = table.median_mae / table.bilinear_mae
    table["bias_as_drawn"] = (table.bias - 1).abs() <= (ERRORS * table.mean_error).clip(lower=BIAS)
    return table


def summarise(genes):
    """One row: the means over genes, phases and seeds, and the worst of them."""
    if genes.empty:
        return None
    means = ("mae_ratio", "rmse_ratio", "rmse_best", "pcc", "pcc_gain", "ssim_gain", "bias", "bias_as_drawn", "median_ratio", "seconds")
    means += ("rates_ratio", "rates_pcc", *SHARES)
    by_seed = genes.groupby(["phase", "seed"]).rmse_best.mean()
    worst = genes.rmse_best.idxmax()
    return {
        **{name: genes[name].mean() for name in means},
        "genes": genes.gene.nunique(),
        "seeds": len(by_seed),
        "rmse_worst": genes.rmse_best.max(),
        "worst_gene": genes.gene[worst],
        "share_above": (genes.rmse_best > GAIN).mean(),
        "pcc_worst": genes.pcc_gain.min(),
        "median_worst": genes.median_ratio.max(),
        "seed_sd": by_seed.std(ddof=1) if len(by_seed) > 1 else np.nan,
    }


def tabulate(genes, sections, methods):
    """The rows of the table: of every section and method, then of every method over the tuned and over the untouched sections."""
    rows = []
    for section in sections:
        for method in methods:
            row = summarise(genes[(genes.section == section.name) & (genes.method == method)])
            if row:
                rows.append({"section": section.name, "role": section.role, "method": method, **row})
    table = pd.DataFrame(rows, columns=None if rows else ["section", "role", "method"])
    means = []
    for role, name in MEANS.items():
        for method in methods:
            part = table[(table.role == role) & (table.method == method)]
            if len(part):
                means.append({"section": name, "role": role, "method": method, "sections": len(part), **over_sections(part)})
    return pd.concat([table, pd.DataFrame(means)], ignore_index=True) if means else table


def over_sections(part):
    """Every section counts alike, whatever the number of its genes; the worst is that of all."""
    numbers = [key for _, key, _ in COLUMNS]
    row = {key: part[key].agg(WORST.get(key, "mean")) for key in numbers}
    worst = part.loc[part.rmse_worst.idxmax()]
    return {**row, "genes": part.genes.sum(), "seeds": part.seeds.max(), "worst_gene": f"{worst.worst_gene}, {worst.section}"}


def markdown(title, table):
    """The means over sections first, then every section."""
    parts = [f"## {title}\n"]
    if table.empty:
        return parts[0] + "\nNo gene.\n"
    present = list(dict.fromkeys(table.section))
    names = [name for name in MEANS.values() if name in present]
    for name in names + [name for name in present if name not in names]:
        part = table[table.section == name]
        parts += [heading(name, part), *lines(part), ""]
    return "\n".join(parts)


def heading(name, part):
    if name not in MEANS.values():
        role = part.role.iloc[0]
        return f"### {name}" + (f" ({role})" if role != "tuned" else "") + "\n"
    most = int(part.sections.max())
    fewer = [f"{row.method} {int(row.sections)}" for row in part.itertuples() if row.sections < most]
    return f"### Mean over {name}: {most}" + (f" (of them {', '.join(fewer)})" if fewer else "") + "\n"


def lines(part):
    """Columns that no method fills are left out."""
    columns = [column for column in COLUMNS if part[column[1]].notna().any()]
    yield "| method | " + " | ".join(name for name, _, _ in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for row in part.to_dict("records"):
        cells = [cell(row, key, digits) for _, key, digits in columns]
        yield f"| {row['method']} | " + " | ".join(cells) + " |"


def cell(row, key, digits):
    if pd.isna(row[key]):
        return "–"
    name = f" {row['worst_gene']}" if key == "rmse_worst" else ""
    return f"{row[key]:.{digits}f}{name}"
