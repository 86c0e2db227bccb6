//! How a program is left from deep within: after each call that may have ended it, a function looks at a flag and returns if it is set.
//!
//! A program that calls `abort` or `proc_exit` does not expect to go on. A trap would end it, and with it whatever could be said about it;
//! WebAssembly's exceptions are not everywhere. It knows calls. It must never know why a program ends.

use super::parts::Parts;
use wasm_encoder::{BlockType, HeapType, Instruction, ValType};
use wasmparser::{ElementItems, Error, Operator, TypeRef};

/// Functions of the guest during which it can be left.
pub(super) struct Exits {
    /// By their indices in the guest.
    functions: Vec<bool>,
    /// Whether one of those is called by way of a table or a reference.
    through_reference: bool,
    /// The global that is not 0 once the guest has been left.
    flag: u32,
}

impl Exits {
    /// Finds the functions that call, however indirectly, one of the `leaving` imports.
    pub(super) fn find(guest: &Parts<'_>, leaving: &[u32], flag: u32) -> Result<Exits, Error> {
        let imported = guest.imported_functions();
        let mut exits = Exits { functions: vec![false; imported as usize + guest.functions.len()], through_reference: false, flag };
        if leaving.is_empty() {
            return Ok(exits);
        }
        let mut calls = Calls { callers: vec![Vec::new(); exits.functions.len()], ..Calls::default() };
        let mut referenced = referenced_in_segments(guest)?;
        for (index, body) in (imported..).zip(&guest.code) {
            calls.add(index, body, &mut referenced)?;
        }
        let mut is_referenced = vec![false; exits.functions.len()];
        referenced.into_iter().for_each(|index| mark(&mut is_referenced, index));
        let mut found = leaving.to_vec();
        while let Some(index) = found.pop() {
            if is_marked(&exits.functions, index) {
                continue;
            }
            mark(&mut exits.functions, index);
            found.extend(calls.callers.get_mut(index as usize).map(std::mem::take).unwrap_or_default());
            if is_marked(&is_referenced, index) {
                exits.through_reference = true;
                found.append(&mut calls.callers_by_reference);
            }
        }
        Ok(exits)
    }

    /// Whether the guest may have been left when the next instruction comes.
    pub(super) fn follows(&self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::Call { function_index } => is_marked(&self.functions, *function_index),
            Operator::CallIndirect { .. } => self.through_reference,
            _ => false,
        }
    }

    /// Returns from a function with these results, if the guest has been left.
    pub(super) fn check(&self, results: &[ValType]) -> Vec<Instruction<'static>> {
        let mut check = vec![Instruction::GlobalGet(self.flag), Instruction::If(BlockType::Empty)];
        check.extend(results.iter().map(|kind| nothing(*kind)));
        check.extend([Instruction::Return, Instruction::End]);
        check
    }
}

/// A value that nobody looks at.
fn nothing(kind: ValType) -> Instruction<'static> {
    match kind {
        ValType::I32 => Instruction::I32Const(0),
        ValType::I64 => Instruction::I64Const(0),
        ValType::F32 => Instruction::F32Const(0.0.into()),
        ValType::F64 => Instruction::F64Const(0.0.into()),
        ValType::V128 => Instruction::V128Const(0),
        ValType::Ref(reference) if reference.nullable => Instruction::RefNull(reference.heap_type),
        ValType::Ref(_) => Instruction::RefNull(HeapType::FUNC),
    }
}

/// Who calls whom.
#[derive(Default)]
struct Calls {
    /// By the index of who is called.
    callers: Vec<Vec<u32>>,
    /// Of whatever stands in a table.
    callers_by_reference: Vec<u32>,
}

impl Calls {
    fn add(&mut self, caller: u32, body: &wasmparser::FunctionBody<'_>, referenced: &mut Vec<u32>) -> Result<(), Error> {
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            match operators.read()? {
                Operator::Call { function_index } => {
                    let callers = self.callers.get_mut(function_index as usize);
                    callers.filter(|callers| callers.last() != Some(&caller)).into_iter().for_each(|callers| callers.push(caller));
                }
                Operator::CallIndirect { .. } if self.callers_by_reference.last() != Some(&caller) => {
                    self.callers_by_reference.push(caller)
                }
                Operator::RefFunc { function_index } => referenced.push(function_index),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Functions that stand in tables and globals from the start.
fn referenced_in_segments(guest: &Parts<'_>) -> Result<Vec<u32>, Error> {
    let mut referenced = Vec::new();
    let mut of_expression = |expression: &wasmparser::ConstExpr<'_>| -> Result<(), Error> {
        for operator in expression.get_operators_reader() {
            if let Operator::RefFunc { function_index } = operator? {
                referenced.push(function_index);
            }
        }
        Ok(())
    };
    for global in guest.globals.iter().flat_map(|section| section.clone()) {
        of_expression(&global?.init_expr)?;
    }
    let mut listed = Vec::new();
    for element in guest.elements.iter().flat_map(|section| section.clone()) {
        match element?.items {
            ElementItems::Functions(items) => listed.push(items),
            ElementItems::Expressions(_, items) => items.into_iter().try_for_each(|expression| of_expression(&expression?))?,
        }
    }
    for items in listed {
        for index in items {
            referenced.push(index?);
        }
    }
    Ok(referenced)
}

fn mark(functions: &mut [bool], index: u32) {
    if let Some(function) = functions.get_mut(index as usize) {
        *function = true;
    }
}

fn is_marked(functions: &[bool], index: u32) -> bool {
    functions.get(index as usize).copied().unwrap_or(false)
}

/// Which of the guest's imported functions these are.
pub(super) fn imported<'a>(guest: &'a Parts<'a>, mut wanted: impl FnMut(&wasmparser::Import<'a>) -> bool) -> Vec<u32> {
    let functions = guest.imports.iter().filter(|import| matches!(import.ty, TypeRef::Func(_)));
    functions.enumerate().filter(|(_, import)| wanted(import)).map(|(index, _)| index as u32).collect()
}
