//! How much a compiled component exports.

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{ComponentExtern, ComponentItem};

use super::bounds::Bound;
use crate::error::RuntimeError;

/// Whether a compiled component has few enough exports. Instances export instances, so that a few bytes of a file
/// may mean millions, each of which takes memory for as long as the component is there.
pub(super) fn check(
    name: &str,
    engine: &Engine,
    component: &Component,
) -> Result<(), RuntimeError> {
    let mut exports = Exports {
        items: Bound::new("exports, with those of instances", 20_000),
        names: Bound::new("bytes of names of exports", 4 << 20),
    };
    let of_component = component.component_type();
    exports
        .count(engine, of_component.exports(engine))
        .map_err(|problem| RuntimeError::TooLarge {
            name: name.into(),
            problem,
        })
}

struct Exports {
    items: Bound,
    names: Bound,
}

impl Exports {
    fn count<'a>(
        &mut self,
        engine: &Engine,
        exports: impl Iterator<Item = (&'a str, ComponentExtern<'a>)>,
    ) -> Result<(), String> {
        for (name, item) in exports {
            self.items.add(1)?;
            self.names.add(name.len() as u64)?;
            if let ComponentItem::ComponentInstance(instance) = item.ty {
                self.count(engine, instance.exports(engine))?;
            }
        }
        Ok(())
    }
}
