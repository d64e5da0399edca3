//! Whether a GPU computes what it should, learns what the CPU learns, how fast, and in how much memory: `scripts/gpu-check` runs it.
//!
//! Needs a folder with `golden/` (vectors of PyTorch), `section.s2s` (a dataset) and `configs/`. Prints Markdown; exits with 70
//! if a golden vector is missed or the first losses are not those of the CPU.

#[path = "../tests/common/golden.rs"]
mod golden;

use burn::tensor::Device;
use clap::Parser;
use golden::Check;
use s2s::cli;
use s2s::compute::{DeviceChoice, gpu_memory, peak_memory_mib};
use s2s::config::Config;
use s2s::dataset::Dataset;
use s2s::images::{Bank, Images};
use s2s::training::{Fit, FitSettings, Saving, estimate, fit};
use s2s::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Check a GPU: golden vectors, a training run beside the CPU's, steps per second.
#[derive(Parser)]
struct Args {
    /// Where to compute: auto, cpu, cuda:N or vulkan:N
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// The folder with golden, section.s2s and configs
    #[arg(long, default_value = ".")]
    data: PathBuf,
    /// Steps of the training run
    #[arg(long, default_value_t = 100)]
    steps: usize,
    /// Seconds for each line of the table
    #[arg(long, default_value_t = 30.0)]
    seconds: f64,
    /// The paper's batch on the CPU too: 8 GB, and minutes a step
    #[arg(long)]
    paper: bool,
    /// Only the memory of SIDExCOUNT images, in a process of its own
    #[arg(long, hide = true)]
    memory_of: Option<String>,
    /// Written by `cargo bench`; of no use here
    #[arg(long, hide = true)]
    bench: bool,
}

/// The section's gene that is trained: the one with the most counts.
struct Data {
    dataset: Dataset,
    gene: [String; 1],
    folder: PathBuf,
}

impl Data {
    fn open(folder: &Path) -> Result<Self> {
        let dataset = Dataset::open(&folder.join("section.s2s"))?;
        let most = dataset.manifest().genes.iter().max_by_key(|gene| gene.counts);
        let gene = most.ok_or_else(|| Error::Data("section.s2s: has no genes".to_owned()))?.name.clone();
        Ok(Data { dataset, gene: [gene], folder: folder.to_owned() })
    }

    fn config(&self, name: &str, set: &[&str]) -> Result<Config> {
        let set: Vec<String> = set.iter().map(|&key| key.to_owned()).collect();
        Config::load(Some(&self.folder.join("configs").join(name)), &set)
    }

    /// `f` of a run by `config`: on the section, or without it on natural images alone.
    fn with<R>(&self, config: &Config, device: &Device, section: bool, f: impl FnOnce(&FitSettings) -> R) -> R {
        let images = Bank::new(Images::dead_leaves(0, 8, 256), config.fit.image_patch, device).expect("few images");
        f(&FitSettings {
            dataset: section.then_some(&self.dataset),
            genes: if section { &self.gene } else { &[] },
            scale: self.dataset.lattice().scale,
            network: &config.network,
            fit: &config.fit,
            images: Some(&images),
            init: None,
            seed: 1,
            device,
            max_minutes: None,
            saving: Saving::default(),
        })
    }

    fn fit(&self, config: &Config, device: &Device, max_minutes: Option<f64>) -> Result<Fit> {
        self.with(config, device, true, |settings| fit(&FitSettings { max_minutes, ..settings.clone() }))
    }
}

/// Prints the golden vectors that are missed, and of each kind the one that is nearest to it.
fn golden_vectors(data: &Data, device: &Device) -> Result<bool> {
    let folder = data.folder.join("golden");
    let mut all = true;
    let mut tell = |name: &str, checks: Vec<Check>| {
        let missed: Vec<&Check> = checks.iter().filter(|check| !check.holds()).collect();
        println!("- {name}: {} of {} held", checks.len() - missed.len(), checks.len());
        missed.iter().for_each(|check| println!("  - MISSED {check}"));
        if let Some(worst) = checks.iter().max_by(|a, b| a.share().total_cmp(&b.share())) {
            println!("  - nearest to its bound: {worst}");
        }
        all &= missed.is_empty();
    };
    println!("## Golden vectors of PyTorch\n");
    tell("forward", golden::forward(&folder.join("cdcin_forward.safetensors"), device)?);
    let (train, device) = (folder.join("cdcin_train.safetensors"), device.clone().autodiff());
    tell("losses, gradients, Adam", golden::training(&train, &device, usize::MAX)?);
    tell("the same in several passes a step", golden::training(&train, &device, 1)?);
    Ok(all)
}

/// The steps of which the first losses must agree: later ones drift apart as rounding does in any training.
const FIRST: usize = 5;
/// How far they may be apart.
const APART: f64 = 1e-3;

fn curves(data: &Data, device: &Device, steps: usize) -> Result<bool> {
    let config = data.config("quick.yaml", &[&format!("fit.steps={steps}"), "fit.patience=0"])?;
    let of = |precision: &str| {
        let precision = format!("fit.precision={precision}");
        data.config("quick.yaml", &[&format!("fit.steps={steps}"), "fit.patience=0", &precision])
    };
    let (matrices, rounded) = (of("tf32")?, of("bf16")?);
    println!("\n## Training {} by quick.yaml, {steps} steps\n", data.gene[0]);
    let [here, cpu] = [device, &Device::flex()].map(|device| data.fit(&config, device, None));
    let (here, cpu) = (here?, cpu?);
    let matrices = data.fit(&matrices, device, None)?;
    let rounded = data.fit(&rounded, device, None)?;
    println!("| step | loss here | loss on the CPU | apart |\n|---|---|---|---|");
    let mut agree = true;
    for (here, cpu) in here.curves.0.iter().zip(&cpu.curves.0) {
        let apart = (here.total / cpu.total - 1.0).abs();
        agree &= here.step > FIRST || apart <= APART;
        if here.step <= FIRST || here.step.is_multiple_of((steps / 10).max(1)) {
            println!("| {} | {:.6} | {:.6} | {apart:.1e} |", here.step, here.total, cpu.total);
        }
    }
    let matrices = ("here with TF32, or as the log says", &matrices);
    let rounded = ("here in bf16, or as the log says", &rounded);
    for (name, fit) in [("here", &here), matrices, rounded, ("on the CPU", &cpu)] {
        let error = fit.best.map_or(f64::NAN, |(_, error)| error.network / error.start);
        println!("\nHeld-out error {name}: {error:.4} of the interpolation it starts from; {:.1} s", fit.seconds);
    }
    Ok(agree)
}

/// How far a replayed step may be from the same step made by itself: what is fused around the kernels may round otherwise.
const REPLAYED: f64 = 1e-5;

/// Whether the losses of replayed steps are those of steps made one by one.
fn replayed(data: &Data, device: &Device) -> Result<bool> {
    // The steps of whole sections are of eight shapes and more: of most of them some are replayed.
    let recipes = [
        (
            "30 steps by paper.yaml, 2 + 2 of 64²",
            "paper.yaml",
            &["fit.steps=30", "fit.batch=2", "fit.image_batch=2"][..],
        ),
        ("120 steps by quick.yaml", "quick.yaml", &["fit.steps=120"]),
    ];
    let mut held = true;
    for (name, file, set) in recipes {
        let of = |replay: &str| data.fit(&data.config(file, &[set, &[replay]].concat())?, device, None);
        let (replayed, one_by_one) = (of("fit.replay=true")?, of("fit.replay=false")?);
        let pairs = replayed.curves.0.iter().zip(&one_by_one.curves.0);
        let apart = pairs.map(|(a, b)| (a.total / b.total - 1.0).abs()).fold(0.0, f64::max);
        println!(
            "\nOf {name}, losses of replayed ones are {apart:.1e} apart at most; {:.2} s, {:.2} s one by one",
            replayed.seconds, one_by_one.seconds
        );
        held &= apart <= REPLAYED;
    }
    Ok(held)
}

fn table(data: &Data, device: &Device, args: &Args) -> Result<()> {
    let whole = ["fit.steps=1000000", "fit.patience=0"];
    let small = [&whole[..], &["fit.batch=2", "fit.image_batch=2"]].concat();
    let passes = [&whole[..], &["fit.micro_batch=4"]].concat();
    let matrices = [&whole[..], &["fit.precision=tf32"]].concat();
    let rounded = [&whole[..], &["fit.precision=bf16"]].concat();
    let one_by_one = [&whole[..], &["fit.replay=false"]].concat();
    let rows = [
        ("quick.yaml", "quick.yaml", &whole[..], false),
        ("quick.yaml, steps not replayed", "quick.yaml", &one_by_one, false),
        ("quick.yaml, TF32", "quick.yaml", &matrices, false),
        ("paper.yaml, 2 + 2 of 64²", "paper.yaml", &small, false),
        ("paper.yaml, 16 + 16 of 64², 4 passes", "paper.yaml", &passes, true),
        ("paper.yaml, 16 + 16 of 64²", "paper.yaml", &whole, true),
        ("paper.yaml, 16 + 16 of 64², steps not replayed", "paper.yaml", &one_by_one, true),
        ("paper.yaml, 16 + 16 of 64², TF32", "paper.yaml", &matrices, true),
        ("paper.yaml, 16 + 16 of 64², bf16", "paper.yaml", &rounded, true),
    ];
    println!("\n## Speed\n\n| recipe | steps | steps per second | memory so far, MiB |\n|---|---|---|---|");
    let on_gpu = gpu_memory(device).is_some();
    for (name, file, set, large) in rows {
        if large && !on_gpu && !args.paper {
            println!("| {name} | – | not on a CPU without --paper | – |");
            continue;
        }
        let config = data.config(file, set)?;
        // The first steps compile and tune the kernels.
        data.fit(&config, device, Some(0.0))?;
        let start = Instant::now();
        let steps = data.fit(&config, device, Some(args.seconds / 60.0))?.steps;
        let rate = steps as f64 / start.elapsed().as_secs_f64();
        let memory = gpu_memory(device).map(|gpu| gpu.ours).or_else(peak_memory_mib);
        println!("| {name} | {steps} | {rate:.3} | {} |", memory.map_or("–".to_owned(), |mib| mib.to_string()));
    }
    Ok(())
}

/// Images at once in the table of memory.
const AT_ONCE: [usize; 3] = [1, 8, 32];

/// What a pass of the paper's network needs: a process for each number, since memory once held is not given back.
fn memory(args: &Args, device: &Device) -> Result<()> {
    println!("\n## Memory of a pass, MiB (a step with one image, scaled by the pixels)\n");
    println!("| images at once | {} |", AT_ONCE.map(|n| n.to_string()).join(" | "));
    println!("|---|{}", "---|".repeat(AT_ONCE.len()));
    let place = if gpu_memory(device).is_some() { args.device.to_string() } else { "cpu".to_owned() };
    let this = std::env::current_exe().map_err(|e| Error::Bug(format!("this program: {e}")))?;
    for side in [32, 64, 128] {
        let cell = |count: usize| {
            let mut cell = Command::new(&this);
            cell.args(["--device", &place, "--memory-of", &format!("{side}x{count}"), "--data"]).arg(&args.data);
            let told = cell.output().ok().filter(|done| done.status.success());
            told.map_or("–".to_owned(), |done| String::from_utf8_lossy(&done.stdout).trim().to_owned())
        };
        println!("| {side} × {side} | {} |", AT_ONCE.map(cell).join(" | "));
    }
    Ok(())
}

/// One number of it, for SIDExCOUNT natural images.
fn memory_of(data: &Data, device: &Device, what: &str) -> Result<()> {
    let wrong = || Error::Usage(format!("--memory-of {what}: expected SIDExCOUNT"));
    let (side, count) = what.split_once('x').ok_or_else(wrong)?;
    let set = [&format!("fit.image_patch={side}"), &format!("fit.image_batch={count}"), "fit.steps=1"];
    let config = data.config("paper.yaml", &set)?;
    let cost = data.with(&config, device, false, |settings| estimate(settings, 1))?;
    println!("{}", cost.memory_mib.ok_or_else(|| Error::Missing("the device does not tell its memory".to_owned()))?);
    Ok(())
}

fn check(args: Args) -> Result<()> {
    let data = Data::open(&args.data)?;
    let device = args.device.open()?;
    if let Some(what) = &args.memory_of {
        return memory_of(&data, &device, what);
    }
    let what = match (args.device, gpu_memory(&device)) {
        (_, Some(gpu)) => format!("a GPU with {} MiB free", gpu.free),
        (DeviceChoice::Vulkan(number), None) => format!("the Vulkan adapter {number}"),
        (_, None) => "the CPU".to_owned(),
    };
    println!(
        "# GPU check of s2s {} on {what}, {} CPU threads\n",
        env!("CARGO_PKG_VERSION"),
        rayon::current_num_threads()
    );
    let golden = golden_vectors(&data, &device)?;
    let agree = curves(&data, &device, args.steps)?;
    // A CPU replays nothing.
    let on_gpu = gpu_memory(&device).is_some() || matches!(args.device, DeviceChoice::Vulkan(_));
    let same = !on_gpu || replayed(&data, &device)?;
    table(&data, &device, &args)?;
    if matches!(args.device, DeviceChoice::Vulkan(_)) {
        println!("\nVulkan does not tell what memory a pass needs.");
    } else {
        memory(&args, &device)?;
    }
    let told = |holds: bool| if holds { "held" } else { "MISSED" };
    println!(
        "\nGolden vectors: {}. First {FIRST} losses beside the CPU's: {}. Replayed steps: {}.",
        told(golden),
        told(agree),
        if on_gpu { told(same) } else { "none" }
    );
    if golden && agree && same {
        Ok(())
    } else {
        Err(Error::Bug("the device does not compute what it should".to_owned()))
    }
}

fn main() -> ExitCode {
    cli::main(None, check)
}
