//! Percentiles by nearest rank. It knows numbers; it must never know what they measure.

/// The smallest value that is not exceeded by `percent` of 100 values, which lose their order; 0 where there are none.
pub(crate) fn percentile(values: &mut [u64], percent: usize) -> u64 {
    if values.is_empty() {
        return 0;
    }
    let rank = (values.len() * percent).div_ceil(100).max(1) - 1;
    *values.select_nth_unstable(rank).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_smallest_value_that_so_many_do_not_exceed() {
        let hundred: Vec<u64> = (1..=100).rev().collect();
        for (values, percent, expected) in
            [(vec![], 50, 0), (vec![7], 99, 7), (vec![1, 2], 50, 1), (vec![3, 1, 2], 50, 2), (hundred.clone(), 95, 95), (hundred, 99, 99)]
        {
            assert_eq!(percentile(&mut values.clone(), percent), expected, "{percent} of {values:?}");
        }
    }
}
