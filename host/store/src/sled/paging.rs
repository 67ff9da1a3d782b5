use std::cmp::Ordering;

use crate::Order;

/// Sorts, and returns the part that was asked for, with the number of all.
pub(super) fn page<T>(
    mut all: Vec<T>,
    order: Order,
    offset: usize,
    limit: usize,
    compare: impl Fn(&T, &T) -> Ordering,
) -> (Vec<T>, usize) {
    let total = all.len();
    all.sort_by(|a, b| match order {
        Order::Ascending => compare(a, b),
        Order::Descending => compare(b, a),
    });
    (all.into_iter().skip(offset).take(limit).collect(), total)
}
