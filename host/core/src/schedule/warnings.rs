use super::Schedule;
use super::days::{Dates, month_length};
use super::every::{DAY, Every};
use super::expression::{Expression, Layout};
use super::field::Field;
use super::rule::Parsed;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Schedule {
    /// What is correct, and may still not be what was meant; for people. Of several texts, each
    /// warning names the one it is about.
    pub fn warnings(&self) -> Vec<String> {
        let rules = &self.inner.rules;
        let about = |text: &str, warnings: Vec<String>| {
            let name = |warning| format!("`{}`: {warning}", text.trim_ascii());
            match rules.len() {
                1 => warnings,
                _ => warnings.into_iter().map(name).collect(),
            }
        };
        let each = rules.iter().flat_map(|rule| match rule.parsed() {
            Some(Parsed::Local(layout, expression)) => {
                about(&rule.text, of_fields(&layout, &expression))
            }
            Some(Parsed::Every(every)) => about(&rule.text, drift(every).into_iter().collect()),
            _ => Vec::new(),
        });
        each.collect()
    }
}

fn of_fields(layout: &Layout<'_>, expression: &Expression) -> Vec<String> {
    let mut warnings = Vec::new();
    for (field, values) in expression.fields() {
        if let Some(item) = &values.long_step {
            warnings.push(format!(
                "the step of \"{item}\" in the {} field leads out of its range, so that only its first value is left",
                field.name()
            ));
        }
    }
    warnings.extend(layout.fields().filter_map(|(field, piece)| uneven(field, piece.text)));
    warnings.extend(seconds(layout));
    warnings.extend(day_rule(expression).map(str::to_owned));
    warnings.extend(lacking_days(expression));
    warnings
}

/// Whether a field is `*/s` with a step that leaves a rest, which many take for an interval.
fn uneven(field: Field, text: &str) -> Option<String> {
    let (whole, unit) = match field {
        Field::Second => ("minute", "s"),
        Field::Minute => ("hour", "m"),
        Field::Hour => ("day", "h"),
        _ => return None,
    };
    let values = field.range().1 + 1;
    let step: u32 = text.strip_prefix("*/")?.parse().ok()?;
    (step < values && !values.is_multiple_of(step)).then(|| {
        format!(
            "\"{text}\" in the {} field begins anew with each {whole}, so that its last interval is shorter; for an even one write `@every {step}{unit}`",
            field.name()
        )
    })
}

fn seconds(layout: &Layout<'_>) -> Option<String> {
    layout.second?;
    let mut warning = "the last of the six fields is seconds".to_owned();
    if let Some(rotated) = layout.rotated() {
        warning.push_str("; if the first is meant to be seconds, write ");
        warning.push_str(&rotated);
    }
    Some(warning)
}

fn day_rule(expression: &Expression) -> Option<&'static str> {
    let (date, weekday) = (&expression.date, &expression.weekday);
    let every_date = date.set == 0xffff_fffe;
    let every_weekday = weekday.set == 0x7f;
    if !date.star && !weekday.star {
        Some(
            "day-of-month and day-of-week are both restricted: it fires on the days that match either",
        )
    } else if !every_date && !every_weekday {
        Some(
            "one of the day fields begins with * and both are restricted: it fires on the days that match both",
        )
    } else {
        None
    }
}

/// Whether a day is asked for that some of the months do not have.
fn lacking_days(expression: &Expression) -> Option<String> {
    let (days, months) = (expression.days(), expression.month.set);
    if days.ever(months, true) && !days.ever(months, false) {
        return Some("fires on 29 February alone, and so in leap years alone".to_owned());
    }
    if expression.date.star {
        return None;
    }
    let Dates { days, .. } = days.dates;
    // The last day of a range such as 1-31 or 25-31 means the end of the month.
    let asked = (29..=31).filter(|day| days & (1 << day) != 0 && days & (1 << (day - 1)) == 0);
    let lacks = asked.filter_map(|day| {
        let lacking = (1..=12)
            .zip(MONTHS)
            .filter(|(month, _)| months & (1 << month) != 0 && month_length(*month, false) < day);
        let names: Vec<_> = lacking.map(|(_, name)| name).collect();
        let leap = if day == 29 { " of common years" } else { "" };
        (!names.is_empty()).then(|| format!("there is no day {day} in {}{leap}", list(&names)))
    });
    let lacks: Vec<_> = lacks.collect();
    (!lacks.is_empty()).then(|| {
        format!("{}; L in the day-of-month field is the last day of each month", lacks.join(", "))
    })
}

/// Whether an interval comes at other times on each day.
fn drift(every: Every) -> Option<String> {
    let Every { interval, .. } = every;
    (DAY % interval != 0 && interval % DAY != 0).then(|| {
        "the interval does not divide a day evenly, so the times of day drift from one day to the next"
            .to_owned()
    })
}

/// `February`, `April and June`, `February, April and June`.
pub(super) fn list(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [words @ .., last] => format!("{} and {last}", words.join(", ")),
    }
}
