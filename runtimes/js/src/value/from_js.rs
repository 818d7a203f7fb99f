//! From JavaScript to the contract's types, with errors that name the place and the value.

mod access;

use rquickjs::{Ctx, Object, String as JsString, Value};
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::{camel, kebab};
use access::{Case, Items, Record, Sequence};

/// What is wrong with a value, and where in it.
#[derive(Debug)]
pub(crate) struct FromJsError {
    /// From the inside out.
    path: Vec<String>,
    problem: String,
    /// An object was given for a list whose items have no names.
    needs_array: bool,
}

impl FromJsError {
    fn new(problem: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            problem: problem.into(),
            needs_array: false,
        }
    }

    pub(crate) fn within(mut self, part: impl Into<String>) -> Self {
        self.path.push(part.into());
        self
    }
}

impl std::fmt::Display for FromJsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut path = self
            .path
            .iter()
            .rev()
            .map(String::as_str)
            .collect::<String>();
        if path.starts_with('.') {
            path.remove(0);
        }
        match path.as_str() {
            "" => f.write_str(&self.problem),
            path => write!(f, "{path}: {}", self.problem),
        }
    }
}

impl std::error::Error for FromJsError {}

impl serde::de::Error for FromJsError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl From<rquickjs::Error> for FromJsError {
    fn from(error: rquickjs::Error) -> Self {
        Self::new(error.to_string())
    }
}

/// A value of the contract, of what the trainer gave.
pub(crate) fn from_js<'js, T: DeserializeOwned>(
    ctx: &Ctx<'js>,
    value: Value<'js>,
) -> Result<T, FromJsError> {
    T::deserialize(FromJs { ctx, value })
}

struct FromJs<'a, 'js> {
    ctx: &'a Ctx<'js>,
    value: Value<'js>,
}

/// A value as JSON, if it can be that.
fn json<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Option<String> {
    if value.as_number().is_some_and(|number| !number.is_finite()) {
        return None;
    }
    match ctx.json_stringify(value.clone()) {
        Ok(text) => text?.to_string().ok(),
        Err(_) => {
            // A thrown error must not be left behind.
            let _ = ctx.catch();
            None
        }
    }
}

/// A value as one would write it, shortened.
fn shown<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> String {
    if value.is_undefined() {
        return "nothing".into();
    }
    if value.is_function() {
        return "a function".into();
    }
    let text = match (json(ctx, value), value.as_number()) {
        (_, Some(number)) if number.is_nan() => "NaN".into(),
        (_, Some(number)) if number.is_infinite() => "Infinity".into(),
        (Some(text), _) => text,
        (None, _) => format!("a value of type {}", value.type_name()),
    };
    if text.chars().count() > 60 {
        text.chars().take(57).chain("...".chars()).collect()
    } else {
        text
    }
}

impl<'js> FromJs<'_, 'js> {
    fn expected(&self, what: &str) -> FromJsError {
        FromJsError::new(format!(
            "expected {what}, and got {}",
            shown(self.ctx, &self.value)
        ))
    }

    fn is_absent(&self) -> bool {
        self.value.is_undefined() || self.value.is_null()
    }

    fn whole(&self, least: f64, most: f64) -> Result<f64, FromJsError> {
        self.value
            .as_number()
            .filter(|n| n.fract() == 0.0 && (least..=most).contains(n))
            .ok_or_else(|| self.expected(&format!("a whole number from {least} to {most}")))
    }

    fn text(&self) -> Option<String> {
        self.value
            .as_string()
            .and_then(|text| text.to_string().ok())
    }
}

impl<'de, 'js> Deserializer<'de> for FromJs<'_, 'js> {
    type Error = FromJsError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, FromJsError> {
        Err(self.expected("something else"))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromJsError> {
        match self.value.as_bool() {
            Some(value) => visitor.visit_bool(value),
            None => Err(self.expected("true or false")),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromJsError> {
        visitor.visit_u8(self.whole(0.0, f64::from(u8::MAX))? as u8)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromJsError> {
        visitor.visit_u32(self.whole(0.0, f64::from(u32::MAX))? as u32)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromJsError> {
        visitor.visit_i32(self.whole(f64::from(i32::MIN), f64::from(i32::MAX))? as i32)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromJsError> {
        match self.value.as_number() {
            Some(number) => visitor.visit_f32(number as f32),
            None => Err(self.expected("a number")),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromJsError> {
        match self.value.as_number() {
            Some(number) => visitor.visit_f64(number),
            None => Err(self.expected("a number")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromJsError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromJsError> {
        match self.text() {
            Some(text) => visitor.visit_string(text),
            None => Err(self.expected("a string")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromJsError> {
        if self.is_absent() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromJsError> {
        let items = if self.is_absent() {
            Items::None
        } else if let Some(array) = self.value.as_array() {
            Items::Array(array.clone())
        } else {
            match self.value.as_object() {
                Some(object) => match typed_length(object) {
                    Some(length) => Items::Typed(object.clone(), length),
                    None if is_plain(object) => Items::Named(named(object)?),
                    None => return Err(self.expected("an array")),
                },
                None => return Err(self.expected("an array")),
            }
        };
        let found = visitor.visit_seq(Sequence {
            ctx: self.ctx,
            items,
            next: 0,
        });
        found.map_err(|error| {
            if error.needs_array {
                self.expected("an array")
            } else {
                error
            }
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FromJsError> {
        let object = match self.value.as_object() {
            // A source alone is a dataset with all else by default.
            object if name == "Dataset" && object.is_none_or(has_tag) => {
                let dataset = Object::new(self.ctx.clone())?;
                dataset.set("source", self.value.clone())?;
                dataset
            }
            Some(object) if !object.is_array() && !object.is_function() => object.clone(),
            // All of it may be left out if each part of it may.
            None if self.is_absent() => Object::new(self.ctx.clone())?,
            _ => return Err(self.expected("an object")),
        };
        for key in object.keys::<String>() {
            let key = key?;
            if !fields.iter().any(|field| camel(field) == key) {
                return Err(unknown(name, &key, fields));
            }
        }
        visitor.visit_map(Record {
            ctx: self.ctx,
            object,
            fields: fields.iter(),
            field: "",
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FromJsError> {
        let names = || {
            let names = variants.iter().map(|name| format!("\"{}\"", kebab(name)));
            names.collect::<Vec<_>>().join(", ")
        };
        let (tag, val) = if name == "HeldOut" && self.value.is_number() {
            ("share".into(), Some(self.value.clone()))
        } else if name == "HeldOut" {
            // A source alone is data of its own.
            match self.value.as_object() {
                Some(object) if is_case(object, variants)? => {
                    (object.get("tag")?, Some(object.get("val")?))
                }
                Some(object) if has_tag(object) => ("source".into(), Some(self.value.clone())),
                _ => return Err(self.expected("a share as a number, or a source")),
            }
        } else if let Some(tag) = self.text() {
            (tag, None)
        } else {
            let object = match self.value.as_object() {
                Some(object) if !object.is_array() => object,
                _ => return Err(self.expected(&format!("one of {}", names()))),
            };
            let tag: Value<'js> = object.get("tag")?;
            let Some(tag) = tag.as_string().and_then(|tag| tag.to_string().ok()) else {
                return Err(self.expected(&format!("{}, made by a function of \"arkor\"", a(name))));
            };
            (tag, Some(object.get::<_, Value<'js>>("val")?))
        };
        let Some(variant) = variants.iter().find(|name| kebab(name) == tag) else {
            return Err(FromJsError::new(format!(
                "expected one of {}, and got \"{tag}\"",
                names()
            )));
        };
        visitor.visit_enum(Case {
            ctx: self.ctx,
            variant,
            tag,
            val,
        })
    }

    forward_to_deserialize_any! {
        i8 i16 i64 i128 u16 u64 u128 char bytes byte_buf unit unit_struct newtype_struct tuple
        tuple_struct map identifier ignored_any
    }
}

/// `ModelSource` as `a model source`.
fn a(name: &str) -> String {
    format!("a {}", kebab(name).replace('-', " "))
}

fn unknown(name: &str, key: &str, fields: &[&'static str]) -> FromJsError {
    if (name, key) == ("Spec", "evalFraction") {
        return FromJsError::new(
            "there is no property evalFraction; dataset.heldOut says what is held out: dataset: { source: \
             file(\"data.txt\"), heldOut: 0.1 }",
        );
    }
    let folded = |text: &str| {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect::<String>()
    };
    let alike = fields.iter().find(|field| {
        let (one, other) = (folded(field), folded(key));
        one == other || (one.len() > 3 && (one.contains(&other) || other.contains(&one)))
    });
    let hint = match alike {
        Some(field) => format!("; is {} meant?", camel(field)),
        None => {
            let names = fields.iter().map(|field| camel(field)).collect::<Vec<_>>();
            format!("; there are {}", names.join(", "))
        }
    };
    FromJsError::new(format!("there is no property {key}{hint}"))
}

fn has_tag(object: &Object<'_>) -> bool {
    object.contains_key("tag").unwrap_or(false)
}

/// Whether its tag is that of one of these cases.
fn is_case(object: &Object<'_>, variants: &[&str]) -> Result<bool, FromJsError> {
    let tag: Value<'_> = object.get("tag")?;
    let tag = tag.as_string().and_then(|tag| tag.to_string().ok());
    Ok(tag.is_some_and(|tag| variants.iter().any(|name| kebab(name) == tag)))
}

/// Whether it was made by `{ }`. A `Map` has no properties, and is not to be taken for an empty object.
fn is_plain(object: &Object<'_>) -> bool {
    !object.is_function()
        && object
            .get_prototype()
            .is_none_or(|prototype| prototype.get_prototype().is_none())
}

/// The properties of an object that stands for a list of what has names, without those left out.
fn named<'js>(object: &Object<'js>) -> Result<Vec<(String, Value<'js>)>, FromJsError> {
    let mut items = Vec::new();
    for property in object.props::<String, Value<'js>>() {
        let (name, value) = property?;
        if !value.is_undefined() {
            items.push((name, value));
        }
    }
    Ok(items)
}

/// Length of a typed array of numbers.
fn typed_length(object: &Object<'_>) -> Option<usize> {
    macro_rules! try_types {
        ($($ty:ty),*) => {$(
            if let Some(array) = object.as_typed_array::<$ty>() {
                return Some(array.len());
            }
        )*};
    }
    try_types!(u8, i8, u16, i16, u32, i32, f32, f64);
    None
}

/// Bytes of a string (as UTF-8), a typed array or an array buffer.
pub(crate) fn bytes(value: &Value<'_>) -> Option<Vec<u8>> {
    if let Some(text) = value.as_string().map(JsString::to_string) {
        return text.ok().map(String::into_bytes);
    }
    let object = value.as_object()?;
    if let Some(array) = object.as_typed_array::<u8>() {
        // SAFETY: copied at once; no JavaScript runs meanwhile that could detach or resize it.
        return unsafe { array.as_bytes() }.map(<[u8]>::to_vec);
    }
    let buffer = object.as_array_buffer()?;
    // SAFETY: as above.
    unsafe { buffer.as_bytes() }.map(<[u8]>::to_vec)
}
