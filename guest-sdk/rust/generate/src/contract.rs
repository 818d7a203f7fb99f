//! What the SDKs of scripts ask of the contract.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use wit_bindgen_core::wit_parser::{
    InterfaceId, Resolve, Type, TypeDefKind, TypeId, WorldItem, WorldKey,
};

/// Types that scripts do not meet: what they stand for is an exception, or a part of the runtime.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.ends_with("-error") || name == "resume-info"
}

/// Types that a script gives, rather than gets.
pub(crate) type Given = BTreeSet<TypeId>;

/// The interfaces of a world, and which types scripts give there.
pub(crate) fn interfaces(resolve: &Resolve, world: &str) -> Result<(Vec<InterfaceId>, Given)> {
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
    Ok((interfaces, given))
}

/// Notes a type and all that is in it.
fn mark(resolve: &Resolve, ty: &Type, given: &mut Given) {
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

fn definition<'a>(resolve: &'a Resolve, ty: &Type) -> Option<&'a TypeDefKind> {
    match ty {
        Type::Id(id) => Some(&resolve.types[*id].kind),
        _ => None,
    }
}

pub(crate) fn option<'a>(resolve: &'a Resolve, ty: &Type) -> Option<&'a Type> {
    match definition(resolve, ty) {
        Some(TypeDefKind::Option(inner)) => Some(inner),
        _ => None,
    }
}

pub(crate) fn is_list(resolve: &Resolve, ty: &Type) -> bool {
    matches!(definition(resolve, ty), Some(TypeDefKind::List(_)))
}

/// Whether it is a record each of whose fields may be left out.
pub(crate) fn all_optional(resolve: &Resolve, ty: &Type) -> bool {
    match definition(resolve, ty) {
        Some(TypeDefKind::Record(record)) => record
            .fields
            .iter()
            .all(|field| option(resolve, &field.ty).is_some() || is_list(resolve, &field.ty)),
        _ => false,
    }
}

/// Names in backquotes as a language has them: `max-steps` is `maxSteps` in JavaScript.
pub(crate) fn reworded(text: &str, name: impl Fn(&str) -> String) -> String {
    let mut result = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        let is_name = |part: &str| {
            part.contains(|c: char| c.is_ascii_lowercase())
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
        };
        if index > 0 {
            result.push('`');
        }
        if index % 2 == 1 && is_name(part) {
            result += &name(part);
        } else {
            result += part;
        }
    }
    result
}

pub(crate) fn pascal(name: &str) -> String {
    name.split('-').map(capital).collect()
}

pub(crate) fn capital(part: &str) -> String {
    let mut letters = part.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}
