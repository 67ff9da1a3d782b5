use std::cmp::Ordering;

use crate::{Error, Order};

/// The part of a sorted list that was asked for, with the number of all. Holds no more of them at
/// any time than twice what comes up to the end of that part.
pub(super) fn page<T>(
    all: impl IntoIterator<Item = Result<T, Error>>,
    order: Order,
    offset: usize,
    limit: usize,
    compare: impl Fn(&T, &T) -> Ordering,
) -> Result<(Vec<T>, usize), Error> {
    let end = offset.saturating_add(limit);
    let sort = |found: &mut Vec<T>| {
        found.sort_by(|a, b| match order {
            Order::Ascending => compare(a, b),
            Order::Descending => compare(b, a),
        });
        found.truncate(end);
    };
    let mut total = 0;
    let mut first = Vec::new();
    for one in all {
        total += 1;
        first.push(one?);
        if first.len() >= end.saturating_mul(2).max(SLACK) {
            sort(&mut first);
        }
    }
    sort(&mut first);
    Ok((first.into_iter().skip(offset).collect(), total))
}

/// How many it may hold in any case, so that a short page is not sorted again and again.
const SLACK: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_long_list_is_what_sorting_all_of_it_would_give() {
        let all: Vec<u32> = (0..1_000).map(|n| n * 7_919 % 1_000).collect();
        for (offset, limit) in [(0, 10), (5, 0), (300, 500), (990, 20), (2_000, 1)] {
            for order in [Order::Ascending, Order::Descending] {
                let given = all.iter().copied().map(Ok);
                let (part, total) = page(given, order, offset, limit, u32::cmp).unwrap();
                let sorted: Vec<u32> = match order {
                    Order::Ascending => (0..1_000).collect(),
                    Order::Descending => (0..1_000).rev().collect(),
                };
                let expected: Vec<u32> = sorted.into_iter().skip(offset).take(limit).collect();
                assert_eq!((part, total), (expected, 1_000), "{offset} {limit} {order:?}");
            }
        }
    }
}
