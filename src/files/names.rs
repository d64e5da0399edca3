//! Names from data (genes, samples) as names of files: they stay in their folder, and no two become the same.

use super::content_fingerprint;
use std::path::{Path, PathBuf};

/// Longest name in bytes that is kept; with what stages put before and after it, a disk's limit of 255 is not reached.
const LONGEST: usize = 150;

/// How many bytes of a longer name are kept before its hash.
const KEPT: usize = 120;

/// `name` as one component of a path, never `.`, `..`, hidden or empty; different names give different results.
///
/// Letters, digits and `-_.+()` stay as they are; any other byte, and a dot at the start, becomes `%XX`. Of a long name the
/// start and a hash of all of it are left.
pub fn file_name(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    for (at, letter) in name.char_indices() {
        if letter.is_alphanumeric() || "-_+()".contains(letter) || (letter == '.' && at > 0) {
            clean.push(letter);
        } else {
            letter.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| clean.push_str(&format!("%{byte:02X}")));
        }
    }
    // No other name gives these: a % is followed by two hexadecimal digits there.
    if clean.is_empty() {
        return "%-".to_owned();
    }
    if clean.len() <= LONGEST {
        return clean;
    }
    let end = (0..=KEPT).rev().find(|end| clean.is_char_boundary(*end)).unwrap_or(0);
    format!("{}%-{}", &clean[..end], &content_fingerprint(name.as_bytes())[..32])
}

/// The file that belongs to the output `path` and ends in `.extension`: in the place of `.safetensors`, behind any other name.
pub fn companion(path: &Path, extension: &str) -> PathBuf {
    if path.extension().is_some_and(|own| own == "safetensors") {
        return path.with_extension(extension);
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Component;

    #[test]
    fn harmless_names_stay_and_others_stay_in_their_folder() {
        for name in ["HLA-DRB1", "XCL1_2", "H2-K1.1", "a+b(c)", "Äpfel"] {
            assert_eq!(file_name(name), name);
        }
        assert_eq!(file_name("XCL1/2"), "XCL1%2F2");
        assert_eq!(file_name("../../evil"), "%2E.%2F..%2Fevil");
        assert_eq!(file_name(".."), "%2E.");
        assert!(file_name(&"A".repeat(300)).len() < 180);
        assert_ne!(file_name(&"A".repeat(300)), file_name(&"A".repeat(301)));
    }

    #[test]
    fn nothing_is_its_own_companion() {
        let of = |path: &str| companion(Path::new(path), "ckpt");
        assert_eq!(of("fits/A.safetensors"), Path::new("fits/A.ckpt"));
        assert_eq!(of("x.ckpt"), Path::new("x.ckpt.ckpt"));
        assert_eq!((of("v1.a"), of("v1.b")), (PathBuf::from("v1.a.ckpt"), PathBuf::from("v1.b.ckpt")));
    }

    proptest! {
        #[test]
        fn any_name_is_one_visible_component(name in any::<String>(), other in any::<String>()) {
            let clean = file_name(&name);
            let parts: Vec<Component> = Path::new(&clean).components().collect();
            prop_assert!(matches!(parts[..], [Component::Normal(_)]) && !clean.starts_with('.') && clean.len() < 200);
            prop_assert_eq!(clean == file_name(&other), name == other);
        }
    }
}
