//! The files of the library import in one direction, as ARCHITECTURE.md draws it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The layers from the lowest to the highest. A file imports from its own layer and from those before it.
const LAYERS: [&str; 12] = [
    "error",
    "diesel_internals",
    "dialect",
    "declare",
    "connection",
    "schema",
    "query",
    "statement",
    "cascade",
    "revive",
    "migration",
    "purge",
];

/// Diesel's private API and the names of its private types, which only `diesel_internals` may write.
const PRIVATE: [&str; 6] = [
    "diesel::internal",
    "diesel::query_dsl::InternalJoinDsl",
    "TransactionManagerStatus",
    "diesel::query_builder::where_clause",
    "ColumnWrapperForUpdate",
    "diesel::expression::grouped",
];

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == name)
}

/// The `.rs` files below a folder, with their paths from `src`.
fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// The code of a file without its comments.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The paths that code names after `crate::` or `super::`, with groups in braces expanded.
fn paths(code: &str, root: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices(root) {
        let before = code[..start].chars().next_back();
        if before.is_some_and(|letter| letter.is_alphanumeric() || "_:$".contains(letter)) {
            continue;
        }
        expand(&code[start + root.len()..], &mut Vec::new(), &mut found);
    }
    found
}

/// Adds the path at the beginning of `text`, or each path of a group in braces. Returns the rest of the text.
fn expand<'t>(text: &'t str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'t str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        while !rest.trim_start().starts_with('}') {
            rest = expand(rest, &mut prefix.clone(), found);
            // This skips `as another` and the comma.
            let end = rest.find([',', '}']).unwrap_or(rest.len());
            rest = rest[end..].strip_prefix(',').unwrap_or(&rest[end..]);
            if rest.is_empty() {
                return rest;
            }
        }
        return rest.trim_start().strip_prefix('}').unwrap_or_default();
    }
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    if end == 0 {
        // This is `*`, or something else that is not a path.
        return text.get(1..).unwrap_or_default();
    }
    prefix.push(text[..end].to_owned());
    match text[end..].strip_prefix("::") {
        Some(rest) => expand(rest, prefix, found),
        None => {
            found.push(prefix.clone());
            &text[end..]
        }
    }
}

/// The layers of the names in the crate's root. For example, `crate::Error` comes from `error`.
fn root_names(library: &str) -> HashMap<String, usize> {
    let mut names = HashMap::new();
    for line in code(library).split(';') {
        let Some(import) = line.trim().strip_prefix("pub use ").or_else(|| line.split("\npub use ").nth(1)) else {
            continue;
        };
        let mut found = Vec::new();
        expand(import.trim_start_matches("crate::"), &mut Vec::new(), &mut found);
        for path in found {
            if let (Some(layer), Some(name)) = (layer(&path[0]), path.last()) {
                names.insert(name.clone(), layer);
            }
        }
    }
    names
}

#[test]
fn no_file_imports_from_a_higher_layer() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let names = root_names(&fs::read_to_string(src.join("lib.rs")).expect("lib.rs"));
    assert_eq!(names.get("PurgeJob"), layer("purge").as_ref(), "the names of the root are found");

    let (mut arrows, mut upwards) = (0, Vec::new());
    for file in sources(&src).expect("src can be read") {
        let place = file.strip_prefix(&src).expect("a file of src").with_extension("");
        let mut place: Vec<_> = place.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let Some(own) = layer(&place[0]) else { continue };
        if place.last().is_some_and(|last| last == "mod") {
            place.pop();
        }
        let code = code(&fs::read_to_string(&file).expect("a source file"));
        let mut reached = paths(&code, "crate::");
        for ups in 1..4 {
            // `super::super::name` of `a/b/c` is `a::name`. In a module inside the file it is `a::b::name`.
            for path in paths(&code, &"super::".repeat(ups)).into_iter().filter(|path| path[0] != "super") {
                let kept = place.len().saturating_sub(ups);
                reached.push(place[..kept].iter().cloned().chain(path).collect());
            }
        }
        for path in reached {
            let to = layer(&path[0]).or_else(|| names.get(&path[0]).copied());
            arrows += 1;
            match to {
                Some(to) if to <= own => {}
                // This is a macro of the crate, which tests use.
                None if path[0] == "soft_deletable" => {}
                _ => upwards.push(format!("{} imports {}", place.join("/"), path.join("::"))),
            }
        }
    }
    assert!(arrows > 500, "only {arrows} imports were found");
    assert!(upwards.is_empty(), "imports that run upwards:\n{}", upwards.join("\n"));
}

#[test]
fn only_one_file_names_the_private_api_of_diesel() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in sources(&src).expect("src can be read") {
        let code = code(&fs::read_to_string(&file).expect("a source file"));
        let own = file.ends_with("diesel_internals.rs");
        for name in PRIVATE {
            assert!(own || !code.contains(name), "{} names {name}", file.display());
        }
    }
}

#[test]
fn groups_and_nested_paths_are_expanded() {
    let found = paths("use crate::a::{b::C, d::{E, F as G}, h}; crate::i::j(); $crate::k", "crate::");
    let found: Vec<_> = found.iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["a::b::C", "a::d::E", "a::d::F", "a::h", "i::j"]);
}
