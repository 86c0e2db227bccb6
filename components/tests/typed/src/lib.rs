//! Functions of every WIT type, which give back what they are given, or do a little more.
//!
//! Knows the interfaces that it exports; must never know that anybody calls them with JSON.

#[cfg(target_family = "wasm")]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "spell:typed/typed@1.0.0", generate_all });
}
#[cfg(target_family = "wasm")]
mod echoes;
#[cfg(target_family = "wasm")]
mod work;

#[cfg(target_family = "wasm")]
mod typed {
    use crate::bindings::Guest;
    use crate::bindings::exports::spell::typed::handles;
    use crate::bindings::spell::typed::goods::Item;

    pub(crate) struct Typed;

    impl Guest for Typed {
        fn double(value: u32) -> u32 {
            value.wrapping_mul(2)
        }

        fn cheapest(items: Vec<Item>) -> Option<Item> {
            items.into_iter().min_by(|one, other| one.unit_price.total_cmp(&other.unit_price))
        }
    }

    pub(crate) struct Thing;

    impl handles::GuestThing for Thing {
        fn new() -> Self {
            Self
        }
    }

    impl handles::Guest for Typed {
        type Thing = Thing;

        fn open() -> handles::Thing {
            handles::Thing::new(Thing)
        }

        fn close(_: handles::Thing) {}

        fn count() -> u32 {
            7
        }
    }

    crate::bindings::export!(Typed with_types_in crate::bindings);
}
