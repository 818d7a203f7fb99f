//! Types of the contract for Python: `guest-sdk/python/src/arkor/types.py`. What scripts call is written
//! by hand, in the modules beside it.

use std::fmt::Write;

use anyhow::Result;
use wit_bindgen_core::wit_parser::{Interface, Resolve, Type, TypeDefKind, TypeOwner};

use crate::contract::{Given, interfaces, is_hidden, is_list, option, pascal, reworded};

const HEADER: &str = "\
# Made from wit/ by `cargo run --package generate` in guest-sdk/rust.
\"\"\"What a trainer gets and gives, as the contract has it.

Names are the contract's with `_` for `-`. A field that is `None` is absent. An enumeration is a string,
and one of several cases is a :class:`Case`.
\"\"\"

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Mapping, Sequence, TypeVar, Union

_Tag = TypeVar(\"_Tag\", bound=str, covariant=True)
_Value = TypeVar(\"_Value\", covariant=True)


@dataclass(frozen=True)
class Case(Generic[_Tag, _Value]):
    \"\"\"One of several cases, with what belongs to it.\"\"\"

    tag: _Tag
    value: _Value
";

const LATER: &str = "
Settings = Union[Sequence[\"Setting\"], Mapping[str, Any]]
\"\"\"Settings by name; the values of a mapping are what JSON can hold.\"\"\"
";

pub(crate) fn types(resolve: &Resolve, world: &str) -> Result<String> {
    let (interfaces, given) = interfaces(resolve, world)?;
    let mut text = String::from(HEADER);
    let mut later = String::new();
    for id in interfaces {
        interface(
            resolve,
            &resolve.interfaces[id],
            &given,
            &mut text,
            &mut later,
        )?;
    }
    // They are evaluated, and name classes.
    Ok(text + "\n" + LATER + &later)
}

fn interface(
    resolve: &Resolve,
    interface: &Interface,
    given: &Given,
    text: &mut String,
    later: &mut String,
) -> Result<()> {
    for (name, id) in &interface.types {
        if is_hidden(name) {
            continue;
        }
        let definition = &resolve.types[*id];
        let given = given.contains(id);
        let title = title(interface.name.as_deref(), name);
        match &definition.kind {
            TypeDefKind::Record(record) => {
                // Of what is given, fields in the middle may be left out.
                let has_defaults = record
                    .fields
                    .iter()
                    .any(|field| given && default(resolve, &field.ty).is_some());
                let arguments = if has_defaults { "(kw_only=True)" } else { "" };
                write!(text, "\n\n@dataclass{arguments}\nclass {title}:\n")?;
                let mut is_open = docs(definition.docs.contents.as_deref(), snake, text)?;
                for field in &record.fields {
                    if is_open {
                        text.push('\n');
                        is_open = false;
                    }
                    let ty = spelled(resolve, &field.ty, given);
                    let value = match default(resolve, &field.ty).filter(|_| given) {
                        Some(value) => format!(" = {value}"),
                        None => String::new(),
                    };
                    writeln!(text, "    {}: {ty}{value}", snake(&field.name))?;
                    // What is named in the documentation of a text are values of it.
                    let name = if is_text(resolve, &field.ty) {
                        str::to_owned
                    } else {
                        snake
                    };
                    docs(field.docs.contents.as_deref(), name, text)?;
                }
            }
            TypeDefKind::Enum(cases) => {
                let names = cases.cases.iter().map(|case| format!("\"{}\"", case.name));
                let names = names.collect::<Vec<_>>().join(", ");
                writeln!(later, "\n{title} = Literal[{names}]")?;
                docs_of_name(definition.docs.contents.as_deref(), later)?;
            }
            TypeDefKind::Variant(variant) => {
                writeln!(later, "\n{title} = Union[")?;
                for case in &variant.cases {
                    for line in case.docs.contents.as_deref().unwrap_or_default().lines() {
                        writeln!(later, "    # {}", reworded(line, snake).trim_end())?;
                    }
                    let value = case
                        .ty
                        .as_ref()
                        .map_or("None".into(), |ty| spelled(resolve, ty, given));
                    writeln!(later, "    Case[Literal[\"{}\"], {value}],", case.name)?;
                }
                writeln!(later, "]")?;
                docs_of_name(definition.docs.contents.as_deref(), later)?;
            }
            // A name that an interface takes over from another.
            _ => {}
        }
    }
    Ok(())
}

/// The short forms that the runtime takes for a type.
const SHORT: [(&str, &str); 2] = [
    ("dataset", "Dataset | DatasetSource"),
    ("held-out", "HeldOut | DatasetSource | float"),
];

/// The name for a list that may be given as a mapping.
fn mapping(resolve: &Resolve, item: &Type) -> Option<&'static str> {
    let Type::Id(id) = item else {
        return None;
    };
    match &resolve.types[*id] {
        definition if matches!(definition.kind, TypeDefKind::Type(_)) => {
            let TypeDefKind::Type(inner) = &definition.kind else {
                return None;
            };
            mapping(resolve, inner)
        }
        definition => match definition.name.as_deref() {
            Some("setting") => Some("Settings"),
            Some("named-model") => Some("Sequence[NamedModel] | Mapping[str, ModelSource]"),
            _ => None,
        },
    }
}

/// Name of a type in scripts, which have one space of names.
fn title(interface: Option<&str>, name: &str) -> String {
    match (interface, name) {
        // `callbacks` has one too.
        (Some("session"), "evaluation") => "SessionEvaluation".into(),
        // And `typing` has this one.
        (Some("session"), "sequence") => "SampledSequence".into(),
        _ => pascal(name),
    }
}

/// What a field is if it is left out.
fn default(resolve: &Resolve, ty: &Type) -> Option<String> {
    if option(resolve, ty).is_some() {
        Some("None".into())
    } else if is_list(resolve, ty) {
        Some("()".into())
    } else if crate::contract::all_optional(resolve, ty) {
        Some(format!(
            "field(default_factory=lambda: {}())",
            spelled(resolve, ty, true)
        ))
    } else {
        None
    }
}

fn spelled(resolve: &Resolve, ty: &Type, given: bool) -> String {
    match ty {
        Type::Bool => "bool".into(),
        Type::String | Type::Char => "str".into(),
        Type::F32 | Type::F64 => "float".into(),
        Type::Id(id) => {
            let definition = &resolve.types[*id];
            match &definition.kind {
                TypeDefKind::List(Type::U8) if given => "bytes | str".into(),
                TypeDefKind::List(Type::U8) => "bytes".into(),
                TypeDefKind::List(item) if given && mapping(resolve, item).is_some() => {
                    mapping(resolve, item).unwrap_or_default().into()
                }
                TypeDefKind::List(item) => {
                    let list = if given { "Sequence" } else { "list" };
                    format!("{list}[{}]", spelled(resolve, item, given))
                }
                TypeDefKind::Option(inner) => {
                    format!("{} | None", spelled(resolve, inner, given))
                }
                // By another name here, it is the same type.
                TypeDefKind::Type(inner) => spelled(resolve, inner, given),
                _ => {
                    let interface = match definition.owner {
                        TypeOwner::Interface(id) => resolve.interfaces[id].name.as_deref(),
                        _ => None,
                    };
                    let name = definition.name.as_deref().unwrap_or("unknown");
                    match SHORT.iter().find(|(of, _)| given && *of == name) {
                        Some((_, form)) => (*form).into(),
                        None => title(interface, name),
                    }
                }
            }
        }
        _ => "int".into(),
    }
}

/// A text, which may be absent, or a list of texts.
fn is_text(resolve: &Resolve, ty: &Type) -> bool {
    match ty {
        Type::String => true,
        Type::Id(id) => matches!(
            &resolve.types[*id].kind,
            TypeDefKind::List(Type::String) | TypeDefKind::Option(Type::String)
        ),
        _ => false,
    }
}

/// Documentation of a class or a field, indented; whether there is any.
fn docs(contents: Option<&str>, name: fn(&str) -> String, text: &mut String) -> Result<bool> {
    let Some(contents) = contents.map(str::trim) else {
        return Ok(false);
    };
    let contents = reworded(contents, name).replace('\\', "\\\\");
    let lines: Vec<&str> = contents.lines().collect();
    if let [line] = lines.as_slice() {
        writeln!(text, "    \"\"\"{line}\"\"\"")?;
        return Ok(true);
    }
    for (index, line) in lines.iter().enumerate() {
        let quotes = if index == 0 { "\"\"\"" } else { "" };
        writeln!(text, "{}", format!("    {quotes}{line}").trim_end())?;
    }
    writeln!(text, "    \"\"\"")?;
    Ok(true)
}

/// The same after a name that stands for itself, not indented.
fn docs_of_name(contents: Option<&str>, text: &mut String) -> Result<()> {
    let mut indented = String::new();
    if docs(contents, snake, &mut indented)? {
        for line in indented.lines() {
            writeln!(text, "{}", line.strip_prefix("    ").unwrap_or(line))?;
        }
    }
    Ok(())
}

fn snake(name: &str) -> String {
    name.replace('-', "_")
}
