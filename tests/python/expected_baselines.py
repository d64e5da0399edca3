"""Makes tests/expected/baselines.json: kriging by PyKrige, its variogram by SciPy, inverse distances by NumPy.

    python expected_baselines.py > tests/expected/baselines.json

Needs numpy, scipy and pykrige (made with 2.4, 1.17 and 1.7).
"""

import json

import numpy as np
from pykrige.ok import OrdinaryKriging
from scipy.optimize import least_squares
from scipy.spatial.distance import pdist

CLASSES = 12
MODEL = {"nugget": 0.15, "sill": 1.3, "range": 3.5}


def nearest(known, at, count):
    """The count nearest known bins, and those as far as the last of them."""
    squares = ((known - at) ** 2).sum(axis=1)
    return np.flatnonzero(squares <= np.sort(squares)[min(count, len(known)) - 1])


def krige(known, values, at):
    kriging = OrdinaryKriging(
        known[:, 1].astype(float), known[:, 0].astype(float), values, variogram_model="exponential",
        # PyKrige's range is where 95 % of the sill is reached.
        variogram_parameters={"psill": MODEL["sill"], "range": 3 * MODEL["range"], "nugget": MODEL["nugget"]},
    )
    return float(kriging.execute("points", [float(at[1])], [float(at[0])])[0][0])


def weighted(known, values, at):
    weights = 1 / ((known - at) ** 2).sum(axis=1)
    return float((weights * values).sum() / weights.sum())


def variogram(known, values, spacing, shape):
    reach = min(CLASSES * spacing, np.hypot(*shape) / 2)
    distances, halves = pdist(known), pdist(values[:, None], "sqeuclidean") / 2
    near = distances <= reach
    distances, halves = distances[near], halves[near]
    classes = np.clip(np.floor(distances / spacing + 0.5), 1, CLASSES)
    groups = [classes == number for number in range(1, CLASSES + 1)]
    lags = [(distances[g].mean(), halves[g].mean(), int(g.sum())) for g in groups if g.any()]
    h, gamma, pairs = np.array(lags).T

    def residuals(p):
        return np.sqrt(pairs) / h * (p[0] + p[1] * (1 - np.exp(-h / p[2])) - gamma)

    starts = np.geomspace(h[0] / 4, h[-1] * 2, 12)
    bounds = ([0, 0, h[0] / 4], [np.inf, np.inf, h[-1] * 2])
    fits = [
        least_squares(residuals, [0.1, 1.0, start], bounds=bounds, xtol=1e-15, ftol=1e-15, gtol=1e-15)
        for start in np.clip(starts, bounds[0][2] * 1.01, bounds[1][2] * 0.99)
    ]
    best = min(fits, key=lambda fit: fit.cost)
    return {"lags": lags, "fit": dict(zip(("nugget", "sill", "range"), best.x.tolist())), "cost": 2 * best.cost}


def case(name, flags, rng):
    shape = flags.shape
    known = np.argwhere(flags)
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    field = 2 + np.sin(rows / 4) + np.cos(cols / 5) + 0.3 * rng.standard_normal(shape)
    # As single-precision numbers, which is what the program reads.
    image = np.where(flags, field, 0).astype(np.float32)
    values = image[flags].astype(float)
    targets = [at for at in np.argwhere(~flags)]
    around = [nearest(known, at, 16) for at in targets]
    closer = [nearest(known, at, 12) for at in targets]
    return {
        "name": name,
        "shape": shape,
        "known": known.tolist(),
        "values": values.tolist(),
        "targets": [at.tolist() for at in targets],
        "kriging": [krige(known[i], values[i], at) for i, at in zip(around, targets)],
        "idw": [weighted(known[i], values[i], at) for i, at in zip(closer, targets)],
        "spacing": 2.0,
        "variogram": variogram(known, values, 2.0, shape),
    }


def main():
    rng = np.random.default_rng(7)
    lattice = np.zeros((17, 20), bool)
    lattice[::2, ::2] = True
    lattice[:6, 14:] = False  # outside the tissue
    scattered = rng.random((15, 18)) < 0.25
    print(json.dumps({"model": MODEL, "cases": [case("lattice", lattice, rng), case("scattered", scattered, rng)]}))


if __name__ == "__main__":
    main()
