//! Arrays and objects made values, one part after the other.

use super::{Value, from, write, write_place};
use crate::fault::{Step, cut, is_name, listed};
use crate::types::Choice;
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::de::{IgnoredAny, MapAccess, SeqAccess};

impl<'d, 'm> Value<'_, 'd, 'm> {
    /// The elements of an array, one after the other.
    pub(super) fn list<'de, A: SeqAccess<'de>>(self, mut array: A, element: usize) -> Result<(), A::Error> {
        let size = self.lowering.types.get(element).map_or(0, |of| of.size) as usize;
        let (mut elements, mut count) = (Vec::new(), 0);
        loop {
            let start = elements.len();
            elements.resize(start + size, 0);
            self.lowering.path.push(Step::Index(count));
            let to = elements.get_mut(start..).unwrap_or_default();
            if array.next_element_seed(Value { kind: element, to, lowering: self.lowering })?.is_none() {
                elements.truncate(start);
                self.lowering.path.pop();
                break;
            }
            self.lowering.path.pop();
            count += 1;
        }
        write_place(self.to, self.lowering.machine.keep(elements), count);
        Ok(())
    }

    pub(super) fn flags<'de, A: SeqAccess<'de>>(self, mut array: A, names: &[&str]) -> Result<(), A::Error> {
        let (mut bits, mut index) = (0_u32, 0);
        loop {
            self.lowering.path.push(Step::Index(index));
            let Some(given) = array.next_element::<String>()? else { break };
            let Some(bit) = names.iter().position(|name| is_name(name, &given)) else {
                return Err(self.lowering.wrong(format!("unknown flag `{}`, known: {}", cut(&given), listed(names.iter().copied()))));
            };
            bits |= 1 << bit;
            self.lowering.path.pop();
            index += 1;
        }
        self.lowering.path.pop();
        let size = self.lowering.types.get(self.kind).map_or(0, |of| of.size) as usize;
        write(self.to, bits.to_le_bytes().get(..size).unwrap_or_default());
        Ok(())
    }

    pub(super) fn chosen<'de, A: MapAccess<'de>>(self, mut map: A, choice: &'m Choice<'d>) -> Result<(), A::Error> {
        let Some(name) = map.next_key::<String>()? else { return Err(self.unexpected("an empty object")) };
        let payload = self.lowering.choose(choice, &name, self.to)?;
        self.lowering.path.push(Step::Field(Cow::Owned(name)));
        match payload {
            Some(kind) => map.next_value_seed(Value { kind, to: from(self.to, choice.payload), lowering: self.lowering })?,
            None if map.next_value::<Option<IgnoredAny>>()?.is_some() => {
                return Err(self.lowering.wrong("it carries no value: write null".to_string()));
            }
            None => {}
        }
        self.lowering.path.pop();
        if map.next_key::<IgnoredAny>()?.is_some() { Err(self.unexpected("an object of more than one field")) } else { Ok(()) }
    }
}
