//! Modules of the project, and packages in node_modules, as Node has them.

use crate::harness::Project;
use crate::script::{messages, project, trainer};

fn write(project: &Project, path: &str, content: &str) {
    let file = project.path(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, content).unwrap();
}

#[test]
fn files_and_packages_are_found_in_all_their_kinds() {
    let module = [
        "import { twice } from \"./lib/twice.js\";",
        "import type { Only } from \"./lib/types\";",
        "import data from \"./lib/data.json\";",
        "import esm, { named } from \"esm-package\";",
        "import cjs, { one } from \"cjs-package\";",
        "import sub from \"esm-package/sub\";",
        "import { Color } from \"./lib/color\";",
        "const only: Only = { a: 1 };",
    ]
    .join(" ");
    let body = "if (state.seen === 1) return (async () => { const late = await import(\"./lib/late\"); \
                console.log(twice(2), data.list[1], esm, named, cjs.one, one, sub, only.a, late.default, \
                Color.Blue, cjs.dependency); })() as any;";
    let project = project("unused.txt", "");
    write(&project, "src/trainer.ts", &trainer(&module, body));
    for (path, content) in [
        (
            "src/lib/twice.ts",
            "export const twice = (x: number): number => x * 2;",
        ),
        ("src/lib/types.ts", "export interface Only { a: number }"),
        ("src/lib/data.json", "{\"list\": [1, 22]}"),
        ("src/lib/late.mjs", "export default 'late';"),
        (
            "src/lib/color.ts",
            "export enum Color { Red = 1, Blue = Red * 7 }",
        ),
        (
            "node_modules/esm-package/package.json",
            r#"{"type": "module", "exports": {".": {"node": "./node.js", "import": "./main.js"}, "./sub": "./deep/sub.js"}}"#,
        ),
        (
            "node_modules/esm-package/main.js",
            "export default 'esm'; export const named = 'named';",
        ),
        ("node_modules/esm-package/node.js", "import 'node:fs';"),
        (
            "node_modules/esm-package/deep/sub.js",
            "export default 'sub';",
        ),
        (
            "node_modules/cjs-package/package.json",
            r#"{"main": "./index.js"}"#,
        ),
        (
            "node_modules/cjs-package/index.js",
            "exports.one = 1; exports.dependency = require('./other') + __filename; \
             try { require('fs'); } catch (e) { exports.two = 2; }",
        ),
        (
            "node_modules/cjs-package/other.js",
            "module.exports = 'other of ';",
        ),
    ] {
        write(&project, path, content);
    }
    let done = project.run(&[]);
    done.expect(0);
    assert_eq!(
        messages(&done),
        ["4 22 esm named 1 1 sub 1 late 7 other of node_modules/cjs-package/index.js"]
    );
}

#[test]
fn javascript_needs_no_types_and_modules_may_be_commonjs() {
    let source = "const { defineTrainer } = { defineTrainer: (x) => x };\n\
                  module.exports = defineTrainer({ describe: () => ({ name: \"c\", model: { tag: \
                  \"scratch\", val: { hiddenSize: 32, numHiddenLayers: 1, numAttentionHeads: 2 } }, \
                  dataset: { tag: \"file\", val: \"text.txt\" }, hyperparameters: { maxSteps: 1, \
                  maxLength: 16 } }) });\n";
    project("trainer.cjs", source).run(&[]).expect(0);
    project("trainer.js", source).run(&[]).expect(0);
}

#[test]
fn a_script_by_its_name_is_a_project_too() {
    let project = project("mine.ts", &trainer("", ""));
    project.arkor(["run", "--json", "mine.ts"]).expect(0);
    project.write("arkor.toml", "[trainer]\nentry = \"mine.ts\"\n");
    project.run(&[]).expect(0);
    project.write("arkor.toml", "[trainer]\nlanguage = \"typescript\"\n");
    let done = project.run(&[]);
    done.one_error(&["neither a trainer.* nor a src/trainer.*", "entry ="]);
}
