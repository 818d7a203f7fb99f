//! The contract in Go, for `guest-sdk/go`: its types, and how they lie in memory by the canonical ABI.
//!
//! All values pass through memory: what the ABI hands over as plain arguments is first laid down there (or read
//! from there) as the record of the function's parameters. That costs nanoseconds and leaves one way to read
//! and write each type.

use std::fmt::Write;

use anyhow::{Context, Result, bail};
use wit_bindgen_core::wit_parser::{
    Docs, Function, Interface, InterfaceId, Resolve, SizeAlign, Type, TypeDefKind, TypeOwner,
};

use crate::contract::{capital, interfaces, reworded};

mod calls;

const HEADER: &str = "// Code generated from wit/ by `cargo run --package generate` in guest-sdk/rust. DO NOT EDIT.\n\n";

/// Names of files in `guest-sdk/go` and their text.
pub(crate) fn files(resolve: &Resolve) -> Result<Vec<(&'static str, String)>> {
    let (interfaces, _) = interfaces(resolve, "loop-trainer")?;
    let mut sizes = SizeAlign::default();
    sizes.fill(resolve);
    let go = Go { resolve, sizes };
    let mut types = format!("{HEADER}package arkor\n\n");
    let mut memory = format!("{HEADER}package arkor\n\nimport \"fmt\"\n\n");
    for id in &interfaces {
        go.interface(*id, &mut types, &mut memory)?;
    }
    let calls = go.calls(&interfaces)?;
    memory += &calls.answers;
    let made = vec![
        ("types.go", types),
        ("memory_types.go", memory),
        ("host.go", calls.methods),
        ("imports_wasm.go", calls.imports),
        ("imports_other.go", calls.stubs),
        ("exports_wasm.go", calls.exports),
        ("loop/exports_wasm.go", calls.loop_exports),
    ];
    // As gofmt has it: one line's end at the end of a file.
    let tidy = |text: String| text.trim_end().to_owned() + "\n";
    Ok(made
        .into_iter()
        .map(|(name, text)| (name, tidy(text)))
        .collect())
}

struct Go<'a> {
    resolve: &'a Resolve,
    sizes: SizeAlign,
}

impl Go<'_> {
    fn interface(&self, id: InterfaceId, types: &mut String, memory: &mut String) -> Result<()> {
        let interface = &self.resolve.interfaces[id];
        for (name, id) in &interface.types {
            let definition = &self.resolve.types[*id];
            let title = title(interface, name);
            match &definition.kind {
                TypeDefKind::Record(record) => {
                    docs(&definition.docs, "", types)?;
                    writeln!(types, "type {title} struct {{")?;
                    writeln!(memory, "func load{title}(at ptr) (v {title}) {{")?;
                    let mut store = format!("func store{title}(at ptr, v {title}) {{\n");
                    let offsets = self
                        .sizes
                        .field_offsets(record.fields.iter().map(|f| &f.ty));
                    for (field, (offset, _)) in record.fields.iter().zip(offsets) {
                        let (name, offset) = (pascal(&field.name), offset.size_wasm32());
                        if !types.ends_with("{\n") {
                            types.push('\n');
                        }
                        if self.is_text(&field.ty) {
                            comment(contents(&field.docs), "\t", types)?;
                        } else {
                            docs(&field.docs, "\t", types)?;
                        }
                        writeln!(types, "\t{name} {}", self.spelled(&field.ty))?;
                        let at = format!("at.to({offset})");
                        writeln!(memory, "\tv.{name} = {}", self.load(&field.ty, &at)?)?;
                        writeln!(
                            store,
                            "\t{}",
                            self.store(&field.ty, &at, &format!("v.{name}"))?
                        )?;
                    }
                    writeln!(types, "}}\n")?;
                    writeln!(memory, "\treturn v\n}}\n")?;
                    writeln!(memory, "{store}}}\n")?;
                }
                TypeDefKind::Enum(cases) => {
                    docs(&definition.docs, "", types)?;
                    writeln!(types, "type {title} uint8\n")?;
                    for (index, case) in cases.cases.iter().enumerate() {
                        docs(&case.docs, "", types)?;
                        writeln!(
                            types,
                            "const {title}{} {title} = {index}\n",
                            pascal(&case.name)
                        )?;
                    }
                    writeln!(
                        memory,
                        "func load{title}(at ptr) {title} {{ return {title}(getByte(at)) }}\n"
                    )?;
                    writeln!(
                        memory,
                        "func store{title}(at ptr, v {title}) {{ putByte(at, byte(v)) }}\n"
                    )?;
                }
                TypeDefKind::Variant(variant) if name.ends_with("-error") => {
                    // All errors of the host are one type in Go, with the case's name as its code.
                    let payload = self.payload(&Type::Id(*id))?;
                    writeln!(
                        memory,
                        "func load{title}(at ptr) *HostError {{\n\tswitch getByte(at) {{"
                    )?;
                    for (index, case) in variant.cases.iter().enumerate() {
                        let text = match &case.ty {
                            Some(_) => format!("getText(at.to({payload}))"),
                            None => format!("{:?}", first_sentence(&case.docs)),
                        };
                        writeln!(
                            memory,
                            "\tcase {index}:\n\t\treturn &HostError{{Code: {:?}, Message: {text}}}",
                            case.name
                        )?;
                    }
                    writeln!(
                        memory,
                        "\t}}\n\treturn &HostError{{Code: \"unknown\"}}\n}}\n"
                    )?;
                }
                TypeDefKind::Variant(variant) => {
                    let payload = self.payload(&Type::Id(*id))?;
                    docs(&definition.docs, "", types)?;
                    writeln!(
                        types,
                        "//\n// One of the types that follow, whose names begin with {title}."
                    )?;
                    writeln!(types, "type {title} interface{{ is{title}() }}\n")?;
                    let mut load =
                        format!("func load{title}(at ptr) {title} {{\n\tswitch getByte(at) {{\n");
                    let mut store = format!(
                        "func store{title}(at ptr, v {title}) {{\n\tswitch v := v.(type) {{\n"
                    );
                    for (index, case) in variant.cases.iter().enumerate() {
                        let name = format!("{title}{}", pascal(&case.name));
                        if case.ty.as_ref().is_some_and(|ty| self.is_text(ty)) {
                            comment(contents(&case.docs), "", types)?;
                        } else {
                            docs(&case.docs, "", types)?;
                        }
                        write!(load, "\tcase {index}:\n\t\treturn {name}{{")?;
                        writeln!(store, "\tcase {name}:\n\t\tputByte(at, {index})")?;
                        if let Some(ty) = &case.ty {
                            writeln!(
                                types,
                                "type {name} struct{{ Value {} }}\n",
                                self.spelled(ty)
                            )?;
                            let at = format!("at.to({payload})");
                            write!(load, "{}", self.load(ty, &at)?)?;
                            writeln!(store, "\t\t{}", self.store(ty, &at, "v.Value")?)?;
                        } else {
                            writeln!(types, "type {name} struct{{}}\n")?;
                        }
                        writeln!(types, "func ({name}) is{title}() {{}}\n")?;
                        writeln!(load, "}}")?;
                    }
                    writeln!(memory, "{load}\t}}\n\treturn nil\n}}\n")?;
                    writeln!(
                        memory,
                        "{store}\tdefault:\n\t\tpanic(fmt.Sprintf(\"there is no {title}: it is %T\", v))\n\t}}\n}}\n"
                    )?;
                }
                // A name that an interface takes over from another.
                _ => {}
            }
        }
        Ok(())
    }

    /// The type in Go.
    fn spelled(&self, ty: &Type) -> String {
        match ty {
            Type::Bool => "bool".into(),
            Type::U8 => "byte".into(),
            Type::U32 => "uint32".into(),
            Type::F32 => "float32".into(),
            Type::F64 => "float64".into(),
            Type::Id(id) => match &self.resolve.types[*id].kind {
                TypeDefKind::List(item) => format!("[]{}", self.spelled(item)),
                TypeDefKind::Option(inner) if self.is_variant(inner) => self.spelled(inner),
                TypeDefKind::Option(inner) => format!("*{}", self.spelled(inner)),
                TypeDefKind::Type(inner) => self.spelled(inner),
                _ => self.title(ty),
            },
            _ => "string".into(),
        }
    }

    /// Whether the values are texts: what is in backquotes at them are texts too, and no names in Go,
    /// which has such quotes itself.
    fn is_text(&self, ty: &Type) -> bool {
        match (ty, self.kind(ty)) {
            (Type::String, _) => true,
            (_, Some(TypeDefKind::Option(inner) | TypeDefKind::List(inner))) => self.is_text(inner),
            _ => false,
        }
    }

    /// A variant is an interface in Go, which has nil.
    fn is_variant(&self, ty: &Type) -> bool {
        match ty {
            Type::Id(id) => match &self.resolve.types[*id].kind {
                TypeDefKind::Variant(_) => true,
                TypeDefKind::Type(inner) => self.is_variant(inner),
                _ => false,
            },
            _ => false,
        }
    }

    /// Name of a type that has one.
    fn title(&self, ty: &Type) -> String {
        let Type::Id(id) = ty else {
            return String::new();
        };
        let definition = &self.resolve.types[*id];
        match (&definition.kind, definition.owner) {
            (TypeDefKind::Type(inner), _) => self.title(inner),
            (_, TypeOwner::Interface(owner)) => title(
                &self.resolve.interfaces[owner],
                definition.name.as_deref().unwrap_or_default(),
            ),
            _ => String::new(),
        }
    }

    /// An expression that reads a value.
    fn load(&self, ty: &Type, at: &str) -> Result<String> {
        Ok(match self.kind(ty) {
            Some(TypeDefKind::List(item)) if is_number(item) => {
                format!("getNumbers[{}]({at})", self.spelled(item))
            }
            Some(TypeDefKind::List(item)) => {
                format!("getList({at}, {}, {})", self.size(item), self.loader(item)?)
            }
            Some(TypeDefKind::Option(inner)) => {
                let function = if self.is_variant(inner) {
                    "getVariant"
                } else {
                    "getOption"
                };
                format!(
                    "{function}({at}, {}, {})",
                    self.payload(ty)?,
                    self.loader(inner)?
                )
            }
            _ => format!("{}({at})", self.loader(ty)?),
        })
    }

    /// A statement that writes a value.
    fn store(&self, ty: &Type, at: &str, value: &str) -> Result<String> {
        Ok(match self.kind(ty) {
            Some(TypeDefKind::List(item)) if is_number(item) => {
                format!("putNumbers({at}, {value})")
            }
            Some(TypeDefKind::List(item)) => {
                format!(
                    "putList({at}, {value}, {}, {})",
                    self.size(item),
                    self.storer(item)?
                )
            }
            Some(TypeDefKind::Option(inner)) if self.is_variant(inner) => {
                let title = self.title(inner);
                format!(
                    "putVariant({at}, {}, {value}, store{title})",
                    self.payload(ty)?
                )
            }
            Some(TypeDefKind::Option(inner)) => {
                format!(
                    "putOption({at}, {}, {value}, {})",
                    self.payload(ty)?,
                    self.storer(inner)?
                )
            }
            _ => format!("{}({at}, {value})", self.storer(ty)?),
        })
    }

    fn loader(&self, ty: &Type) -> Result<String> {
        Ok(match (ty, self.kind(ty)) {
            (Type::Id(_), Some(TypeDefKind::List(_) | TypeDefKind::Option(_))) => format!(
                "func(at ptr) {} {{ return {} }}",
                self.spelled(ty),
                self.load(ty, "at")?
            ),
            (Type::Id(_), _) => format!("load{}", self.title(ty)),
            _ => format!("get{}", primitive(ty)?),
        })
    }

    fn storer(&self, ty: &Type) -> Result<String> {
        Ok(match (ty, self.kind(ty)) {
            (Type::Id(_), Some(TypeDefKind::List(_) | TypeDefKind::Option(_))) => format!(
                "func(at ptr, v {}) {{ {} }}",
                self.spelled(ty),
                self.store(ty, "at", "v")?
            ),
            (Type::Id(_), _) => format!("store{}", self.title(ty)),
            _ => format!("put{}", primitive(ty)?),
        })
    }

    /// What a type is, behind the names it has.
    fn kind(&self, ty: &Type) -> Option<&TypeDefKind> {
        match ty {
            Type::Id(id) => match &self.resolve.types[*id].kind {
                TypeDefKind::Type(inner) => self.kind(inner),
                kind => Some(kind),
            },
            _ => None,
        }
    }

    fn size(&self, ty: &Type) -> usize {
        self.sizes.size(ty).size_wasm32()
    }

    /// Where the value of an option, a variant or a result begins.
    fn payload(&self, ty: &Type) -> Result<usize> {
        let align = match self.kind(ty).context("a plain type has no cases")? {
            TypeDefKind::Option(inner) => self.sizes.align(inner).align_wasm32(),
            TypeDefKind::Variant(variant) => {
                self.align(variant.cases.iter().map(|c| c.ty.as_ref()))
            }
            TypeDefKind::Result(result) => self.align([result.ok.as_ref(), result.err.as_ref()]),
            other => bail!("{other:?} has no cases"),
        };
        Ok(align)
    }

    /// The one byte that tells the case is followed by the case's value where the widest one may begin.
    fn align<'t>(&self, types: impl IntoIterator<Item = Option<&'t Type>>) -> usize {
        let aligns = types
            .into_iter()
            .flatten()
            .map(|ty| self.sizes.align(ty).align_wasm32());
        aligns.max().unwrap_or(1)
    }
}

fn is_number(ty: &Type) -> bool {
    matches!(ty, Type::U8 | Type::U32 | Type::F32 | Type::F64)
}

fn primitive(ty: &Type) -> Result<&'static str> {
    Ok(match ty {
        Type::Bool => "Bool",
        Type::U8 => "Byte",
        Type::U32 => "Uint32",
        Type::F32 => "Float32",
        Type::F64 => "Float64",
        Type::String => "Text",
        other => bail!("guest-sdk/go/memory.go has nothing for {other:?}"),
    })
}

/// Name of a type in Go, which has one space of names here.
fn title(interface: &Interface, name: &str) -> String {
    match (interface.name.as_deref(), name) {
        // `callbacks` has one too.
        (Some("session"), "evaluation") => "SessionEvaluation".into(),
        // `Dataset` is what has the functions of that interface.
        (Some("definition"), "dataset") => "DatasetSpec".into(),
        _ => pascal(name),
    }
}

/// `lr-scheduler-type` is LRSchedulerType.
fn pascal(name: &str) -> String {
    let part = |part: &str| match part {
        "id" | "url" | "lr" => part.to_uppercase(),
        "ids" => "IDs".into(),
        _ => capital(part),
    };
    name.split('-').map(part).collect()
}

/// Names of parameters.
fn camel(name: &str) -> String {
    let text = pascal(name);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().collect::<String>() + letters.as_str()
    })
}

fn first_sentence(docs: &Docs) -> String {
    let text = docs
        .contents
        .as_deref()
        .unwrap_or_default()
        .replace('\n', " ");
    let end = text.find([';', ':']).unwrap_or(text.len());
    text[..end]
        .trim_end_matches('.')
        .replace('`', "")
        .trim()
        .to_lowercase()
}

fn docs(docs: &Docs, indent: &str, text: &mut String) -> Result<()> {
    let name = |path: &str| path.split('.').map(pascal).collect::<Vec<_>>().join(".");
    let contents = reworded(contents(docs), name).replace('`', "");
    comment(&contents, indent, text)
}

fn contents(docs: &Docs) -> &str {
    docs.contents.as_deref().unwrap_or_default().trim()
}

fn comment(contents: &str, indent: &str, text: &mut String) -> Result<()> {
    for line in contents.lines() {
        writeln!(text, "{}", format!("{indent}// {line}").trim_end())?;
    }
    Ok(())
}

/// A function's parameters as one record.
fn parameters(function: &Function) -> Vec<&Type> {
    function
        .params
        .iter()
        .map(|parameter| &parameter.ty)
        .collect()
}
