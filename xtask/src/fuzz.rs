//! `cargo xtask fuzz`: hostile bytes for everything that parses them.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::{command, setup};

/// What cargo-fuzz gives the compiler, for coverage that libFuzzer understands. There is no sanitizer: the
/// host's code is safe Rust, and sanitizers need a nightly compiler.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                     -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares \
                     -Cllvm-args=-simplifycfg-branch-fold-threshold=0 --cfg fuzzing";

/// Inputs that each target is given at most in CI, a minute's worth or less: with the same seed, a slow and a
/// fast machine try the same.
const RUNS: &[(&str, u32)] = &[
    ("cargo_messages", 300_000),
    ("checkpoint", 300_000),
    ("component", 80_000),
    ("event_row", 100_000),
    ("javascript", 5_000),
    ("line_table", 100_000),
    ("package_json", 20_000),
    ("parser_frames", 250_000),
    ("project_file", 150_000),
    ("python_imports", 150_000),
    ("requirements", 100_000),
    ("tape", 300_000),
    ("text", 30_000),
    ("tokenizer", 25_000),
    ("world", 1_500),
];

/// Targets that are fuzzed at once.
const AT_ONCE: usize = 2;

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let mut seconds = 60_u64;
    let mut only = None;
    let mut seed = None;
    let mut is_bounded = false;
    for argument in arguments {
        if argument == "--bounded" {
            is_bounded = true;
            continue;
        }
        match (argument.strip_prefix("--seed="), argument.parse()) {
            (Some(number), _) => seed = Some(number),
            (None, Ok(number)) => seconds = number,
            (None, Err(_)) => only = Some(argument.as_str()),
        }
    }
    setup::cpp_compiler()?;
    let mut targets = targets()?;
    if let Some(only) = only {
        ensure!(
            targets.iter().any(|target| target == only),
            "there is no fuzz target `{only}`; there are {}",
            targets.join(", ")
        );
        targets.retain(|target| target == only);
    }
    let program = build()?;
    seeds()?;
    let left = Mutex::new(VecDeque::from(targets));
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = left
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .pop_front();
                    let Some(target) = next else {
                        return;
                    };
                    let runs = RUNS.iter().find(|(name, _)| is_bounded && *name == target);
                    let runs = runs.map(|(_, runs)| *runs);
                    if let Err(error) = fuzz(&program, &target, seconds, seed, runs) {
                        println!("fuzz {target}: FAILED: {error:#}");
                        failed
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(target);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn work_folder() -> PathBuf {
    command::root().join("target/fuzz")
}

/// Names of the files in fuzz/src/targets.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(command::root().join("fuzz/src/targets"))? {
        let path = entry?.path();
        let name = path.file_stem().context("a target has no name")?;
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Builds the program that has all targets.
fn build() -> Result<PathBuf> {
    let version = command::output(Command::new("rustc").arg("-vV"))?;
    let machine = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc does not say what machine this is")?;
    // With a target named, what runs while building is built without the flags.
    let mut cargo = command::cargo(&["build", "--release", "--target", machine]);
    cargo
        .current_dir(command::root().join("fuzz"))
        .env("RUSTFLAGS", FLAGS)
        .env("CARGO_TARGET_DIR", work_folder());
    command::must(&mut cargo)?;
    let folder = work_folder().join(machine).join("release");
    Ok(folder
        .join("parsers")
        .with_extension(std::env::consts::EXE_EXTENSION))
}

/// Files that nest, which are large and of one pattern: they are made here and not kept in the repository.
fn seeds() -> Result<()> {
    let write = |target: &str, name: &str, text: &str| -> Result<()> {
        let folder = work_folder().join("seeds").join(target);
        std::fs::create_dir_all(&folder)?;
        Ok(std::fs::write(folder.join(name), text)?)
    };
    for depth in [100, 3_000] {
        let patterns = [
            ("(", "1", ")"),
            ("[", "", "]"),
            ("{a:", "1", "}"),
            ("!", "x", ""),
            ("x=>", "1", ""),
            ("a?b:", "c", ""),
            ("1+", "1", ""),
            ("new ", "a", ""),
            ("`${", "1", "}`"),
            ("a(", "1", ")"),
            ("", "a", ".b"),
            ("", "a", "?.[0]"),
        ];
        for (index, (open, middle, close)) in patterns.iter().enumerate() {
            let text = format!("x = {}{middle}{}", open.repeat(depth), close.repeat(depth));
            write(
                "javascript",
                &format!("{index}-{depth}"),
                &format!("\0{text}"),
            )?;
            write(
                "javascript",
                &format!("{index}-{depth}-js"),
                &format!("\u{1}{text}"),
            )?;
            write("python_imports", &format!("{index}-{depth}"), &text)?;
        }
        for (name, open, close) in [
            ("types", "A<", ">"),
            ("tuples", "[", "]"),
            ("unions", "a|", ""),
            ("conditional", "a extends b?c:", ""),
        ] {
            let text = format!("\0type X = {}y{};", open.repeat(depth), close.repeat(depth));
            write("javascript", &format!("{name}-{depth}"), &text)?;
        }
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        write(
            "project_file",
            &format!("array-{depth}"),
            &format!("a = {deep}"),
        )?;
        write(
            "project_file",
            &format!("dots-{depth}"),
            &format!("a{} = 1", ".a".repeat(depth)),
        )?;
        write(
            "javascript",
            &format!("json-{depth}"),
            &format!("\u{6}{deep}"),
        )?;
        write(
            "package_json",
            &format!("deep-{depth}"),
            &format!("{{\"exports\":{deep}}}"),
        )?;
        let conditions = format!("{}1{}", "{\"import\":".repeat(depth), "}".repeat(depth));
        write(
            "package_json",
            &format!("conditions-{depth}"),
            &format!("{{\"exports\":{conditions}}}"),
        )?;
        let part = "{\"type\":\"Sequence\",\"normalizers\":[";
        let parts = format!("{}{}", part.repeat(depth), "]}".repeat(depth));
        write(
            "tokenizer",
            &format!("deep-{depth}"),
            &format!("{{\"version\":\"1.0\",\"normalizer\":{parts}}}"),
        )?;
        write(
            "tape",
            &format!("deep-{depth}"),
            &format!("{{\"type\":\"log\",\"seq\":{deep}}}"),
        )?;
        write(
            "event_row",
            &format!("deep-{depth}"),
            &format!("{{\"seq\":1,\"type\":{deep}}}"),
        )?;
    }
    Ok(())
}

/// Gives a target its known inputs, and then new ones.
fn fuzz(
    program: &Path,
    target: &str,
    seconds: u64,
    seed: Option<&str>,
    runs: Option<u32>,
) -> Result<()> {
    let begin = Instant::now();
    let work = work_folder();
    let (found, crashes) = (work.join("corpus").join(target), work.join("crashes"));
    for folder in [&found, &crashes] {
        std::fs::create_dir_all(folder)?;
    }
    let mut fuzzer = Command::new(program);
    fuzzer.env("ARKOR_FUZZ_TARGET", target).arg(&found);
    for known in [
        command::root().join("fuzz/corpus").join(target),
        work.join("seeds").join(target),
    ] {
        if known.is_dir() {
            fuzzer.arg(known);
        }
    }
    if let Some(seed) = seed {
        fuzzer.arg(format!("-seed={seed}"));
    }
    if let Some(runs) = runs {
        fuzzer.arg(format!("-runs={runs}"));
    }
    let output = fuzzer
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/{target}-", crashes.display()))
        .args([
            "-max_len=65536",
            "-timeout=30",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
        ])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not start the fuzz target {target}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let value = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .map_or("?", str::trim)
    };
    if output.status.success() {
        println!(
            "fuzz {target}: {} runs in {} s, nothing found",
            value("stat::number_of_executed_units:"),
            begin.elapsed().as_secs()
        );
        return Ok(());
    }
    let input = text
        .lines()
        .find_map(|line| line.split_once("Test unit written to "))
        .map_or("no input was kept", |(_, path)| path);
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines
        .get(lines.len().saturating_sub(40)..)
        .unwrap_or_default();
    bail!("{input}\n{}", tail.join("\n"))
}
