//! Columns of `obs` and `var`: plain, nullable or categorical, as every version of anndata wrote them.

use super::tree::Tree;
use crate::Result;

/// A column of texts, plain, nullable or categorical.
pub(crate) fn texts(tree: &Tree, name: &str) -> Result<Vec<String>> {
    let plain = |name: &str| {
        let mut all = Vec::new();
        tree.texts(name, |text| all.push(text.to_owned())).map(|()| all)
    };
    let Some((categories, codes)) = categorical(tree, name)? else { return plain(&values(tree, name)?) };
    let categories = plain(&categories)?;
    Ok(tree.column(&codes)?.into_iter().map(|code| category(&categories, code).cloned().unwrap_or_default()).collect())
}

/// A column of numbers or booleans, plain, nullable or categorical.
pub(crate) fn numbers(tree: &Tree, name: &str) -> Result<Vec<f64>> {
    let Some((path, codes)) = categorical(tree, name)? else { return tree.column(&values(tree, name)?) };
    let mut categories = Vec::new();
    match tree.column(&path) {
        Ok(numbers) => categories = numbers,
        Err(_) => tree.texts(&path, |text| categories.push(text.parse().unwrap_or(f64::NAN)))?,
    }
    let code = |code: f64| category(&categories, code).copied().unwrap_or(f64::NAN);
    Ok(tree.column(&codes)?.into_iter().map(code).collect())
}

/// Where the categories and the codes of a categorical column stand; before anndata 0.8, categories stood in a group of their own.
fn categorical(tree: &Tree, name: &str) -> Result<Option<(String, String)>> {
    let (table, column) = name.rsplit_once('/').unwrap_or(("", name));
    let old = format!("{table}/__categories/{column}");
    Ok(if tree.has(&format!("{name}/categories"))? {
        Some((format!("{name}/categories"), format!("{name}/codes")))
    } else if tree.has(&old)? {
        Some((old, name.to_owned()))
    } else {
        None
    })
}

/// Where the values of a column stand, nullable or not.
fn values(tree: &Tree, name: &str) -> Result<String> {
    let nullable = format!("{name}/values");
    Ok(if tree.has(&nullable)? { nullable } else { name.to_owned() })
}

fn category<T>(categories: &[T], code: f64) -> Option<&T> {
    (code >= 0.0).then(|| categories.get(code as usize))?
}
