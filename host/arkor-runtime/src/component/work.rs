//! How much work the functions of a module make the compiler.
//!
//! Bytes do not say it: what flows from block to block is kept for each block, and each loop is looked at with
//! each other one. So what is counted here follows what was measured, and the largest functions of language
//! runtimes are far below every limit (see the tests).

use wasmparser::{
    BlockType, CompositeInnerType, FunctionBody, FunctionSectionReader, ImportSectionReader,
    Operator, Result, TypeRef, TypeSectionReader,
};

use super::bounds::Bound;

/// What functions of a module take and return, in numbers of values.
#[derive(Default)]
pub(super) struct Signatures {
    types: Vec<u64>,
    functions: Vec<u64>,
    /// The function whose body comes next.
    next: usize,
}

impl Signatures {
    pub(super) fn types(&mut self, section: &TypeSectionReader<'_>) -> Result<()> {
        for group in section.clone() {
            for ty in group?.types() {
                self.types.push(match &ty.composite_type.inner {
                    CompositeInnerType::Func(function) => {
                        (function.params().len() + function.results().len()) as u64
                    }
                    _ => 0,
                });
            }
        }
        Ok(())
    }

    pub(super) fn imports(&mut self, section: &ImportSectionReader<'_>) -> Result<()> {
        for import in section.clone().into_imports() {
            if let TypeRef::Func(ty) | TypeRef::FuncExact(ty) = import?.ty {
                self.functions.push(self.of_type(ty));
            }
        }
        self.next = self.functions.len();
        Ok(())
    }

    pub(super) fn functions(&mut self, section: &FunctionSectionReader<'_>) -> Result<()> {
        for ty in section.clone() {
            let values = self.of_type(ty?);
            self.functions.push(values);
        }
        Ok(())
    }

    /// Values of the function whose body this is.
    fn of_next_body(&mut self) -> u64 {
        let values = self.functions.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        values
    }

    fn of_type(&self, index: u32) -> u64 {
        self.types.get(index as usize).copied().unwrap_or(0)
    }

    fn of_function(&self, index: u32) -> u64 {
        self.functions.get(index as usize).copied().unwrap_or(0)
    }
}

/// The limits. Behind each is what a module at the limit took on one core of 2 GHz.
pub(super) struct Work {
    loops: Bound,
    calls: Bound,
    /// Each loop with each other: 4 s.
    pairs_of_loops: Bound,
    /// Local variables that may differ where ways meet: 20 s, 600 MB.
    merges: Bound,
    /// Local variables with each other, around loops: 20 s, 300 MB.
    loop_variables: Bound,
    /// 20 s.
    all_calls: Bound,
    /// Blocks with values, each with the values of all: 6 bytes for each pair, so 300 MB.
    values: Bound,
    /// The same over all functions, one after the other: 15 s.
    all_values: Bound,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            loops: Bound::new("loops in one function", 2_000),
            calls: Bound::new("calls in one function, with the values they pass", 200_000),
            pairs_of_loops: Bound::new("pairs of loops in one function each", 40_000_000),
            merges: Bound::new("local variables times blocks", 30_000_000),
            loop_variables: Bound::new("pairs of local variables times loops", 1_000_000_000),
            all_calls: Bound::new("calls, with the values they pass", 3_000_000),
            values: Bound::new(
                "pairs of blocks with values and these values in one function",
                50_000_000,
            ),
            all_values: Bound::new(
                "pairs of blocks with values and these values",
                1_000_000_000,
            ),
        }
    }
}

/// Values of a function that need no attention: as many as compilers let it have.
const MANY: u64 = 32;

/// What goes through a table is checked, loaded and compared: as much as a call with so many values, 15 kB each.
const BY_TABLE: u64 = 56;

/// What is counted in one function.
#[derive(Default)]
struct Function {
    loops: u64,
    blocks: u64,
    calls: u64,
    /// Blocks that take or leave values, and how many.
    valued: u64,
    values: u64,
    /// Values that one branch passes, at most; for how many there are the bytes stand.
    passed: u64,
}

impl Work {
    /// Adds a function of so many local variables.
    pub(super) fn add(
        &mut self,
        body: &FunctionBody<'_>,
        locals: u64,
        signatures: &mut Signatures,
    ) -> Result<std::result::Result<(), String>> {
        let own = signatures.of_next_body();
        // Parameters are variables too.
        let locals = locals.saturating_add(own);
        let mut function = Function {
            // A branch may leave the function.
            passed: if own > MANY { own } else { 0 },
            ..Function::default()
        };
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            function.count(&operators.read()?, signatures);
        }
        let passed = function.passed.saturating_mul(body.range().len() as u64);
        let merged = function
            .blocks
            .saturating_mul(locals)
            .saturating_add(passed);
        let around = locals.saturating_mul(locals).saturating_mul(function.loops);
        Ok(self
            .loops
            .largest(function.loops)
            .and_then(|()| self.calls.largest(function.calls))
            .and_then(|()| {
                self.pairs_of_loops
                    .add(function.loops.saturating_mul(function.loops))
            })
            .and_then(|()| self.merges.add(merged))
            .and_then(|()| self.loop_variables.add(around))
            .and_then(|()| self.all_calls.add(function.calls))
            .and_then(|()| {
                let pairs = function.valued.saturating_mul(function.values);
                self.values
                    .largest(pairs)
                    .and_then(|()| self.all_values.add(pairs))
            }))
    }
}

impl Function {
    fn count(&mut self, operator: &Operator<'_>, signatures: &Signatures) {
        match operator {
            Operator::Loop { blockty } => {
                self.loops += 1;
                self.block(blockty, signatures);
            }
            Operator::Block { blockty } | Operator::If { blockty } => {
                self.block(blockty, signatures);
            }
            Operator::TryTable { try_table } => self.block(&try_table.ty, signatures),
            Operator::Else => self.blocks += 1,
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                self.call(signatures.of_function(*function_index));
            }
            Operator::CallIndirect { type_index, .. }
            | Operator::ReturnCallIndirect { type_index, .. }
            | Operator::CallRef { type_index }
            | Operator::ReturnCallRef { type_index } => {
                self.call(BY_TABLE + signatures.of_type(*type_index));
            }
            Operator::TableGet { .. }
            | Operator::TableSet { .. }
            | Operator::TableGrow { .. }
            | Operator::TableCopy { .. }
            | Operator::TableFill { .. }
            | Operator::TableInit { .. } => self.call(BY_TABLE),
            // The host is called for them.
            Operator::MemoryGrow { .. }
            | Operator::MemoryCopy { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryInit { .. }
            | Operator::DataDrop { .. }
            | Operator::ElemDrop { .. }
            | Operator::RefFunc { .. } => self.call(4),
            _ => {}
        }
    }

    fn call(&mut self, values: u64) {
        self.calls += 1 + values / 8;
    }

    fn block(&mut self, ty: &BlockType, signatures: &Signatures) {
        self.blocks += 1;
        let values = match ty {
            BlockType::Empty => 0,
            BlockType::Type(_) => 1,
            BlockType::FuncType(index) => {
                let values = signatures.of_type(*index);
                self.passed = self.passed.max(values);
                values
            }
        };
        if values > 0 {
            self.valued += 1;
            self.values = self.values.saturating_add(values);
        }
    }
}

#[cfg(test)]
mod tests;
