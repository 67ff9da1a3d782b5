use std::path::{Path, PathBuf};
use std::sync::Arc;

use wakeful_core::ComponentId;
use wakeful_engine::{ChildCompiler, Compiler, EngineConfig, Examination, examine};

use crate::{AssistantFile, Error, folder};

/// What a file is, and whether it would serve runs in an assistants folder.
#[derive(Debug, Clone)]
pub struct ComponentCheck {
    /// The file.
    pub path: PathBuf,
    /// The stem of its name, by which it would go.
    pub id: String,
    /// What is in it.
    pub examination: Examination,
    /// What keeps it from serving runs, each with what to do about it; empty if nothing does.
    pub problems: Vec<String>,
}

/// Checks a component file, its name, and the `.toml` beside it by the rules of the assistants
/// folder. The component is compiled, in a child if there is a compiler that does so, and none of
/// its code runs.
///
/// # Errors
/// [`Error::Unusable`] if the file cannot be read, [`Error::Engine`] if wasmtime does not work here.
pub fn check_component(
    path: &Path,
    compiler: Option<ChildCompiler>,
) -> Result<ComponentCheck, Error> {
    let bytes = std::fs::read(path).map_err(|error| Error::unusable(path, &error))?;
    let compiler = compiler.map(|compiler| Arc::new(compiler) as Arc<dyn Compiler>);
    let examination = examine(&bytes, &EngineConfig { compiler, ..EngineConfig::default() })?;
    let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut problems = Vec::new();
    problems.extend(component_id(&id).err());
    if path.extension().is_none_or(|extension| extension != "wasm") {
        problems.push(
            "the file's name does not end in `.wasm`, so the folder passes over it; rename it"
                .to_owned(),
        );
    }
    problems.extend(examination.refusal.as_ref().map(ToString::to_string));
    let settings = folder::settings(&path.with_extension("toml"));
    let settings = settings.and_then(|text| {
        AssistantFile::parse(&text).map_err(|error| format!("its .toml: {error}"))
    });
    problems.extend(settings.err());
    Ok(ComponentCheck { path: path.to_owned(), id, examination, problems })
}

/// The id of a component whose file has this stem: a [`ComponentId`] that is a file name on every
/// system.
///
/// # Errors
/// Says what is wrong with the name.
pub fn component_id(stem: &str) -> Result<ComponentId, String> {
    // Windows has these for devices, whatever follows the first dot, and without regard to case.
    const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
    let id: ComponentId =
        stem.parse().map_err(|error| format!("the file's name is not an id: {error}"))?;
    let first = stem.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = first.strip_prefix("com").or_else(|| first.strip_prefix("lpt"));
    let numbered = numbered.is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']));
    if numbered || DEVICES.contains(&first.as_str()) {
        return Err(format!(
            "the file's name is not an id: `{first}` is a device on Windows, where no file can have this name; choose another"
        ));
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_file_name_on_every_system() {
        for good in ["echo", "console", "com", "com10", "lpt", "nullable", "v1.2"] {
            assert!(component_id(good).is_ok(), "{good}");
        }
        for bad in ["con", "NUL", "aux.v1", "Com1", "lpt9"] {
            assert!(component_id(bad).unwrap_err().contains("Windows"), "{bad}");
        }
        assert!(component_id("a b").unwrap_err().contains("a component id is"));
    }
}
