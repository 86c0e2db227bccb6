//! What a spell can return. Must never know why it does.

use crate::{Content, Failure};

/// What a spell can answer with: [`Content`], `Vec<u8>`, `String`, `&'static str`, `()`, [`Json`](crate::Json) of what `serde` can write,
/// and `Result` of each, with an error that becomes a [`Failure`].
#[diagnostic::on_unimplemented(
    message = "a spell cannot answer with `{Self}`",
    label = "return `String`, `Vec<u8>`, `Content`, `Json<T>`, `()`, or `Result` of one of them",
    note = "the error of a `Result` is `Failure`, or becomes one: `String` and `&str` do"
)]
pub trait IntoAnswer {
    /// The answer, or why there is none.
    ///
    /// # Errors
    /// If the spell says so, or what it returns cannot be written down.
    fn into_answer(self) -> Result<Content, Failure>;
}

impl IntoAnswer for Content {
    fn into_answer(self) -> Result<Content, Failure> {
        Ok(self)
    }
}

impl IntoAnswer for Vec<u8> {
    fn into_answer(self) -> Result<Content, Failure> {
        Ok(self.into())
    }
}

impl IntoAnswer for String {
    fn into_answer(self) -> Result<Content, Failure> {
        Ok(self.into())
    }
}

impl IntoAnswer for &str {
    fn into_answer(self) -> Result<Content, Failure> {
        Ok(self.into())
    }
}

impl IntoAnswer for () {
    fn into_answer(self) -> Result<Content, Failure> {
        Ok(Content::default())
    }
}

impl<Answer: IntoAnswer, Error: Into<Failure>> IntoAnswer for Result<Answer, Error> {
    fn into_answer(self) -> Result<Content, Failure> {
        self.map_err(Into::into)?.into_answer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Json, cast, spell};

    mod spells {
        use super::*;

        #[spell]
        fn nothing() {}

        #[spell]
        fn text(_: Vec<u8>) -> &'static str {
            "a"
        }

        #[spell]
        fn refusal(why: String) -> Result<(), String> {
            Err(why)
        }

        #[spell]
        pub(super) fn whole(input: Content) -> Result<Json<usize>, Failure> {
            Ok(Json(input.bytes.len()))
        }

        pub(super) fn all() -> [Result<Content, Failure>; 4] {
            let input = || Content::from("why");
            [cast(|_: Content| nothing(), input()), cast(text, input()), cast(refusal, input()), cast(whole, input())]
        }
    }

    #[test]
    fn each_kind_of_answer_arrives_as_what_it_is() {
        let plain = |text: &str| Content::new(text).with_type("text/plain; charset=utf-8");
        let json = Content::new("3").with_type("application/json");
        assert_eq!(spells::all(), [Ok(Content::default()), Ok(plain("a")), Err(Failure::failed("why")), Ok(json)]);
        assert_eq!(Ok::<_, Failure>("b".to_owned()).into_answer(), Ok(plain("b")));
        assert_eq!(vec![1, 2].into_answer(), Ok(Content::new([1, 2])));
        assert_eq!(Err::<(), _>(Failure::new("out-of-stock", 0)).into_answer(), Err(Failure::new("out-of-stock", "0")));
    }
}
