//! Files that are used again.

use super::*;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;

/// What says that a file is the same under another name.
fn inodes(paths: &[PathBuf]) -> BTreeSet<u64> {
    let inode = |path: &PathBuf| path.metadata().unwrap().ino();
    paths.iter().map(inode).collect()
}

#[test]
fn files_that_nobody_needs_are_used_again_until_the_journal_is_opened_anew() {
    let home = Home::new();
    let mut opened = home.after_checkpoint();
    let spares = home.spares();
    assert!(spares.len() > 3, "{spares:?}");
    let known = &inodes(&home.files()) | &inodes(&spares);
    drop(opened.append_rows(20..36));
    assert!(inodes(&home.files()).is_subset(&known));
    assert!(home.spares().len() < spares.len());
    drop(opened);
    let opened = home.open();
    assert_eq!(opened.applied, 16);
    assert_eq!(opened.rows(), (0..36).collect::<Vec<_>>());
    assert!(home.spares().is_empty() && home.files().is_empty());
}

#[test]
fn what_a_file_held_before_is_neither_applied_nor_damage() {
    let home = Home::new();
    let mut opened = home.after_checkpoint();
    let spares = home.spares();
    let former = std::fs::read(&spares[spares.len() - 2]).unwrap();
    let mut last = 20;
    let transaction = opened.append_rows(last..last + 1);
    // Until one record is in a file that was used before.
    while home.files().len() < 3 {
        last += 1;
        opened.append_row(&transaction, last);
    }
    drop(transaction);
    drop(opened);
    let database = std::fs::read(home.folder.path().join("db")).unwrap();
    let kept: Vec<_> = home
        .files()
        .into_iter()
        .map(|path| (std::fs::read(&path).unwrap(), path))
        .collect();
    let (whole, path) = kept.last().unwrap();
    let length = u32::from_be_bytes(*whole[HEAD..].first_chunk().unwrap());
    let behind = HEAD + footprint(length as usize);
    assert!(
        whole[behind..].iter().any(|byte| *byte != 0),
        "its former records"
    );
    for cut in (HEAD..behind).step_by(4) {
        std::fs::write(home.folder.path().join("db"), &database).unwrap();
        for (bytes, path) in &kept {
            std::fs::write(path, bytes).unwrap();
        }
        let mut torn = whole.clone();
        torn[cut..behind].copy_from_slice(&former[cut..behind]);
        // Padding behind the record may be the same.
        let rows = last + u64::from(torn == *whole);
        std::fs::write(path, torn).unwrap();
        assert_eq!(home.open().rows(), (0..rows).collect::<Vec<_>>(), "{cut}");
    }
}

#[test]
fn a_crash_between_the_new_name_of_a_file_and_its_new_head_loses_nothing() {
    let home = Home::new();
    let mut opened = home.after_checkpoint();
    drop(opened.append_rows(20..22));
    let spares = home.spares();
    drop(opened);
    let renamed = home.journal().join(format!("{:016x}.{EXTENSION}", 23));
    std::fs::rename(&spares[0], renamed).unwrap();
    let opened = home.open();
    assert_eq!(opened.applied, 2);
    assert_eq!(opened.rows(), (0..22).collect::<Vec<_>>());
}
