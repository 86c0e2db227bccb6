//! Types, and how their values lie in memory: the canonical ABI's rules for sizes, alignments and discriminants.
//!
//! It knows layouts. It must never know JSON.

use alloc::vec::Vec;

/// Types by their numbers; each is made of earlier ones alone.
#[derive(Debug, Default)]
pub struct Types<'d>(Vec<Type<'d>>);

/// A type, and how its values lie in memory.
#[derive(Debug)]
pub struct Type<'d> {
    /// What it is.
    pub kind: Kind<'d>,
    /// Bytes of a value.
    pub size: u32,
    /// What addresses of values are multiples of.
    pub align: u32,
    /// How many numbers a value is when it is handed over without memory.
    pub flat: u32,
}

/// What a type is.
#[derive(Debug)]
pub enum Kind<'d> {
    /// `bool`.
    Bool,
    /// A whole number of so many bytes.
    Integer {
        /// 1, 2, 4 or 8.
        bytes: u32,
        /// Whether it can be below zero.
        is_signed: bool,
    },
    /// `f32`.
    Float32,
    /// `f64`.
    Float64,
    /// `char`.
    Char,
    /// `string`.
    String,
    /// `list<T>`.
    List(usize),
    /// `record`.
    Record(Vec<Field<'d>>),
    /// `tuple`; its fields have no names.
    Tuple(Vec<Field<'d>>),
    /// `variant`, `enum`, `option` or `result`.
    Choice(Choice<'d>),
    /// `flags`: names of bits.
    Flags(Vec<&'d str>),
}

/// A field of a record or a tuple, or a parameter.
#[derive(Debug)]
pub struct Field<'d> {
    /// Its name.
    pub name: &'d str,
    /// The number of its type.
    pub kind: usize,
    /// Where it begins.
    pub offset: u32,
}

/// One of several.
#[derive(Debug)]
pub struct Choice<'d> {
    /// How it is written.
    pub style: Style,
    /// Between what can be chosen.
    pub cases: Vec<Case<'d>>,
    /// Bytes of the number that says which it is.
    pub discriminant: u32,
    /// Where what it carries begins.
    pub payload: u32,
}

/// What can be chosen.
#[derive(Debug)]
pub struct Case<'d> {
    /// Its name.
    pub name: &'d str,
    /// The number of the type of what it carries.
    pub kind: Option<usize>,
}

/// How a choice is written as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `"case"`, or `{"case": …}` if it carries something.
    Variant,
    /// `null`, or what it carries.
    Option,
    /// `null`, or `{"some": …}`: what it carries can be `null` itself.
    WrappedOption,
    /// `{"ok": …}` or `{"err": …}`.
    Result,
}

/// `value`, made a multiple of a power of two.
fn aligned(value: u32, align: u32) -> u32 {
    value.saturating_add(align - 1) & !(align - 1)
}

impl<'d> Types<'d> {
    /// A type by its number.
    pub fn get(&self, kind: usize) -> Option<&Type<'d>> {
        self.0.get(kind)
    }

    /// Adds a type, whose parts have to be there.
    pub fn push(&mut self, kind: Kind<'d>) -> Option<()> {
        let (size, align, flat) = match &kind {
            Kind::Bool => (1, 1, 1),
            Kind::Integer { bytes, .. } => (*bytes, *bytes, 1),
            Kind::Float32 | Kind::Char => (4, 4, 1),
            Kind::Float64 => (8, 8, 1),
            Kind::String => (8, 4, 2),
            Kind::List(element) => self.get(*element).map(|_| (8, 4, 2))?,
            Kind::Record(fields) | Kind::Tuple(fields) => self.size_of(fields)?,
            Kind::Choice(choice) => self.size_of_choice(choice)?,
            Kind::Flags(names) => (small(names.len(), [8, 16]), small(names.len(), [8, 16]), 1),
        };
        self.0.push(Type { kind, size, align, flat });
        Some(())
    }

    /// Fields one after the other.
    pub fn fields(&self, named: impl IntoIterator<Item = (&'d str, usize)>) -> Option<Vec<Field<'d>>> {
        let mut end = 0;
        named
            .into_iter()
            .map(|(name, kind)| {
                let Type { size, align, .. } = self.get(kind)?;
                let offset = aligned(end, *align);
                end = offset.saturating_add(*size);
                Some(Field { name, kind, offset })
            })
            .collect()
    }

    /// Size, alignment and flat numbers of fields that were laid out.
    pub fn size_of(&self, fields: &[Field<'d>]) -> Option<(u32, u32, u32)> {
        let (mut end, mut align, mut flat) = (0, 1, 0_u32);
        for field in fields {
            let of = self.get(field.kind)?;
            end = field.offset.saturating_add(of.size);
            align = of.align.max(align);
            flat = flat.saturating_add(of.flat);
        }
        Some((aligned(end, align), align, flat))
    }

    /// A choice between cases.
    pub fn choice(&self, style: Style, cases: Vec<Case<'d>>) -> Option<Choice<'d>> {
        let discriminant = small(cases.len(), [1 << 8, 1 << 16]);
        let mut align = 1;
        for kind in cases.iter().filter_map(|case| case.kind) {
            align = self.get(kind)?.align.max(align);
        }
        Some(Choice { style, cases, discriminant, payload: aligned(discriminant, align) })
    }

    fn size_of_choice(&self, choice: &Choice<'d>) -> Option<(u32, u32, u32)> {
        let (mut size, mut align, mut flat) = (0, choice.discriminant, 0);
        for kind in choice.cases.iter().filter_map(|case| case.kind) {
            let of = self.get(kind)?;
            (size, align, flat) = (of.size.max(size), of.align.max(align), of.flat.max(flat));
        }
        Some((aligned(choice.payload.saturating_add(size), align), align, flat.saturating_add(1)))
    }

    /// Whether a value can be left out.
    pub fn is_optional(&self, kind: usize) -> bool {
        let style = self.get(kind).and_then(|of| match &of.kind {
            Kind::Choice(choice) => Some(choice.style),
            _ => None,
        });
        matches!(style, Some(Style::Option | Style::WrappedOption))
    }

    /// Whether it is `u8`.
    pub fn is_byte(&self, kind: usize) -> bool {
        matches!(self.get(kind), Some(Type { kind: Kind::Integer { bytes: 1, is_signed: false }, .. }))
    }
}

/// Bytes of a number for so many things: one up to the first bound, two up to the second.
fn small(count: usize, bounds: [usize; 2]) -> u32 {
    match count {
        count if count <= bounds[0] => 1,
        count if count <= bounds[1] => 2,
        _ => 4,
    }
}
