//! The scanner for import statements of Python.

pub(crate) fn run(data: &[u8]) {
    arkor_project::fuzzing::python_imports(crate::text(data));
}
