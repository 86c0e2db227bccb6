//! The table of kernels, and those that are arithmetic alone.
//!
//! Each takes the size of its work and returns a number that depends on all of it.

use crate::{interpreter, library};
use std::hint::black_box;

/// Runs the kernel with this name once, at the size that benches compare.
pub fn run(name: &str) -> Option<u64> {
    let checksum = match name {
        "sieve" => sieve(black_box(1_000_000)),
        "fibonacci" => fibonacci(black_box(29)),
        "matrix" => matrix(black_box(160)),
        "hashmap" => library::hashmap(black_box(40_000)),
        "json" => library::json(black_box(1_000)),
        "sha256" => library::sha256(black_box(512)),
        "interpreter" => interpreter::sum_of_collatz_steps(black_box(3_000)),
        _ => return None,
    };
    Some(checksum)
}

/// The sum of the prime numbers below `end`: Eratosthenes, a byte for each number.
fn sieve(end: usize) -> u64 {
    let mut is_composite = vec![false; end];
    let mut sum = 0;
    for number in 2..end {
        if is_composite[number] {
            continue;
        }
        sum += number as u64;
        (number * number..end).step_by(number).for_each(|multiple| is_composite[multiple] = true);
    }
    sum
}

/// A number of Fibonacci by its definition: calls, and little else.
fn fibonacci(index: u32) -> u64 {
    if index < 2 { u64::from(index) } else { fibonacci(index - 1) + fibonacci(index - 2) }
}

/// The sum of the elements of a product of two square matrices of small whole numbers, which floating point adds up exactly.
fn matrix(size: usize) -> u64 {
    let filled = |factor: usize| (0..size * size).map(|index| (index * factor % 10) as f64).collect::<Vec<f64>>();
    let (left, right) = (filled(3), filled(7));
    let mut product = vec![0.0; size * size];
    for (row, sums) in left.chunks_exact(size).zip(product.chunks_exact_mut(size)) {
        for (factor, others) in row.iter().zip(right.chunks_exact(size)) {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += factor * other);
        }
    }
    product.iter().sum::<f64>() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_sizes_give_what_is_known() {
        assert_eq!(sieve(30), 2 + 3 + 5 + 7 + 11 + 13 + 17 + 19 + 23 + 29);
        assert_eq!((0..10).map(fibonacci).collect::<Vec<_>>(), [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]);
        // [0 3; 6 9] times [0 7; 4 1] is [12 3; 36 51].
        assert_eq!(matrix(2), 12 + 3 + 36 + 51);
    }
}
