//! Functions of few bytes that would take the compiler minutes, or the machine's memory.

use wasm_encoder::{
    BlockType, CodeSection, Function, FunctionSection, InstructionSink, Module, TypeSection,
    ValType,
};

use crate::component::bounds::tests::problem;

/// A module of one function with so many local variables; type 0 is its own, and type 1 takes and returns many
/// values.
fn module(locals: u32, write: impl FnOnce(&mut InstructionSink<'_>)) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    types.ty().function([], [ValType::I32; 900]);
    let mut functions = FunctionSection::new();
    functions.function(0).function(1);
    let mut body = Function::new([(locals, ValType::I32)]);
    write(&mut body.instructions());
    body.instructions().end();
    let mut many = Function::new([]);
    many.instructions().unreachable().end();
    let mut code = CodeSection::new();
    code.function(&body).function(&many);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module.finish()
}

fn refused(locals: u32, expected: &str, write: impl FnOnce(&mut InstructionSink<'_>)) {
    let found = problem(&module(locals, write));
    assert!(found.contains(expected), "{expected}: {found}");
}

fn each(times: u32, mut write: impl FnMut(u32)) {
    for number in 0..times {
        write(number);
    }
}

#[test]
fn loops_are_counted_with_each_other() {
    let loops = |count: u32| {
        move |code: &mut InstructionSink<'_>| {
            each(count, |_| {
                code.loop_(BlockType::Empty).end();
            });
        }
    };
    refused(0, "2001 loops in one function", loops(2001));
    assert_eq!(problem(&module(0, loops(2000))), "fine");
}

#[test]
fn local_variables_count_for_each_block_and_loop() {
    // All of 5,000 variables change in 400 loops within each other: 47 KB.
    refused(5000, "pairs of local variables times loops", |code| {
        each(400, |_| {
            code.loop_(BlockType::Empty);
        });
        each(5000, |local| {
            code.local_get(local)
                .i32_const(1)
                .i32_add()
                .local_set(local);
        });
        each(400, |_| {
            code.local_get(0).br_if(0).end();
        });
    });
    refused(19_000, "local variables times blocks", |code| {
        each(2000, |local| {
            code.local_get(local).if_(BlockType::Empty);
            code.local_get(local).local_set(local + 1).end();
        });
    });
}

#[test]
fn blocks_with_values_count_with_all_their_values() {
    // The compiler keeps something for each pair of them: 16 KB of them had taken 23 GB.
    let one_each = |count: u32| {
        move |code: &mut InstructionSink<'_>| {
            each(count, |_| {
                code.block(BlockType::Result(ValType::I32))
                    .i32_const(0)
                    .end()
                    .drop();
            });
        }
    };
    refused(0, "pairs of blocks with values", one_each(7_100));
    assert_eq!(problem(&module(0, one_each(7_000))), "fine");
    refused(0, "pairs of blocks with values", |code| {
        each(300, |_| {
            code.block(BlockType::FunctionType(1)).unreachable().end();
        });
        code.unreachable();
    });
    refused(0, "pairs of blocks with values", |code| {
        each(7_100, |_| {
            code.i32_const(0)
                .if_(BlockType::Result(ValType::I32))
                .i32_const(1)
                .else_()
                .i32_const(2)
                .end()
                .drop();
        });
    });
}

#[test]
fn values_that_are_passed_count() {
    refused(0, "local variables times blocks", |code| {
        code.block(BlockType::FunctionType(1));
        each(20_000, |_| {
            code.unreachable().br(0);
        });
        code.end();
    });
    refused(0, "calls in one function", |code| {
        each(2000, |_| {
            code.call(1);
        });
    });
    refused(0, "200001 calls in one function", |code| {
        each(200_001, |_| {
            code.call(0);
        });
    });
    // Out of a function that returns many.
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32; 900]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut body = Function::new([]);
    each(20_000, |_| {
        body.instructions().unreachable().br(0);
    });
    body.instructions().end();
    let mut code = CodeSection::new();
    code.function(&body);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    let found = problem(&module.finish());
    assert!(found.contains("local variables times blocks"), "{found}");
}
