//! Input that names a function: `{"function": …, "arguments": …}`.
//!
//! It knows how functions are named. It must never know their types.

use crate::arguments::not_json;
use crate::descriptor::Function;
use crate::fault::{Failure, cut, listed};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Where the input says which function it is for, and where what it is given.
const FUNCTION: &str = "function";
pub(crate) const ARGUMENTS: &str = "arguments";

/// The function that the input names, and its arguments, as they stand there.
pub(crate) fn named<'i>(functions: &[Function<'_>], input: &'i [u8]) -> Result<(usize, &'i [u8]), Failure> {
    let how = || format!("write `{{\"{FUNCTION}\": \"name\", \"{ARGUMENTS}\": {{…}}}}` with one of {}", known(functions));
    if input.trim_ascii().is_empty() {
        return Err(Failure::invalid_input(format!("no function is named: {}", how())));
    }
    let mut json = serde_json::Deserializer::from_slice(input);
    let request = json.deserialize_map(Visit).and_then(|request| json.end().map(|()| request));
    let request = request.map_err(|error| match error.is_data() {
        true => Failure::invalid_input(format!("{error}: {}", how())),
        false => Failure::invalid_input(not_json(&error)),
    })?;
    let Some(name) = request.function else {
        return Err(Failure::invalid_input(format!("no function is named: {}", how())));
    };
    let found: Vec<usize> =
        (0..functions.len()).filter(|index| functions.get(*index).is_some_and(|function| is_named(function, &name))).collect();
    match found.as_slice() {
        [index] => Ok((*index, request.arguments.map_or(&[], |arguments| arguments.get().as_bytes()))),
        [] => {
            let message = format!("at /{FUNCTION}: no function is called `{}`, known: {}", cut(&name), known(functions));
            Err(Failure::invalid_input(message))
        }
        _ => {
            let full: Vec<String> = found.iter().filter_map(|index| functions.get(*index)).map(full_name).collect();
            let message =
                format!("at /{FUNCTION}: more than one function is called `{}`: {}", cut(&name), listed(full.iter().map(String::as_str)));
            Err(Failure::invalid_input(message))
        }
    }
}

/// The functions by their names, those that share theirs with their interfaces.
fn known(functions: &[Function<'_>]) -> String {
    let is_shared = |name: &str| functions.iter().filter(|function| function.name == name).nth(1).is_some();
    let name = |function: &Function<'_>| if is_shared(function.name) { full_name(function) } else { function.name.into() };
    let names: Vec<String> = functions.iter().map(name).collect();
    listed(names.iter().map(String::as_str))
}

fn full_name(function: &Function<'_>) -> String {
    if function.interface.is_empty() { function.name.into() } else { format!("{}#{}", function.interface, function.name) }
}

/// Whether a function is called so: `name`, `interface#name` or `namespace:package/interface@version#name`.
fn is_named(function: &Function<'_>, name: &str) -> bool {
    let Some((interface, name)) = name.rsplit_once('#') else { return function.name == name };
    let short = function.interface.rsplit_once('/').map_or(function.interface, |(_, rest)| rest);
    let short = short.split_once('@').map_or(short, |(short, _)| short);
    function.name == name && (function.interface == interface || short == interface)
}

#[derive(Default)]
struct Request<'i> {
    function: Option<String>,
    arguments: Option<&'i RawValue>,
}

struct Visit;

impl<'i> Visitor<'i> for Visit {
    type Value = Request<'i>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'i>>(self, mut map: A) -> Result<Request<'i>, A::Error> {
        let mut request = Request::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                FUNCTION => request.function = Some(map.next_value()?),
                ARGUMENTS => request.arguments = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    let message = format!("unknown field `{}`, known: `{FUNCTION}`, `{ARGUMENTS}`", cut(&key));
                    return Err(serde::de::Error::custom(message));
                }
            }
        }
        Ok(request)
    }
}
