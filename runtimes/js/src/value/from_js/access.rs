//! What the deserializer walks through: items of a list, properties of an object, the case of a variant.

use rquickjs::{Array, Ctx, Object, Value};
use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::{FromJs, FromJsError, json, shown};
use crate::value::camel;

pub(super) enum Items<'js> {
    None,
    Array(Array<'js>),
    Typed(Object<'js>, usize),
    Named(Vec<(String, Value<'js>)>),
}

impl Items<'_> {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Array(array) => array.len(),
            Self::Typed(_, length) => *length,
            Self::Named(items) => items.len(),
        }
    }
}

pub(super) struct Sequence<'a, 'js> {
    pub(super) ctx: &'a Ctx<'js>,
    pub(super) items: Items<'js>,
    pub(super) next: usize,
}

impl<'de> SeqAccess<'de> for Sequence<'_, '_> {
    type Error = FromJsError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, FromJsError> {
        let index = self.next;
        if index >= self.items.len() {
            return Ok(None);
        }
        let value = match &self.items {
            Items::None => return Ok(None),
            Items::Array(array) => array.get::<Value<'_>>(index)?,
            Items::Typed(array, _) => array.get::<_, Value<'_>>(index as u32)?,
            Items::Named(items) => {
                let Some((name, value)) = items.get(index) else {
                    return Ok(None);
                };
                self.next += 1;
                let item = Named {
                    ctx: self.ctx,
                    name,
                    value,
                };
                let found = seed.deserialize(item);
                return found
                    .map(Some)
                    .map_err(|error| error.within(format!(".{name}")));
            }
        };
        self.next += 1;
        let item = FromJs {
            ctx: self.ctx,
            value,
        };
        let found = seed.deserialize(item);
        found
            .map(Some)
            .map_err(|error| error.within(format!("[{index}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// An item of a list, given as a property of an object.
pub(super) struct Named<'a, 'js> {
    pub(super) ctx: &'a Ctx<'js>,
    pub(super) name: &'a str,
    pub(super) value: &'a Value<'js>,
}

impl<'de> Deserializer<'de> for Named<'_, '_> {
    type Error = FromJsError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, FromJsError> {
        Err(FromJsError {
            needs_array: true,
            ..FromJsError::new("expected an array")
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FromJsError> {
        let item = Object::new(self.ctx.clone())?;
        item.set("name", self.name)?;
        match name {
            "Setting" => {
                let text = json(self.ctx, self.value).ok_or_else(|| {
                    let got = shown(self.ctx, self.value);
                    FromJsError::new(format!("expected what JSON can hold, and got {got}"))
                })?;
                item.set("value", text)?;
            }
            "Metric" => item.set("value", self.value.clone())?,
            "NamedModel" => item.set("source", self.value.clone())?,
            _ => return self.deserialize_any(visitor),
        }
        let item = FromJs {
            ctx: self.ctx,
            value: item.into_value(),
        };
        item.deserialize_struct(name, fields, visitor)
            .map_err(|mut error| {
                // The script has no property of the item's, only its value.
                error.path.pop();
                error
            })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

pub(super) struct Record<'a, 'js> {
    pub(super) ctx: &'a Ctx<'js>,
    pub(super) object: Object<'js>,
    pub(super) fields: std::slice::Iter<'static, &'static str>,
    pub(super) field: &'static str,
}

impl<'de> MapAccess<'de> for Record<'_, '_> {
    type Error = FromJsError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, FromJsError> {
        let Some(field) = self.fields.next() else {
            return Ok(None);
        };
        self.field = field;
        seed.deserialize(BorrowedStrDeserializer::new(field))
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, FromJsError> {
        let name = camel(self.field);
        let value = self.object.get::<_, Value<'_>>(name)?;
        let field = FromJs {
            ctx: self.ctx,
            value,
        };
        let found = seed.deserialize(field);
        found.map_err(|error| error.within(format!(".{name}")))
    }
}

pub(super) struct Case<'a, 'js> {
    pub(super) ctx: &'a Ctx<'js>,
    pub(super) variant: &'static str,
    pub(super) tag: String,
    pub(super) val: Option<Value<'js>>,
}

impl<'de, 'a, 'js> EnumAccess<'de> for Case<'a, 'js> {
    type Error = FromJsError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), FromJsError> {
        let name = StringDeserializer::<FromJsError>::new(self.variant.into());
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Case<'_, '_> {
    type Error = FromJsError;

    fn unit_variant(self) -> Result<(), FromJsError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, FromJsError> {
        let Some(value) = self.val else {
            return Err(FromJsError::new(format!("\"{}\" needs a value", self.tag)));
        };
        let value = FromJs {
            ctx: self.ctx,
            value,
        };
        seed.deserialize(value)
            .map_err(|error| error.within(format!(".{}", self.tag)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, FromJsError> {
        Err(FromJsError::custom("tuple"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, FromJsError> {
        Err(FromJsError::custom("struct"))
    }
}
