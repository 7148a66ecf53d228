//! Takes the `rust` blocks out of README.md and docs/*.md, each into files that the tests include.
//!
//! The third block of docs/joins.md is `joins_3.rs`, for items, and `joins_3.block.rs`, for statements. A block that no
//! test includes is an error, and so is a block of README.md that is marked as `ignore`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new("../..");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let tests = fs::read_to_string("tests/blocks.rs")?;

    let mut pages = vec![root.join("README.md")];
    for entry in fs::read_dir(root.join("docs"))? {
        pages.push(entry?.path());
    }
    for page in pages {
        println!("cargo::rerun-if-changed={}", page.display());
        let name = page.file_stem().ok_or("a page without a name")?.to_string_lossy().into_owned();
        for (index, block) in blocks(&fs::read_to_string(&page)?, name != "README")?.iter().enumerate() {
            let name = format!("{name}_{}", index + 1);
            if !tests.contains(&format!("\"{name}\"")) {
                return Err(format!("no test in tests/docs/tests/blocks.rs includes \"{name}\":\n{block}").into());
            }
            fs::write(out.join(format!("{name}.rs")), block)?;
            fs::write(out.join(format!("{name}.block.rs")), format!("{{\n{block}}}\n"))?;
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=tests/blocks.rs");
    println!("cargo::rerun-if-changed={}", root.join("docs").display());
    Ok(())
}

/// The `rust` blocks of a page, in their order.
fn blocks(page: &str, may_ignore: bool) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut block: Option<String> = None;
    for line in page.lines() {
        match block.as_mut() {
            None if line == "```rust" => block = Some(String::new()),
            None if line.starts_with("```rust") && !may_ignore => {
                return Err(format!("a block that no test can compile: {line}"));
            }
            Some(_) if line == "```" => found.extend(block.take()),
            Some(text) => text.extend([line, "\n"]),
            None => {}
        }
    }
    Ok(found)
}
