//! Images as guides: what is seen in a bin is what NumPy and SciPy see there, whatever the format; nothing withheld has a part in it; an image
//! that lies wrongly is told; and a guide that knows something helps.

mod common;
#[allow(dead_code, reason = "the recipe alone is wanted of it")]
#[path = "common/fitting.rs"]
mod fitting;
#[path = "common/stages.rs"]
mod stages;
#[path = "common/transcripts.rs"]
mod transcripts;

use common::python;
use s2s::dataset::Dataset;
use s2s::imputation::panel;
use s2s::store::Store;
use s2s::training::ModelMetadata;
use serde_json::Value;
use stages::run;
use std::ffi::OsStr;
use std::path::Path;
use transcripts::{Transcript, prep, read_manifest, write_parquet};

/// A section of 510 × 357 µm whose totals grow to the lower right: four molecules a bin of 20 µm and more, some of them withheld.
fn spots(at: &Path, name: &str, withheld: impl Fn(usize, usize) -> usize) {
    let bins = (0..17).flat_map(|row| (0..25).map(move |col| (row, col)));
    let molecules = bins.flat_map(|(row, col)| {
        let measured = row % 2 == 0 && col % 2 == 0;
        let count = if measured { 20 + row * col } else { withheld(row, col) };
        let at = move |bin: usize, i: usize| 20.0 * bin as f64 + 1.0 + (i * 7 % 18) as f64;
        (0..count).map(move |i| Transcript::new(["A", "B"][i % 2], at(col, i), at(row, i + 3)))
    });
    write_parquet(&at.join(name), &molecules.collect::<Vec<_>>(), 5000);
}

fn prepared(at: &Path, input: &str, more: &[&str]) -> std::process::Output {
    let paths = [at.join(input).display().to_string(), at.join("sample.s2s").display().to_string()];
    let fixed =
        ["--input", &paths[0], "--output", &paths[1], "--bin-um", "20", "--mode", "benchmark", "--min-counts", "5"];
    prep(fixed.iter().copied().chain(more.iter().copied()))
}

#[test]
fn every_format_says_what_numpy_sees() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let modules = ["numpy", "scipy", "tifffile", "PIL", "pyarrow"];
    let Some(told) = python("make_images.py", &modules, &[at.as_os_str(), OsStr::new("large")]) else { return };
    spots(at, "spots.parquet", |row, col| row + col);
    let scale = at.join("scale.csv").display().to_string();
    for (name, transform) in told.as_object().unwrap() {
        let image = at.join(name).display().to_string();
        let given: &[&str] = if transform.as_bool() == Some(true) { &["--image-transform", &scale] } else { &[] };
        let done = prepared(at, "spots.parquet", &[&["--image", &image], given].concat());
        assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
        let seen = at.join(format!("{name}.npy"));
        let sample = at.join("sample.s2s");
        let found = python("check_guides.py", &modules, &[sample.as_os_str(), seen.as_os_str()]).expect("it was there");
        let coloured = name.starts_with("he");
        assert_eq!(found.as_object().unwrap().len(), if coloured { 18 } else { 6 }, "{name}: {found}");
        // Decoders of JPEG round differently.
        let most = if name.contains("jp") && name != "jpeg2000.ome.tif" { 0.06 } else { 1e-3 };
        for (guide, difference) in found.as_object().unwrap() {
            assert!(difference.as_f64().unwrap() < most, "{name}, {guide}: {difference}");
        }
        assert!(name != "focus_0001.ome.tif" || found.get("18S mean").is_some(), "{found}");
    }

    // 1.6 billion pixels in less memory than a tenth of them would take.
    let large = at.join("large.ome.tif").display().to_string();
    let done = prepared(at, "spots.parquet", &["--image", &large]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let memory = said.split("peak memory ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    assert!(memory.is_some_and(|mib| mib < 300), "{said}");
}

#[test]
fn a_spatialdata_store_says_where_its_images_lie() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    spots(at, "spots.parquet", |row, col| row + col);
    let Some(stores) = python("make_spatialdata.py", &["spatialdata", "dask"], &[at.as_os_str()]) else { return };
    for store in stores.as_array().unwrap().iter().map(|store| store.as_str().unwrap()) {
        let done = prepared(at, store, &["--image", "auto"]);
        assert!(done.status.success(), "{store}: {}", String::from_utf8_lossy(&done.stderr));
        let (sample, seen) = (at.join("sample.s2s"), at.join(format!("{store}.npy")));
        let arguments = [sample.as_os_str(), seen.as_os_str(), OsStr::new("first")];
        let found = python("check_guides.py", &["numpy", "scipy", "pyarrow"], &arguments).expect("it was there");
        for (guide, difference) in found.as_object().unwrap() {
            assert!(difference.as_f64().unwrap() < 1e-3, "{store}, {guide}: {difference}");
        }
        let names = read_manifest(&sample)["guides"].to_string();
        assert!(names.contains(if store == "turned.zarr" { "eosin mean" } else { "18S mean" }), "{names}");
    }
}

#[test]
fn withheld_molecules_change_no_guide() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    run(at, "s2s-simulate", "--rows 12 --cols 18 --genes 2 --seed 1 --stain --output section");
    let image = at.join("section/morphology_mip.ome.tif").display().to_string();
    let guides = |input: &str, withheld: &dyn Fn(usize, usize) -> usize| {
        spots(at, input, withheld);
        let done = prepared(at, input, &["--image", &image, "--align"]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let manifest = read_manifest(&at.join("sample.s2s"));
        (manifest["guides"].clone(), manifest["fingerprints"]["guides.parquet"].clone())
    };
    let first = guides("one.parquet", &|row, col| row + col);
    assert_eq!(first.0.as_array().unwrap().len(), 6);
    assert_eq!(first, guides("two.parquet", &|row, col| 100 * (row % 3) + 7 * col));
    // Without images there is no word of them.
    assert!(prepared(at, "one.parquet", &[]).status.success());
    let plain = read_manifest(&at.join("sample.s2s"));
    assert!(plain.get("guides").is_none() && plain["fingerprints"].get("guides.parquet").is_none());
    assert!(Dataset::open(&at.join("sample.s2s")).unwrap().guide_maps().unwrap().is_empty());
}

#[test]
fn what_cannot_guide_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    spots(at, "spots.parquet", |_, _| 5);
    run(at, "s2s-simulate", "--rows 4 --cols 5 --genes 1 --seed 1 --stain --output section");
    let stain = at.join("section/morphology_mip.ome.tif").display().to_string();
    let file = |name: &str, content: &[u8]| {
        std::fs::write(at.join(name), content).unwrap();
        at.join(name).display().to_string()
    };
    let far = file("far.csv", b"0.85,0,5000\n0,0.85,0\n");
    let no_map = file("no_map.csv", b"1,2\n");
    let no_image = file("no.png", b"no picture");
    image::GrayImage::new(8, 8).save(at.join("grey.png")).unwrap();
    let grey = at.join("grey.png").display().to_string();
    let cases: [(&[&str], i32, &str); 6] = [
        (&["--image", &grey], 65, "does not say how large its pixels are"),
        (&["--image", &stain, "--image-transform", &far], 65, "covers no measured bin: its"),
        (&["--image", &stain, "--image-transform", &no_map], 65, "line 1: \"1,2\" is not three numbers"),
        (&["--image", &no_image], 65, "not readable as an image"),
        (&["--image", "nowhere.tif"], 66, "nowhere.tif"),
        (&["--image", "auto"], 66, "no images that --image auto knows"),
    ];
    for (arguments, code, part) in cases {
        let done = prepared(at, "spots.parquet", arguments);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(code) && said.contains(part), "{arguments:?}: {said}");
        assert!(!at.join("sample.s2s").exists(), "{arguments:?}");
    }
    let both =
        prepared(at, "spots.parquet", &["--image", &stain, "--image-transform", &far, "--image-transform", &far]);
    assert_eq!(both.status.code(), Some(2), "{}", String::from_utf8_lossy(&both.stderr));
}

#[test]
fn a_stain_helps_its_mirror_image_is_told_and_align_turns_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    run(at, "s2s-simulate", "--rows 64 --cols 64 --genes 8 --seed 4 --stain --output section");
    let prep = "--input section --bin-um 30 --scale 2 --mode benchmark";
    run(at, "s2s-prep", &format!("{prep} --output plain.s2s"));
    let said = run(at, "s2s-prep", &format!("{prep} --image auto --output guided.s2s"));
    assert!(!said.contains("fits better"), "{said}");
    // 64 bins of 30 µm are 2,258.8 pixels of 0.85 µm, and the image has 2,259.
    std::fs::write(at.join("mirrored.csv"), "0.85,0,0\n0,-0.85,1920.15\n0,0,1\n").unwrap();
    let mirrored = format!("{prep} --image auto --image-transform mirrored.csv");
    let said = run(at, "s2s-prep", &format!("{mirrored} --output mirrored.s2s"));
    assert!(said.contains("the image fits better mirrored top to bottom"), "{said}");
    run(at, "s2s-prep", &format!("{mirrored} --align --output aligned.s2s"));

    for name in ["plain", "guided", "mirrored", "aligned"] {
        run(at, "s2s-predict", &format!("--dataset {name}.s2s --method blend --output {name}.zarr"));
        run(at, "s2s-score", &format!("--dataset {name}.s2s --prediction {name}.zarr --output {name}"));
    }
    run(at, "s2s-predict", "--dataset plain.s2s --method kriging --output kriging.zarr");
    run(at, "s2s-score", "--dataset plain.s2s --prediction kriging.zarr --output kriging");
    let each = |name: &str, key: &str| {
        let scores = std::fs::read(at.join(name).join("scores.json")).unwrap();
        let scores: Value = serde_json::from_slice(&scores).unwrap();
        let of = |one: &&Value| one["region"] == "unmeasured";
        let found = scores["scores"].as_array().unwrap().iter().filter(of);
        let values: Vec<f64> = found.map(|one| one[key].as_f64().unwrap()).collect();
        assert_eq!(values.len(), 8, "{name}");
        values
    };
    let mean = |name: &str, key: &str| each(name, key).iter().sum::<f64>() / 8.0;
    let [plain, guided, mirrored, aligned] = ["plain", "guided", "mirrored", "aligned"].map(|name| mean(name, "rmse"));
    // Kriging does not change as the experts do: against it the bar is where it was when an equal mean had to gain 1 % by the stain.
    let kriging = mean("kriging", "rmse");
    assert!(guided < 0.945 * kriging && guided < 0.995 * plain, "{guided} {plain} {kriging}");
    let gains = each("guided", "rmse").into_iter().zip(each("plain", "rmse")).map(|(with, without)| with / without);
    assert!(gains.fold(1.0, f64::min) < 0.98, "the gene that the stain shows best");
    assert!((aligned / guided - 1.0).abs() < 0.005, "{aligned} {guided}");
    assert!(mirrored < 1.01 * plain, "{mirrored} {plain}");
    assert!((0.86..0.94).contains(&mean("guided", "coverage")), "{}", mean("guided", "coverage"));

    // The report shows the stain and how it fits.
    let report = std::fs::read_to_string(at.join("guided/report.html")).unwrap();
    let fit = read_manifest(&at.join("guided.s2s"))["guides"][0]["correlation"].as_f64().unwrap();
    assert!(report.contains("<b>DAPI mean</b>") && report.contains(&format!("correlation\u{a0}{fit:.2}")), "{fit}");
    assert!(!report.contains("DAPI deviation"), "one picture for a stain");
    // Maps of guides are read as they were written: the image reaches every bin.
    let dataset = Dataset::open(&at.join("guided.s2s")).unwrap();
    let maps = dataset.guide_maps().unwrap();
    assert_eq!(dataset.manifest().guides[0].name, "DAPI mean");
    assert!(maps.len() == 6 && maps.iter().all(|map| map.values().iter().all(|value| value.is_finite())));
    assert!(panel(&dataset).is_ok());
}

/// Four steps teach nothing: what is looked at is what is seen, and what is said.
#[test]
fn a_network_does_without_its_guides_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    run(at, "s2s-simulate", "--rows 24 --cols 24 --genes 2 --seed 2 --stain --output section");
    run(at, "s2s-prep", "section --image auto --bin-um 30 --scale 2 --mode impute --output a.s2s");
    std::fs::write(at.join("tiny.yaml"), fitting::TINY).unwrap();
    let genes = Dataset::open(&at.join("a.s2s")).unwrap().manifest().genes.clone();
    let fit =
        format!("a.s2s --gene {} --config tiny.yaml --set fit.stains=2 --set network.input_channels=4", genes[0].name);
    let fit = format!("{fit} --set fit.holdout=0.2 --set fit.evaluate_every=2 --set fit.learning_rate=0.03");
    run(at, "s2s-fit", &format!("{fit} --output with.safetensors"));
    run(at, "s2s-fit", &format!("{fit} --set fit.guide_dropout=0.5 --output either.safetensors"));
    let predicted = |model: &str, guides: bool| {
        let output = format!("{model}{guides}.zarr");
        let more = format!("--set predict.network_share=1 --set predict.network_guides={guides}");
        let said = run(at, "s2s-predict", &format!("a.s2s --model {model}.safetensors {more} --output {output}"));
        (said, Store::open(&at.join(output)).unwrap().gene(&genes[0].name).unwrap())
    };
    for (model, told) in [("with", true), ("either", false)] {
        let ((said, with), (without_said, without)) = (predicted(model, true), predicted(model, false));
        assert!(!said.contains("guide_dropout") && !said.contains("network_guides"), "{said}");
        assert_eq!(without_said.contains("Fit with fit.guide_dropout"), told, "{without_said}");
        assert!(
            without_said.contains("no uncertainty for 1 of 1 gene: it is calibrated with the guides"),
            "{without_said}"
        );
        let differ =
            with.values().iter().zip(without.values()).any(|(with, without)| with.is_finite() && with != without);
        assert!(differ, "{model}: the guides have no part in the prediction");
    }
}

#[test]
fn the_network_of_a_panel_sees_the_guides_unless_it_is_told_what_to_see() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    run(at, "s2s-simulate", "--rows 24 --cols 24 --genes 2 --seed 2 --stain --output section");
    run(at, "s2s-prep", "section --image auto --bin-um 30 --scale 2 --mode impute --output stained.s2s");
    run(at, "s2s-prep", "section --bin-um 30 --scale 2 --mode impute --output plain.s2s");
    run(at, "s2s-simulate", "--rows 24 --cols 24 --genes 2 --seed 2 --sections 2 --stain --output stack");
    run(at, "s2s-prep", "stack/section_2 --bin-um 30 --pattern all --mode impute --output dense.s2s");
    let beside = "stack/section_1 --bin-um 30 --scale 2 --mode impute --section dense.s2s";
    run(at, "s2s-prep", &format!("{beside} --image auto --output both.s2s"));
    std::fs::write(at.join("own.yaml"), fitting::TINY).unwrap();
    // What a recipe of ours and of the user's, on a section with six guides of an image, with a serial section as well, and with none, has of guides: channels, embedding, stains, drop-out.
    let cases = [
        ("stained.s2s --joint --config quick", [16.0, 8.0, 6.0, 0.25]),
        (
            "stained.s2s --joint --config quick --set network.gene_embedding=0 --set fit.guide_dropout=0",
            [16.0, 0.0, 6.0, 0.0],
        ),
        ("stained.s2s --joint --config quick --set fit.stains=0", [10.0, 0.0, 0.0, 0.0]),
        ("both.s2s --joint --config quick", [16.0, 8.0, 6.0, 0.25]),
        ("stained.s2s --joint --config own.yaml", [2.0, 0.0, 0.0, 0.0]),
        ("stained.s2s --config quick", [10.0, 0.0, 0.0, 0.0]),
        ("plain.s2s --joint --config quick", [10.0, 0.0, 0.0, 0.0]),
    ];
    for (i, (given, expected)) in cases.iter().enumerate() {
        let output = format!("fits{i}");
        let said =
            run(at, "s2s-fit", &format!("{given} --genes all --steps 1 --set fit.images=false --output {output}"));
        assert_eq!(said.contains("guides: the network sees the 6 of the images"), expected[2] > 0.0, "{given}: {said}");
        let model = std::fs::read_dir(at.join(&output)).unwrap().map(|entry| entry.unwrap().path());
        let model = model.into_iter().find(|path| path.extension().is_some_and(|name| name == "safetensors")).unwrap();
        let config = ModelMetadata::read(&model).unwrap().provenance.config;
        let of = |key: &str| config.pointer(key).unwrap().as_f64().unwrap();
        let keys = ["/network/input_channels", "/network/gene_embedding", "/fit/stains", "/fit/guide_dropout"];
        let found = keys.map(of);
        assert_eq!(&found, expected, "{given}");
    }
    // First weights have their own shape.
    run(at, "s2s-fit", "plain.s2s --genes all --joint --config quick --steps 1 --set fit.images=false --output first");
    let warm = "stained.s2s --genes all --joint --config quick --steps 1 --set fit.images=false";
    run(at, "s2s-fit", &format!("{warm} --init first/joint.safetensors --output warm"));
    // What such a network predicts, it predicts without more flags.
    run(at, "s2s-predict", "stained.s2s --model fits0/joint.safetensors --output fits0.zarr");
    assert_eq!(Store::open(&at.join("fits0.zarr")).unwrap().genes().len(), 2);
}
