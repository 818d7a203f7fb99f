//! Types of the contract for TypeScript: the first part of `guest-sdk/js/index.d.ts`. What scripts call
//! is written by hand, in `guest-sdk/js/api.d.ts`, and follows it.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::Result;
use wit_bindgen_core::wit_parser::{Docs, Interface, Resolve, Type, TypeDefKind, TypeOwner};

use crate::contract::{
    Given, all_optional, capital, interfaces, is_hidden, is_list, option, pascal, reworded,
};

pub(crate) fn types(resolve: &Resolve, world: &str) -> Result<String> {
    let (interfaces, given) = interfaces(resolve, world)?;
    let interfaces: Vec<_> = interfaces
        .into_iter()
        .map(|id| &resolve.interfaces[id])
        .collect();
    let names = names(resolve, &interfaces);
    let mut text = String::new();
    for one in interfaces {
        interface(resolve, one, &given, &names, &mut text)?;
    }
    Ok(text)
}

/// Records that scripts both give and get: given, parts of them may be left out or be in a short form. The
/// name is that of what they get.
const GOT: [(&str, &str); 2] = [("measurement", "Measured"), ("column", "ExampleColumn")];

/// The short forms that the runtime takes for a type; some have a name in `api.d.ts`.
const SHORT: [(&str, &str); 2] = [
    ("dataset", "Dataset | DatasetSource"),
    ("held-out", "HeldOut | DatasetSource | number"),
];
const SHORT_LISTS: [(&str, &str); 3] = [
    ("setting", "Settings"),
    ("metric", "Metrics"),
    ("named-model", "Models"),
];

/// What of the contract has a name of its own in scripts: fields and functions. All else that documentation
/// names, a case for one, is a text there too.
fn names<'a>(resolve: &'a Resolve, interfaces: &[&'a Interface]) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for interface in interfaces {
        names.extend(interface.functions.keys().map(String::as_str));
        for id in interface.types.values() {
            if let TypeDefKind::Record(record) = &resolve.types[*id].kind {
                names.extend(record.fields.iter().map(|field| field.name.as_str()));
            }
        }
    }
    names
}

fn interface(
    resolve: &Resolve,
    interface: &Interface,
    given: &Given,
    names: &BTreeSet<&str>,
    text: &mut String,
) -> Result<()> {
    for (name, id) in &interface.types {
        if is_hidden(name) {
            continue;
        }
        let definition = &resolve.types[*id];
        let given = given.contains(id);
        let title = title(interface.name.as_deref(), name, true);
        let docs = |docs: &Docs, indent: &str, text: &mut String| {
            self::docs(docs, indent, |name| scripted(name, names), text)
        };
        match &definition.kind {
            TypeDefKind::Record(record) => {
                let got = GOT.iter().find(|(got, _)| got == name);
                let forms = [
                    Some((title.as_str(), given)),
                    got.map(|(_, got)| (*got, false)),
                ];
                for (title, given) in forms.into_iter().flatten() {
                    docs(&definition.docs, "", text)?;
                    writeln!(text, "export interface {title} {{")?;
                    for field in &record.fields {
                        // What is named in the documentation of a text are values of it.
                        if is_text(resolve, &field.ty) {
                            self::docs(&field.docs, "  ", str::to_owned, text)?;
                        } else {
                            docs(&field.docs, "  ", text)?;
                        }
                        let (ty, optional) = match option(resolve, &field.ty) {
                            Some(inner) => (spelled(resolve, inner, given), true),
                            None => {
                                let may_be_left_out =
                                    is_list(resolve, &field.ty) || all_optional(resolve, &field.ty);
                                (spelled(resolve, &field.ty, given), given && may_be_left_out)
                            }
                        };
                        let mark = if optional { "?" } else { "" };
                        let missing = if optional { " | undefined" } else { "" };
                        writeln!(text, "  {}{mark}: {ty}{missing};", camel(&field.name))?;
                    }
                    writeln!(text, "}}\n")?;
                }
            }
            TypeDefKind::Enum(cases) => {
                // How a value that has no case is set is told by the contract's names.
                self::docs(&definition.docs, "", str::to_owned, text)?;
                let names = cases.cases.iter().map(|case| format!("\"{}\"", case.name));
                let names = names.collect::<Vec<_>>().join(" | ");
                writeln!(text, "export type {title} = {names};\n")?;
            }
            TypeDefKind::Variant(variant) => {
                docs(&definition.docs, "", text)?;
                writeln!(text, "export type {title} =")?;
                for (index, case) in variant.cases.iter().enumerate() {
                    docs(&case.docs, "  ", text)?;
                    let end = if index + 1 == variant.cases.len() {
                        ";\n"
                    } else {
                        ""
                    };
                    let val = match &case.ty {
                        Some(ty) => format!("; val: {}", spelled(resolve, ty, given)),
                        None => String::new(),
                    };
                    writeln!(text, "  | {{ tag: \"{}\"{val} }}{end}", case.name)?;
                }
            }
            // A name that an interface takes over from another.
            _ => {}
        }
    }
    Ok(())
}

/// Name of a type in scripts, which have one space of names.
fn title(interface: Option<&str>, name: &str, given: bool) -> String {
    if let Some((_, got)) = GOT.iter().find(|(got, _)| *got == name && !given) {
        return (*got).into();
    }
    match (interface, name) {
        // `callbacks` has one too.
        (Some("session"), "evaluation") => "SessionEvaluation".into(),
        _ => pascal(name),
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

/// Name of the type itself, not of what an interface calls it that takes it over.
fn named<'a>(resolve: &'a Resolve, ty: &Type) -> Option<&'a str> {
    let Type::Id(id) = ty else {
        return None;
    };
    let definition = &resolve.types[*id];
    match &definition.kind {
        TypeDefKind::Type(inner) => named(resolve, inner),
        _ => definition.name.as_deref(),
    }
}

/// The short form that may stand for a type.
fn short(resolve: &Resolve, ty: &Type, forms: &[(&str, &'static str)]) -> Option<&'static str> {
    let name = named(resolve, ty)?;
    let (_, form) = forms.iter().find(|(of, _)| *of == name)?;
    Some(form)
}

fn spelled(resolve: &Resolve, ty: &Type, given: bool) -> String {
    if let Some(form) = short(resolve, ty, &SHORT).filter(|_| given) {
        return form.into();
    }
    match ty {
        Type::Bool => "boolean".into(),
        Type::String | Type::Char => "string".into(),
        Type::Id(id) => {
            let definition = &resolve.types[*id];
            match &definition.kind {
                TypeDefKind::List(Type::U8) if given => "string | Uint8Array".into(),
                TypeDefKind::List(Type::U8) => "Uint8Array".into(),
                TypeDefKind::List(Type::U32 | Type::F32 | Type::F64) if given => "Numbers".into(),
                TypeDefKind::List(item) => {
                    if let Some(form) = short(resolve, item, &SHORT_LISTS).filter(|_| given) {
                        return form.into();
                    }
                    let item = spelled(resolve, item, given);
                    if given {
                        format!("readonly {item}[]")
                    } else {
                        format!("{item}[]")
                    }
                }
                TypeDefKind::Option(inner) => {
                    format!("{} | undefined", spelled(resolve, inner, given))
                }
                // By another name here, it is the same type.
                TypeDefKind::Type(inner) => spelled(resolve, inner, given),
                _ => {
                    let interface = match definition.owner {
                        TypeOwner::Interface(id) => resolve.interfaces[id].name.as_deref(),
                        _ => None,
                    };
                    let name = definition.name.as_deref().unwrap_or("unknown");
                    title(interface, name, given)
                }
            }
        }
        _ => "number".into(),
    }
}

fn docs(docs: &Docs, indent: &str, name: impl Fn(&str) -> String, text: &mut String) -> Result<()> {
    let Some(contents) = docs.contents.as_deref().map(str::trim) else {
        return Ok(());
    };
    let contents = reworded(contents, name);
    let lines: Vec<&str> = contents.lines().collect();
    if let [line] = lines.as_slice() {
        writeln!(text, "{indent}/** {line} */")?;
        return Ok(());
    }
    writeln!(text, "{indent}/**")?;
    for line in lines {
        writeln!(text, "{}", format!("{indent} * {line}").trim_end())?;
    }
    writeln!(text, "{indent} */")?;
    Ok(())
}

/// `hyperparameters.max-steps` as scripts write it.
fn scripted(name: &str, names: &BTreeSet<&str>) -> String {
    let parts = name.split('.').map(|part| {
        if names.contains(part) {
            camel(part)
        } else {
            part.to_owned()
        }
    });
    parts.collect::<Vec<_>>().join(".")
}

fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + &capital(part))
}
