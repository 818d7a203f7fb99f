//! `arkor-host build` makes one component of a script.

use crate::script::{messages, project, python, trainer};

#[test]
fn a_script_becomes_one_component_that_does_the_same() {
    let source = trainer(
        "const note = (x: number): void => console.log(\"loss\", x.toFixed(4));",
        "note(event.loss!); if (state.seen === 3) throw new Error(\"third\");",
    );
    let first = project("trainer.ts", &source);
    let built = first.arkor(["build", "--json", "--output", "one.wasm"]);
    built.expect(0);
    let built = built.json().remove(0);
    let again = project("trainer.ts", &source);
    let other = again.arkor(["build", "--json", "--output", "two.wasm"]);
    assert_eq!(other.json()[0]["digest"], built["digest"], "content alone");
    // Where there is nothing but the component.
    let elsewhere = project("unused.txt", "");
    std::fs::copy(first.path("one.wasm"), elsewhere.path("one.wasm")).unwrap();
    let done = elsewhere.arkor(["run", "--json", "one.wasm"]);
    done.expect(0);
    let script = first.run(&[]);
    script.expect(0);
    assert_eq!(messages(&done), messages(&script));
    assert_eq!(messages(&done).len(), 4);
    let (one, two) = (done.only_fault(), script.only_fault());
    assert_eq!(one["cause"], two["cause"]);
    assert_eq!(one["backtrace"], two["backtrace"]);
    // Another source is another component.
    again.write("trainer.ts", &source.replace("third", "fourth"));
    let changed = again.arkor(["build", "--json", "--output", "two.wasm"]);
    assert_ne!(changed.json()[0]["digest"], built["digest"]);
}

#[test]
fn a_script_in_python_becomes_one_component_too() {
    let source = python(
        "def note(x): print(\"loss\", round(x, 4))",
        "note(event.loss)\nif self.state[\"seen\"] == 3: raise ValueError(\"third\")",
    );
    let first = project("trainer.py", &source);
    let built = first.arkor(["build", "--json", "--output", "one.wasm"]);
    built.expect(0);
    let again = project("trainer.py", &source);
    let other = again.arkor(["build", "--json", "--output", "two.wasm"]);
    assert_eq!(other.json()[0]["digest"], built.json()[0]["digest"]);
    let elsewhere = project("unused.txt", "");
    std::fs::copy(first.path("one.wasm"), elsewhere.path("one.wasm")).unwrap();
    let done = elsewhere.arkor(["run", "--json", "one.wasm"]);
    done.expect(0);
    let script = first.run(&[]);
    assert_eq!(messages(&done).len(), 4);
    assert_eq!(messages(&done), messages(&script));
    assert_eq!(done.only_fault()["cause"], script.only_fault()["cause"]);
    assert_eq!(
        done.only_fault()["backtrace"],
        script.only_fault()["backtrace"]
    );
}
