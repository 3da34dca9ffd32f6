//! The plan of the workspace, kept: who may import whom, what the pure crate may not have, how large a file may grow.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tests::programs::workspace;

/// The longest file, without its tests.
const MOST_LINES: usize = 600;

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command
        .manifest_path(workspace().join("Cargo.toml"))
        .other_options(vec!["--locked".to_owned()]);
    command.exec().unwrap()
}

/// Direct dependencies of each crate of the workspace, beside those of its tests.
fn imports(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let direct = |package: &cargo_metadata::Package| {
        let kept = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development);
        kept.map(|dependency| dependency.name.clone()).collect()
    };
    metadata
        .workspace_packages()
        .iter()
        .map(|package| (package.name.to_string(), direct(package)))
        .collect()
}

#[test]
fn crates_import_only_what_the_plan_lets_them() {
    let plan: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("mrp-proto", &[][..]),
        ("mrp-client", &["mrp-proto"]),
        ("mrpd-api", &["mrp-proto"]),
        ("mrp-journal", &[]),
        ("relayd", &["mrp-journal", "mrp-proto"]),
        (
            "mrpd",
            &["mrp-client", "mrp-journal", "mrp-proto", "mrpd-api"],
        ),
        ("mrpctl", &["mrp-proto", "mrpd-api"]),
    ]);
    let imports = imports(&metadata());
    let ours: BTreeSet<&str> = imports.keys().map(String::as_str).collect();
    for (name, allowed) in plan {
        let actual: BTreeSet<&str> = imports[name]
            .iter()
            .map(String::as_str)
            .filter(|import| ours.contains(import))
            .collect();
        let allowed = allowed.iter().copied().collect();
        assert!(
            actual.is_subset(&allowed),
            "{name} imports {actual:?}, the plan lets it import {allowed:?}"
        );
    }
}

#[test]
fn the_protocol_crate_has_no_runtime_network_storage_or_command_line() {
    let forbidden = [
        "tokio",
        "hyper",
        "hyper-util",
        "axum",
        "reqwest",
        "tokio-tungstenite",
        "redb",
        "clap",
        "anyhow",
        "nix",
        "getrandom",
        "tracing",
        "rand",
        "http",
        "mio",
        "socket2",
    ];
    let imports = imports(&metadata());
    let found: Vec<_> = forbidden
        .iter()
        .filter(|&&name| imports["mrp-proto"].contains(name))
        .collect();
    assert!(found.is_empty(), "mrp-proto imports {found:?}");
}

#[test]
fn the_command_line_opens_no_store_and_the_contract_knows_none() {
    let imports = imports(&metadata());
    for (name, forbidden) in [
        ("mrpctl", ["redb", "reqwest", "tokio-tungstenite"]),
        ("mrpd-api", ["redb", "reqwest", "axum"]),
    ] {
        for library in forbidden {
            assert!(!imports[name].contains(library), "{name} imports {library}");
        }
    }
}

#[test]
fn flags_and_environment_are_read_in_their_rooms_only() {
    for source in sources() {
        let name = source.file_stem().unwrap().to_string_lossy().into_owned();
        let inside = |crates: &[&str]| {
            crates
                .iter()
                .any(|room| source.starts_with(workspace().join(room).join("src")))
        };
        if !inside(&[
            "mrp-proto",
            "mrp-client",
            "mrp-journal",
            "mrpd-api",
            "relayd",
            "mrpd",
            "mrpctl",
        ]) {
            continue;
        }
        let text = without_tests(&std::fs::read_to_string(&source).unwrap());
        let under_cli = source.components().any(|part| part.as_os_str() == "cli");
        if name != "cli" && !under_cli {
            assert!(
                !text.contains("use clap"),
                "{} uses clap outside cli.rs",
                source.display()
            );
        }
        if !["config", "paths"].contains(&name.as_str())
            && !source.to_string_lossy().contains("/config/")
        {
            assert!(
                !text.contains("env::var"),
                "{} reads the environment outside config.rs and paths.rs",
                source.display()
            );
        }
    }
}

#[test]
fn no_file_outgrows_the_limit_and_no_folder_hides_behind_mod_rs() {
    for source in sources() {
        assert_ne!(
            source.file_name().unwrap(),
            "mod.rs",
            "{}",
            source.display()
        );
        let lines = without_tests(&std::fs::read_to_string(&source).unwrap())
            .lines()
            .count();
        assert!(
            lines <= MOST_LINES,
            "{} has {lines} lines without its tests, at most {MOST_LINES} are allowed",
            source.display()
        );
    }
}

#[test]
fn heavy_libraries_are_in_the_tree_once() {
    let metadata = metadata();
    for heavy in [
        "tokio",
        "hyper",
        "axum",
        "tungstenite",
        "tokio-tungstenite",
        "rustls",
        "redb",
        "ed25519-dalek",
        "curve25519-dalek",
        "hpke",
        "serde_json",
        "clap",
    ] {
        let versions: Vec<_> = metadata
            .packages
            .iter()
            .filter(|package| package.name.as_str() == heavy)
            .map(|package| package.version.to_string())
            .collect();
        assert!(
            versions.len() <= 1,
            "{heavy} is in the tree as {versions:?}"
        );
    }
}

/// Everything before the unit tests at the bottom.
fn without_tests(text: &str) -> String {
    text.split("#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(workspace()).unwrap() {
        let path = entry.unwrap().path();
        if path.join("Cargo.toml").exists() {
            collect(&path, &mut found);
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}
