"""Runs the CUDA C++ of a whole training step on the CPU, kernel by kernel as it was launched, and holds the one on matrix units against the
plain one."""

import array
import concurrent.futures
import os
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
COMPILER = os.environ.get("CXX", "c++")
# Small enough for a CPU; two cascades and two blocks, and channels that are no multiple of what is loaded at once times two.
NETWORK = {
    "cascades": 2, "blocks": 2, "input_channels": 3, "channels": 24, "growth": 16, "layers": 2, "window": 8, "heads": 4, "compress": 4, "squeeze": 4,
    "mlp_ratio": 2, "gene_embedding": 4, "side": 16, "examples": 1,
}  # fmt: skip


def translated(source, name):
    """The C++ of a kernel, and the function that calls it with what it was launched with."""
    source = re.sub(r"#include <\w+\.h>", "", source)
    shared = re.search(r"extern __shared__ __align__\(\d+\) char (v\d+)\[\];", source)
    if shared:
        source = source.replace(shared.group(0), f"char* const {shared.group(1)} = shared_memory;")
    product = r'asm volatile\("mma\.sync\.aligned\.m16n8k8\.row\.col\.f32\.tf32\.tf32\.f32[^;]*;"[^;]*?: "r"\((\w+)\.i_0\).*?"r"\(\w+\.i_3\), "r"\((\w+)\.i_0\).*?"f"\((\w+)\.i_0\).*?\);'
    source = re.sub(product, r"product(&result.i_0, &\1.i_0, &\2.i_0, &\3.i_0);", source)
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
    return f'#include "cube.hpp"\nnamespace {space(name)} {{\n{source}\n{call}\n}}\n', units


def space(name):
    return "kernel_" + name.replace("-", "_")


def player(trace, units):
    """A program that does what the trace says."""
    lines, sizes = [], {}
    for line in trace.splitlines():
        what, *rest = line.split(" ")
        if what == "buffer":
            sizes[rest[0]] = int(rest[1])
            lines.append(f"buffers.emplace_back({rest[1]}, '\\xff');")
        elif what == "given":
            lines.append(f"given(buffers[{rest[0]}], float({rest[2]}));")
        elif what == "words":
            lines.append(f"{{ const unsigned words[] = {{{', '.join(rest[1:])}}}; memcpy(buffers[{rest[0]}].data(), words, sizeof words); }}")
        elif what == "result":
            lines.append(f'written(buffers[{rest[1]}], "{rest[0]}");')
        elif what == "launch":
            name, x, y, z = rest[:4]
            of = {key: re.search(rf"{key} \[(.*?)\]", line).group(1) for key in ("buffers", "whole", "floats")}
            given = ", ".join(f"buffers[{number}].data()" for number in of["buffers"].split(", "))
            numbers = f"const unsigned whole[8] = {{{of['whole']}}}; const float floats[8] = {{{of['floats']}}};"
            lines.append(f"{{ void* const of[] = {{{given}}}; {numbers} run({space(name)}::call, {{{x}, {y}, {z}}}, {units[name]}, of, whole, floats, backwards); }}")
    known = "\n".join(f"namespace {space(name)} {{ void call(void* const*, const unsigned*, const float*); }}" for name in units)
    steps = "\n".join(lines)
    return f"""#include "cube.hpp"
#include <string>
{known}
static unsigned drawn = 1;
static void given(std::vector<char>& buffer, float scale) {{
    for (size_t i = 0; i < buffer.size(); i += 4) {{
        drawn = drawn * 1664525u + 1013904223u;
        const float value = (float(drawn >> 8) / float(1 << 23) - 1.0f) * scale;
        memcpy(&buffer[i], &value, 4);
    }}
}}
static std::string folder;
static void written(const std::vector<char>& buffer, const char* name) {{
    FILE* file = fopen((folder + name).c_str(), "wb");
    if (!file || fwrite(buffer.data(), 1, buffer.size(), file) != buffer.size() || fclose(file)) exit(1);
}}
int main(int, char** arguments) {{
    std::vector<std::vector<char>> buffers;
    buffers.reserve({len(sizes)});
    folder = arguments[1];
    exact = arguments[2] == std::string("exact");
    const bool backwards = arguments[3] == std::string("backwards");
    {steps}
}}
"""


def built(program, folder, matrices):
    """The program of a step, on matrix units or not."""
    folder = folder / ("matrices" if matrices else "units")
    folder.mkdir()
    numbers = [f"{key}={number}" for key, number in (NETWORK | {"matrices": int(matrices)}).items()]
    subprocess.run([program, "90", folder, *numbers], check=True, stdout=subprocess.DEVNULL)
    units = {}
    for path in sorted(folder.glob("*.cu")):
        text, units[path.stem] = translated(path.read_text(), path.stem)
        path.with_suffix(".cpp").write_text(text)
    (folder / "play.cpp").write_text(player((folder / "trace").read_text(), units))
    sources = [*(folder / f"{name}.cpp" for name in units), folder / "play.cpp", HERE / "cube.cpp"]
    objects = [folder / f"{path.stem}.o" for path in sources]

    def compiled(pair):
        subprocess.run([COMPILER, "-std=c++17", "-O1", "-w", "-fno-strict-aliasing", "-I", HERE, "-c", pair[0], "-o", pair[1]], check=True)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compiled, zip(sources, objects)))
    subprocess.run([COMPILER, *objects, "-o", folder / "play"], check=True)
    return folder / "play"


def results(play, name, *choices):
    """What the step gives: input, outputs, losses, gradient."""
    folder = play.parent / name
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


def emulate(program, folder):
    """Prints how far matrix units are off plain arithmetic; whether all is as it must be."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        plain, matrices = pool.map(lambda kind: built(program, folder, kind), (False, True))
        runs = {
            "plain": (plain, "plain", "exact", "forwards"),
            "plain, units in reverse": (plain, "reverse", "exact", "backwards"),
            "matrix units, factors not rounded": (matrices, "exact", "exact", "forwards"),
            "matrix units": (matrices, "rounded", "rounded", "forwards"),
            "matrix units, units in reverse": (matrices, "reverse", "rounded", "backwards"),
        }
        found = dict(zip(runs, pool.map(lambda run: results(*run), runs.values())))
    bars = [
        ("plain, units in reverse", "plain", 256, 0.0),
        ("matrix units, units in reverse", "matrix units", 256, 0.0),
        ("matrix units, factors not rounded", "plain", 256, 5e-5),
        ("matrix units", "plain", None, 0.05),
    ]
    good = True
    names = list(found["plain"])
    print("| step | beside | of the largest of | " + " | ".join(names) + " | at most |\n|---|---|---|" + "---|" * (len(names) + 1))
    for name, beside, window, bar in bars:
        off = [furthest(found[name][key], found[beside][key], window or len(found["plain"][key])) for key in names]
        print(f"| {name} | {beside} | {window or 'all'} | " + " | ".join(f"{one:.1e}" for one in off) + f" | {bar:.0e} |")
        good &= max(off) <= bar
    return good
