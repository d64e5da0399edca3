//! What `s2s-fit` promises: no leak, the same weights for the same seed, one clear error for a mistake.

#[path = "common/fitting.rs"]
mod fitting;
#[path = "common/section.rs"]
mod section;

use fitting::{WAVE, fit, weights};
use s2s::dataset::Mode;

#[test]
fn a_fit_without_the_truth_gives_the_same_weights_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = section::dataset(folder.path(), 48, 40, Mode::Benchmark);
    let run = |arguments: &[&str], output: &str, found: &str| {
        let done = fit(folder.path(), &[arguments, &["--output", output]].concat());
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        weights(folder.path(), found)
    };
    // Of genes that share a network, with an embedding each.
    let joint = ["sample.s2s", "--genes", "all", "--joint", "--config", "tiny.yaml", "--threads", "1"];
    let joint = [&joint[..], &["--set", "network.gene_embedding=3"]].concat();
    let with_truth = run(&WAVE, "a.safetensors", "a.safetensors");
    let shared = run(&joint, "a", "a/joint.safetensors");
    std::fs::remove_file(dataset.join("truth.parquet")).unwrap();
    assert_eq!(run(&WAVE, "b.safetensors", "b.safetensors"), with_truth);
    assert_eq!(run(&joint, "b", "b/joint.safetensors"), shared);
    let seed = fit(folder.path(), &[&WAVE[..6], &["--seed", "8", "--output", "c.safetensors"]].concat());
    assert!(seed.status.success());
    assert_ne!(weights(folder.path(), "c.safetensors"), with_truth, "another seed gives other weights");
}

#[test]
fn tf32_where_there_are_no_matrix_units_is_told_and_gives_what_f32_gives() {
    let folder = tempfile::tempdir().unwrap();
    section::dataset(folder.path(), 48, 40, Mode::Impute);
    let [(plain, f32), (told, tf32)] = ["f32", "tf32"].map(|precision| {
        let output = format!("{precision}.safetensors");
        let precision = format!("fit.precision={precision}");
        let done = fit(folder.path(), &[&WAVE[..], &["--set", &precision, "--output", &output]].concat());
        assert!(done.status.success());
        (String::from_utf8_lossy(&done.stderr).into_owned(), weights(folder.path(), &output))
    });
    assert!(told.contains("fit.precision: tf32 is not used") && !plain.contains("tf32"), "{told}");
    assert_eq!(tf32, f32);
}

#[test]
fn mistakes_are_one_clear_error_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    section::dataset(folder.path(), 48, 40, Mode::Impute);
    std::fs::write(folder.path().join("typo.yaml"), "fit: {lerning_rate: 1}").unwrap();
    std::fs::write(folder.path().join("guides.yaml"), "fit: {guides: [lattice]}").unwrap();
    let cases: [(&[&str], i32, &[&str]); 8] = [
        (&["--dataset", "nowhere.s2s", "--gene", "WAVE"], 66, &["nowhere.s2s", "s2s-prep"]),
        (&["--dataset", "sample.s2s", "--gene", "WAVES"], 65, &["WAVES", "WAVE"]),
        (
            &["--dataset", "sample.s2s", "--gene", "WAVE", "--config", "typo.yaml"],
            2,
            &["fit.lerning_rate", "fit.learning_rate"],
        ),
        (&["--dataset", "sample.s2s", "--gene", "WAVE", "--config", "guides.yaml"], 2, &["network.input_channels"]),
        (&["--dataset", "sample.s2s", "--gene", "WAVE", "--device", "cuda:0"], 2, &["cuda:0", "cpu"]),
        (&["--dataset", "sample.s2s", "--gene", "WAVE", "--device", "tpu"], 2, &["tpu"]),
        (&["--dataset", "sample.s2s", "--gene", "WAVE", "--images", "none"], 66, &["none"]),
        (&["--dataset", "sample.s2s", "--gene", "WAVE", "--output", "no/such/folder.safetensors"], 74, &["no/such"]),
    ];
    for (arguments, code, words) in cases {
        let done = fit(folder.path(), arguments);
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {text}");
        assert_eq!(text.matches("error:").count(), 1, "{text}");
        assert!(words.iter().all(|word| text.contains(word)), "{arguments:?}: {text}");
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "{left:?}");
}
