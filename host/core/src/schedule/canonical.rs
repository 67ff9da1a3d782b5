use super::MAX_BYTES;
use super::expression::{Expression, Layout};
use super::field::{Field, Values};

/// Cron text in its canonical spelling: numbers in order, no names, one blank between fields, and
/// no field for seconds that is 0.
///
/// Reading it gives the same expression again. The few texts that this would make too long keep
/// their own spelling.
pub(super) fn text(layout: &Layout<'_>, expression: &Expression) -> String {
    let five = expression.fields().map(|(field, values)| print(field, values));
    let mut fields: Vec<_> = five.collect();
    if expression.seconds() == 1 {
        fields.truncate(5);
    }
    let text = fields.join(" ");
    if text.len() > MAX_BYTES {
        return layout.fields().map(|(_, piece)| piece.text).collect::<Vec<_>>().join(" ");
    }
    text
}

fn print(field: Field, values: &Values) -> String {
    let (least, most) = field.range();
    let mut items = Vec::new();
    let mut rest = values.set;
    // A star says more than its numbers where the rules of days and of shifts ask for it.
    let star = match field {
        Field::Month | Field::Second => rest == set(least, most, 1),
        _ => values.star,
    };
    if star {
        let step = (1..=most - least).find(|step| set(least, most, *step) & !rest == 0);
        let step = step.unwrap_or(most - least + 1);
        items.push(if step == 1 { "*".to_owned() } else { format!("*/{step}") });
        rest &= !set(least, most, step);
    }
    while rest != 0 {
        let (item, taken) = longest(rest, most);
        items.push(item);
        rest &= !taken;
    }
    for day in 1..=31 {
        if values.dates.nearest & (1 << day) != 0 {
            items.push(format!("{day}W"));
        }
    }
    if values.dates.last {
        items.push("L".to_owned());
    }
    for day in 0..7 {
        for (nth, days) in (1..).zip(values.weekdays.nth) {
            if days & (1 << day) != 0 {
                items.push(format!("{day}#{nth}"));
            }
        }
        if values.weekdays.last & (1 << day) != 0 {
            items.push(format!("{day}L"));
        }
    }
    items.join(",")
}

/// The values of `low-high/step`.
fn set(low: u32, high: u32, step: u32) -> u64 {
    (low..=high).step_by(step as usize).fold(0, |set, value| set | 1 << value)
}

/// The item that covers the most of a set, beginning at its least value, and what it covers.
fn longest(rest: u64, most: u32) -> (String, u64) {
    let low = rest.trailing_zeros();
    let mut best = (low.to_string(), 1_u64 << low);
    for step in 1..=most {
        let run = (low..=most).step_by(step as usize).take_while(|value| rest & (1 << value) != 0);
        let high = run.last().unwrap_or(low);
        let covered = set(low, high, step);
        // Two values are shorter as a list, unless they are neighbours.
        let worth = covered.count_ones() > 2 || step == 1 && high > low;
        if worth && covered.count_ones() > best.1.count_ones() {
            let item =
                if step == 1 { format!("{low}-{high}") } else { format!("{low}-{high}/{step}") };
            best = (item, covered);
        }
    }
    best
}
