//! Numbers and texts made values.

use super::{Value, write, write_place};
use crate::expected::bounds;
use crate::fault::cut;
use crate::types::{Choice, Kind, Style};
use alloc::format;
use alloc::string::ToString;
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::Error;

const BASE64: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

impl Value<'_, '_, '_> {
    pub(super) fn whole<E: Error>(self, value: i128) -> Result<(), E> {
        match self.some() {
            (this, Some(Kind::Integer { bytes, is_signed })) => {
                let (least, most) = bounds(*bytes, *is_signed);
                if value < least || value > most {
                    return Err(this.unexpected(&value.to_string()));
                }
                write(this.to, value.to_le_bytes().get(..*bytes as usize).unwrap_or_default());
                Ok(())
            }
            (this, _) => this.real(value as f64),
        }
    }

    pub(super) fn real<E: Error>(self, value: f64) -> Result<(), E> {
        match self.some() {
            (this, Some(Kind::Float64)) => write(this.to, &value.to_le_bytes()),
            (this, Some(Kind::Float32)) => match value as f32 {
                small if small.is_infinite() => return Err(this.unexpected("one that is too large for 32 bits")),
                small => write(this.to, &small.to_le_bytes()),
            },
            (this, Some(Kind::Integer { .. })) => {
                let whole = value as i128;
                return if whole as f64 == value { this.whole(whole) } else { Err(this.unexpected(&format!("{value:?}"))) };
            }
            (this, _) => return Err(this.unexpected("a number")),
        }
        Ok(())
    }

    pub(super) fn text<E: Error>(self, text: &str, is_input: bool) -> Result<(), E> {
        let (this, kind) = self.some();
        match kind {
            Some(Kind::String) => {
                let machine = &mut this.lowering.machine;
                let address = if is_input { machine.lend(text.as_bytes()) } else { machine.keep(text.as_bytes().to_vec()) };
                write_place(this.to, address, text.len());
            }
            Some(Kind::Char) => {
                let mut chars = text.chars();
                let (Some(char), None) = (chars.next(), chars.next()) else { return Err(this.unexpected("a string of another length")) };
                write(this.to, &u32::from(char).to_le_bytes());
            }
            Some(Kind::Integer { bytes: 8, .. }) => match text.parse::<i128>() {
                Ok(value) if !text.starts_with('+') => return this.whole(value),
                _ => return Err(this.unexpected("a string")),
            },
            Some(Kind::Float32 | Kind::Float64) => {
                let value = match text {
                    "NaN" => f32::NAN,
                    "Infinity" => f32::INFINITY,
                    "-Infinity" => f32::NEG_INFINITY,
                    _ => return Err(this.unexpected("a string")),
                };
                match kind {
                    Some(Kind::Float32) => write(this.to, &value.to_le_bytes()),
                    _ => write(this.to, &f64::from(value).to_le_bytes()),
                }
            }
            Some(Kind::List(element)) if this.lowering.types.is_byte(*element) => match BASE64.decode(text) {
                Ok(bytes) => {
                    let length = bytes.len();
                    write_place(this.to, this.lowering.machine.keep(bytes), length);
                }
                Err(error) => return Err(this.lowering.wrong(format!("expected base64, but: {error}"))),
            },
            Some(Kind::Choice(choice @ Choice { style: Style::Variant | Style::Result, .. })) => {
                let payload = this.lowering.choose(choice, text, this.to)?;
                if payload.is_some() {
                    return Err(this.lowering.wrong(format!("`{0}` carries a value: write `{{\"{0}\": value}}`", cut(text))));
                }
            }
            _ => return Err(this.unexpected("a string")),
        }
        Ok(())
    }
}
