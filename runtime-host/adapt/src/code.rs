//! What the code of a module tells of where it comes from.
//!
//! It knows instructions. It must never know names.

use wasmparser::{Error, FuncType, FunctionBody, Operator, ValType};

/// The most bytes that an object of AssemblyScript has: `OBJECT_MAXSIZE` of its runtimes. The function that makes objects begins by
/// comparing with it.
const OBJECT_BYTES_MAX: i32 = 1_073_741_804;
/// Bytes from the beginning of an object's header to the object.
const HEADER_BYTES: i32 = 20;
/// Bytes from the length in that header to the object.
const LENGTH_BYTES: i32 = 4;

/// What was seen in code.
#[derive(Debug, Default)]
pub(crate) struct Doings {
    /// It reads or writes single bytes.
    pub(crate) has_bytes: bool,
    /// It reads or writes units of 16 bits.
    pub(crate) has_units: bool,
    /// It reads what stands before an address where AssemblyScript has the length.
    pub(crate) reads_header: bool,
    /// Functions that begin as the one does that makes AssemblyScript's objects: how many arguments they take, by their indices.
    makers: Vec<(u32, usize)>,
}

impl Doings {
    /// Looks at one more function.
    pub(crate) fn read(&mut self, index: u32, kind: Option<&FuncType>, body: &FunctionBody<'_>) -> Result<(), Error> {
        let mut operators = body.get_operators_reader()?;
        // The last instructions, the latest first.
        let (mut last, mut before) = (None, None);
        let mut count = 0;
        while !operators.eof() {
            let operator = operators.read()?;
            match operator {
                Operator::I32Load8U { .. } | Operator::I32Load8S { .. } | Operator::I32Store8 { .. } => self.has_bytes = true,
                Operator::I32Load16U { .. } | Operator::I32Load16S { .. } | Operator::I32Store16 { .. } => self.has_units = true,
                Operator::I32Load { memarg } => {
                    let back = matches!(last, Some(Operator::I32Sub)).then_some(before.as_ref());
                    let back = back.flatten().map(|operator| if let Operator::I32Const { value } = operator { *value } else { 0 });
                    self.reads_header |= match back {
                        Some(HEADER_BYTES) => memarg.offset == (HEADER_BYTES - LENGTH_BYTES) as u64,
                        Some(LENGTH_BYTES) => memarg.offset == 0,
                        _ => false,
                    };
                }
                Operator::I32Const { value: OBJECT_BYTES_MAX } => {
                    let is_first = count == 1 && matches!(last, Some(Operator::LocalGet { local_index: 0 }));
                    let arguments = kind.filter(|kind| kind.results() == [ValType::I32]).map(FuncType::params);
                    let takes = arguments.filter(|arguments| matches!(arguments, [ValType::I32] | [ValType::I32, ValType::I32]));
                    self.makers.extend(takes.filter(|_| is_first).map(|arguments| (index, arguments.len())));
                }
                _ => {}
            }
            before = last.replace(operator);
            count += 1;
        }
        Ok(())
    }

    /// The one function that makes AssemblyScript's objects, and how many arguments it takes.
    pub(crate) fn maker(&self) -> Option<(u32, usize)> {
        if let [maker] = self.makers.as_slice() { Some(*maker) } else { None }
    }
}
