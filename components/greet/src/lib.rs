//! Greets whoever it is cast with. Knows names; must never need more than the SDK.

use spell_sdk::{Failure, spell};

#[spell]
fn greet(name: String) -> Result<String, Failure> {
    match name.trim() {
        "" => Err(Failure::invalid_input("whom? send a name")),
        name => Ok(format!("Hello, {name}!")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_a_name_is_greeted() {
        assert_eq!(greet(" Ada\n".to_owned()), Ok("Hello, Ada!".to_owned()));
        assert_eq!(greet(" ".to_owned()).unwrap_err().code, "invalid-input");
    }
}
