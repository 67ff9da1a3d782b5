//! JSON that is given on the command line.

use std::io::Read;

use anyhow::Context;
use serde_json::Value as Json;
use wakeful::core::Object;

use crate::failure::Failure;

/// Reads a document: JSON as it stands, `@file`, or `-` for standard input.
pub(crate) fn json(option: &str, text: &str) -> anyhow::Result<Json> {
    let (source, text) = match text {
        "-" => {
            let mut read = String::new();
            std::io::stdin()
                .read_to_string(&mut read)
                .with_context(|| format!("{option}: cannot read standard input"))?;
            ("standard input".to_owned(), read)
        }
        _ => match text.strip_prefix('@') {
            Some(path) => {
                let read = std::fs::read_to_string(path)
                    .map_err(|error| Failure::Usage(format!("{option}: {path}: {error}")))?;
                (path.to_owned(), read)
            }
            None => ("the value".to_owned(), text.to_owned()),
        },
    };
    serde_json::from_str(&text).map_err(|error| {
        Failure::Usage(format!(
            "{option}: {source} is not JSON ({error}); give JSON such as '{{\"messages\": []}}', \
             @file to read a file, or - to read standard input"
        ))
        .into()
    })
}

/// Reads a document that has to be an object.
pub(crate) fn object(option: &str, text: &str) -> anyhow::Result<Object> {
    match json(option, text)? {
        Json::Object(object) => Ok(object),
        _ => Err(Failure::Usage(format!(
            "{option}: must be a JSON object such as '{{\"key\": \"value\"}}'"
        ))
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_given_as_text_or_as_a_file() {
        assert_eq!(json("--input", "{\"a\": 1}").unwrap(), json!({"a": 1}));
        assert_eq!(json("--input", " null ").unwrap(), Json::Null);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[1, 2]").unwrap();
        let text = format!("@{}", file.path().display());
        assert_eq!(json("--input", &text).unwrap(), json!([1, 2]));
    }

    #[test]
    fn a_mistake_names_the_option_and_what_to_write() {
        let message = |text| json("--input", text).unwrap_err().to_string();
        assert!(message("hello").starts_with("--input: the value is not JSON"));
        assert!(message("hello").contains("@file"));
        assert!(message("@no/such/file").contains("no/such/file"));
        let error = object("--config", "[]").unwrap_err();
        assert!(error.to_string().contains("--config: must be a JSON object"));
        assert!(error.is::<Failure>());
    }
}
