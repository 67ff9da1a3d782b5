use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::layer::Layer;
use crate::failure::Failure;

/// The settings file of a working directory.
const NAME: &str = "wakeful.toml";

/// Reads the settings file: `named`, which then has to exist, or the one in the working directory,
/// if there is one.
pub(super) fn read(named: Option<&Path>) -> Result<(Layer, Option<PathBuf>), Failure> {
    let path = named.unwrap_or(Path::new(NAME));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => {
            return Ok((Layer::default(), None));
        }
        Err(error) => {
            return Err(Failure::Usage(format!("settings file {}: {error}", path.display())));
        }
    };
    let mut layer =
        parse(&text).map_err(|problem| Failure::Usage(format!("{}:{problem}", path.display())))?;
    // A file names folders as seen from where it lies.
    let base = path.parent().unwrap_or(Path::new(""));
    for folder in [&mut layer.data, &mut layer.assistants].into_iter().flatten() {
        *folder = base.join(&*folder);
    }
    Ok((layer, Some(path.to_owned())))
}

/// Reads the text of a settings file. The error begins with the number of its line.
pub(super) fn parse(text: &str) -> Result<Layer, String> {
    let describe = |error: &toml::de::Error, key: Option<String>| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        // Multi-line messages end in hints for the source text, which is not shown here.
        let message = error.message().trim().replace('\n', "; ");
        match key {
            Some(key) if key != "." && !key.is_empty() => format!("{line}: `{key}`: {message}"),
            _ => format!("{line}: {message}"),
        }
    };
    let document = toml::Deserializer::parse(text).map_err(|error| describe(&error, None))?;
    serde_path_to_error::deserialize(document).map_err(|error| {
        let key = error.path().to_string();
        describe(error.inner(), Some(key))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_names_the_line_and_the_key() {
        for (text, line, parts) in [
            ("\nlistne = \"x\"\n", "2: ", ["listne", "unknown"]),
            ("[limits]\nmemroy = 1\n", "2: ", ["limits.memroy", "unknown"]),
            ("[retention]\nfires = \"soon\"\n", "2: ", ["retention.fires", "24h"]),
            ("data = 1\n", "1: ", ["data", "string"]),
            ("store_cache = []\n", "1: ", ["store_cache", "128 MiB"]),
            ("data = \n", "1: ", ["", ""]),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.starts_with(line), "{problem}");
            assert!(parts.iter().all(|part| problem.contains(part)), "{problem}");
            assert!(!problem.contains('\n'), "{problem}");
        }
    }

    #[test]
    fn a_file_names_folders_as_seen_from_where_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("here.toml");
        std::fs::write(&path, "data = \"d\"\nassistants = \"/a\"\n").unwrap();
        let (layer, _) = read(Some(&path)).unwrap();
        assert_eq!(layer.data, Some(folder.path().join("d")));
        assert_eq!(layer.assistants, Some(PathBuf::from("/a")));
    }

    #[test]
    fn a_file_that_was_named_has_to_exist() {
        let error = read(Some(Path::new("no/such.toml"))).unwrap_err().to_string();
        assert!(error.contains("no/such.toml"), "{error}");
    }
}
