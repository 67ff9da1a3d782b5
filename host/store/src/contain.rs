use wakeful_core::{Json, Object};

/// Whether `whole` contains `part` at any depth, as `@>` of PostgreSQL's `jsonb` says: an object
/// contains another that has some of its keys with contained values, an array contains another
/// whose elements it all has in any order, and everything else contains its equal.
pub fn contains(whole: &Object, part: &Object) -> bool {
    part.iter().all(|(key, wanted)| whole.get(key).is_some_and(|value| within(value, wanted)))
}

fn within(whole: &Json, part: &Json) -> bool {
    match (whole, part) {
        (Json::Object(whole), Json::Object(part)) => contains(whole, part),
        (Json::Array(whole), Json::Array(part)) => {
            part.iter().all(|wanted| whole.iter().any(|value| within(value, wanted)))
        }
        // PostgreSQL compares numbers by value: 1 is 1.0.
        (Json::Number(a), Json::Number(b)) => {
            a == b || a.as_f64() == b.as_f64() && !(whole_number(a) && whole_number(b))
        }
        _ => whole == part,
    }
}

fn whole_number(number: &serde_json::Number) -> bool {
    number.is_i64() || number.is_u64()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(whole: Json, part: Json, expected: bool) {
        let (Json::Object(a), Json::Object(b)) = (&whole, &part) else { panic!("not objects") };
        assert_eq!(contains(a, b), expected, "{whole} @> {part}");
    }

    #[test]
    fn containment_is_that_of_postgresql() {
        check(json!({"a": 1, "b": 2}), json!({}), true);
        check(json!({"a": 1, "b": 2}), json!({"a": 1}), true);
        check(json!({"a": 1}), json!({"a": 1.0}), true);
        check(json!({"a": u64::MAX}), json!({"a": u64::MAX - 1}), false);
        check(json!({"a": 1}), json!({"a": "1"}), false);
        check(json!({"a": null}), json!({"a": null}), true);
        check(json!({}), json!({"a": null}), false);
        check(json!({"a": {"b": {"c": 1, "d": 2}}}), json!({"a": {"b": {"c": 1}}}), true);
        check(json!({"a": {"b": 1}}), json!({"a": {"c": 1}}), false);
        check(json!({"t": ["x", "y"]}), json!({"t": ["y"]}), true);
        check(json!({"t": ["x", "y"]}), json!({"t": ["y", "x", "y"]}), true);
        check(json!({"t": ["x"]}), json!({"t": ["x", "y"]}), false);
        check(json!({"t": ["x"]}), json!({"t": "x"}), false);
        check(json!({"t": [{"a": 1, "b": 2}]}), json!({"t": [{"a": 1}]}), true);
        check(json!({"t": [[1, 2]]}), json!({"t": [[2]]}), true);
        check(json!({"t": {"a": 1}}), json!({"t": []}), false);
    }
}
