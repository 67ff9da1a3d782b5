use std::collections::BTreeMap;

use serde_json::Map;
use wakeful::core::{Json, Object};

use crate::error::Error;

/// How many paths may be extracted at once.
const MOST: usize = 10;

/// Paths into threads, such as `values.messages[-1].content`, by the names that clients give them.
pub(crate) struct Extract(Vec<(String, Vec<Step>)>);

enum Step {
    Key(String),
    /// Counted from the end when negative.
    Index(i64),
}

impl Extract {
    pub(crate) fn parse(paths: BTreeMap<String, String>) -> Result<Self, Error> {
        if paths.len() > MOST {
            return Err(Error::unprocessable(format!("extract: more than {MOST} paths")));
        }
        let parsed = paths.into_iter().map(|(alias, path)| match steps(&path) {
            Some(steps) => Ok((alias, steps)),
            None => Err(Error::unprocessable(format!(
                "extract.{alias}: `{path}` is not a path such as `values.messages[-1].content`"
            ))),
        });
        Ok(Self(parsed.collect::<Result<_, _>>()?))
    }

    pub(crate) fn from(&self, document: &Json) -> Object {
        let found = self.0.iter().map(|(alias, steps)| {
            let value = steps.iter().try_fold(document, follow).cloned().unwrap_or_default();
            (alias.clone(), value)
        });
        Map::from_iter(found)
    }
}

fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (key, indices) = part.split_once('[').map_or((part, None), |(k, i)| (k, Some(i)));
        if key.is_empty() {
            return None;
        }
        steps.push(Step::Key(key.to_owned()));
        if let Some(indices) = indices {
            for index in indices.strip_suffix(']')?.split("][") {
                steps.push(Step::Index(index.parse().ok()?));
            }
        }
    }
    Some(steps)
}

fn follow<'a>(document: &'a Json, step: &Step) -> Option<&'a Json> {
    match step {
        Step::Key(key) => document.get(key),
        Step::Index(index) => {
            let list = document.as_array()?;
            let distance = usize::try_from(index.unsigned_abs()).ok()?;
            let position = if *index < 0 { list.len().checked_sub(distance)? } else { distance };
            list.get(position)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_through_keys_and_indices() {
        let document = json!({"values": {"m": [{"c": "a"}, {"c": ["x", "y"]}]}});
        for (path, found) in [
            ("values.m[0].c", json!("a")),
            ("values.m[-1].c[1]", json!("y")),
            ("values.m[-3]", json!(null)),
            ("values.nothing", json!(null)),
        ] {
            let paths = BTreeMap::from([("it".to_owned(), path.to_owned())]);
            let extracted = Extract::parse(paths).unwrap().from(&document);
            assert_eq!(extracted.get("it"), Some(&found), "{path}");
        }
        for bad in ["", "a..b", "a[x]", "a[0", "[0]"] {
            let paths = BTreeMap::from([("it".to_owned(), bad.to_owned())]);
            assert!(Extract::parse(paths).is_err(), "{bad}");
        }
    }
}
