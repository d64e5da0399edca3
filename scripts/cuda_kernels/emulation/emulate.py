"""Runs the CUDA C++ of a whole training step on the CPU, kernel by kernel as it was launched, and holds the one on matrix units against the
plain one."""

import array
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from moved import kernel as described

COMPILE = [os.environ.get("CXX", "c++"), "-std=c++17", "-O1", "-w", "-fno-strict-aliasing", "-I", HERE]
# Small enough for a CPU; two cascades and two blocks, and channels that are no multiple of what is loaded at once times two.
NETWORK = {
    "cascades": 2, "blocks": 2, "input_channels": 3, "channels": 24, "growth": 16, "layers": 2, "window": 8, "heads": 4, "compress": 4, "squeeze": 4,
    "mlp_ratio": 2, "gene_embedding": 4, "side": 16, "examples": 1, "scattered": 1,
}  # fmt: skip


# By how much kernels may be apart that compute the same from the same numbers; and where they multiply on what they rounded to bf16 themselves, which
# may be either of two numbers.
SAME = {"dense_end": 5e-3}
OTHERS = 1e-5

# Buffers of bf16 by twos, beside those that say so; and those that each way has in its own order, or for itself.
PAIRS = {"grown", "grads", "middle", "active", "normal", "twos"}
OWN = {"masks", "aside"}

# What a step is computed with.
KINDS = {
    "plain": {"matrices": 0, "halves": 0}, "matrix units": {"matrices": 1, "halves": 0}, "bf16": {"matrices": 0, "halves": 1},
    "bf16 on matrix units": {"matrices": 1, "halves": 1},
}  # fmt: skip


def translated(source, name, within):
    """The C++ of a kernel in a namespace, and how many units a cube of it has."""
    source = re.sub(r"#include <\w+\.h>", "", source)
    shared = re.search(r"extern __shared__ __align__\(\d+\) char (v\d+)\[\];", source)
    if shared:
        source = source.replace(shared.group(0), f"char* const {shared.group(1)} = shared_memory;")
    for kind, pairs in (("k8.row.col.f32.tf32.tf32.f32", "false"), ("k16.row.col.f32.bf16.bf16.f32", "true")):
        name_of = re.escape(f"mma.sync.aligned.m16n8{kind}")
        product = rf'asm volatile\("{name_of}[^;]*;"[^;]*?: "r"\((\w+)\.i_0\).*?"r"\(\w+\.i_3\), "r"\((\w+)\.i_0\).*?"f"\((\w+)\.i_0\).*?\);'
        source = re.sub(product, rf"product({pairs}, &result.i_0, &\1.i_0, &\2.i_0, &\3.i_0);", source)
    if "asm" in source:
        raise SystemExit(f"cuda-kernels: {name}: {source[source.index('asm') :][:200]}: an instruction that the emulation does not know")
    units = int(re.search(r"__launch_bounds__\((\d+)\)", source).group(1))
    kernel = re.search(r'extern "C" __global__ void __launch_bounds__\(\d+\)\s+(\w+)\((.*?)\) \{', source)
    parameters = [part.strip() for part in kernel.group(2).split(",")]
    buffers = [re.match(r"(\w+)", part).group(1) for part in parameters if "info_st" not in part]
    given = [f"({kind}*)buffers[{i}]" for i, kind in enumerate(buffers)]
    fill = []
    if len(given) < len(parameters):
        given.append("info")
        fields = re.search(r"struct info_st \{(.*?)\};", source, re.S).group(1)
        if "scalars_usize" in fields:
            fill.append("memcpy(info.scalars_usize, whole, sizeof info.scalars_usize);")
        if "scalars_f32" in fields:
            fill.append("memcpy(info.scalars_f32, floats, sizeof info.scalars_f32);")
        fill.insert(0, "info_st info{};")
    source = source.replace('extern "C" __global__', "static")
    call = f"void call(void* const* buffers, const unsigned* whole, const float* floats) {{ {' '.join(fill)} {kernel.group(1)}({', '.join(given)}); }}"
    return f'#include "cube.hpp"\nnamespace {within} {{\n{source}\n{call}\n}}\n', units


class Step:
    """The kernels of a step that is computed with something, compiled, and its trace."""

    def __init__(self, program, folder, kind):
        self.kind, self.folder = kind, folder / re.sub(r"\W", "_", kind)
        self.folder.mkdir()
        numbers = [f"{key}={number}" for key, number in (NETWORK | KINDS[kind]).items()]
        subprocess.run([program, "90", self.folder, *numbers], check=True, stdout=subprocess.DEVNULL)
        self.units, self.lines, self.known = {}, [], {}
        for line in (self.folder / "trace").read_text().splitlines():
            what, *rest = line.split(" ", 2)
            if what == "kernel":
                source = (self.folder / f"{rest[0]}.cu").read_text()
                self.known[rest[0]] = described(rest[1], source)
                text, self.units[rest[0]] = translated(source, rest[0], self.space(rest[0]))
                (self.folder / f"{rest[0]}.cpp").write_text(text)
            else:
                self.lines.append(line)
        self.objects = compiled(*(self.folder / f"{name}.cpp" for name in self.units))

    def space(self, name):
        return f"{self.folder.name}_{name}".replace("-", "_")

    def declared(self):
        return "\n".join(f"namespace {self.space(name)} {{ void call(void* const*, const unsigned*, const float*); }}" for name in self.units)

    def launch(self, line, buffers):
        """What a launch is on these buffers, and the numbers of those that it is given."""
        name, x, y, z = line.split(" ")[1:5]
        of = {key: re.search(rf"{key} \[(.*?)\]", line).group(1) for key in ("buffers", "whole", "floats")}
        given = ", ".join(f"{buffers}[{number}].data()" for number in of["buffers"].split(", "))
        numbers = f"const unsigned whole[8] = {{{of['whole']}}}; const float floats[8] = {{{of['floats']}}};"
        run = f"run({self.space(name)}::call, {{{x}, {y}, {z}}}, {self.units[name]}, of, whole, floats, backwards);"
        return f"{{ void* const of[] = {{{given}}}; {numbers} {run} }}", of["buffers"].split(", ")


def compiled(*sources):
    """The objects of C++ files."""

    def one(source):
        subprocess.run([*COMPILE, "-c", source, "-o", source.with_suffix(".o")], check=True)
        return source.with_suffix(".o")

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, sources))


def prepared(line, buffers):
    """What a line of the trace does to buffers before or between launches."""
    what, *rest = line.split(" ")
    if what == "buffer":
        return f"{buffers}.emplace_back({rest[1]}, '\\xff');"
    if what == "given":
        return f"given({buffers}[{rest[0]}], float({rest[2]}));"
    if what == "words":
        return f"{{ const unsigned words[] = {{{', '.join(rest[1:])}}}; memcpy({buffers}[{rest[0]}].data(), words, sizeof words); }}"
    return f'written({buffers}[{rest[1]}], "{rest[0]}");'


def alone(step):
    """What a step does, line by line."""
    return [step.launch(line, "one")[0] if line.startswith("launch") else prepared(line, "one") for line in step.lines]


def together(one, other):
    """What two steps do that compute the same, kernel by kernel from the same numbers: those of `one`, which `other` takes over."""
    for line, same in zip(one.lines, other.lines, strict=True):
        what, number = line.split(" ")[:2]
        if what == "launch":
            launch, numbers = one.launch(line, "one")
            yield from (launch, other.launch(same, "other")[0])
            name, arguments, known = one.known[number]
            for buffer, (argument, mutable) in zip(numbers, arguments, strict=True):
                if mutable and argument not in OWN:
                    pairs = known.get("halves") == "true" and argument in PAIRS or known.get(f"{argument}_halves") == "true"
                    yield f'beside("{name}", one[{buffer}], other[{buffer}], {str(pairs).lower()});'
        elif what == "buffer":
            yield from (prepared(line, "one"), prepared(same, "other"))
        elif what != "result":
            yield from (prepared(line, "one"), f"other[{number}] = one[{number}];")


def built(folder, name, steps, lines):
    """The program that does this with the kernels of some steps."""
    source = folder / f"{name}.cpp"
    declared, does = "\n".join(step.declared() for step in steps), "\n    ".join(lines)
    source.write_text(f'#include "play.hpp"\n{declared}\nvoid play() {{\n    {does}\n}}\n')
    objects = [path for step in steps for path in step.objects]
    subprocess.run([*COMPILE, *objects, source, HERE / "cube.cpp", "-o", folder / name], check=True)
    return folder / name


def results(play, name, *choices):
    """What the step gives: input, outputs, losses, gradient."""
    folder = play.parent / f"results of {name}"
    folder.mkdir()
    subprocess.run([play, f"{folder}/", *choices], check=True)
    found = {}
    for path in sorted(folder.iterdir()):
        found[path.name] = array.array("f", path.read_bytes())
    return found


def furthest(found, expected, window):
    """The largest difference, of the largest number of the window that it lies in."""
    most = max(map(abs, expected))
    off = 0.0
    for first in range(0, len(expected), window):
        a, b = found[first : first + window], expected[first : first + window]
        largest = max(max(map(abs, b)), 1e-3 * most) or 1.0
        here = max(abs(x - y) for x, y in zip(a, b)) / largest
        # No number is in no order.
        off = max(off, here) if here == here else float("inf")
    return off


def furthest_apart(play):
    """Of each kernel, how far two ways to compute it are apart."""
    folder = play.parent / "results of both"
    folder.mkdir()
    subprocess.run([play, f"{folder}/", "exact", "forwards"], check=True)
    return {name: float(off) for name, off in (line.split() for line in (folder / "apart").read_text().splitlines())}


def emulate(program, folder):
    """Prints how far matrix units are off plain arithmetic; whether all is as it must be."""
    steps = {kind: Step(program, folder, kind) for kind in KINDS}
    bf16 = steps["bf16"], steps["bf16 on matrix units"]
    plays = {kind: built(folder, step.folder.name + "_alone", [step], alone(step)) for kind, step in steps.items()}
    both = built(folder, "both", bf16, together(*bf16))
    runs = {
        "plain": ("plain", "exact", "forwards"),
        "plain, units in reverse": ("plain", "exact", "backwards"),
        "matrix units, factors not rounded": ("matrix units", "exact", "forwards"),
        "matrix units": ("matrix units", "rounded", "forwards"),
        "matrix units, units in reverse": ("matrix units", "rounded", "backwards"),
        "bf16": ("bf16", "rounded", "forwards"),
        "bf16, units in reverse": ("bf16", "rounded", "backwards"),
        "bf16 on matrix units": ("bf16 on matrix units", "rounded", "forwards"),
        "bf16 on matrix units, units in reverse": ("bf16 on matrix units", "rounded", "backwards"),
    }
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        apart = pool.submit(furthest_apart, both)
        found = dict(zip(runs, pool.map(lambda name: results(plays[runs[name][0]], name, *runs[name][1:]), runs)))
        apart = apart.result()
    bars = [
        ("plain, units in reverse", "plain", 256, 0.0),
        ("matrix units, units in reverse", "matrix units", 256, 0.0),
        ("matrix units, factors not rounded", "plain", 256, 5e-5),
        ("matrix units", "plain", None, 0.05),
        ("bf16, units in reverse", "bf16", 256, 0.0),
        ("bf16 on matrix units, units in reverse", "bf16 on matrix units", 256, 0.0),
        ("bf16", "plain", None, 0.1),
        ("bf16 on matrix units", "bf16", None, 0.1),
    ]
    good = True
    names = list(found["plain"])
    print("| step | beside | of the largest of | " + " | ".join(names) + " | at most |\n|---|---|---|" + "---|" * (len(names) + 1))
    for name, beside, window, bar in bars:
        off = [furthest(found[name][key], found[beside][key], window or len(found["plain"][key])) for key in names]
        print(f"| {name} | {beside} | {window or 'all'} | " + " | ".join(f"{one:.1e}" for one in off) + f" | {bar:.0e} |")
        good &= max(off) <= bar
    print("\nbf16 on matrix units beside bf16 without, kernel by kernel from the same numbers:\n\n| kernel | apart | at most |\n|---|---|---|")
    for name, off in sorted(apart.items(), key=lambda pair: -pair[1]):
        bar = SAME.get(name, OTHERS)
        print(f"| `{name}` | {off:.1e} | {bar:.0e} |")
        good &= off <= bar
    return good
