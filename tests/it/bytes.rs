//! Byte-level property tests: mutations of a committed corpus, for as long as is asked.

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Returns every file of `tests/corpus/<name>`, in order of name.
pub fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the corpus is part of the repository")
        .map(|file| {
            let path = file.expect("a readable folder").path();
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("a readable file"))
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

/// Checks `property` on every file of the corpus and then on mutations of them, for half a
/// second or `TRIBUNE_FUZZ_SECONDS`. Mutations come in the same order each time.
pub fn holds_for_bytes(name: &str, property: impl Fn(&[u8])) {
    let seeds: Vec<Vec<u8>> = corpus(name).into_iter().map(|(_, bytes)| bytes).collect();
    for seed in &seeds {
        property(seed);
    }
    let end = Instant::now() + budget();
    let config = Config { cases: 128, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    while Instant::now() < end {
        let outcome = runner.run(&mutated(seeds.clone()), |bytes| {
            property(&bytes);
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("{failure}");
        }
    }
}

fn budget() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "CI asks for thirty seconds, people for none")]
    let seconds = std::env::var("TRIBUNE_FUZZ_SECONDS").ok();
    seconds.map_or(Duration::from_millis(500), |seconds| {
        Duration::from_secs(seconds.parse().expect("TRIBUNE_FUZZ_SECONDS is a number"))
    })
}

/// One change to some bytes; places are taken modulo the length.
#[derive(Debug, Clone)]
enum Edit {
    Cut(usize, usize),
    Insert(usize, Vec<u8>),
    Replace(usize, u8),
    Splice(usize, usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..6),
        "[!\"'`=> \n\r\t#*\\\\@-]{1,6}".prop_map(String::into_bytes),
        "\\PC{1,3}".prop_map(String::into_bytes),
    ];
    prop_oneof![
        (any::<usize>(), 1..9_usize).prop_map(|(at, length)| Edit::Cut(at, length)),
        (any::<usize>(), piece).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        (any::<usize>(), any::<usize>(), 1..40_usize)
            .prop_map(|(from, to, n)| Edit::Splice(from, to, n)),
    ]
}

fn mutated(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(seeds), prop::collection::vec(edit(), 0..8)).prop_map(|(seed, edits)| {
        edits.into_iter().fold(seed, |mut bytes, edit| {
            let length = bytes.len().max(1);
            match edit {
                Edit::Cut(at, n) => {
                    let start = (at % length).min(bytes.len());
                    let end = (start + n).min(bytes.len());
                    bytes.drain(start..end);
                }
                Edit::Insert(at, piece) => {
                    let at = (at % length).min(bytes.len());
                    bytes.splice(at..at, piece);
                }
                Edit::Replace(at, byte) => {
                    if let Some(place) = bytes.get_mut(at % length) {
                        *place = byte;
                    }
                }
                Edit::Splice(from, to, n) => {
                    let start = (from % length).min(bytes.len());
                    let piece = bytes[start..(start + n).min(bytes.len())].to_vec();
                    let to = (to % length).min(bytes.len());
                    bytes.splice(to..to, piece);
                }
            }
            bytes
        })
    })
}
