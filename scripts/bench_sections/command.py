"""The command line of the bench."""

import argparse
import concurrent.futures
import dataclasses
import datetime
import json
import os
import pathlib
import signal
import sys

import pandas as pd

from . import methods, sections, table
from .scores import Truth
from .steps import StepFailed, Steps, say

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(prog="bench-sections", description="Scores methods on the sections of docs/appendix/bench.md.")
    add = parser.add_argument
    add("--only", metavar="SECTIONS", help="these sections, separated by commas: " + ", ".join(s.name for s in sections.SECTIONS))
    add("--methods", metavar="NAMES", help="these methods, separated by commas, beside the five interpolators [default: all that are known]")
    add("--recipe", nargs="+", action="append", default=[], metavar=("NAME CONFIG", "KEY=VALUE"), help="a method: networks by this config with these changes; may be given more than once")
    add("--images", type=pathlib.Path, metavar="DIR", help="photographs for the recipes [default: pictures made in memory]")
    add("--seeds", type=int, default=1, metavar="N", help="fit every recipe with the seeds 0 to N − 1 [default: 1]")
    add("--phases", type=int, default=1, choices=range(1, len(sections.PHASES) + 1), metavar="N", help="measure every section N times, each time another bin of each block [default: 1]")
    add("--genes", type=int, default=10, metavar="N", help="genes of each section [default: 10]")
    add("--rivals", metavar="PYTHON", help=f"a Python with lightgbm, scikit-learn and pandas that runs {', '.join(methods.RIVALS)} of SHARED/tools/rivals")
    add("--external", action="append", default=[], metavar="NAME=DIR", help="a method: predictions DIR/SECTION.npz, an array [rows, cols] for each gene")
    add("--min-ceiling", type=float, default=0.3, metavar="PCC", help="a second table holds the genes with a noise ceiling above this [default: 0.3]")
    add("--jobs", type=int, default=1, metavar="N", help="commands at the same time [default: 1]")
    add("--bin-dir", type=pathlib.Path, default=ROOT / "target/release", metavar="DIR", help="the programs of s2s [default: target/release]")
    add("--any-build", action="store_true", help="keep what other builds of the programs made, too")
    add("--shared", type=pathlib.Path, default=os.environ.get("S2S_SHARED", ROOT / "../shared"), metavar="DIR", help="the shared data [default: $S2S_SHARED, else ../shared]")
    add("--work", type=pathlib.Path, default=pathlib.Path("bench"), metavar="DIR", help="datasets, fits and predictions; what is done is not done again [default: bench]")
    add("--output", type=pathlib.Path, metavar="DIR", help="where bench.md, bench.csv, genes.csv and bench.json go [default: the folder of --work]")
    return parser.parse_args()


def chosen_sections(only):
    known = {section.name: section for section in sections.SECTIONS}
    names = only.split(",") if only else list(known)
    for name in names:
        if name not in known:
            raise StepFailed(f"--only: no section is called {name}; there are {', '.join(known)}")
    return [known[name] for name in names]


def chosen_methods(options, steps):
    """The interpolators come always: the others are compared with them."""
    known = {name: methods.Interpolation(name) for name in methods.known_interpolations(steps)}
    missing = [name for name in methods.BASELINES if name not in known]
    if missing:
        raise StepFailed(f"s2s-predict --method does not offer {', '.join(missing)}")
    for name, *rest in options.recipe:
        if not rest or not pathlib.Path(rest[0]).is_file():
            raise StepFailed(f"--recipe {name}: {rest[0] if rest else 'no config'}: expected a name and the path of a config")
        known[name] = methods.Recipe(name, pathlib.Path(rest[0]).resolve(), tuple(rest[1:]), options.images and options.images.resolve(), options.seeds)
    for name in methods.RIVALS if options.rivals else ():
        known[name] = methods.Rival(name, options.rivals, options.shared.resolve() / "tools/rivals")
    for pair in options.external:
        name, _, folder = pair.partition("=")
        if not pathlib.Path(folder).is_dir() or not folder:
            raise StepFailed(f"--external {pair}: expected NAME=DIR with a folder that exists")
        known[name] = methods.External(name, pathlib.Path(folder).resolve())
    names = options.methods.split(",") if options.methods else list(known)
    for name in names:
        if name not in known:
            raise StepFailed(f"--methods: {name} is not known; there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys([*methods.BASELINES, *names])]


def phases(section, options, steps):
    """The jobs of a section, one for each phase, all of the genes that the first one chooses; with the noise ceilings of the genes."""
    jobs, genes = [], None
    for number, phase in enumerate(sections.PHASES[: options.phases]):
        job = prepared(dataclasses.replace(section, phase=phase), number, genes, options, steps)
        genes = job[0].genes
        jobs.append(job)
    return jobs


def prepared(section, number, genes, options, steps):
    """The job of a section, and the noise ceilings of its genes."""
    dataset, after = sections.prepare(section, options.shared.resolve(), options.work, steps)
    genes = genes or sections.choose(dataset, section, options.genes)
    home = options.work / section.folder
    rates = options.work / section.name / "simulated/rates.parquet" if isinstance(section.source, sections.Simulation) else None
    job = methods.Job(section.name, number, dataset, tuple(genes), after, home, rates)
    bilinear, _ = methods.Interpolation("bilinear").predict(job, 0, steps)
    report = home / "report"
    what = ["--dataset", dataset, "--prediction", bilinear.path, "--output", report]
    steps.s2s("s2s-score", what, report, [after, *genes])
    scores = pd.read_parquet(report / "scores.parquet")
    scores = scores[scores.region == "unmeasured"].set_index("gene")
    return job, scores.pcc_ceiling.to_dict()


class Bench:
    """Runs everything, and gathers the figures and what failed."""

    def __init__(self, options):
        self.options, self.failed, self.rows, self.chosen = options, [], [], {}
        threads = max(1, (os.cpu_count() or 1) // options.jobs)
        self.steps = Steps(options.bin_dir.resolve(), threads, options.any_build)
        self.sections = chosen_sections(options.only)
        self.methods = chosen_methods(options, self.steps)

    def run(self):
        """Prepares, predicts and scores everything; stopped by a signal, it ends what runs."""
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            try:
                self.run_in(pool)
            except KeyboardInterrupt:
                self.steps.stop()
                pool.shutdown(wait=True, cancel_futures=True)

    def run_in(self, pool):
        jobs = {pool.submit(phases, section, self.options, self.steps): section for section in self.sections}
        ready = {section.name: done for section, done in self.finished(jobs)}
        self.chosen = {section.name: list(ready[section.name][0][0].genes) for section in self.sections if section.name in ready}
        ceilings = {(job.section, job.phase): found for jobs in ready.values() for job, found in jobs}
        asked = [(job, method) for name in self.chosen for job, _ in ready[name] for method in self.methods]
        wanted = [(job, method, seed) for job, method in asked for seed in range(method.seeds)]
        runs = {pool.submit(method.predict, job, seed, self.steps): (job, method, seed) for job, method, seed in wanted}
        truths = {}
        for (job, method, seed), (prediction, seconds) in self.finished(runs):
            if prediction is None:
                say(f"{job.section}: not by {method.name}")
                continue
            place = job.section, job.phase
            truth = truths.get(place) or Truth(job.dataset, job.genes, job.rates)
            truths[place] = truth
            try:
                self.rows += self.scored(job, method, seed, truth, prediction, seconds, ceilings[place])
            except StepFailed as failure:
                self.fail(f"{method.name} of {job.section}: {failure}")

    def finished(self, futures):
        """What was asked for and its result, as they come; failures are gathered."""
        for future in concurrent.futures.as_completed(futures):
            try:
                yield futures[future], future.result()
            except StepFailed as failure:
                self.fail(str(failure))

    def fail(self, why):
        self.failed.append(why)
        say(f"failed: {why}")

    def scored(self, job, method, seed, truth, prediction, seconds, ceilings):
        """A row for each gene."""
        each = seconds / len(job.genes)
        told = {"section": job.section, "phase": job.phase, "method": method.name, "seed": seed, "seconds": each}
        rows = [{"gene": gene, **told, "pcc_ceiling": ceilings.get(gene), **truth.score(gene, prediction)} for gene in job.genes]
        say(f"{job.section}: {method.name}" + (f", seed {seed}" if method.seeds > 1 else "") + f", {each:.1f} s a gene")
        return rows

    def write(self):
        names = [method.name for method in self.methods]
        genes = table.compare(self.rows)
        order = {name: at for at, name in enumerate(names)}
        genes = genes.sort_values(["section", "gene", "phase", "method", "seed"], key=lambda c: c.map(order) if c.name == "method" else c, ignore_index=True)
        least = self.options.min_ceiling
        selections = {"All genes": genes, f"Genes with a noise ceiling above {least:g}": genes[genes.pcc_ceiling > least].reset_index(drop=True)}
        tables = {title: table.tabulate(part, self.sections, names) for title, part in selections.items()}
        out = self.options.output or self.options.work
        out.mkdir(parents=True, exist_ok=True)
        both = pd.concat([part.assign(selection=title) for title, part in tables.items()], ignore_index=True)
        write(out / "genes.csv", genes.to_csv(index=False))
        write(out / "bench.csv", both.to_csv(index=False))
        write(out / "bench.json", json.dumps(self.content(genes, both), indent=1))
        failures = "".join(f"- {failure.splitlines()[0]}\n" for failure in self.failed)
        text = "\n".join(table.markdown(title, part) for title, part in tables.items())
        text = f"# The bench of sections\n\nUnmeasured bins; docs/appendix/bench.md says what each column is.\n\n{text}"
        write(out / "bench.md", text + (f"\n## Not done\n\n{failures}" if failures else ""))
        say(f"{out / 'bench.md'}, bench.csv, genes.csv, bench.json")

    def content(self, genes, rows):
        return {
            "command": sys.argv,
            "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "builds": self.steps.builds,
            "roles": {section.name: section.role for section in self.sections},
            "chosen": self.chosen,
            "table": records(rows),
            "genes": records(genes),
            "failed": self.failed,
        }


def records(frame):
    """Rows as dictionaries; what is not known is null."""
    return json.loads(frame.to_json(orient="records"))


def write(path, text):
    part = path.with_name(f".{path.name}.part")
    part.write_text(text)
    part.rename(path)


def main():
    options = arguments()
    options.work = options.work.resolve()
    # Both, also where a shell started it in the background and told it to ignore SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        bench = Bench(options)
    except StepFailed as failure:
        say(f"error: {failure}")
        return 2
    bench.run()
    if bench.rows:
        bench.write()
    if bench.steps.stopped:
        say("stopped; run the same command again, and it goes on")
        return 75
    return 1 if bench.failed else 0
