//! Modules of the project, the standard library, and packages that are installed for it.

use crate::harness::Project;
use crate::script::{messages, project, python};

fn write(project: &Project, path: &str, content: &str) {
    let file = project.path(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, content).unwrap();
}

const SITE: &str = ".venv/lib/python3.12/site-packages";

#[test]
fn files_and_packages_are_found_as_python_finds_them() {
    let module = "from lib import helper, other\nimport lib.deep.more as more, pure, sys\nfrom pure import \
                  data\nprint(helper.x, other.y, more.z, pure.__version__, data(), __name__, __file__)\nimport graphlib; \
                  print(graphlib.mine)";
    let project = project("text.txt", &crate::harness::text(""));
    write(&project, "src/trainer.py", &python(module, "pass"));
    for (path, content) in [
        ("src/lib/helper.py", "from .deep import x"),
        ("src/lib/deep/__init__.py", "x = 1"),
        ("src/lib/deep/more.py", "from ..other import y as z"),
        ("src/lib/other.py", "y = 2"),
        // Beside the entry a module hides one of the library that is not loaded yet.
        ("src/graphlib.py", "mine = 3"),
        (".venv/pyvenv.cfg", ""),
    ] {
        write(&project, path, content);
    }
    let package = "import pkgutil, inner\n__version__ = inner.version\ndef data(): return pkgutil.get_data(__name__, \
                   \"data.txt\").decode()\ntry: from . import fast\nexcept ImportError as e: slow = str(e)";
    write(&project, &format!("{SITE}/pure/__init__.py"), package);
    write(&project, &format!("{SITE}/pure/data.txt"), "data");
    write(
        &project,
        &format!("{SITE}/pure/fast.cpython-312-x86_64-linux-gnu.so"),
        "",
    );
    write(&project, &format!("{SITE}/inner.py"), "version = \"1.0\"");
    let done = project.run(&[]);
    done.expect(0);
    assert_eq!(
        messages(&done),
        ["1 2 2 1.0 data trainer src/trainer.py", "3"]
    );
}

#[test]
fn native_code_is_refused_by_its_name() {
    let project = project("trainer.py", &python("import numeric", "pass"));
    write(&project, ".venv/pyvenv.cfg", "");
    let package =
        "try: from . import core\nexcept ImportError: raise RuntimeError(\"broken install\")";
    write(&project, &format!("{SITE}/numeric/__init__.py"), package);
    write(&project, &format!("{SITE}/numeric/core.so"), "");
    let done = project.run(&[]);
    done.one_error(&[
        "broken install",
        "numeric.core is native code, which does not run in the sandbox",
    ]);
}

#[test]
fn what_a_requirements_file_names_is_installed_once() {
    let project = project(
        "trainer.py",
        &python("import iniconfig; print(iniconfig.__name__)", "pass"),
    );
    project.write("requirements.txt", "iniconfig==2.1.0\n");
    let first = project.run(&[]);
    first.expect(0);
    assert_eq!(messages(&first), ["iniconfig"]);
    // The second time pip is not needed.
    let mut command = project.command(["run", "--json"]);
    command.env("PATH", "/nowhere");
    let second = crate::harness::Done::from(command.output().unwrap());
    second.expect(0);
    project.write("requirements.txt", "no-such-package-of-arkor==1\n");
    let failed = project.run(&[]);
    failed.one_error(&[
        "could not be installed",
        "only packages without native code",
    ]);
}

#[test]
fn the_standard_library_is_there() {
    let modules = "argparse ast asyncio base64 bisect calendar collections configparser contextlib copy csv dataclasses \
                   datetime decimal difflib email enum fractions functools graphlib gzip hashlib heapq hmac html http.client \
                   importlib.resources inspect io ipaddress itertools json logging math operator pathlib pickle pprint queue \
                   random re secrets shlex shutil socket statistics string struct tempfile textwrap threading time \
                   tomllib traceback types typing unicodedata unittest urllib.request uuid warnings weakref \
                   xml.etree.ElementTree zipfile zlib zoneinfo";
    let module = format!(
        "import importlib\nfor name in \"{modules}\".split(): importlib.import_module(name)\nimport decimal, json, \
         hashlib, zlib, tomllib\nprint(decimal.Decimal(\"0.1\") * 3, json.dumps({{\"a\": [1.5]}}), \
         hashlib.sha256(b\"\").hexdigest()[:8], zlib.decompress(zlib.compress(b\"x\" * 100)) == b\"x\" * 100, \
         tomllib.loads(\"a = 1\"))"
    );
    let done = project("trainer.py", &python(&module, "pass")).run(&[]);
    done.expect(0);
    let told = messages(&done);
    // Some of them look for files.
    let last = told
        .iter()
        .find(|line| !line.contains("which nothing grants"));
    assert_eq!(last.unwrap(), "0.3 {\"a\": [1.5]} e3b0c442 True {'a': 1}");
}

#[test]
fn a_script_by_its_name_is_a_project_too() {
    let project = project("mine.py", &python("", "pass"));
    project.arkor(["run", "--json", "mine.py"]).expect(0);
    project.write("arkor.toml", "[trainer]\nentry = \"mine.py\"\n");
    project.run(&[]).expect(0);
    project.write("arkor.toml", "[trainer]\nlanguage = \"python\"\n");
    let done = project.run(&[]);
    done.one_error(&["neither a trainer.* nor a src/trainer.*", "entry ="]);
}
