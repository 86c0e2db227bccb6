//! A small machine that runs a program of its own: what scripting languages do in a guest.

use std::hint::black_box;

/// One step of a program. `usize` is a register, or the place of a step.
#[derive(Clone, Copy)]
enum Step {
    /// Puts a number into a register.
    Set(usize, u64),
    /// Adds the second register to the first.
    Add(usize, usize),
    /// Multiplies a register by a number.
    Multiply(usize, u64),
    /// Halves a register.
    Halve(usize),
    /// Copies the second register to the first.
    Copy(usize, usize),
    /// Goes to a step if a register is odd.
    JumpIfOdd(usize, usize),
    /// Goes to a step if the first register is less than the second.
    JumpIfLess(usize, usize, usize),
    /// Goes to a step.
    Jump(usize),
    /// Ends the program; a register is its result.
    Halt(usize),
}

const REGISTERS: usize = 5;
/// The register that a program finds its argument in.
const END: usize = 0;
const START: usize = 1;
const NUMBER: usize = 2;
const STEPS: usize = 3;
const ONE: usize = 4;

/// A number is halved where it is even, and becomes three times itself plus one where it is odd: how many times until it is one, summed
/// over all starts from one to below the end.
const COLLATZ: [Step; 14] = [
    Step::Set(ONE, 1),
    Step::Set(START, 1),
    // 2: another start
    Step::Copy(NUMBER, START),
    Step::Jump(10),
    // 4: another number
    Step::Add(STEPS, ONE),
    Step::JumpIfOdd(NUMBER, 8),
    Step::Halve(NUMBER),
    Step::Jump(10),
    // 8: an odd one
    Step::Multiply(NUMBER, 3),
    Step::Add(NUMBER, ONE),
    // 10: is it one?
    Step::JumpIfLess(ONE, NUMBER, 4),
    Step::Add(START, ONE),
    Step::JumpIfLess(START, END, 2),
    Step::Halt(STEPS),
];

/// Has the machine run [`COLLATZ`].
pub fn sum_of_collatz_steps(end: u64) -> u64 {
    run(black_box(&COLLATZ), end)
}

fn run(program: &[Step], argument: u64) -> u64 {
    let mut registers = [0_u64; REGISTERS];
    registers[END] = argument;
    let mut next = 0;
    loop {
        let step = program[next];
        next += 1;
        match step {
            Step::Set(target, number) => registers[target] = number,
            Step::Copy(target, source) => registers[target] = registers[source],
            Step::Add(target, source) => registers[target] = registers[target].wrapping_add(registers[source]),
            Step::Multiply(target, factor) => registers[target] = registers[target].wrapping_mul(factor),
            Step::Halve(target) => registers[target] /= 2,
            Step::JumpIfOdd(source, place) if registers[source] % 2 == 1 => next = place,
            Step::JumpIfLess(left, right, place) if registers[left] < registers[right] => next = place,
            Step::JumpIfOdd(..) | Step::JumpIfLess(..) => {}
            Step::Jump(place) => next = place,
            Step::Halt(source) => return registers[source],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_counts_what_it_says() {
        assert_eq!(sum_of_collatz_steps(10), [0, 1, 7, 2, 5, 8, 16, 3, 19].iter().sum::<u64>());
    }
}
