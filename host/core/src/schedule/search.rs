use super::local::LAST_SECOND;
use crate::Timestamp;

/// The latest instant in `(after, until]` of something that can tell the next one. It is asked
/// some dozens of times, however many lie between.
pub(super) fn latest_between(
    next_after: impl Fn(Timestamp) -> Option<Timestamp>,
    after: Timestamp,
    until: Timestamp,
) -> Option<Timestamp> {
    let within = |from| next_after(from).filter(|next| *next <= until);
    let mut latest = within(after)?;
    // Look back from the end, each time twice as far, until something comes into sight.
    let mut nothing_after = until.as_second().min(LAST_SECOND);
    let mut span = 1;
    while let Ok(from) = Timestamp::from_second(nothing_after.saturating_sub(span))
        && from > latest
    {
        if let Some(found) = within(from) {
            latest = found;
            break;
        }
        nothing_after = from.as_second();
        span = span.saturating_mul(2);
    }
    // There is nothing between `nothing_after` and the end; halve what remains.
    while let Some(next) = within(latest) {
        latest = next;
        let middle = latest.as_second() + (nothing_after - latest.as_second()) / 2;
        let middle = Timestamp::from_second(middle).unwrap_or(latest);
        match within(middle) {
            Some(found) => latest = latest.max(found),
            None => nothing_after = middle.as_second(),
        }
    }
    Some(latest)
}
