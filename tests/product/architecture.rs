//! Dependencies point one way.

use std::process::Command;

use serde_json::Value;

/// For each package, those of the workspace it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("wakeful-core", &[]),
    ("wakeful-engine", &["wakeful-core"]),
    ("wakeful-store", &["wakeful-core"]),
    ("wakeful", &["wakeful-core", "wakeful-engine", "wakeful-store"]),
    ("wakeful-server", &["wakeful"]),
    ("wakeful-cli", &["wakeful", "wakeful-server"]),
];

#[test]
fn no_crate_depends_on_one_above_it() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    for (name, allowed) in ALLOWED {
        let package = packages.iter().find(|package| package["name"] == *name).unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            let ours = used == "wakeful" || used.starts_with("wakeful-");
            let normal = dependency["kind"].is_null();
            assert!(
                !ours || !normal || allowed.contains(&used),
                "{name} must not depend on {used}"
            );
        }
    }
}
