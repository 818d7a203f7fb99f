//! The modules of the program, as the host resolved them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Exception, Function, Module, Object, Persistent, Promise, Result, Value};

use crate::bindings::arkor::trainer::diagnostics::Frame;
use crate::bindings::arkor::trainer::source::{Format, Program};
use crate::source_map;

/// Name of the module that is the trainer's side of the contract.
pub(crate) const API: &str = "arkor";

/// Made with `arkor.js`; not a place in the user's files.
const API_SOURCE: &str = include_str!("arkor.js");

/// Before the code of a CommonJS module, in one line with the first one of the file, so that lines are what
/// they were.
const BEFORE_COMMONJS: &str = "(function (exports, require, module, __filename, __dirname) { ";

struct Entry {
    format: Format,
    content: Vec<u8>,
    links: HashMap<String, String>,
    source_map: Option<String>,
}

#[derive(Clone)]
struct Modules(Rc<HashMap<String, Entry>>);

/// Exports of CommonJS modules that were evaluated, or are being evaluated.
type Evaluated = HashMap<String, Persistent<Object<'static>>>;

thread_local! {
    static MODULES: RefCell<Option<Modules>> = const { RefCell::new(None) };
    static COMMONJS: RefCell<Evaluated> = RefCell::default();
}

/// The interpreter's way to the modules. It is there before they are: the interpreter is part of the component, and
/// the program comes with an instance.
pub(crate) struct ProgramLoader;

fn modules(ctx: &Ctx<'_>) -> Result<Modules> {
    MODULES
        .with_borrow(Clone::clone)
        .ok_or_else(|| Exception::throw_internal(ctx, "no program"))
}

/// Takes the program over, which imports are found in from here on.
pub(crate) fn take_over(program: Program) {
    MODULES.set(Some(Modules::new(program)));
}

impl Modules {
    fn new(program: Program) -> Self {
        let entries = program.modules.into_iter().map(|module| {
            let links = module.links.into_iter();
            let entry = Entry {
                format: module.format,
                content: module.content,
                links: links.map(|link| (link.specifier, link.module)).collect(),
                source_map: module.source_map,
            };
            (module.name, entry)
        });
        Self(Rc::new(entries.collect()))
    }

    fn resolve(&self, ctx: &Ctx<'_>, base: &str, specifier: &str) -> Result<String> {
        let entry = self.0.get(base);
        if let Some(module) = entry.and_then(|entry| entry.links.get(specifier)) {
            return Ok(module.clone());
        }
        if self.0.contains_key(specifier) && entry.is_none() {
            return Ok(specifier.into());
        }
        Err(Exception::throw_message(
            ctx,
            &format!(
                "{base} imports \"{specifier}\", which is not part of the program: only imports of a \
                 text are known before it runs"
            ),
        ))
    }

    fn entry(&self, ctx: &Ctx<'_>, name: &str) -> Result<&Entry> {
        self.0
            .get(name)
            .ok_or_else(|| Exception::throw_message(ctx, &format!("there is no module {name}")))
    }
}

impl Resolver for ProgramLoader {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        if name == API || base.is_empty() || base == "<native>" {
            return Ok(name.into());
        }
        modules(ctx)?.resolve(ctx, base, name)
    }
}

impl Loader for ProgramLoader {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        if name == API {
            return Module::declare(ctx.clone(), name, API_SOURCE);
        }
        let modules = modules(ctx)?;
        let entry = modules.entry(ctx, name)?;
        match entry.format {
            Format::Ecmascript => {
                let module = Module::declare(ctx.clone(), name, entry.content.as_slice())?;
                module.meta()?.set("url", format!("file:///{name}"))?;
                Ok(module)
            }
            Format::Json | Format::Commonjs => {
                let exports = require(ctx, &modules, name)?;
                Module::declare(ctx.clone(), name, facade(ctx, name, &exports)?)
            }
            Format::Python | Format::Data => Err(Exception::throw_type(
                ctx,
                &format!("{name} is no JavaScript"),
            )),
        }
    }
}

/// An ECMAScript module around what a CommonJS module exported: all of it as the default, and each
/// property by its name.
fn facade(ctx: &Ctx<'_>, name: &str, exports: &Value<'_>) -> Result<String> {
    let quoted = |text: &str| -> Result<String> {
        ctx.json_stringify(text)?
            .map_or_else(|| Ok(String::new()), |text| text.to_string())
    };
    let mut source = format!(
        "const m = globalThis[Symbol.for('arkor.require')]({});\n",
        quoted(name)?
    );
    source += "export default m;\n";
    if let Some(object) = exports.as_object().filter(|object| !object.is_array()) {
        for (index, key) in object.keys::<String>().enumerate() {
            let key = key?;
            if key != "default" {
                let key = quoted(&key)?;
                source += &format!("const x{index} = m[{key}]; export {{ x{index} as {key} }};\n");
            }
        }
    }
    Ok(source)
}

/// What a CommonJS module or a JSON document exports; evaluated once.
fn require<'js>(ctx: &Ctx<'js>, modules: &Modules, name: &str) -> Result<Value<'js>> {
    let known = COMMONJS.with_borrow(|known| known.get(name).cloned());
    let exports_of = |module: Object<'js>| module.get("exports");
    if let Some(module) = known {
        return exports_of(module.restore(ctx)?);
    }
    let entry = modules.entry(ctx, name)?;
    let module = Object::new(ctx.clone())?;
    module.set("id", name)?;
    module.set("exports", Object::new(ctx.clone())?)?;
    let keep = |module: &Object<'js>| {
        let saved = Persistent::save(ctx, module.clone());
        COMMONJS.with_borrow_mut(|known| known.insert(name.into(), saved));
    };
    keep(&module);
    let evaluated = match entry.format {
        Format::Json => ctx
            .json_parse(entry.content.clone())
            .and_then(|value| module.set("exports", value)),
        Format::Commonjs => run_commonjs(ctx, modules, name, entry, &module),
        _ => Err(Exception::throw_type(
            ctx,
            &format!("require() of {name}, which is an ECMAScript module: use import"),
        )),
    };
    if let Err(error) = evaluated {
        COMMONJS.with_borrow_mut(|known| known.remove(name));
        return Err(error);
    }
    exports_of(module)
}

fn run_commonjs<'js>(
    ctx: &Ctx<'js>,
    modules: &Modules,
    name: &str,
    entry: &Entry,
    module: &Object<'js>,
) -> Result<()> {
    let mut code = BEFORE_COMMONJS.as_bytes().to_vec();
    code.extend(&entry.content);
    code.extend(b"\n})");
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(name.into());
    let function: Function<'js> = ctx.eval_with_options(code, options)?;
    let (base, all) = (name.to_owned(), modules.clone());
    let require = Function::new(ctx.clone(), move |ctx: Ctx<'js>, specifier: String| {
        let target = all.resolve(&ctx, &base, &specifier)?;
        require(&ctx, &all, &target)
    })?;
    let exports: Value<'js> = module.get("exports")?;
    let folder = name.rsplit_once('/').map_or("/", |(folder, _)| folder);
    function.call((exports, require, module.clone(), name, folder))
}

/// Imports a module by its name in the program.
pub(crate) fn import<'js>(ctx: &Ctx<'js>, name: &str) -> Result<Promise<'js>> {
    if name == API {
        // What its CommonJS facades ask for.
        let symbol: Value<'js> = ctx.eval("Symbol.for('arkor.require')")?;
        let get = Function::new(ctx.clone(), |ctx: Ctx<'js>, name: String| {
            require(&ctx, &modules(&ctx)?, &name)
        })?;
        ctx.globals().set(symbol, get)?;
    }
    Module::import(ctx, name)
}

/// The place of the first import of a module that `find` finds, which is given the code of the importing
/// module, and how it writes the name of the other one, in quotes.
pub(crate) fn find_import(
    module: &str,
    find: impl Fn(&str, &str) -> Option<(u32, u32)>,
) -> Option<Frame> {
    let modules = MODULES.with_borrow(Clone::clone)?;
    // In a fixed order, so that the same place is told each time.
    let mut names: Vec<&String> = modules.0.keys().collect();
    names.sort();
    names.into_iter().find_map(|name| {
        let entry = modules.0.get(name)?;
        let content = std::str::from_utf8(&entry.content).ok()?;
        let links = entry.links.iter().filter(|(_, target)| *target == module);
        let (line, column) = links
            .map(|(specifier, _)| specifier)
            .flat_map(|text| [format!("\"{text}\""), format!("'{text}'")])
            .chain((module == API).then(|| format!("\"{API}\"")))
            .find_map(|quoted| find(content, &quoted))?;
        let (line, column) = original(name, line, column)?;
        Some(Frame {
            function: None,
            file: name.clone(),
            line,
            column,
        })
    })
}

/// A place in the user's files, of one in the code that runs; both from 1. None if it is not in a
/// file of the user's.
pub(crate) fn original(file: &str, line: u32, column: u32) -> Option<(u32, u32)> {
    MODULES.with_borrow(|modules| {
        let entry = modules.as_ref()?.0.get(file)?;
        let before = match (&entry.format, line) {
            (Format::Commonjs, 1) => BEFORE_COMMONJS.len() as u32,
            _ => 0,
        };
        let column = column.saturating_sub(before).max(1);
        let Some(map) = &entry.source_map else {
            return Some((line, column));
        };
        let (line, column) =
            source_map::lookup(map, line.checked_sub(1)?, column.saturating_sub(1))?;
        Some((line + 1, column + 1))
    })
}
