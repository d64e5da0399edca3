//! Our forward pass and training step beside PyTorch's: the same network, weights and batch, in turns.
//!
//!     cargo bench --bench train_step -- [--threads 2] [--rounds 5] [--only WORKLOAD]... [--peers eager,channels-last,compiled]
//!                                       [--instructions avx2] [--micro-batch N] [--device cuda:0] [--precision bf16] [--passes N]
//!
//! PyTorch runs in `benches/train_step.py` (beside this program, where it is there; `$S2S_PYTHON`, else `.venv/bin/python`,
//! with torch and safetensors) on the network of `golden/reference_network.py` in `$S2S_SHARED`, else `../shared`. Both sides take turns of a few
//! passes, so that a busy machine slows both alike: believe the ratios, not the milliseconds. Each workload has
//! processes of its own, so that its peak memory is its own.

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor, TensorData};
use clap::Parser;
use s2s::cli::{self, Asking};
use s2s::compute::{DeviceChoice, gpu_memory, peak_memory_mib};
use s2s::kernels::{InstructionSet, with_instruction_set};
use s2s::network::weights::{NamedTensor, save, write_tensors};
use s2s::network::{
    Cdcin, CdcinConfig, Guide, Input, InputConfig, Rounding, Upsampling, flatten, subsample, unflatten, upsample,
};
use s2s::section::median;
use s2s::training::{Adam, Batch, Distance, FitConfig, Objective};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

#[derive(Parser)]
struct Arguments {
    /// Threads of either side.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Turns that each side takes.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// These workloads: quick, or BxPxP for the default network on B/2 patches of the section and B/2 images of P×P.
    #[arg(long)]
    only: Vec<String>,
    /// PyTorch's variants: eager, channels-last, compiled (which takes minutes to start), bf16 (channels-last, autocast),
    /// compiled-bf16, or none.
    #[arg(long, value_delimiter = ',', default_value = "eager,channels-last")]
    peers: Vec<String>,
    /// The instructions that s2s may use: avx512, avx2 or neon; by default the best of the processor.
    #[arg(long)]
    instructions: Option<String>,
    /// Examples of a kind that s2s takes through the network at once.
    #[arg(long, default_value_t = usize::MAX)]
    micro_batch: usize,
    /// Where both sides compute: cpu or cuda:N.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// What the network of s2s computes in: f32, tf32 or bf16.
    #[arg(long, default_value = "f32")]
    precision: String,
    /// Steps of a turn; a pass without gradients is made three times as often.
    #[arg(long, default_value_t = 1)]
    passes: usize,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
    /// Run the one workload of `only` in this process.
    #[arg(long, hide = true)]
    inner: bool,
}

/// A network and what it is trained on.
struct Workload {
    name: String,
    network: CdcinConfig,
    input: InputConfig,
    /// `[b, P/S, P/S]` of the measured image, `[b', P]` of the natural images.
    section: [usize; 3],
    images: [usize; 2],
    /// Whether L_h^st joins in.
    dense: bool,
    /// `[b, h, w]` of the pass without gradients.
    forward: [usize; 3],
}

/// Of the default network: `BxPxP`.
fn square(name: &str) -> Option<Workload> {
    let numbers: Vec<usize> = name.split('x').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let [all, side, _] =
        numbers.try_into().ok().filter(|[all, p, q]: &[usize; 3]| all % 2 == 0 && p % 4 == 0 && p == q)?;
    let b = all / 2;
    let input = InputConfig::new(2, Upsampling::Nearest);
    Some(Workload {
        name: name.to_owned(),
        network: CdcinConfig::default(),
        input,
        section: [b, side / 2, side / 2],
        images: [b, side],
        dense: true,
        forward: [all, side, side],
    })
}

/// configs/quick.yaml on a section of 98×160 bins; not from zero, so that the check sees the whole network.
fn quick() -> Workload {
    let network = CdcinConfig {
        cascades: 2,
        channels: 16,
        growth: 16,
        blocks: 1,
        layers: 2,
        input_channels: 2,
        ..CdcinConfig::default()
    };
    let input = InputConfig {
        scale: 2,
        upsampling: Upsampling::Bilinear,
        guides: vec![Guide::Lattice],
        components: 0,
        stains: 0,
        scattered: false,
    };
    Workload {
        name: "quick".to_owned(),
        network,
        input,
        section: [1, 50, 80],
        images: [2, 64],
        dense: false,
        forward: [1, 98, 160],
    }
}

/// Our side.
struct Ours {
    net: Cdcin,
    weights: Tensor<1>,
    adam: Adam,
    steps: usize,
    objective: Objective,
    batch: Batch,
    forward: Input,
    most: usize,
    dtype: DType,
    rounding: Rounding,
    device: Device,
}

/// Blobs of a few pixels, some exactly zero, as expression has them.
fn blobs([b, h, w]: [usize; 3], device: &Device) -> Tensor<4> {
    let value = |i: usize| {
        let (x, y, image) = ((i % w) as f32, (i / w % h) as f32, (i / w / h) as f32);
        ((x * 0.37 + image).sin() + (y * 0.23 - image).cos() + (i * 7919 % 1009) as f32 / 2018.0).max(0.0) / 2.5
    };
    Tensor::from_data(TensorData::new((0..b * h * w).map(value).collect::<Vec<_>>(), [b, 1, h, w]), device)
}

/// 1 but in a corner.
fn tissue([b, h, w]: [usize; 3], device: &Device) -> Tensor<4> {
    let inside = |i: usize| f32::from(i % w + i / w % h >= w / 3);
    Tensor::from_data(TensorData::new((0..b * h * w).map(inside).collect::<Vec<_>>(), [b, 1, h, w]), device)
}

impl Ours {
    fn new(work: &Workload, arguments: &Arguments) -> Self {
        let choice: DeviceChoice = arguments.device.parse().expect("cpu or cuda:N");
        let plain = choice.open().unwrap_or_else(|e| panic!("{e}"));
        let device = plain.clone().autodiff();
        // Kernels of a GPU round by themselves; on the CPU burn's operations compute in bf16.
        let (dtype, rounding) = match (arguments.precision.as_str(), &choice) {
            ("bf16", DeviceChoice::Cpu) => (DType::BF16, Rounding::None),
            ("bf16", _) => (DType::F32, Rounding::Bf16),
            ("tf32", _) => (DType::F32, Rounding::Tf32),
            _ => (DType::F32, Rounding::None),
        };
        let inside = tissue(work.section, &device);
        let section = blobs(work.section, &device) * inside.clone();
        let [b, side] = work.images;
        let forward = [blobs(work.forward, &device), tissue(work.forward, &device)].map(|x| subsample(x, 2).inner());
        let [values, mask] = forward;
        let net = work.network.init(1, &device).with_rounding(rounding);
        let weights = flatten(&net);
        Ours {
            net,
            adam: Adam::new(&weights),
            weights,
            steps: 0,
            objective: Objective { input: work.input.clone(), lambda: 10.0, distance: Distance::L1 },
            batch: Batch {
                genes: Vec::new(),
                section: Some(Tensor::cat(vec![section, inside.clone(), inside], 1)),
                images: Some(blobs([b, side, side], &device)),
                dense: work.dense,
            },
            forward: work.input.build(values, mask, None, None),
            most: arguments.micro_batch,
            dtype,
            rounding,
            device: plain,
        }
    }

    fn forward(&self, net: &Cdcin) -> Tensor<4> {
        let Input { x0, mask, guides } = self.forward.clone();
        net.forward(x0, mask, guides).pop().expect("a network has a stage")
    }

    fn check(&self) -> [f64; 2] {
        let output = self.forward(&self.net.valid()).abs().mean();
        let (losses, _) = self.objective.gradient(&self.net, &self.batch, self.most);
        [losses.total.into_scalar::<f32>().into(), output.into_scalar::<f32>().into()]
    }

    fn forward_seconds(&self, times: usize) -> f64 {
        let net = self.net.valid();
        let start = Instant::now();
        (0..times).for_each(|_| drop(self.forward(&net)));
        self.device.sync().expect("the device ends its work");
        start.elapsed().as_secs_f64() / times as f64
    }

    fn step_seconds(&mut self, times: usize) -> f64 {
        let start = Instant::now();
        for _ in 0..times {
            let (_, gradient) = self.objective.gradient(&self.net, &self.batch, self.most);
            self.steps += 1;
            self.weights = self.adam.step(&FitConfig::default(), self.weights.clone(), gradient, 1e-4, self.steps);
            self.net = unflatten(&self.net, &self.weights.clone().cast(self.dtype), true).with_rounding(self.rounding);
        }
        self.device.sync().expect("the device ends its work");
        start.elapsed().as_secs_f64() / times as f64
    }

    /// The batch for PyTorch: of each loss the input, and the target and weight of every output pixel.
    fn tensors(&self) -> Vec<NamedTensor> {
        let section = self.batch.section.clone().expect("every workload has a section");
        let [values, inside] = [0, 1].map(|channel| section.clone().narrow(1, channel, 1));
        let images = self.batch.images.clone().expect("every workload has images");
        let mid = subsample(images.clone(), 2);
        let coarse = |x: &Tensor<4>| subsample(x.clone(), 2);
        let share = |weight: Tensor<4>, lambda: f64| weight.clone() / weight.sum().reshape([1, 1, 1, 1]) * lambda;
        let build = |values: Tensor<4>, inside: Tensor<4>| self.objective.input.build(values, inside, None, None);
        let ones = |x: &Tensor<4>| x.ones_like();

        let lambda = self.objective.lambda;
        let st_m = build(coarse(&values), coarse(&inside));
        let gni_m = build(coarse(&mid), ones(&coarse(&mid)));
        let gni_h = build(mid.clone(), ones(&mid));
        let mut tasks = vec![
            (st_m, values.clone(), share(inside.clone(), lambda)),
            (gni_m, mid.clone(), share(ones(&mid), 1.0)),
            (gni_h, images.clone(), share(ones(&images), 1.0)),
        ];
        if self.batch.dense {
            let st_h = build(values.clone(), inside.clone());
            let up = |x: Tensor<4>| upsample(x, None, 2, Upsampling::Nearest);
            let weight = share(up(inside) * st_h.mask.clone(), lambda);
            tasks.push((st_h, up(values), weight));
        }
        let mut named = vec![("forward.x0".into(), &self.forward.x0), ("forward.mask".into(), &self.forward.mask)];
        for (i, (input, target, weight)) in tasks.iter().enumerate() {
            let parts = [("x0", &input.x0), ("mask", &input.mask), ("target", target), ("weight", weight)];
            named.extend(parts.map(|(part, image)| (format!("{part}.{i}"), image)));
        }
        let tensor = |(name, image): (String, &Tensor<4>)| NamedTensor {
            name,
            shape: image.dims().to_vec(),
            values: image.to_data_as::<f32>().iter::<f32>().collect(),
        };
        named.into_iter().map(tensor).collect()
    }
}

/// PyTorch's side: a process that answers every line with a line.
struct PyTorch {
    variant: String,
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl PyTorch {
    fn start(variant: &str, folder: &Path, arguments: &Arguments) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let here = std::env::current_exe().expect("this program").with_file_name("train_step.py");
        let script = if here.exists() { here } else { root.join("benches/train_step.py") };
        let python = std::env::var_os("S2S_PYTHON").map_or_else(|| root.join(".venv/bin/python"), PathBuf::from);
        let mut process = Command::new(&python)
            .arg(script)
            .args([reference(), folder.join("weights.safetensors"), folder.join("batch.safetensors")])
            .args([variant, &arguments.threads.to_string(), &arguments.device])
            .env("OMP_NUM_THREADS", arguments.threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}; set S2S_PYTHON to a Python with torch", python.display()));
        let (to, from) = (process.stdin.take().expect("piped"), process.stdout.take().expect("piped"));
        PyTorch { variant: variant.to_owned(), process, to, from: BufReader::new(from) }
    }

    fn ask(&mut self, command: &str) -> Vec<f64> {
        let mut answer = String::new();
        let told = writeln!(self.to, "{command}").and_then(|()| self.from.read_line(&mut answer));
        assert!(matches!(told, Ok(1..)), "PyTorch, {}: no answer to {command}; its own message is above", self.variant);
        answer.split_whitespace().map(|number| number.parse().expect("a number")).collect()
    }

    /// Refuses to time two networks that are not the same: `most` is how far apart rounding may bring them.
    fn agree(&mut self, ours: [f64; 2], most: f64, when: &str) {
        let theirs = self.ask("check");
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            let off = (ours / theirs - 1.0).abs();
            assert!(off <= most, "{} {when}: PyTorch gives {theirs}, s2s {ours}: not the same", self.variant);
        }
    }
}

impl Drop for PyTorch {
    fn drop(&mut self) {
        // It may have ended by itself, with its own message.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The PyTorch statement of the network.
fn reference() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let path = std::env::var_os("S2S_SHARED").map_or_else(beside, PathBuf::from).join("golden/reference_network.py");
    assert!(path.exists(), "{} is missing: it is the network to compare with. Set S2S_SHARED", path.display());
    path
}

fn compare(work: &Workload, arguments: &Arguments) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut ours = Ours::new(work, arguments);
    save(&ours.net, &BTreeMap::new(), &folder.path().join("weights.safetensors")).expect("written");
    write_tensors(ours.tensors(), &BTreeMap::new(), &folder.path().join("batch.safetensors")).expect("written");
    let variants = arguments.peers.iter().filter(|variant| *variant != "none");
    let mut peers: Vec<PyTorch> = variants.map(|variant| PyTorch::start(variant, folder.path(), arguments)).collect();

    let rounded = |name: &str| name.contains("bf16");
    let most = match arguments.device.as_str() {
        _ if rounded(&arguments.precision) || arguments.peers.iter().any(|peer| rounded(peer)) => 3e-2,
        "cpu" => 1e-3,
        // GPUs multiply f32 with TF32.
        _ => 1e-2,
    };
    let before = ours.check();
    ours.step_seconds(1);
    let after = ours.check();
    for peer in &mut peers {
        peer.agree(before, most, "before the first step");
        peer.ask("step 1");
        peer.agree(after, most, "after the first step");
    }
    let mut times = vec![[vec![], vec![]]; peers.len() + 1];
    for _ in 0..arguments.rounds {
        times[0][0].push(ours.forward_seconds(3 * arguments.passes));
        for (peer, times) in peers.iter_mut().zip(&mut times[1..]) {
            times[0].push(peer.ask(&format!("forward {}", 3 * arguments.passes))[0]);
        }
        times[0][1].push(ours.step_seconds(arguments.passes));
        for (peer, times) in peers.iter_mut().zip(&mut times[1..]) {
            times[1].push(peer.ask(&format!("step {}", arguments.passes))[0]);
        }
    }
    report(&work.name, &ours, &times, &mut peers);
}

/// One line for each side: medians in ms, and ours over theirs.
fn report(name: &str, side: &Ours, times: &[[Vec<f64>; 2]], peers: &mut [PyTorch]) {
    let ours = times[0].each_ref().map(|times| median(times.iter().copied()).unwrap_or(f64::NAN));
    let peak = gpu_memory(&side.device).map(|gpu| gpu.ours).or_else(peak_memory_mib).unwrap_or(0);
    println!(
        "{name:<11} s2s            {:9.1} ms          {:9.1} ms          {peak:6} MiB",
        ours[0] * 1e3,
        ours[1] * 1e3
    );
    for (peer, times) in peers.iter_mut().zip(&times[1..]) {
        let [forward, step] = times.each_ref().map(|times| median(times.iter().copied()).unwrap_or(f64::NAN));
        let memory = peer.ask("peak");
        println!(
            "{:11} {:<13}  {:9.1} ms {:6.2}×  {:9.1} ms {:6.2}×  {:6.0} MiB ({:.0} before the first pass)",
            "",
            peer.variant,
            forward * 1e3,
            ours[0] / forward,
            step * 1e3,
            ours[1] / step,
            memory[0] / 1024.0,
            memory[1] / 1024.0
        );
    }
}

fn inner(work: &Workload, arguments: &Arguments) {
    let set = arguments.instructions.as_ref().map(|name| {
        let all = InstructionSet::available();
        let named = all.iter().find(|set| format!("{set:?}").eq_ignore_ascii_case(name));
        *named.unwrap_or_else(|| panic!("--instructions {name}: this processor has {all:?}"))
    });
    match set {
        None => {
            // As s2s-fit has it.
            cli::threads(arguments.threads, Asking::Works).expect("threads start");
            compare(work, arguments);
        }
        Some(set) => with_instruction_set(set, arguments.threads, || compare(work, arguments)).expect("threads start"),
    }
}

fn main() {
    let arguments = Arguments::parse();
    let default = ["4x32x32", "2x64x64", "quick"].map(str::to_owned).to_vec();
    let chosen = if arguments.only.is_empty() { default } else { arguments.only.clone() };
    if arguments.inner {
        let work = if chosen[0] == "quick" { Some(quick()) } else { square(&chosen[0]) };
        return inner(&work.expect("quick, or BxPxP with an even B and P a multiple of 4"), &arguments);
    }
    println!(
        "{} threads, {} rounds; × is s2s / PyTorch, below 1 where s2s needs less time",
        arguments.threads, arguments.rounds
    );
    println!("{:11} {:13}  {:>12}          {:>12}          {:>10}", "workload", "side", "forward", "step", "peak");
    let of = |arguments: &Arguments, name: &str| {
        let mut given = vec!["--inner".to_owned(), "--only".to_owned(), name.to_owned()];
        given.extend(["--threads".to_owned(), arguments.threads.to_string()]);
        given.extend(["--rounds".to_owned(), arguments.rounds.to_string()]);
        given.extend(["--peers".to_owned(), arguments.peers.join(",")]);
        given.extend(["--micro-batch".to_owned(), arguments.micro_batch.to_string()]);
        given.extend(["--device".to_owned(), arguments.device.clone()]);
        given.extend(["--precision".to_owned(), arguments.precision.clone()]);
        given.extend(["--passes".to_owned(), arguments.passes.to_string()]);
        given.extend(arguments.instructions.iter().flat_map(|set| ["--instructions".to_owned(), set.clone()]));
        given
    };
    for name in &chosen {
        let status = Command::new(std::env::current_exe().expect("this program"))
            .args(of(&arguments, name))
            .env("RAYON_NUM_THREADS", arguments.threads.to_string())
            .status()
            .expect("this program starts");
        assert!(status.success(), "{name} failed");
    }
}
