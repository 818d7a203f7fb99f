//! The functions of the contract: those that a trainer calls, and those that the host calls.

use std::fmt::Write;

use anyhow::{Context, Result, bail, ensure};
use wit_bindgen_core::abi::{AbiVariant, WasmType};
use wit_bindgen_core::wit_parser::{Function, InterfaceId, Type, TypeDefKind};

use super::{Go, HEADER, camel, docs, parameters, pascal};

/// Interfaces whose functions the trainer exports.
const EXPORTED: &[&str] = &["definition", "callbacks", "training-loop"];

pub(super) struct Calls {
    /// What a trainer calls.
    pub(super) methods: String,
    pub(super) imports: String,
    /// The imports where there is no host, so that tools can read the package anywhere.
    pub(super) stubs: String,
    pub(super) exports: String,
    pub(super) loop_exports: String,
    /// How what a trainer returns is laid down for the host.
    pub(super) answers: String,
}

/// A value as an argument in wasm: where it lies in the record of parameters, and how wide it is there.
struct Leaf {
    offset: usize,
    /// Of memory.go: `Byte`, `Uint32`, `Float32`, `Float64`.
    kind: &'static str,
}

impl Leaf {
    /// The type of the argument, and its value read from memory.
    fn argument(&self) -> (&'static str, String) {
        let at = format!("(at.to({}))", self.offset);
        match self.kind {
            "Byte" => ("uint32", format!("uint32(getByte{at})")),
            "Float32" => ("float32", format!("getFloat32{at}")),
            "Float64" => ("float64", format!("getFloat64{at}")),
            _ => ("uint32", format!("getUint32{at}")),
        }
    }
}

impl Go<'_> {
    pub(super) fn calls(&self, interfaces: &[InterfaceId]) -> Result<Calls> {
        let wasm = "//go:build wasip1\n\n";
        let mut calls = Calls {
            methods: format!("{HEADER}package arkor\n\n"),
            imports: format!("{HEADER}{wasm}package arkor\n\n"),
            stubs: format!("{HEADER}//go:build !wasip1\n\npackage arkor\n\n"),
            exports: format!("{HEADER}{wasm}package arkor\n\n"),
            answers: String::new(),
            loop_exports: format!(
                "{HEADER}{wasm}package loop\n\nimport \"arkor/internal/entry\"\n\n"
            ),
        };
        for id in interfaces {
            let interface = &self.resolve.interfaces[*id];
            let name = interface
                .name
                .as_deref()
                .context("an interface without a name")?;
            let module = self
                .resolve
                .id_of(*id)
                .context("an interface without a package")?;
            if EXPORTED.contains(&name) {
                for function in interface.functions.values() {
                    self.answer(function, &mut calls.answers)?;
                    if name == "training-loop" {
                        self.export(&module, function, "entry.Run", &mut calls.loop_exports)?;
                    } else {
                        let to = format!("enter{}", pascal(&function.name));
                        self.export(&module, function, &to, &mut calls.exports)?;
                    }
                }
            } else if !interface.functions.is_empty() {
                let receiver = format!("{}Functions", camel(name));
                docs(&interface.docs, "", &mut calls.methods)?;
                writeln!(calls.methods, "var {} {receiver}\n", pascal(name))?;
                writeln!(calls.methods, "type {receiver} struct{{}}\n")?;
                for function in interface.functions.values() {
                    self.import(&module, name, function, &receiver, &mut calls)?;
                }
            }
        }
        Ok(calls)
    }

    fn import(
        &self,
        module: &str,
        interface: &str,
        function: &Function,
        receiver: &str,
        calls: &mut Calls,
    ) -> Result<()> {
        let signature = self
            .resolve
            .wasm_signature(AbiVariant::GuestImport, function);
        ensure!(
            signature.results.is_empty(),
            "a plain result is not known here"
        );
        let raw = format!("import{}{}", pascal(interface), pascal(&function.name));

        let (arguments, mut values): (Vec<_>, Vec<_>) = if signature.indirect_params {
            (vec!["uint32"], vec!["uint32(at)".to_owned()])
        } else {
            self.leaves_of(function)?.iter().map(Leaf::argument).unzip()
        };
        let mut arguments: Vec<String> = arguments
            .iter()
            .enumerate()
            .map(|(index, ty)| format!("a{index} {ty}"))
            .collect();
        if signature.retptr {
            arguments.push("result uint32".into());
            values.push("uint32(result)".into());
        }
        let arguments = arguments.join(", ");
        writeln!(calls.imports, "//go:wasmimport {module} {}", function.name)?;
        writeln!(calls.imports, "func {raw}({arguments})\n")?;
        writeln!(calls.stubs, "func {raw}({arguments}) {{\n\tnoHost()\n}}\n")?;

        let given: Vec<String> = function
            .params
            .iter()
            .map(|parameter| format!("{} {}", camel(&parameter.name), self.spelled(&parameter.ty)))
            .collect();
        docs(&function.docs, "", &mut calls.methods)?;
        let (returns, result) = self.result(function)?;
        writeln!(
            calls.methods,
            "func ({receiver}) {}({}){returns} {{",
            pascal(&function.name),
            given.join(", ")
        )?;
        let text = &mut calls.methods;
        writeln!(text, "\tdefer release(len(held))")?;
        let types = parameters(function);
        if !types.is_empty() {
            let record = self.sizes.record(types.iter().copied());
            writeln!(text, "\tat := room({})", record.size.size_wasm32())?;
            for (parameter, (offset, ty)) in
                function.params.iter().zip(self.sizes.field_offsets(types))
            {
                let at = format!("at.to({})", offset.size_wasm32());
                writeln!(text, "\t{}", self.store(ty, &at, &camel(&parameter.name))?)?;
            }
        }
        if let Some(ty) = &function.result {
            writeln!(text, "\tresult := room({})", self.size(ty))?;
        }
        writeln!(text, "\t{raw}({})\n{result}}}\n", values.join(", "))?;
        Ok(())
    }

    /// What a method returns, and the statements that read it.
    fn result(&self, function: &Function) -> Result<(String, String)> {
        let Some(ty) = &function.result else {
            return Ok((String::new(), String::new()));
        };
        let Some(TypeDefKind::Result(result)) = self.kind(ty) else {
            bail!("{} returns something other than a result", function.name);
        };
        let error = result.err.as_ref().context("a result without an error")?;
        let at = format!("result.to({})", self.payload(ty)?);
        let error = format!(
            "hostError(\"{}\", {})",
            function.name,
            self.load(error, &at)?
        );
        Ok(match &result.ok {
            None => (
                " error".into(),
                format!("\tif getByte(result) != 0 {{\n\t\treturn {error}\n\t}}\n\treturn nil\n"),
            ),
            Some(ok) => (
                format!(" (answer {}, err error)", self.spelled(ok)),
                format!(
                    "\tif getByte(result) != 0 {{\n\t\treturn answer, {error}\n\t}}\n\treturn {}, nil\n",
                    self.load(ok, &at)?
                ),
            ),
        })
    }

    fn answer(&self, function: &Function, text: &mut String) -> Result<()> {
        let ty = function
            .result
            .as_ref()
            .context("a function without a result")?;
        let Some(TypeDefKind::Result(result)) = self.kind(ty) else {
            bail!("{} returns something other than a result", function.name);
        };
        let at = format!("result.to({})", self.payload(ty)?);
        let (value, store) = match &result.ok {
            Some(ok) => (self.spelled(ok), self.store(ok, &at, "v")?),
            None => ("struct{}".into(), "_ = v".into()),
        };
        writeln!(
            text,
            "func answer{}(v {value}, err error) uint32 {{\n\tresult := room({})\n\tif err != nil {{\n\t\t\
             putByte(result, 1)\n\t\tputText({at}, err.Error())\n\t\treturn uint32(result)\n\t}}\n\t\
             {store}\n\treturn uint32(result)\n}}\n",
            pascal(&function.name),
            self.size(ty)
        )?;
        Ok(())
    }

    fn export(&self, module: &str, function: &Function, to: &str, text: &mut String) -> Result<()> {
        let signature = self
            .resolve
            .wasm_signature(AbiVariant::GuestExport, function);
        ensure!(
            signature.results.as_slice() == [WasmType::Pointer],
            "{} returns something that is not in memory",
            function.name
        );
        let name = format!("export{}", pascal(&function.name));
        writeln!(text, "//go:wasmexport {module}#{}", function.name)?;
        if signature.indirect_params {
            // The package `loop` knows an address only, and the loop begins by itself.
            if to == "entry.Run" {
                writeln!(
                    text,
                    "func {name}(at uint32) uint32 {{ return {to}(at) }}\n"
                )?;
            } else {
                writeln!(
                    text,
                    "func {name}(at uint32) uint32 {{\n\tbegin()\n\treturn {to}(ptr(at))\n}}\n"
                )?;
            }
            return Ok(());
        }
        let leaves = self.leaves_of(function)?;
        let arguments: Vec<String> = leaves
            .iter()
            .enumerate()
            .map(|(index, leaf)| format!("a{index} {}", leaf.argument().0))
            .collect();
        writeln!(text, "func {name}({}) uint32 {{", arguments.join(", "))?;
        if leaves.is_empty() {
            writeln!(text, "\treturn {to}()\n}}\n")?;
            return Ok(());
        }
        let record = self.sizes.record(parameters(function));
        writeln!(text, "\tat := parameters({})", record.size.size_wasm32())?;
        for (index, leaf) in leaves.iter().enumerate() {
            let value = match leaf.kind {
                "Byte" => format!("byte(a{index})"),
                _ => format!("a{index}"),
            };
            writeln!(text, "\tput{}(at.to({}), {value})", leaf.kind, leaf.offset)?;
        }
        writeln!(text, "\treturn {to}(at)\n}}\n")?;
        Ok(())
    }

    fn leaves_of(&self, function: &Function) -> Result<Vec<Leaf>> {
        let mut leaves = Vec::new();
        for (offset, ty) in self.sizes.field_offsets(parameters(function)) {
            self.leaves(ty, offset.size_wasm32(), &mut leaves)?;
        }
        Ok(leaves)
    }

    fn leaves(&self, ty: &Type, offset: usize, leaves: &mut Vec<Leaf>) -> Result<()> {
        let mut leaf = |offset, kind| leaves.push(Leaf { offset, kind });
        match ty {
            Type::Bool | Type::U8 => leaf(offset, "Byte"),
            Type::U32 => leaf(offset, "Uint32"),
            Type::F32 => leaf(offset, "Float32"),
            Type::F64 => leaf(offset, "Float64"),
            Type::String => {
                leaf(offset, "Uint32");
                leaf(offset + 4, "Uint32");
            }
            Type::Id(_) => match self.kind(ty).context("a type without a kind")? {
                TypeDefKind::List(_) => {
                    leaf(offset, "Uint32");
                    leaf(offset + 4, "Uint32");
                }
                TypeDefKind::Enum(_) => leaf(offset, "Byte"),
                TypeDefKind::Record(record) => {
                    let fields = self
                        .sizes
                        .field_offsets(record.fields.iter().map(|f| &f.ty));
                    for (at, ty) in fields {
                        self.leaves(ty, offset + at.size_wasm32(), leaves)?;
                    }
                }
                TypeDefKind::Option(inner) => {
                    leaf(offset, "Byte");
                    self.leaves(inner, offset + self.payload(ty)?, leaves)?;
                }
                TypeDefKind::Variant(variant) => {
                    leaf(offset, "Byte");
                    let at = offset + self.payload(ty)?;
                    let cases = variant.cases.iter().filter_map(|case| case.ty.as_ref());
                    self.joined(cases, at, leaves)?;
                }
                other => bail!("{other:?} is not known here"),
            },
            other => bail!("{other:?} is not known here"),
        }
        Ok(())
    }

    /// Cases share their arguments. Those of this contract are of four bytes each, one after the other, so the
    /// bits are the same whichever case they belong to.
    fn joined<'t>(
        &self,
        cases: impl Iterator<Item = &'t Type>,
        at: usize,
        leaves: &mut Vec<Leaf>,
    ) -> Result<()> {
        let mut widest: Vec<Leaf> = Vec::new();
        let mut count = 0;
        for ty in cases {
            let mut own = Vec::new();
            self.leaves(ty, at, &mut own)?;
            count += 1;
            for (index, leaf) in own.iter().enumerate() {
                let is_word = matches!(leaf.kind, "Uint32" | "Float32");
                ensure!(
                    is_word && leaf.offset == at + 4 * index,
                    "cases that do not fit each other"
                );
            }
            if own.len() > widest.len() {
                widest = own;
            }
        }
        if count > 1 {
            widest.iter_mut().for_each(|leaf| leaf.kind = "Uint32");
        }
        leaves.append(&mut widest);
        Ok(())
    }
}
