//! Functions that refuse some of what they are given, that take more than fits into a call, and that give nothing.

use crate::bindings::exports::spell::typed::work::{Guest, Item, Refusal};
use crate::typed::Typed;

/// More things than this are not sold.
const COUNT_MAX: u64 = 1_000;

impl Guest for Typed {
    fn total(items: Vec<Item>, discount: Option<f64>) -> Result<f64, Refusal> {
        let count: u64 = items.iter().map(|item| u64::from(item.count)).sum();
        if items.is_empty() {
            return Err(Refusal::Closed);
        }
        if count > COUNT_MAX {
            return Err(Refusal::TooMuch(count));
        }
        if let Some(item) = items.iter().find(|item| item.name.is_empty()) {
            return Err(Refusal::BadName(format!("an item for {} has no name", item.unit_price)));
        }
        if let Some(bad) = items.iter().position(|item| item.unit_price < 0.0) {
            return Err(Refusal::BadItem(items[bad].clone()));
        }
        let total: f64 = items.iter().map(|item| item.unit_price * f64::from(item.count)).sum();
        Ok(total * (1.0 - discount.unwrap_or(0.0)))
    }

    fn join(a: String, b: String, c: String, d: String, e: String, f: String, g: String, h: String, i: u8) -> String {
        format!("{a}{b}{c}{d}{e}{f}{g}{h}{i}")
    }

    fn sum(
        a: u8,
        b: i8,
        c: u16,
        d: i16,
        e: u32,
        f: i32,
        g: u64,
        h: i64,
        i: f32,
        j: f64,
        k: bool,
        l: u8,
        m: u8,
        n: u8,
        o: u8,
        p: u8,
        q: u8,
    ) -> f64 {
        let small = [l, m, n, o, p, q, u8::from(k), a].into_iter().map(f64::from).sum::<f64>();
        let signed = f64::from(b) + f64::from(d) + f64::from(f) + h as f64;
        small + signed + f64::from(c) + f64::from(e) + g as f64 + f64::from(i) + j
    }

    fn many(count: u32) -> Vec<u8> {
        vec![b'x'; count as usize]
    }

    fn nothing() {}

    fn check(is_good: bool) -> Result<(), ()> {
        if is_good { Ok(()) } else { Err(()) }
    }

    fn check_text(text: String) -> Result<(), String> {
        if text == "good" { Ok(()) } else { Err(format!("{text:?} is not good")) }
    }

    fn negate(value: i8) -> i8 {
        value.wrapping_neg()
    }
}
