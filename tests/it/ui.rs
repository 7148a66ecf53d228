//! Every file in `tests/ui` misuses the library, and must fail to compile with the messages that it names.
//!
//! A comment `//~ text` names a part of an error, label, note or help whose span is on that line. `//~^ text` means the
//! line above. The rest of the output is not compared, so that another version of the compiler does not break a test.
//! The file must name every error, so that secondary errors do not hide ours. One run of cargo checks all files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

struct Expected {
    line: usize,
    text: String,
}

/// The line of a diagnostic's primary span, and all its text.
struct Found {
    line: usize,
    text: String,
}

#[test]
fn misuse_is_refused_with_our_messages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = std::fs::read_dir(root.join("tests/ui"))
        .expect("tests/ui")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    files.sort();
    assert!(!files.is_empty());

    let project = target_directory(root).join("ui");
    write_project(root, &project, &files);
    let found = check(root, &project);

    let mut failures = Vec::new();
    for file in &files {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let source = std::fs::read_to_string(file).expect("a source");
        compare(&name, &expected(&source), found.get(&name).map_or(&[], Vec::as_slice), &mut failures);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn target_directory(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// Writes a package with a binary for each file. Its backend does not need a C library, and it has the lock file of the
/// workspace, so that cargo resolves nothing again.
fn write_project(root: &Path, project: &Path, files: &[PathBuf]) {
    let bins = project.join("src/bin");
    let _ = std::fs::remove_dir_all(&bins);
    std::fs::create_dir_all(&bins).expect("a directory for the package");
    for file in files {
        std::fs::copy(file, bins.join(file.file_name().expect("a name"))).expect("a copy");
    }
    // The files include the tables that they share.
    let support = project.join("src/support");
    std::fs::create_dir_all(&support).expect("a directory for what is shared");
    std::fs::copy(root.join("tests/ui/support/blog.rs"), support.join("blog.rs")).expect("a copy");
    // One file needs a table of another crate.
    let foreign = project.join("foreign");
    std::fs::create_dir_all(foreign.join("src")).expect("a directory for the other crate");
    std::fs::copy(root.join("tests/ui/support/foreign.rs"), foreign.join("src/lib.rs")).expect("a copy");
    let manifest = "[package]\nname = \"foreign\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
                    [dependencies]\ndiesel = { version = \"~2.3\", default-features = false }\n";
    std::fs::write(foreign.join("Cargo.toml"), manifest).expect("a manifest");
    let manifest = format!(
        "[package]\nname = \"ui\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\n\
         diesel_soft_delete = {{ path = {root:?}, features = [\"mysql_backend\"] }}\n\
         diesel = {{ version = \"~2.3\" }}\n\
         chrono = \"0.4\"\n\
         foreign = {{ path = \"foreign\" }}\n\
         [profile.dev]\ndebug = 0\n"
    );
    std::fs::write(project.join("Cargo.toml"), manifest).expect("a manifest");
    let _ = std::fs::copy(root.join("Cargo.lock"), project.join("Cargo.lock"));
}

/// Runs `cargo check` and gathers the errors per binary.
fn check(root: &Path, project: &Path) -> BTreeMap<String, Vec<Found>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["check", "--bins", "--keep-going", "--quiet", "--message-format=json", "--target-dir"])
        .arg(target_directory(root).join("ui-target"))
        .current_dir(project)
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo runs");
    let mut found: BTreeMap<String, Vec<Found>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else { continue };
        if message["reason"] != "compiler-message" || message["message"]["level"] != "error" {
            continue;
        }
        let name = message["target"]["name"].as_str().unwrap_or_default().to_owned();
        let mut text = String::new();
        gather(&message["message"], &mut text);
        let line = primary_line(&message["message"]["spans"]);
        if let Some(line) = line {
            found.entry(name).or_default().push(Found { line, text });
        }
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!found.is_empty(), "no file was refused; cargo said: {stderr}");
    found
}

/// The line in the file itself. A span inside a macro leads back to the call of the macro.
fn primary_line(spans: &Value) -> Option<usize> {
    let primary = spans.as_array()?.iter().find(|span| span["is_primary"] == true)?;
    let mut span = primary;
    while !span["file_name"].as_str()?.starts_with("src/bin/") {
        span = &span["expansion"]["span"];
        span.as_object()?;
    }
    usize::try_from(span["line_start"].as_u64()?).ok()
}

fn gather(message: &Value, text: &mut String) {
    text.push_str(message["message"].as_str().unwrap_or_default());
    text.push('\n');
    for span in message["spans"].as_array().into_iter().flatten() {
        text.push_str(span["label"].as_str().unwrap_or_default());
        text.push('\n');
    }
    for child in message["children"].as_array().into_iter().flatten() {
        gather(child, text);
    }
}

fn expected(source: &str) -> Vec<Expected> {
    let mut expected = Vec::new();
    for (index, line) in source.lines().enumerate() {
        if let Some((_, text)) = line.split_once("//~") {
            let up = text.chars().take_while(|letter| *letter == '^').count();
            expected.push(Expected { line: index + 1 - up, text: text[up..].trim().to_owned() });
        }
    }
    expected
}

fn compare(name: &str, expected: &[Expected], found: &[Found], failures: &mut Vec<String>) {
    if expected.is_empty() {
        failures.push(format!("{name}: the file names no message"));
    }
    for wanted in expected {
        if !found.iter().any(|error| error.line == wanted.line && error.text.contains(&wanted.text)) {
            failures.push(format!("{name}:{}: missing: {}", wanted.line, wanted.text));
        }
    }
    for error in found {
        if !expected.iter().any(|wanted| wanted.line == error.line && error.text.contains(&wanted.text)) {
            failures.push(format!("{name}:{}: not named in the file: {}", error.line, error.text));
        }
    }
}
