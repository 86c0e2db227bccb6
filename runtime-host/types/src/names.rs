//! Names of what the platform keeps: tenants, spells, and programs by what is in them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Characters of a name at most.
pub const NAME_CHARACTERS_MAX: usize = 128;

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty, or too long.
    #[error("a name has 1 to {NAME_CHARACTERS_MAX} characters, not {0}")]
    Length(usize),
    /// It has a character that no name has, or begins with one that no name begins with.
    #[error("a name has small letters, digits, `-`, `_` and `.`, and begins with a letter or a digit: {0:?} does not fit")]
    Character(char),
}

fn check(text: &str) -> Result<(), NameError> {
    let count = text.chars().count();
    if count == 0 || count > NAME_CHARACTERS_MAX {
        return Err(NameError::Length(count));
    }
    let fits = |(at, character): (usize, char)| {
        let is_plain = character.is_ascii_lowercase() || character.is_ascii_digit();
        is_plain || (at > 0 && matches!(character, '-' | '_' | '.'))
    };
    match text.chars().enumerate().find(|found| !fits(*found)) {
        Some((_, character)) => Err(NameError::Character(character)),
        None => Ok(()),
    }
}

macro_rules! name {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text).map(|()| Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str(&self.0)
            }
        }
    };
}

name! {
    /// Who owns spells and pays for casts.
    ///
    /// ```
    /// use spell_types::TenantId;
    /// assert_eq!("acme".parse::<TenantId>().unwrap().as_str(), "acme");
    /// assert!("Acme".parse::<TenantId>().is_err(), "two names never differ by their case alone");
    /// ```
    TenantId
}

name! {
    /// What a tenant calls a spell. Two tenants may call theirs the same.
    SpellKey
}

/// The SHA-256 of a program: its name wherever it is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// A text is no digest: it has not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 64 hexadecimal digits")]
pub struct NotADigest;

impl fmt::Display for Digest {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(to, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        // What reads numbers takes a sign as well.
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotADigest);
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| NotADigest)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_can_stand_in_a_path_and_cannot_be_confused() {
        for good in ["a", "hello-world", "0.1_x", &"a".repeat(NAME_CHARACTERS_MAX)] {
            assert!(good.parse::<SpellKey>().is_ok(), "{good}");
        }
        for bad in ["", "A", "é", "-a", ".", "..", "_x", "a/b", "a b", "a%2f", "a\0", &"a".repeat(NAME_CHARACTERS_MAX + 1)] {
            assert!(bad.parse::<SpellKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn digests_are_read_as_they_are_written() {
        let digest = Digest(std::array::from_fn(|at| at as u8 * 7));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for bad in ["", "00", &"g".repeat(64), &"é".repeat(32), &"+0".repeat(32)] {
            assert_eq!(bad.parse::<Digest>(), Err(NotADigest), "{bad}");
        }
    }
}
