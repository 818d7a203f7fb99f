//! `arkor-host docs`: the pages that belong to this version, for who has the program alone.

use anyhow::Result;

use crate::arguments::{DocsArguments, Page};
use crate::exit::Exit;
use crate::output::Printer;

/// Each page, and what it is for.
const PAGES: [(Page, &str, &str); 8] = [
    (
        Page::Configuration,
        "every key of arkor.toml, and the environment",
        include_str!("../../../../docs/configuration.md"),
    ),
    (
        Page::Events,
        "the JSON of events, and exit codes",
        include_str!("../../../../docs/events.md"),
    ),
    (
        Page::Typescript,
        "trainers in TypeScript and JavaScript",
        include_str!("../../../../docs/typescript.md"),
    ),
    (
        Page::Python,
        "trainers in Python",
        include_str!("../../../../docs/python.md"),
    ),
    (
        Page::Languages,
        "trainers in C, C++, Go, Zig, and other languages",
        include_str!("../../../../docs/languages.md"),
    ),
    (
        Page::Reload,
        "how new code comes into a run that trains",
        include_str!("../../../../docs/reload.md"),
    ),
    (
        Page::Studio,
        "the Studio, its HTTP interface, and who may ask",
        include_str!("../../../../docs/studio.md"),
    ),
    (
        Page::Security,
        "what somebody else's project can do to you, and cannot",
        include_str!("../../../../docs/security.md"),
    ),
];

pub(crate) fn docs(arguments: &DocsArguments, printer: &Printer) -> Result<Exit> {
    match arguments.page {
        Some(wanted) => {
            let page = PAGES.iter().find(|(page, ..)| *page == wanted);
            printer.line(page.map_or("", |(_, _, text)| text).trim_end());
        }
        None => {
            for (page, about, _) in &PAGES {
                printer.line(&format!("{:<14} {about}", page.name()));
            }
        }
    }
    Ok(Exit::Completed)
}
