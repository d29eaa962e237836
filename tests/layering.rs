//! Which crate may name which: ARCHITECTURE.md, held by the manifests.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails where it cannot go on, and names its seed"
)]

use cargo_metadata::{DependencyKind, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};

/// What each crate may depend on inside the workspace, tests aside.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("payrun-core", &[]),
    ("payrun-csv", &["payrun-core"]),
    ("payrun-plan", &["payrun-core"]),
    ("payrun-ports", &["payrun-core"]),
    ("payrun-store", &["payrun-core", "payrun-ports"]),
    ("payrun-kotani", &["payrun-core", "payrun-ports"]),
    ("payrun-exec", &["payrun-core", "payrun-ports"]),
    ("payrun-sandbox", &[]),
    ("payrun-sim", &["payrun-core", "payrun-exec", "payrun-plan", "payrun-ports", "payrun-store"]),
    (
        "payrun",
        &[
            "payrun-core",
            "payrun-csv",
            "payrun-plan",
            "payrun-ports",
            "payrun-store",
            "payrun-kotani",
            "payrun-exec",
            "payrun-sandbox",
        ],
    ),
    ("payrun-cli", &["payrun"]),
    ("payrun-examples", &["payrun"]),
    ("payrun-benches", &["payrun"]),
    ("payrun-tests", &["payrun"]),
];

/// Outside crates that only some may name.
const NAMED_ONLY_BY: &[(&str, &[&str])] = &[
    ("sled", &["payrun-store"]),
    ("reqwest", &["payrun-kotani"]),
    ("governor", &["payrun-exec"]),
    ("axum", &["payrun-sandbox"]),
    ("clap", &["payrun-cli", "payrun-sim"]),
    (
        "tokio",
        &[
            "payrun-ports",
            "payrun-store",
            "payrun-kotani",
            "payrun-exec",
            "payrun-sandbox",
            "payrun-sim",
            "payrun",
            "payrun-cli",
            "payrun-examples",
            "payrun-benches",
            "payrun-tests",
        ],
    ),
];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata =
        MetadataCommand::new().no_deps().other_options(["--offline".to_owned()]).exec().unwrap();
    let names = |package: &cargo_metadata::Package| {
        let normal = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind == DependencyKind::Normal);
        normal.map(|dependency| dependency.name.clone()).collect()
    };
    metadata.packages.iter().map(|package| (package.name.to_string(), names(package))).collect()
}

#[test]
fn crates_name_only_what_the_architecture_allows() {
    let dependencies = dependencies();
    let known: BTreeSet<&str> = MAY_NAME.iter().map(|(name, _)| *name).collect();
    let there: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    assert_eq!(there, known, "a crate is missing in the table, or in the workspace");
    for (name, allowed) in MAY_NAME {
        let inside = dependencies[*name].iter().filter(|other| known.contains(other.as_str()));
        for other in inside {
            assert!(allowed.contains(&other.as_str()), "{name} names {other}");
        }
    }
}

#[test]
fn outside_crates_stay_behind_their_walls() {
    for (name, others) in dependencies() {
        for (outside, allowed) in NAMED_ONLY_BY {
            let named = others.contains(*outside);
            assert!(!named || allowed.contains(&name.as_str()), "{name} names {outside}");
        }
    }
}

#[test]
fn the_packages_payrun_is_built_on_are_used() {
    let all: BTreeSet<String> = dependencies().into_values().flatten().collect();
    for package in ["csv", "tokio", "reqwest", "governor", "serde", "sled", "clap", "rust_decimal"]
    {
        assert!(all.contains(package), "{package} is not used");
    }
}
