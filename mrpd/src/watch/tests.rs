use super::*;
use std::os::unix::fs::symlink;

/// Long enough for a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Fixture {
    dir: tempfile::TempDir,
    board: Board,
    watch: Watch,
}

impl Fixture {
    fn new(prepare: impl FnOnce(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path());
        let files = Files {
            layers: vec![dir.path().join("mrpd.toml")],
            drop_in_dir: Some(dir.path().join("mrpd.d")),
            named: vec![dir.path().join("keys/a.key")],
            contacts: dir.path().join("contacts.json"),
        };
        let board = Board::default();
        let watch = Watch::new(files, board.clone());
        Self { dir, board, watch }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    async fn changed(&mut self) -> Change {
        tokio::time::timeout(PATIENCE, self.watch.changed())
            .await
            .expect("the change is noticed")
    }

    /// Nothing that happened before is a change: the next one that is noticed is this.
    async fn nothing_but_contacts(&mut self) {
        self.write("contacts.json", &format!("{:?}", std::time::Instant::now()));
        assert_eq!(self.changed().await, Change::Contacts);
    }
}

#[tokio::test]
async fn each_kind_of_file_is_noticed_even_where_its_directory_was_missing() {
    let mut fixture = Fixture::new(|_| {});
    for (dir, file, want) in [
        (None, "mrpd.toml", Change::Config),
        (Some("mrpd.d"), "mrpd.d/10.toml", Change::Config),
        (Some("keys"), "keys/a.key", Change::Config),
        (None, "contacts.json", Change::Contacts),
    ] {
        if let Some(dir) = dir {
            std::fs::create_dir(fixture.dir.path().join(dir)).unwrap();
        }
        fixture.write(file, "1");
        assert_eq!(fixture.changed().await, want, "{file}");
        fixture.write(file, "12");
        assert_eq!(fixture.changed().await, want, "{file} again");
    }
}

#[tokio::test]
async fn a_burst_is_one_change_and_neighbours_are_none() {
    let mut fixture = Fixture::new(|dir| std::fs::write(dir.join("mrpd.toml"), "0").unwrap());
    for text in ["1", "12", "123"] {
        fixture.write("mrpd.toml", text);
    }
    assert_eq!(fixture.changed().await, Change::Config);
    fixture.write("mrpd.toml.swp", "x");
    fixture.nothing_but_contacts().await;
}

#[tokio::test]
async fn a_file_that_is_gone_for_a_moment_is_no_change_and_one_that_stays_away_is_told() {
    let mut fixture = Fixture::new(|dir| std::fs::write(dir.join("mrpd.toml"), "0").unwrap());
    let (path, away) = (
        fixture.dir.path().join("mrpd.toml"),
        fixture.dir.path().join("away"),
    );
    std::fs::rename(&path, &away).unwrap();
    let board = fixture.board.clone();
    let told = async {
        while board.warnings().is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        change = fixture.watch.changed() => panic!("{change:?}"),
        told = tokio::time::timeout(PATIENCE, told) => told.unwrap(),
    }
    assert!(fixture.board.warnings()[0].contains("mrpd.toml is gone"));
    std::fs::rename(&away, &path).unwrap();
    fixture.nothing_but_contacts().await;
    assert!(fixture.board.warnings().is_empty());
}

/// As Kubernetes and stow do it: the file is a link through a link that is turned to another directory in one step.
#[tokio::test]
async fn a_link_that_is_turned_elsewhere_is_noticed_each_time() {
    let mut fixture = Fixture::new(|dir| {
        for version in ["..1", "..2", "..3"] {
            std::fs::create_dir(dir.join(version)).unwrap();
            std::fs::write(dir.join(version).join("mrpd.toml"), version).unwrap();
        }
        symlink("..1", dir.join("..data")).unwrap();
        symlink("..data/mrpd.toml", dir.join("mrpd.toml")).unwrap();
    });
    for version in ["..2", "..3"] {
        let dir = fixture.dir.path();
        symlink(version, dir.join("..new")).unwrap();
        std::fs::rename(dir.join("..new"), dir.join("..data")).unwrap();
        assert_eq!(fixture.changed().await, Change::Config, "{version}");
    }
    fixture.write("..3/mrpd.toml", "in place, behind the links");
    assert_eq!(fixture.changed().await, Change::Config);
}

#[tokio::test]
async fn a_change_is_not_missed_by_whoever_stops_waiting() {
    let mut fixture = Fixture::new(|_| {});
    fixture.write("mrpd.toml", "1");
    for _ in 0..3 {
        let _ = tokio::time::timeout(QUIET / 2, fixture.watch.changed()).await;
    }
    assert_eq!(fixture.changed().await, Change::Config);
}
