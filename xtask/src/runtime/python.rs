//! The Python runtime, of runtimes/python and guest-sdk/python: CPython with its standard library and the
//! evaluated runtime in its memory, made by componentize-py.
//!
//! It is not the same at each making: the hashes of texts in that memory begin with random numbers. So what
//! is checked is whether it was made of the sources as they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command;

const FOLDER: &str = "runtimes/python";

/// What is packed into it, and what tells how, from the folder of this repository.
const SOURCES: [&str; 4] = [
    "runtimes/python/requirements.txt",
    "runtimes/python/arkor_runtime",
    "guest-sdk/python/src/arkor",
    "wit",
];

/// Compresses a file, prints what is in it as Python sees it.
const PACK: &str = "import lzma, sys; open(sys.argv[2], 'wb').write(lzma.compress(open(sys.argv[1], 'rb').read(), \
                    preset=9 | lzma.PRESET_EXTREME))";

pub(crate) fn make() -> Result<()> {
    let root = command::root();
    let work = root.join("target/python-runtime");
    let environment = work.join("environment");
    let python = program(&environment, "python");
    if !python.exists() {
        let mut venv = Command::new("python3");
        command::must(venv.args(["-m", "venv"]).arg(&environment))?;
    }
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--require-hashes",
        "--requirement",
    ])
    .arg(root.join(FOLDER).join("requirements.txt"));
    command::must(&mut pip)?;
    // Without the files that a Python on this machine may have left beside the sources.
    let stage = work.join("stage");
    if stage.exists() {
        std::fs::remove_dir_all(&stage)?;
    }
    for (path, content) in files(&root)? {
        let inside = path
            .strip_prefix(root.join(FOLDER))
            .or_else(|_| path.strip_prefix(root.join("guest-sdk/python/src")));
        if let Ok(inside) = inside {
            let target = stage.join(inside);
            std::fs::create_dir_all(target.parent().unwrap_or(&stage))?;
            std::fs::write(target, content)?;
        }
    }
    // Otherwise it packs what is installed for the Python that runs it.
    let nothing = work.join("nothing");
    std::fs::create_dir_all(nothing.join("lib/python3/site-packages"))?;
    let component = work.join("arkor-python.wasm");
    let mut componentize = Command::new(program(&environment, "componentize-py"));
    componentize
        .arg("--wit-path")
        .arg(root.join("wit"))
        .args([
            "--world",
            "language-runtime",
            "componentize",
            "--python-path",
        ])
        .arg(&stage)
        .args(["arkor_runtime", "--output"])
        .arg(&component)
        .env("VIRTUAL_ENV", &nothing);
    command::must(&mut componentize)?;
    let packed = root.join(FOLDER).join("arkor-python.wasm.xz");
    let mut pack = Command::new(&python);
    command::must(pack.args(["-c", PACK]).arg(&component).arg(&packed))?;
    let digest = blake3::hash(&std::fs::read(&component)?);
    write("digest", &digest.to_hex())?;
    write("sources", &sources(&root)?)?;
    println!(
        "{}: {} bytes, {} unpacked",
        packed.display(),
        std::fs::metadata(&packed)?.len(),
        std::fs::metadata(&component)?.len()
    );
    Ok(())
}

/// Whether the checked-in component was made of the sources as they are.
pub(crate) fn check() -> Result<()> {
    let root = command::root();
    let path = root.join(FOLDER).join("arkor-python.sources");
    let current = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    ensure!(
        current.trim() == sources(&root)?,
        "the Python runtime was made of other sources: run `cargo xtask runtime python`"
    );
    println!("the Python runtime was made of its sources as they are");
    Ok(())
}

fn write(ending: &str, text: &str) -> Result<()> {
    let path = command::root()
        .join(FOLDER)
        .join(format!("arkor-python.{ending}"));
    std::fs::write(&path, format!("{text}\n")).with_context(|| path.display().to_string())
}

fn program(environment: &Path, name: &str) -> PathBuf {
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    environment
        .join(folder)
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// blake3 of all sources, in hex.
fn sources(root: &Path) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    for (path, content) in files(root)? {
        let name = path.strip_prefix(root).unwrap_or(&path);
        let name: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
        for part in [name.join("/").as_bytes(), &content] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// All sources with their content, in an order that depends on their names alone.
fn files(root: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut paths = Vec::new();
    for source in SOURCES {
        let path = root.join(source);
        if path.is_file() {
            paths.push(path);
            continue;
        }
        for entry in std::fs::read_dir(&path).with_context(|| path.display().to_string())? {
            let path = entry?.path();
            let ending = path.extension().and_then(|ending| ending.to_str());
            if matches!(ending, Some("py" | "wit")) {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let content = std::fs::read(&path).with_context(|| path.display().to_string())?;
            Ok((path, content))
        })
        .collect()
}
