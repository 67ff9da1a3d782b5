use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

/// What is asked of Landlock; a kernel that knows less does what it can.
const WANTED: ABI = ABI::V7;

/// Takes all files away but those in these folders, and all of the network. Returns what could not be done.
pub(super) fn restrict(code: Option<&Path>, sandboxes: Option<&Path>) -> Option<String> {
    match restricted(code, sandboxes) {
        Ok(RulesetStatus::FullyEnforced) => None,
        Ok(RulesetStatus::PartiallyEnforced) => Some(
            "the kernel's Landlock is an old one: files are out of reach, but not all else that newer ones take away"
                .to_owned(),
        ),
        Ok(RulesetStatus::NotEnforced) => Some(
            "the kernel has no Landlock (Linux 5.13 and newer, unless it is turned off): files of this user are not out of reach"
                .to_owned(),
        ),
        Err(error) => Some(format!("Landlock cannot be used: {error}")),
    }
}

fn restricted(
    code: Option<&Path>,
    sandboxes: Option<&Path>,
) -> Result<RulesetStatus, RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(WANTED))?
        .handle_access(AccessNet::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?;
    // A folder that is not there needs no rule.
    if let Some(Ok(code)) = code.map(PathFd::new) {
        rules = rules.add_rule(PathBeneath::new(code, BitFlags::from(AccessFs::ReadFile)))?;
    }
    if let Some(Ok(sandboxes)) = sandboxes.map(PathFd::new) {
        let special = AccessFs::Execute
            | AccessFs::MakeChar
            | AccessFs::MakeBlock
            | AccessFs::MakeSock
            | AccessFs::MakeFifo
            | AccessFs::IoctlDev;
        rules =
            rules.add_rule(PathBeneath::new(sandboxes, AccessFs::from_all(WANTED) & !special))?;
    }
    Ok(rules.restrict_self()?.ruleset)
}
