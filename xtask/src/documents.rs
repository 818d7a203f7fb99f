//! Whether the commands that documents show exist, with the options they are shown with.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::{command, host, layout};

/// Fails if a document shows a command of the program, or a task of this repository, that is not there.
pub(crate) fn check(tasks: &str) -> Result<()> {
    host::build()?;
    let root = command::root();
    let mut helps = BTreeMap::new();
    let mut problems = BTreeSet::new();
    let mut count = 0;
    for file in layout::documents(&root)? {
        let text = std::fs::read_to_string(root.join(&file))?;
        for line in commands(&text) {
            count += 1;
            let wrong = match line.split_first() {
                Some((&"arkor-host", words)) => program(words, &mut helps),
                Some((_, words)) => task(words, tasks),
                None => None,
            };
            if let Some(wrong) = wrong {
                problems.insert(format!("{}: `{}`: {wrong}", file.display(), line.join(" ")));
            }
        }
    }
    let problems: Vec<String> = problems.into_iter().collect();
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    println!("{count} commands of documents exist");
    Ok(())
}

/// The commands in code of a document: what stands alone on a line of a block, or between backticks. The words
/// of each, from `arkor-host`, or those after `cargo xtask` behind `xtask`.
fn commands(text: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            found.extend(words(line));
        } else {
            // Every second part lies between backticks.
            found.extend(line.split('`').skip(1).step_by(2).filter_map(words));
        }
    }
    found
}

fn words(code: &str) -> Option<Vec<&str>> {
    let code = code.trim().trim_start_matches("$ ");
    let code = code.split(" #").next().unwrap_or_default();
    let mut words: Vec<&str> = code
        .split_whitespace()
        // Another command begins, or its output goes elsewhere.
        .take_while(|word| !["|", "&&", ">", ";", "2>&1", "--"].contains(word))
        .collect();
    match words.as_slice() {
        ["arkor-host", _, ..] => Some(words),
        ["cargo", "xtask", _, ..] => {
            words.remove(0);
            Some(words)
        }
        _ => None,
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// What is wrong with a command of the program.
fn program(words: &[&str], helps: &mut BTreeMap<Vec<String>, Option<String>>) -> Option<String> {
    let name = words.first()?;
    if name.starts_with('-') {
        return None;
    }
    // `list|install` stands for each of them.
    for name in name.split('|') {
        if !is_name(name) {
            return None;
        }
        let Some(mut shown) = help(&[name], helps) else {
            return Some(format!("there is no `{name}`"));
        };
        let has_inner = matches!(name, "runs" | "toolchain");
        let inner = words.get(1).filter(|_| has_inner).into_iter();
        for inner in inner
            .flat_map(|word| word.split('|'))
            .filter(|word| is_name(word))
        {
            match help(&[name, inner], helps) {
                Some(more) => shown += &more,
                None => return Some(format!("there is no `{name} {inner}`")),
            }
        }
        let options = words.iter().filter_map(|word| {
            let word = word.trim_matches(['[', ']', ',', '.', ')', '(']);
            word.starts_with("--")
                .then(|| word.split('=').next().unwrap_or(word))
        });
        for option in options {
            let is_there = shown
                .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
                .any(|word| word == option);
            if !is_there {
                return Some(format!("`{name}` has no {option}"));
            }
        }
    }
    None
}

/// The help of a command; none if it does not exist.
fn help(words: &[&str], helps: &mut BTreeMap<Vec<String>, Option<String>>) -> Option<String> {
    let key: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    helps
        .entry(key)
        .or_insert_with(|| {
            let done = Command::new(host::program())
                .args(words)
                .arg("--help")
                .output()
                .ok()?;
            done.status
                .success()
                .then(|| String::from_utf8_lossy(&done.stdout).into_owned())
        })
        .clone()
}

/// What is wrong with a task of this repository.
fn task(words: &[&str], tasks: &str) -> Option<String> {
    let name = words.first().filter(|name| is_name(name))?;
    let is_there = tasks
        .lines()
        .any(|line| line.split_whitespace().nth(2) == Some(name));
    (!is_there).then(|| format!("there is no task `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_commands_in_code_only() {
        let text = "arkor-host is not one, `arkor-host run --json | head` is, and `cargo xtask test`.\n\n\
                    ```sh\n$ arkor-host runs list   # all of them\nls\n```\n";
        assert_eq!(
            commands(text),
            [
                vec!["arkor-host", "run", "--json"],
                vec!["xtask", "test"],
                vec!["arkor-host", "runs", "list"]
            ]
        );
    }

    #[test]
    fn a_task_is_one_that_help_lists() {
        let tasks = "    cargo xtask test [ARGUMENTS]   run all tests\n";
        assert_eq!(task(&["test"], tasks), None);
        assert!(task(&["tset"], tasks).is_some());
    }
}
