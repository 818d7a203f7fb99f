//! From the contract's types to JavaScript.

use rquickjs::{Array, Ctx, IntoJs, Object, Value};
use serde::ser::{Error as _, Impossible, Serialize, SerializeSeq, SerializeStruct, Serializer};

use super::{camel, kebab};

/// Variants some of whose cases have no value: with one they are `{ tag, val }`, so without one they
/// are `{ tag }`. All else that has no value is an enum, a plain string.
const VARIANTS: [&str; 3] = ["EndReason", "TokenizerSource", "DatasetFormat"];

#[derive(Debug)]
pub(crate) struct ToJsError(String);

impl std::fmt::Display for ToJsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ToJsError {}

impl serde::ser::Error for ToJsError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl From<rquickjs::Error> for ToJsError {
    fn from(error: rquickjs::Error) -> Self {
        Self(error.to_string())
    }
}

/// A value of the contract for JavaScript.
pub(crate) fn to_js<'js>(
    ctx: &Ctx<'js>,
    value: &(impl Serialize + ?Sized),
) -> Result<Value<'js>, ToJsError> {
    value.serialize(ToJs { ctx })
}

struct ToJs<'a, 'js> {
    ctx: &'a Ctx<'js>,
}

impl<'js> ToJs<'_, 'js> {
    fn number(&self, value: impl Into<f64>) -> Value<'js> {
        Value::new_number(self.ctx.clone(), value.into())
    }
}

type Never<'js> = Impossible<Value<'js>, ToJsError>;

impl<'a, 'js> Serializer for ToJs<'a, 'js> {
    type Ok = Value<'js>;
    type Error = ToJsError;
    type SerializeSeq = Items<'a, 'js>;
    type SerializeTuple = Never<'js>;
    type SerializeTupleStruct = Never<'js>;
    type SerializeTupleVariant = Never<'js>;
    type SerializeMap = Never<'js>;
    type SerializeStruct = Fields<'a, 'js>;
    type SerializeStructVariant = Never<'js>;

    fn serialize_bool(self, value: bool) -> Result<Value<'js>, ToJsError> {
        Ok(Value::new_bool(self.ctx.clone(), value))
    }

    fn serialize_i32(self, value: i32) -> Result<Value<'js>, ToJsError> {
        Ok(self.number(value))
    }

    fn serialize_u8(self, value: u8) -> Result<Value<'js>, ToJsError> {
        Ok(self.number(value))
    }

    fn serialize_u32(self, value: u32) -> Result<Value<'js>, ToJsError> {
        Ok(match i32::try_from(value) {
            Ok(value) => Value::new_int(self.ctx.clone(), value),
            Err(_) => self.number(value),
        })
    }

    fn serialize_f32(self, value: f32) -> Result<Value<'js>, ToJsError> {
        Ok(self.number(value))
    }

    fn serialize_f64(self, value: f64) -> Result<Value<'js>, ToJsError> {
        Ok(self.number(value))
    }

    fn serialize_str(self, value: &str) -> Result<Value<'js>, ToJsError> {
        Ok(value.into_js(self.ctx)?)
    }

    fn serialize_none(self) -> Result<Value<'js>, ToJsError> {
        Ok(Value::new_undefined(self.ctx.clone()))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value<'js>, ToJsError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value<'js>, ToJsError> {
        self.serialize_none()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value<'js>, ToJsError> {
        if !VARIANTS.contains(&name) {
            return Ok(kebab(variant).into_js(self.ctx)?);
        }
        let object = Object::new(self.ctx.clone())?;
        object.set("tag", kebab(variant))?;
        Ok(object.into_value())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value<'js>, ToJsError> {
        let object = Object::new(self.ctx.clone())?;
        object.set("tag", kebab(variant))?;
        object.set("val", to_js(self.ctx, value)?)?;
        Ok(object.into_value())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a, 'js>, ToJsError> {
        Ok(Items {
            ctx: self.ctx,
            array: Array::new(self.ctx.clone())?,
            next: 0,
        })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'a, 'js>, ToJsError> {
        Ok(Fields {
            ctx: self.ctx,
            object: Object::new(self.ctx.clone())?,
        })
    }

    // What the contract has not.
    fn serialize_i8(self, _: i8) -> Result<Value<'js>, ToJsError> {
        Err(ToJsError::custom("i8"))
    }
    fn serialize_i16(self, _: i16) -> Result<Value<'js>, ToJsError> {
        Err(ToJsError::custom("i16"))
    }
    fn serialize_i64(self, _: i64) -> Result<Value<'js>, ToJsError> {
        Err(ToJsError::custom("i64"))
    }
    fn serialize_u16(self, _: u16) -> Result<Value<'js>, ToJsError> {
        Err(ToJsError::custom("u16"))
    }
    fn serialize_u64(self, _: u64) -> Result<Value<'js>, ToJsError> {
        Err(ToJsError::custom("u64"))
    }
    fn serialize_char(self, _: char) -> Result<Value<'js>, ToJsError> {
        Err(ToJsError::custom("char"))
    }
    fn serialize_bytes(self, _: &[u8]) -> Result<Value<'js>, ToJsError> {
        Err(ToJsError::custom("bytes"))
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<Value<'js>, ToJsError> {
        Err(ToJsError::custom("unit struct"))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<Value<'js>, ToJsError> {
        Err(ToJsError::custom("newtype"))
    }
    fn serialize_tuple(self, _: usize) -> Result<Never<'js>, ToJsError> {
        Err(ToJsError::custom("tuple"))
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Never<'js>, ToJsError> {
        Err(ToJsError::custom("tuple"))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never<'js>, ToJsError> {
        Err(ToJsError::custom("tuple"))
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Never<'js>, ToJsError> {
        Err(ToJsError::custom("map"))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never<'js>, ToJsError> {
        Err(ToJsError::custom("struct variant"))
    }
}

struct Items<'a, 'js> {
    ctx: &'a Ctx<'js>,
    array: Array<'js>,
    next: usize,
}

impl<'js> SerializeSeq for Items<'_, 'js> {
    type Ok = Value<'js>;
    type Error = ToJsError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ToJsError> {
        self.array.set(self.next, to_js(self.ctx, value)?)?;
        self.next += 1;
        Ok(())
    }

    fn end(self) -> Result<Value<'js>, ToJsError> {
        Ok(self.array.into_value())
    }
}

struct Fields<'a, 'js> {
    ctx: &'a Ctx<'js>,
    object: Object<'js>,
}

impl<'js> SerializeStruct for Fields<'_, 'js> {
    type Ok = Value<'js>;
    type Error = ToJsError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), ToJsError> {
        let value = to_js(self.ctx, value)?;
        self.object.set(camel(key), value)?;
        Ok(())
    }

    fn end(self) -> Result<Value<'js>, ToJsError> {
        Ok(self.object.into_value())
    }
}
