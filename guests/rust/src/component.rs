//! What the exported component does before and after the assistant's own code.

use serde_json::Value;

use crate::bindings::exports::wakeful::assistant::metadata::Description;
use crate::bindings::wakeful::assistant::assistant_types as contract;
use crate::bindings::wakeful::assistant::thread;
use crate::{Assistant, Result, Run};

/// Calls the assistant for one run.
pub fn invoke<A: Assistant>(info: contract::ThreadInfo, input: &str) -> Result<contract::Outcome> {
    let run = Run::new(info, input, &thread::values())?;
    A::run(&run).map(Into::into)
}

/// What the assistant says of itself, or else its manifest: name, description and version.
pub fn describe<A: Assistant>([name, description, version]: [&str; 3]) -> Description {
    let about = A::about();
    let text = |schema: Option<Value>| schema.map(|schema| schema.to_string());
    Description {
        name: about.name.unwrap_or_else(|| name.to_owned()),
        description: about.description.unwrap_or_else(|| description.to_owned()),
        version: about.version.unwrap_or_else(|| version.to_owned()),
        input_schema: text(about.input_schema),
        output_schema: text(about.output_schema),
        config_schema: text(about.config_schema),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{About, Outcome};

    struct Bare;

    impl Assistant for Bare {
        fn about() -> About {
            About { name: Some("Bare".to_owned()), ..About::default() }
        }

        fn run(run: &Run) -> Result<Outcome> {
            Ok(run.keep().into())
        }
    }

    #[test]
    fn what_an_assistant_does_not_say_its_manifest_does() {
        let description = describe::<Bare>(["bare", "does nothing", "0.1.0"]);
        assert_eq!(description.name, "Bare");
        assert_eq!(description.description, "does nothing");
        assert_eq!(description.version, "0.1.0");
        assert_eq!(description.input_schema, None);
    }
}
