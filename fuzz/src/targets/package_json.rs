//! The package.json of an installed package.

pub(crate) fn run(data: &[u8]) {
    arkor_project::fuzzing::package_json(data);
}
