//! Functions that give back what they are given. This file must never know what is given.

use crate::bindings::exports::spell::typed::echoes::{Extras, Guest, Item, Paint, Size};
use crate::typed::Typed;

impl Guest for Typed {
    fn echo_bool(value: bool) -> bool {
        value
    }

    fn echo_s8(value: i8) -> i8 {
        value
    }

    fn echo_u8(value: u8) -> u8 {
        value
    }

    fn echo_s16(value: i16) -> i16 {
        value
    }

    fn echo_u16(value: u16) -> u16 {
        value
    }

    fn echo_s32(value: i32) -> i32 {
        value
    }

    fn echo_u32(value: u32) -> u32 {
        value
    }

    fn echo_s64(value: i64) -> i64 {
        value
    }

    fn echo_u64(value: u64) -> u64 {
        value
    }

    fn echo_f32(value: f32) -> f32 {
        value
    }

    fn echo_f64(value: f64) -> f64 {
        value
    }

    fn echo_char(value: char) -> char {
        value
    }

    fn echo_string(value: String) -> String {
        value
    }

    fn echo_bytes(value: Vec<u8>) -> Vec<u8> {
        value
    }

    fn echo_list(value: Vec<u16>) -> Vec<u16> {
        value
    }

    fn echo_nested_list(value: Vec<Vec<String>>) -> Vec<Vec<String>> {
        value
    }

    fn echo_tuple(value: (u8, i64, String)) -> (u8, i64, String) {
        value
    }

    fn echo_item(value: Item) -> Item {
        value
    }

    fn echo_items(items: Vec<Item>) -> Vec<Item> {
        items
    }

    fn echo_paint(value: Paint) -> Paint {
        value
    }

    fn echo_size(value: Size) -> Size {
        value
    }

    fn echo_extras(value: Extras) -> Extras {
        value
    }

    fn echo_option(value: Option<u32>) -> Option<u32> {
        value
    }

    fn echo_nested_option(value: Option<Option<String>>) -> Option<Option<String>> {
        value
    }

    fn echo_result(value: Result<u32, String>) -> (Result<u32, String>,) {
        (value,)
    }

    fn echo_empty_result(value: Result<(), ()>) -> (Result<(), ()>,) {
        (value,)
    }

    fn echo_shared_slots(value: Result<f32, i64>) -> (Result<f32, i64>,) {
        (value,)
    }
}
