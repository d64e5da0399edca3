//! Kriging beside PyKrige, its variogram beside SciPy, inverse distances beside NumPy: tests/python/expected_baselines.py.

use s2s::section::{Lags, Raster, Variogram, empirical_variogram, inverse_distance, krige};
use serde_json::Value;

struct Case {
    values: Raster<f32>,
    known: Raster<bool>,
    expected: Value,
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn bins(value: &Value) -> Vec<(usize, usize)> {
    value.as_array().unwrap().iter().map(numbers).map(|at| (at[0] as usize, at[1] as usize)).collect()
}

/// The cases, NaN wherever nothing is known, and the variogram that they are to be kriged with.
fn cases() -> (Vec<Case>, Variogram) {
    let file: Value = serde_json::from_str(include_str!("expected/baselines.json")).unwrap();
    let case = |expected: &Value| {
        let shape = numbers(&expected["shape"]);
        let mut values = Raster::filled(shape[0] as usize, shape[1] as usize, f32::NAN);
        for (at, value) in bins(&expected["known"]).into_iter().zip(numbers(&expected["values"])) {
            values[at] = value as f32;
        }
        Case { known: values.map(|value| value.is_finite()), values, expected: expected.clone() }
    };
    let model = |key: &str| file["model"][key].as_f64().unwrap();
    let variogram = Variogram { nugget: model("nugget"), sill: model("sill"), range: model("range"), shape: 1.0 };
    (file["cases"].as_array().unwrap().iter().map(case).collect(), variogram)
}

#[test]
fn predictions_are_those_of_pykrige_and_numpy() {
    let (cases, variogram) = cases();
    for case in cases {
        let maps = [
            ("kriging", krige(&case.values, &case.known, &variogram)),
            ("idw", inverse_distance(&case.values, &case.known)),
        ];
        for (name, map) in maps {
            let expected = numbers(&case.expected[name]);
            for (at, expected) in bins(&case.expected["targets"]).into_iter().zip(expected) {
                assert!(
                    (f64::from(map[at]) - expected).abs() < 1e-5,
                    "{name} {at:?}: {}, expected {expected}",
                    map[at]
                );
            }
        }
    }
}

#[test]
fn the_variogram_is_that_of_scipy() {
    for case in cases().0 {
        let expected = &case.expected["variogram"];
        let lags = empirical_variogram(
            &case.values,
            &case.known,
            Lags::Classes { spacing: case.expected["spacing"].as_f64().unwrap() },
        );
        let wanted: Vec<Vec<f64>> = expected["lags"].as_array().unwrap().iter().map(numbers).collect();
        assert_eq!(lags.len(), wanted.len());
        for (lag, wanted) in lags.iter().zip(wanted) {
            let found = [lag.distance, lag.semivariance, lag.pairs];
            assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-9 * b), "{lag:?}, expected {wanted:?}");
        }
        let found = Variogram::fit(&lags).unwrap();
        for (name, value) in [("nugget", found.nugget), ("sill", found.sill), ("range", found.range)] {
            let wanted = expected["fit"][name].as_f64().unwrap();
            assert!((value - wanted).abs() < 1e-3 * wanted.max(0.1), "{name}: {value}, expected {wanted}");
        }
    }
}
