"""How many bytes the kernels of a training step move: of each launch, what it reads and writes once, from the sizes of the buffers that it was
launched with. Where it reads or writes a part of one, PARTS says which."""

import collections
import re


def table(k, launch):
    """What numbers are loaded by: of each image and channel, or of each pixel."""
    return {"Plain": 0, "Affine": None, "Norm": 2, "Halves": 0, "AffineHalves": None, "NormalHalves": 0}[k["load"]]


def words(numbers, halves):
    """How many words so many numbers are: of bf16 two are one."""
    return numbers / 2 if halves == "true" else numbers


def loaded(k, numbers):
    """How many words so many numbers of a source are."""
    return numbers / 2 if k["load"].endswith("Halves") else numbers


def convolve(k, launch):
    taps, outputs = k["side"] ** 2, k["outputs"] * launch.cubes[1]
    return {
        "source": loaded(k, k["inputs"]),
        "weights": launch.alone((taps * k["inputs"] + (k["back"] == "false")) * outputs),
        "table": table(k, launch),
        "other": 0 if k["finish"] == "Plain" else words(k["outputs"], k["other_halves"]),
        "out": words(outputs, k["out_halves"]),
    }


def weight_gradients(k, launch):
    inputs = launch.whole[2]
    weights = launch.alone(2 * inputs if "Norm" in k["load"] else 0)
    return {"source": loaded(k, inputs), "grad": words(k["outputs"], k["grad_halves"]), "table": table(k, launch), "weights": weights, "partial": launch.alone(launch.cubes[1] * (k["side"] ** 2 * inputs + 1) * k["outputs"])}


def mask(k, launch):
    """Words of a layer's masks."""
    return launch.alone(launch.sizes[launch.at("masks")] / k["layers"])


def halves(k):
    return k["halves"] == "true"


def kept(k, numbers, first):
    """Of a dense block's buffer, what is read and written by a layer that reads so many numbers of it: of bf16, two numbers are a word, and the `first`
    layer reads its input elsewhere and puts it there."""
    channels, growth = k["channels"], k["growth"]
    if not halves(k):
        return numbers, growth
    return (0, (channels + growth) / 2) if first else ((channels + numbers) / 2, growth / 2)


def dense_layer(k, launch):
    before, growth = k["layer"] * k["growth"], k["growth"]
    weights = launch.alone((9 * (k["channels"] + before) + 1) * growth)
    x = 0 if halves(k) and before else k["channels"]
    return {"x": x, "weights": weights, "grown": kept(k, before, not before), "masks": mask(k, launch)}


def dense_end(k, launch):
    before = (k["layers"] - 1) * k["growth"]
    seen = k["channels"] + before
    weights = (9 * seen + 1) * k["growth"] + (seen + k["growth"] + 1) * k["channels"]
    x = 0 if halves(k) and before else k["channels"]
    return {"x": x, "weights": launch.alone(weights), "grown": kept(k, before, not before), "masks": mask(k, launch)}


def dense_layer_gradient(k, launch):
    growth, behind = k["growth"], (k["layers"] - 1 - k["layer"]) * k["growth"]
    weights = launch.alone((k["channels"] + 9 * behind) * growth)
    grads = (words(behind, k["halves"]), words(growth, k["halves"]))
    return {"weights": weights, "masks": mask(k, launch), "grads": grads}


def dense_input_gradient(k, launch):
    channels, top = k["channels"], k["blocks"] == "Some"
    weights = (channels * (2 if top else 1) + 9 * k["layers"] * k["growth"]) * channels
    return {"weights": launch.alone(weights), "top": None if top else 0}


def dense_weights(k, launch):
    return {"x": 0 if halves(k) else k["channels"]}


def mlp_parameters(k):
    return 2 * k["channels"] + (k["channels"] + 1) * k["hidden"] + (k["hidden"] + 1) * k["channels"]


def attention_parameters(k):
    return 2 * k["channels"] + 4 * (k["channels"] + 1) * k["channels"] + (2 * k["window"] - 1) ** 2 * k["heads"]


def gate_parameters(k):
    return (k["channels"] + 1) * k["squeezed"] + (k["squeezed"] + 1) * k["channels"]


def expanding_parameters(k):
    return (9 * k["few"] + 1) * k["channels"]


def narrowing_parameters(k):
    return (9 * k["channels"] + 1) * k["few"]


def gate_channels(k, launch):
    return {"weights": launch.alone(gate_parameters(k) + expanding_parameters(k))}


def attention(k, launch):
    last, channels = k["last"] == "true", k["channels"]
    weights = launch.alone(attention_parameters(k) + expanding_parameters(k) + mlp_parameters(k))
    out = (channels, channels) if last else (0, channels)
    return {"weights": weights, "out": out, "moments_out": (0, 0 if last else 2)}


def branch_gradient(k, launch):
    return {"weights": 0}


def mlp_gradient(k, launch):
    own = mlp_parameters(k)
    return {"weights": launch.alone(own), "partial": launch.alone(launch.cubes[0] * own)}


def gates_gradient(k, launch):
    own = gate_parameters(k) + expanding_parameters(k)
    return {"weights": launch.alone(own), "partial": launch.alone(launch.cubes[0] * own)}


def attention_gradient(k, launch):
    own = attention_parameters(k)
    weights = own + 9 * k["channels"] * k["few"]
    # What lies aside of a window is written and read by one cube alone.
    moments = None if k["halves"] == "true" else 0
    return {"moments": moments, "weights": launch.alone(weights), "aside": 0, "partial": launch.alone(launch.cubes[0] * own)}


def sum_rows(k, launch):
    _, rows, length, rows2, conv_rows, gate_rows, length2 = launch.whole
    narrowing, gates = narrowing_parameters(k), gate_parameters(k) + expanding_parameters(k)
    each = attention_parameters(k) + mlp_parameters(k) + narrowing + gates
    others = length2 // each * (narrowing * conv_rows + gates * gate_rows + (each - narrowing - gates) * rows2)
    return {"one": launch.alone(rows * length), "two": launch.alone(others), "gradient": launch.alone(length + length2)}


def stage_input(k, launch):
    return {"before": 0 if k["start"] == "true" else 1}


def stage_gradient(k, launch):
    return {"losses": 1, "grad": 1}


# Of a kernel, by the names of its buffers: numbers a pixel, or as many as `alone` says, of what is only read or only written; None for all of it; a pair
# of what is read and what is written.
PARTS = {
    of.__name__: of
    for of in (
        convolve, weight_gradients, branch_gradient, dense_layer, dense_end, dense_layer_gradient, dense_input_gradient, dense_weights, gate_channels, attention,
        mlp_gradient, gates_gradient, attention_gradient, sum_rows, stage_input, stage_gradient,
    )
}  # fmt: skip


class Launch:
    """A launch as the trace has it, in a step of so many pixels."""

    def __init__(self, line, kernels, sizes, pixels):
        self.file, *cubes = line.split(" ")[1:5]
        self.cubes = [int(number) for number in cubes]
        self.buffers, self.whole = ([int(number) for number in re.findall(r"\d+", re.search(rf"{key} \[(.*?)\]", line).group(1))] for key in ("buffers", "whole"))
        self.name, self.arguments, self.known = kernels[self.file]
        self.sizes, self.pixels = [sizes[number] for number in self.buffers], pixels

    def at(self, name):
        """Which of the buffers has this name."""
        return [own for own, _ in self.arguments].index(name)

    def alone(self, numbers):
        """So many numbers, as numbers a pixel."""
        return numbers / self.pixels

    def moved(self):
        """Numbers that are read, and that are written."""
        parts = PARTS[self.name](self.known, self) if self.name in PARTS else {}
        unknown = set(parts) - {name for name, _ in self.arguments}
        if unknown:
            raise SystemExit(f"cuda-kernels: {self.name} has no {unknown}: moved.py is of other kernels")
        read = written = 0
        for (name, mutable), size in zip(self.arguments, self.sizes, strict=True):
            part = parts.get(name)
            pair = part if isinstance(part, tuple) else (0, part) if mutable else (part, 0)
            pair = [size if number is None else number * self.pixels for number in pair]
            if max(pair) > 2 * size:
                raise SystemExit(f"cuda-kernels: {self.name} cannot move {max(pair):.0f} numbers of {name}, which has {size}")
            read, written = read + pair[0], written + pair[1]
        return read, written


def kernel(variant, source):
    """A kernel's name, its buffers with whether it writes to them, and what else it was made of."""
    name = variant.split("-")[0].split("::")[-2]
    names = re.findall(r"(\w+): BufferCompilationArg", variant)
    parameters = re.search(r'extern "C" __global__ void __launch_bounds__\(\d+\)\s+\w+\((.*?)\) \{', source).group(1).split(", ")
    mutable = ["const*" not in parameter for parameter in parameters if "info_st" not in parameter]
    known = {key: int(value) if value.isdigit() else value for key, value in re.findall(r"(\w+): (\w+)[,} (]", variant)}
    return name, list(zip(names, mutable, strict=True)), known


def moved(folder, pixels):
    """Of each kernel: launches, and bytes that all of them read and write."""
    kernels, sizes, all_ = {}, [], collections.defaultdict(lambda: [0, 0, 0])
    for line in (folder / "trace").read_text().splitlines():
        what, *rest = line.split(" ", 2)
        if what == "buffer":
            sizes.append(int(rest[1]) // 4)
        elif what == "kernel":
            kernels[rest[0]] = kernel(rest[1], (folder / f"{rest[0]}.cu").read_text())
        elif what == "launch":
            launch = Launch(line, kernels, sizes, pixels)
            read, written = launch.moved()
            for i, number in enumerate((1, 4 * read, 4 * written)):
                all_[launch.name][i] += number
    return all_


def at_once(folder):
    """The most bytes of buffers that launches to come still need."""
    lines = [line.split(" ") for line in (folder / "trace").read_text().splitlines()]
    sizes = {rest[0]: int(rest[1]) for what, *rest in lines if what == "buffer"}
    launches = [re.findall(r"\d+", re.search(r"buffers \[(.*?)\]", " ".join(line)).group(1)) for line in lines if line[0] == "launch"]
    first, last = {}, {}
    for number, buffers in enumerate(launches):
        for buffer in buffers:
            first.setdefault(buffer, number)
            last[buffer] = number
    held = most = 0
    for number in range(len(launches)):
        held += sum(sizes[buffer] for buffer, at in first.items() if at == number)
        most = max(most, held)
        held -= sum(sizes[buffer] for buffer, at in last.items() if at == number)
    return most


def tell(folder, pixels):
    """Prints them, the most first, with the numbers that a pixel has in each launch."""
    rows = sorted(moved(folder, pixels).items(), key=lambda row: -sum(row[1][1:]))
    print("| kernel | launches | read, GB | written, GB | numbers a pixel and launch |\n|---|---|---|---|---|")
    for name, (launches, read, written) in rows:
        print(f"| `{name}` | {launches} | {read / 1e9:.2f} | {written / 1e9:.2f} | {(read + written) / 4 / launches / pixels:.0f} |")
    launches, read, written = (sum(row[1][i] for row in rows) for i in range(3))
    print(f"| all | {launches} | {read / 1e9:.2f} | {written / 1e9:.2f} | |\n\n{(read + written) / 1e9:.1f} GB a step of {pixels} pixels, of buffers of {at_once(folder) / 1e9:.1f} GB at once\n")
