//! Reads a TOML document table by table and knows, at each value, where it stands.
//!
//! A derived deserializer would name neither the table of an unknown key nor the form a value
//! should have had.

use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::values::{parse_duration, parse_size};
use crate::error::{Place, ProjectError};

type Result<T> = std::result::Result<T, ProjectError>;

/// A document and where it came from.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    path: &'a Path,
    text: &'a str,
}

impl<'a> Document<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str) -> Self {
        Self { path, text }
    }

    /// The table of the document itself.
    pub(super) fn root(self) -> Result<Table<'a>> {
        let table = DeTable::parse(self.text).map_err(|error| ProjectError::Syntax {
            place: self.place(&error.span().unwrap_or_default()),
            message: error.message().to_owned(),
        })?;
        Ok(Table::new(self, String::new(), table))
    }

    fn place(self, span: &Range<usize>) -> Box<Place> {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Box::new(Place {
            path: self.path.to_path_buf(),
            line: before.matches('\n').count() + 1,
            column: before
                .get(line_start..)
                .map_or(0, |line| line.chars().count())
                + 1,
        })
    }
}

/// A table whose keys are taken out one by one.
pub(super) struct Table<'a> {
    document: Document<'a>,
    /// Dotted, empty for the document itself.
    name: String,
    span: Range<usize>,
    entries: DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    fn new(document: Document<'a>, name: String, table: Spanned<DeTable<'a>>) -> Self {
        Self {
            document,
            name,
            span: table.span(),
            entries: table.into_inner(),
            known: Vec::new(),
        }
    }

    /// An empty table in place of one that is absent.
    pub(super) fn absent(document: Document<'a>, name: &str) -> Self {
        Self::new(
            document,
            name.to_owned(),
            Spanned::new(0..0, DeTable::new()),
        )
    }

    /// Where the table stands.
    pub(super) fn place(&self) -> Box<Place> {
        self.document.place(&self.span)
    }

    /// Takes the value of a key, and remembers the key as one of those known.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        let value = self.entries.remove(key)?;
        Some(Value {
            document: self.document,
            key: if self.name.is_empty() {
                key.to_owned()
            } else {
                format!("{}.{key}", self.name)
            },
            value,
        })
    }

    /// Takes a table within this one; an absent one is empty.
    pub(super) fn table(&mut self, key: &'static str) -> Result<Table<'a>> {
        match self.take(key) {
            Some(value) => value.table(),
            None => Ok(Self::absent(self.document, key)),
        }
    }

    /// Fails if a key is left that nobody asked for.
    pub(super) fn finish(self) -> Result<()> {
        let Some((key, _)) = self.entries.iter().min_by_key(|(key, _)| key.span().start) else {
            return Ok(());
        };
        let name: &str = key.get_ref();
        Err(ProjectError::UnknownKey {
            place: self.document.place(&key.span()),
            key: name.to_owned(),
            section: if self.name.is_empty() {
                "the project file".into()
            } else {
                format!("[{}]", self.name)
            },
            suggestion: suggestion(name, &self.known),
            known: self.known,
        })
    }
}

/// A value and the key it belongs to.
pub(super) struct Value<'a> {
    document: Document<'a>,
    key: String,
    value: Spanned<DeValue<'a>>,
}

impl<'a> Value<'a> {
    /// A text that `parse` understands.
    pub(super) fn parse<T>(
        self,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T> {
        match self.value.get_ref().as_str().and_then(parse) {
            Some(value) => Ok(value),
            None => Err(self.invalid(expected)),
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(self, choices: &[(&'static str, T)]) -> Result<T> {
        let found = self.value.get_ref().as_str().and_then(|text| {
            choices
                .iter()
                .find(|(word, _)| *word == text)
                .map(|(_, value)| *value)
        });
        found.ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.invalid(&expected_list(&words, "\"", "or"))
        })
    }

    pub(super) fn path(self) -> Result<PathBuf> {
        self.parse(
            "a path in quotes, relative to the project's folder",
            |text| (!text.is_empty()).then(|| PathBuf::from(text)),
        )
    }

    pub(super) fn integer(self, range: RangeInclusive<u64>) -> Result<u64> {
        let (low, high) = (*range.start(), *range.end());
        match self.whole_number().filter(|n| range.contains(n)) {
            Some(number) => Ok(number),
            None => Err(self.invalid(&format!("a whole number from {low} to {high}"))),
        }
    }

    /// A number of bytes, with or without a unit.
    pub(super) fn size(self, range: RangeInclusive<u64>) -> Result<u64> {
        let text = self.value.get_ref().as_str();
        let number = text.and_then(parse_size).or_else(|| self.whole_number());
        match number.filter(|n| range.contains(n)) {
            Some(number) => Ok(number),
            None => Err(self.invalid(&format!(
                "a size such as \"64 MiB\", from {} to {} (units: B, KB, MB, GB, KiB, MiB, GiB)",
                show_size(*range.start()),
                show_size(*range.end())
            ))),
        }
    }

    pub(super) fn duration(self, range: RangeInclusive<Duration>) -> Result<Duration> {
        let text = self.value.get_ref().as_str();
        match text.and_then(parse_duration).filter(|d| range.contains(d)) {
            Some(duration) => Ok(duration),
            None => Err(self.invalid(&format!(
                "a time such as \"30s\", from {} to {} (units: ms, s, min, h)",
                show_duration(*range.start()),
                show_duration(*range.end())
            ))),
        }
    }

    /// A list, each of whose values `read` understands.
    pub(super) fn list<T>(
        self,
        expected: &str,
        mut read: impl FnMut(Value<'a>) -> Result<T>,
    ) -> Result<Vec<T>> {
        if !self.value.get_ref().is_array() {
            return Err(self.invalid(expected));
        }
        let DeValue::Array(values) = self.value.into_inner() else {
            return Ok(Vec::new());
        };
        values
            .into_iter()
            .map(|value| {
                read(Value {
                    document: self.document,
                    key: self.key.clone(),
                    value,
                })
            })
            .collect()
    }

    pub(super) fn is_filled_list(&self) -> bool {
        self.value
            .get_ref()
            .as_array()
            .is_some_and(|list| !list.is_empty())
    }

    pub(super) fn table(self) -> Result<Table<'a>> {
        if !self.value.get_ref().is_table() {
            return Err(self.invalid("a table"));
        }
        let span = self.value.span();
        let entries = match self.value.into_inner() {
            DeValue::Table(table) => table,
            _ => DeTable::new(),
        };
        Ok(Table::new(
            self.document,
            self.key,
            Spanned::new(span, entries),
        ))
    }

    fn whole_number(&self) -> Option<u64> {
        let number = self.value.get_ref().as_integer()?;
        u64::from_str_radix(number.as_str(), number.radix()).ok()
    }

    fn invalid(&self, expected: &str) -> ProjectError {
        let span = self.value.span();
        let source = self.document.text.get(span.clone()).unwrap_or_default();
        let value = match self.value.get_ref() {
            DeValue::Table(_) => "a table".to_owned(),
            DeValue::Array(_) => "a list".to_owned(),
            _ => source.chars().take(60).collect(),
        };
        ProjectError::InvalidValue {
            place: self.document.place(&span),
            key: self.key.clone(),
            value,
            expected: expected.to_owned(),
        }
    }
}

/// The known key that was probably meant.
fn suggestion(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let normal = key.to_lowercase().replace('_', "-");
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&normal, candidate), *candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// "`a`, `b` or `c`".
pub(crate) fn expected_list(words: &[&str], quote: &str, join: &str) -> String {
    let quoted: Vec<_> = words.iter().map(|w| format!("{quote}{w}{quote}")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {join} {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => "nothing".into(),
    }
}

fn show_size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    units
        .iter()
        .find(|(shift, _)| bytes >> shift > 0 && bytes.trailing_zeros() >= *shift)
        .map_or_else(
            || format!("{bytes} B"),
            |(shift, unit)| format!("{} {unit}", bytes >> shift),
        )
}

fn show_duration(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        hours if hours % 3600 == 0 => format!("{} h", hours / 3600),
        minutes if minutes % 60 == 0 => format!("{} min", minutes / 60),
        seconds => format!("{seconds} s"),
    }
}
