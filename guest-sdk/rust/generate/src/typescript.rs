//! Types of the contract for TypeScript: the first part of `guest-sdk/js/index.d.ts`. What scripts call
//! is written by hand, in `guest-sdk/js/api.d.ts`, and follows it.

use std::fmt::Write;

use anyhow::Result;
use wit_bindgen_core::wit_parser::{Docs, Interface, Resolve, Type, TypeDefKind, TypeOwner};

use crate::contract::{
    Given, all_optional, capital, interfaces, is_hidden, is_list, option, pascal, reworded,
};

pub(crate) fn types(resolve: &Resolve, world: &str) -> Result<String> {
    let (interfaces, given) = interfaces(resolve, world)?;
    let mut text = String::new();
    for id in interfaces {
        interface(resolve, &resolve.interfaces[id], &given, &mut text)?;
    }
    Ok(text)
}

fn interface(
    resolve: &Resolve,
    interface: &Interface,
    given: &Given,
    text: &mut String,
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
                docs(&definition.docs, "", text)?;
                writeln!(text, "export interface {title} {{")?;
                for field in &record.fields {
                    docs(&field.docs, "  ", text)?;
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
            TypeDefKind::Enum(cases) => {
                docs(&definition.docs, "", text)?;
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
fn title(interface: Option<&str>, name: &str) -> String {
    match (interface, name) {
        // `callbacks` has one too.
        (Some("session"), "evaluation") => "SessionEvaluation".into(),
        _ => pascal(name),
    }
}

fn spelled(resolve: &Resolve, ty: &Type, given: bool) -> String {
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
                    title(interface, definition.name.as_deref().unwrap_or("unknown"))
                }
            }
        }
        _ => "number".into(),
    }
}

fn docs(docs: &Docs, indent: &str, text: &mut String) -> Result<()> {
    let Some(contents) = docs.contents.as_deref().map(str::trim) else {
        return Ok(());
    };
    let contents = reworded(contents, camel);
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

fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + &capital(part))
}
