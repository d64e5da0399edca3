"""The PyTorch side of benches/train_step.rs: the same network, weights and batch, driven over stdin and stdout.

    train_step.py REFERENCE_NETWORK WEIGHTS BATCH VARIANT THREADS DEVICE

REFERENCE_NETWORK is the PyTorch statement of the network, WEIGHTS a checkpoint of s2s, BATCH its inputs and targets,
VARIANT one of eager, channels-last, compiled, bf16 (channels-last under autocast), compiled-bf16. Answers one line to each line:

    check      the loss, and the mean absolute value of the last output of `forward`
    forward N  seconds of one pass without gradients (mean of N)
    step N     seconds of one training step: all losses, backward, Adam (mean of N)
    peak       the most memory held, of the GPU where there is one, and that held before the first command (KiB)
"""
import importlib.util, json, sys, time
import torch, torch.nn as nn, torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file

SIZES = ("cascades", "channels", "growth", "blocks", "layers", "window", "heads")


def memory(key):
    with open("/proc/self/status") as status:
        return next(line.split()[1] for line in status if line.startswith(key))


def network(reference, weights):
    """The reference network with guides: where there is one, every stage sees the lattice beside the expression."""
    class Network(reference.CDCIN):
        def forward(self, x0, mask):
            h, w = x0.shape[2:]
            pad = (0, -w % self.window, 0, -h % self.window)
            x0, mask = (F.pad(image, pad, mode="reflect") for image in (x0, mask))
            x, outputs = x0, []
            for stage in self.stages:
                x = (1 - mask) * x + mask * x0
                x = x + stage(torch.cat((x, mask), 1) if self.guided else x)
                outputs.append(x)
            return [x[..., :h, :w] for x in outputs]

    with safe_open(weights, "pt") as file:
        config = json.loads(file.metadata()["network"])
    net = Network(**{size: config[size] for size in SIZES})
    net.window, net.guided = config["window"], config["input_channels"] == 2
    if net.guided:
        for stage in net.stages:
            stage.shallow1 = nn.Conv2d(2, config["channels"], 3, padding=1)
    net.load_state_dict(load_file(weights))
    return net


def passes(batch):
    """Tasks of the same size go through the network together."""
    groups = {}
    for i in range(sum(name.startswith("x0.") for name in batch)):
        task = [batch[f"{part}.{i}"] for part in ("x0", "mask", "target", "weight")]
        groups.setdefault(task[0].shape[2:], []).append(task)
    return [[torch.cat(parts) for parts in zip(*tasks)] for tasks in groups.values()]


def main():
    reference, weights, batch, variant, threads, device = sys.argv[1:]
    torch.set_num_threads(int(threads))
    device, half = torch.device(device), variant.endswith("bf16")
    # As s2s multiplies on a GPU.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    spec = importlib.util.spec_from_file_location("reference_network", reference)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    net, batch = network(module, weights).to(device), load_file(batch, device=str(device))
    if variant != "eager":
        net = net.to(memory_format=torch.channels_last)
        batch = {name: image.contiguous(memory_format=torch.channels_last) for name, image in batch.items()}
    run = torch.compile(net, dynamic=False) if variant.startswith("compiled") else net
    groups, adam = passes(batch), torch.optim.Adam(net.parameters(), lr=1e-4, fused=True)

    def rounded():
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=half)

    def wait():
        if device.type == "cuda":
            torch.cuda.synchronize()

    def loss():
        with rounded():
            outputs = [run(x0, mask) for x0, mask, _, _ in groups]
        return sum(module.cascade([((o.float() - target).abs() * weight).sum() for o in stages])
                   for stages, (_, _, target, weight) in zip(outputs, groups))

    def step():
        adam.zero_grad()
        loss().backward()
        adam.step()

    def forward():
        with torch.no_grad(), rounded():
            return run(batch["forward.x0"], batch["forward.mask"])

    def seconds(work, times):
        wait()
        start = time.perf_counter()
        for _ in range(times):
            work()
        wait()
        return (time.perf_counter() - start) / times

    idle = memory("VmRSS")
    for line in sys.stdin:
        command, *times = line.split()
        if command == "check":
            with torch.no_grad():
                answer = f"{loss().item()} {forward()[-1].float().abs().mean().item()}"
        elif command == "peak":
            gpu = device.type == "cuda" and torch.cuda.max_memory_reserved() // 1024
            answer = f"{gpu or memory('VmHWM')} {0 if gpu else idle}"
        else:
            answer = seconds({"forward": forward, "step": step}[command], int(times[0]))
        print(answer, flush=True)


main()
