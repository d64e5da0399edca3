//! What the network promises whatever its weights: sizes, switches, and checkpoints that survive.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use s2s::Error;
use s2s::network::weights::{CONFIG_KEY, FORMAT_KEY, NamedTensor, from_tensors, open, save, to_tensors, write_tensors};
use s2s::network::{Cdcin, CdcinConfig};
use std::collections::BTreeMap;
use std::path::Path;

fn small() -> CdcinConfig {
    CdcinConfig { cascades: 2, channels: 8, growth: 4, blocks: 1, layers: 2, window: 4, heads: 2, ..Default::default() }
}

/// An image without symmetry.
fn image(b: usize, c: usize, h: usize, w: usize) -> Tensor<4> {
    let values: Vec<f32> = (0..b * c * h * w).map(|i| (i as f32 * 0.7).sin() + 0.01 * i as f32).collect();
    Tensor::from_data(TensorData::new(values, [b, c, h, w]), &Device::flex())
}

fn values(x: Tensor<4>) -> Vec<f32> {
    x.try_into_vec_as::<f32>().unwrap()
}

fn message<T>(result: s2s::Result<T>) -> String {
    match result {
        Err(Error::Data(message) | Error::Usage(message)) => message,
        Err(other) => panic!("unexpected kind of error: {other:?}"),
        Ok(_) => panic!("expected an error"),
    }
}

#[test]
fn the_papers_network_has_its_number_of_parameters() {
    assert_eq!(CdcinConfig::default().parameters(), 3_310_659);
    // Norms 128, window attention 5,124, channel attention 4,940, MLP 8,352: in 2 attention blocks of 8 blocks of 3 stages.
    let attention = 3 * 8 * 2 * (128 + 5_124 + 4_940 + 8_352);
    assert_eq!(CdcinConfig { attention: false, ..Default::default() }.parameters(), 3_310_659 - attention);
}

#[test]
fn a_network_whose_reconstruction_starts_at_zero_returns_its_input() {
    let net = CdcinConfig { zero_reconstruct: true, ..small() }.init(1, &Device::flex());
    let x0 = image(2, 1, 8, 12);
    for output in net.forward(x0.clone(), x0.clone().greater_elem(0.5).float(), None) {
        assert_eq!(values(output), values(x0.clone()));
    }
}

#[test]
fn without_data_consistency_the_mask_changes_nothing() {
    let x0 = image(1, 1, 8, 8);
    for (data_consistency, changes) in [(true, true), (false, false)] {
        let net = CdcinConfig { data_consistency, ..small() }.init(1, &Device::flex());
        let last = |mask: Tensor<4>| values(net.forward(x0.clone(), mask, None).pop().unwrap());
        let [none, all] = [last(x0.zeros_like()), last(x0.ones_like())];
        assert_eq!(none != all, changes);
    }
}

/// Position `at` beyond the end of `length` pixels, mirrored at the last one.
fn mirrored(at: usize, length: usize) -> usize {
    if at < length { at } else { 2 * (length - 1) - at }
}

#[test]
fn sizes_that_are_no_multiple_of_the_window_are_mirrored_and_cropped() {
    let net = small().init(3, &Device::flex());
    let x = image(1, 1, 6, 11);
    let given = values(x.clone());
    let full: Vec<f32> = (0..8 * 12).map(|i| given[mirrored(i / 12, 6) * 11 + mirrored(i % 12, 11)]).collect();
    let full = Tensor::from_data(TensorData::new(full, [1, 1, 8, 12]), &Device::flex());
    let mask = |x: &Tensor<4>| x.clone().greater_elem(0.5).float();
    let found = net.forward(x.clone(), mask(&x), None);
    let expected = net.forward(full.clone(), mask(&full), None);
    for (found, expected) in found.into_iter().zip(expected) {
        assert_eq!(found.dims(), [1, 1, 6, 11]);
        assert_eq!(values(found), values(expected.narrow(2, 0, 6).narrow(3, 0, 11)));
    }
}

#[test]
fn any_size_works() {
    let plain = CdcinConfig { attention: false, ..small() };
    for (config, h, w) in [(small(), 1, 1), (small(), 2, 9), (small(), 3, 4), (plain, 5, 3)] {
        let x = image(1, 1, h, w);
        for output in config.init(0, &Device::flex()).forward(x.clone(), x.ones_like(), None) {
            assert_eq!(output.dims(), [1, 1, h, w]);
            assert!(values(output).iter().all(|value| value.is_finite()));
        }
    }
}

#[test]
fn guides_are_seen_but_not_imputed() {
    let net = CdcinConfig { input_channels: 3, ..small() }.init(2, &Device::flex());
    let x = image(1, 1, 8, 8);
    let last = |guides| values(net.forward(x.clone(), x.ones_like(), Some(guides)).pop().unwrap());
    let guides = image(1, 2, 8, 8);
    assert_eq!(last(guides.clone()).len(), 64);
    assert_ne!(last(guides.clone()), last(guides * 2.0));
}

#[test]
fn a_seed_decides_all_weights() {
    let of = |seed, device: &Device| to_tensors(&small().init(seed, device));
    assert_eq!(of(7, &Device::flex()), of(7, &Device::flex().autodiff()));
    assert_ne!(of(7, &Device::flex()), of(8, &Device::flex()));
    let convolution =
        of(7, &Device::flex()).into_iter().find(|t| t.name == "stages.1.blocks.0.dense.1.weight").unwrap();
    assert_eq!(convolution.shape, [4, 12, 3, 3]);
    let bound = 1.0 / (12.0 * 9.0_f32).sqrt();
    let largest = convolution.values.iter().fold(0.0, |most: f32, value| most.max(value.abs()));
    assert!(largest <= bound && largest > 0.9 * bound, "{largest} of {bound}");
}

#[test]
fn impossible_dimensions_name_the_key() {
    let wrong = [
        (CdcinConfig { heads: 3, ..small() }, "network.heads is 3"),
        (CdcinConfig { cascades: 0, ..small() }, "network.cascades is 0"),
        (CdcinConfig { window: 5, ..small() }, "network.window is 5"),
        (CdcinConfig { squeeze: 16, ..small() }, "network.squeeze is 16"),
    ];
    for (config, expected) in wrong {
        let found = message(config.check());
        assert!(found.contains(expected), "{found}");
    }
    assert!(CdcinConfig { attention: false, heads: 3, window: 5, ..small() }.check().is_ok());
    assert!(CdcinConfig::default().check().is_ok());
}

#[test]
fn a_checkpoint_gives_the_network_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let net = CdcinConfig { alpha: 0.25, ..small() }.init(5, &Device::flex());
    let metadata: BTreeMap<_, _> = (0..20).map(|i| (format!("key{i}"), format!("\"{i}\" µm\n"))).collect();
    save(&net, &metadata, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    save(&net, &metadata, &path).unwrap();
    assert_eq!(bytes, std::fs::read(&path).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let (opened, config, mut found) = open(&path, &Device::flex()).unwrap();
    assert_eq!(to_tensors(&opened), to_tensors(&net));
    assert_eq!(&config, net.config());
    assert!(found.remove(CONFIG_KEY).is_some());
    assert_eq!(found.remove(FORMAT_KEY).as_deref(), Some("1"));
    // What is not there is not told: older programs know no such key.
    assert!(!String::from_utf8_lossy(&bytes).contains("gene_embedding"));
    assert_eq!(found, metadata);
    assert_eq!(open(&path, &Device::flex().autodiff()).unwrap().0.num_params(), net.num_params());
}

/// A network of three genes, whose embeddings do something.
fn of_genes() -> Cdcin {
    let device = Device::flex();
    let net = CdcinConfig { gene_embedding: 3, ..small() }.init(5, &device).for_genes(&[None; 3], 5, &device);
    let mut tensors = to_tensors(&net);
    for tensor in tensors.iter_mut().filter(|tensor| tensor.name.contains("film")) {
        tensor.values.iter_mut().enumerate().for_each(|(i, value)| *value = (i as f32).sin() * 0.3);
    }
    from_tensors(net.config(), tensors, &device).unwrap()
}

#[test]
fn embeddings_change_nothing_before_they_have_learned() {
    let device = Device::flex();
    let (x0, plain) = (image(2, 1, 8, 8), small().init(5, &device));
    let fresh = CdcinConfig { gene_embedding: 3, ..small() }.init(5, &device).for_genes(&[None; 3], 5, &device);
    let added = plain.with_embedding(3, &device).for_genes(&[None; 3], 5, &device);
    assert_eq!(to_tensors(&fresh), to_tensors(&added));
    let expected = values(plain.forward(x0.clone(), x0.zeros_like(), None).pop().unwrap());
    let found = fresh.forward_of(x0.clone(), x0.zeros_like(), None, &[Some(0), Some(2)]).pop().unwrap();
    assert_eq!(values(found), expected);
}

#[test]
fn every_gene_has_its_own_network_and_an_unknown_one_that_of_the_mean() {
    let (net, device, x) = (of_genes(), Device::flex(), image(1, 1, 8, 8));
    let of = |net: &Cdcin, gene: Option<usize>| {
        values(net.forward_of(x.clone(), x.zeros_like(), None, &[gene]).pop().unwrap())
    };
    let two = Tensor::cat(vec![x.clone(), x.clone()], 0);
    let together = values(net.forward_of(two.clone(), two.zeros_like(), None, &[Some(2), Some(0)]).pop().unwrap());
    let [first, second, third] = [0, 1, 2].map(|gene| of(&net, Some(gene)));
    assert!(first != second && second != third && first != third);
    assert_eq!(together, [third.clone(), first].concat());
    assert_eq!(of(&net.for_genes(&[Some(2)], 0, &device), Some(0)), third);
    // In other networks a gene is another row, and one that was not learned the mean of those that were.
    let other = net.for_genes(&[None, Some(1)], 0, &device);
    assert_eq!((other.known_genes(), of(&other, Some(1))), (2, second));
    let table = |net: &Cdcin| to_tensors(net).into_iter().find(|tensor| tensor.name == "genes.table").unwrap().values;
    let (known, found) = (table(&net), table(&other));
    for number in 0..3 {
        let mean = (known[number] + known[3 + number] + known[6 + number]) / 3.0;
        assert!((found[number] - mean).abs() < 1e-6);
    }
    assert_eq!(of(&other, Some(0)), of(&net, None));
}

#[test]
fn embeddings_are_kept_in_a_checkpoint_that_older_programs_refuse() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let net = of_genes();
    save(&net, &BTreeMap::new(), &path).unwrap();
    let (opened, config, metadata) = open(&path, &Device::flex()).unwrap();
    assert_eq!((to_tensors(&opened), &config), (to_tensors(&net), net.config()));
    assert_eq!(metadata[FORMAT_KEY], "2");
    let without = to_tensors(&net).into_iter().filter(|tensor| tensor.name != "genes.table").collect();
    let found = message(from_tensors(net.config(), without, &Device::flex()));
    assert!(found.contains("genes.table of shape [1, 3] is missing"), "{found}");
}

#[test]
fn a_broken_checkpoint_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    save(&small().init(5, &Device::flex()), &BTreeMap::new(), &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for length in [0, 7, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let found = message(open(&path, &Device::flex()));
        assert!(found.contains("a.safetensors") && found.contains("safetensors file"), "{length} bytes: {found}");
    }
    std::fs::write(&path, vec![0xff; 4096]).unwrap();
    message(open(&path, &Device::flex()));
    assert!(matches!(open(Path::new("no/such.safetensors"), &Device::flex()), Err(Error::Missing(_))));
}

#[test]
fn weights_of_another_network_are_refused_by_name() {
    let device = Device::flex();
    let tensors = to_tensors(&small().init(0, &device));
    let wider = CdcinConfig { channels: 16, ..small() };
    let found = message(from_tensors(&wider, tensors.clone(), &device));
    assert!(found.contains("stages.0.shallow1.weight has shape [8, 1, 3, 3]; expected [16, 1, 3, 3]"), "{found}");

    let found = message(from_tensors(&CdcinConfig { cascades: 3, ..small() }, tensors.clone(), &device));
    assert!(found.contains("stages.2.shallow1.weight of shape [8, 1, 3, 3] is missing"), "{found}");

    let found = message(from_tensors(&CdcinConfig { cascades: 1, ..small() }, tensors, &device));
    assert!(found.contains("stages.1.") && found.contains("not part of the network"), "{found}");
}

#[test]
fn a_file_that_is_no_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.safetensors");
    let tensor = NamedTensor { name: "a".to_owned(), shape: vec![2], values: vec![1.0, 2.0] };
    write_tensors(vec![tensor.clone()], &BTreeMap::new(), &path).unwrap();
    assert!(message(open(&path, &Device::flex())).contains("no key network"));
    for config in ["{\"depth\": 3}", "{\"heads\": 5}", "["] {
        let metadata = BTreeMap::from([(CONFIG_KEY.to_owned(), config.to_owned())]);
        write_tensors(vec![tensor.clone()], &metadata, &path).unwrap();
        let found = message(open(&path, &Device::flex()));
        assert!(found.contains("metadata key network"), "{found}");
    }
}
