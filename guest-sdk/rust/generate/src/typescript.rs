//! Types of the contract for TypeScript: the first part of `guest-sdk/js/index.d.ts`. What scripts call
//! is written by hand, in `guest-sdk/js/api.d.ts`, and follows it.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::{Context, Result};
use wit_bindgen_core::wit_parser::{
    Docs, Interface, Resolve, Type, TypeDefKind, TypeId, TypeOwner, WorldItem, WorldKey,
};

/// Types that scripts do not meet: what they stand for is an exception, or a part of the runtime.
fn is_hidden(name: &str) -> bool {
    name.ends_with("-error") || name == "resume-info"
}

pub(crate) fn types(resolve: &Resolve, world: &str) -> Result<String> {
    let (_, package) = resolve
        .packages
        .iter()
        .find(|(_, package)| package.name.name == "trainer")
        .context("the contract's package is missing")?;
    let id = package
        .worlds
        .get(world)
        .with_context(|| format!("there is no world {world}"))?;
    let world = &resolve.worlds[*id];
    let mut interfaces = Vec::new();
    let mut given = BTreeSet::new();
    for (items, is_import) in [(&world.imports, true), (&world.exports, false)] {
        for (key, item) in items {
            let (WorldKey::Interface(_), WorldItem::Interface { id, .. }) = (key, item) else {
                continue;
            };
            let interface = &resolve.interfaces[*id];
            if !interfaces.contains(id) {
                interfaces.push(*id);
            }
            for function in interface.functions.values() {
                // What a script gives: arguments of what it calls, results of what it is called for.
                if is_import {
                    for parameter in &function.params {
                        mark(resolve, &parameter.ty, &mut given);
                    }
                } else if let Some(result) = &function.result {
                    mark(resolve, result, &mut given);
                }
            }
        }
    }
    let mut text = String::new();
    for id in interfaces {
        interface(resolve, &resolve.interfaces[id], &given, &mut text)?;
    }
    Ok(text)
}

/// Notes a type and all that is in it.
fn mark(resolve: &Resolve, ty: &Type, given: &mut BTreeSet<TypeId>) {
    let Type::Id(id) = ty else {
        return;
    };
    if !given.insert(*id) {
        return;
    }
    let mut mark = |ty: &Type| mark(resolve, ty, given);
    match &resolve.types[*id].kind {
        TypeDefKind::Record(record) => record.fields.iter().for_each(|field| mark(&field.ty)),
        TypeDefKind::Variant(variant) => {
            variant
                .cases
                .iter()
                .filter_map(|case| case.ty.as_ref())
                .for_each(mark);
        }
        TypeDefKind::Option(ty) | TypeDefKind::List(ty) | TypeDefKind::Type(ty) => mark(ty),
        TypeDefKind::Result(result) => {
            [&result.ok, &result.err]
                .into_iter()
                .flatten()
                .for_each(mark);
        }
        _ => {}
    }
}

fn interface(
    resolve: &Resolve,
    interface: &Interface,
    given: &BTreeSet<TypeId>,
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

fn definition<'a>(resolve: &'a Resolve, ty: &Type) -> Option<&'a TypeDefKind> {
    match ty {
        Type::Id(id) => Some(&resolve.types[*id].kind),
        _ => None,
    }
}

fn option<'a>(resolve: &'a Resolve, ty: &Type) -> Option<&'a Type> {
    match definition(resolve, ty) {
        Some(TypeDefKind::Option(inner)) => Some(inner),
        _ => None,
    }
}

fn is_list(resolve: &Resolve, ty: &Type) -> bool {
    matches!(definition(resolve, ty), Some(TypeDefKind::List(_)))
}

/// Whether it is a record each of whose fields may be left out.
fn all_optional(resolve: &Resolve, ty: &Type) -> bool {
    match definition(resolve, ty) {
        Some(TypeDefKind::Record(record)) => record
            .fields
            .iter()
            .all(|field| option(resolve, &field.ty).is_some() || is_list(resolve, &field.ty)),
        _ => false,
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
    let contents = in_scripts(contents);
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

/// Names in backquotes as scripts have them: `max-steps` is `maxSteps` there.
fn in_scripts(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        let is_name = |part: &str| {
            part.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
        };
        if index > 0 {
            result.push('`');
        }
        if index % 2 == 1 && is_name(part) {
            result += &camel(part);
        } else {
            result += part;
        }
    }
    result
}

fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + &capital(part))
}

fn pascal(name: &str) -> String {
    name.split('-').map(capital).collect()
}

fn capital(part: &str) -> String {
    let mut letters = part.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}
