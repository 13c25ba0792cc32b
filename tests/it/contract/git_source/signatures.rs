//! Signatures, as git and ssh-keygen make and read them.

use std::os::unix::fs::PermissionsExt as _;

use tribune::domain::person::SigningKey;
use tribune::domain::trust::Signature;

use super::{GitHost, git, git_with, run};
use tribune::ports::source::Source as _;

use crate::contract::source::{Host as _, Push, key, public, text};

#[tokio::test]
async fn signatures_of_git_and_ssh_keygen_are_understood() {
    let host = GitHost::new().await;
    host.commit("main", &[("a", text("1"))], &Push::default());
    let repo = host.repo();
    for (kind, bits) in [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "521"), ("rsa", "2048")] {
        let file = host.place.path().join(format!("{kind}{bits}"));
        let file = file.to_str().unwrap();
        let make = ["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", file];
        let (ok, said) = run(&repo, &make, b"").await;
        assert!(ok, "{said}");
        let setting = format!("user.signingKey={file}");
        let commit = ["commit", "--quiet", "-S", "--allow-empty", "-m", kind];
        let words = [&["-c", "gpg.format=ssh", "-c", &setting], &commit[..]].concat();
        git(&repo, &words).await;
        let head = host.source.fetch().await.unwrap();
        let public_key = std::fs::read_to_string(format!("{file}.pub")).unwrap();
        let keys = [public(1), SigningKey { public: public_key, ..public(1) }];
        let found = host.source.signature(&head, &keys).await;
        assert_eq!(found, Ok(Signature::By(1)), "{kind} {bits}");
    }
}

#[tokio::test]
async fn git_understands_signatures_of_the_workbench() {
    let host = GitHost::new().await;
    let push = Push { key: Some(1), ..Push::default() };
    host.commit("main", &[("a", text("1"))], &push);
    let signers = host.place.path().join("signers");
    std::fs::write(&signers, format!("ada@example.org {}\n", public(1).public)).unwrap();
    let setting = format!("gpg.ssh.allowedSignersFile={}", signers.display());
    git(&host.repo(), &["-c", &setting, "verify-commit", "HEAD"]).await;
    git(&host.repo(), &["fsck", "--strict"]).await;
    assert_eq!(git(&host.repo(), &["status", "--porcelain"]).await, "");
}

/// Returns commits that bear a signature which does not fit, and what is said of each.
async fn forgeries(host: &GitHost) -> Vec<(String, Signature)> {
    let repo = host.repo();
    let signed = git(&repo, &["cat-file", "commit", "HEAD"]).await;
    let (head, rest) = signed.split_once("\ngpgsig ").unwrap();
    let (_, body) = rest.split_once("-----END SSH SIGNATURE-----").unwrap();
    let with =
        |signature: &str| format!("{head}\ngpgsig {}{body}\n", signature.replace('\n', "\n "));
    // The same key, for another purpose.
    let file = host.place.path().join("key");
    std::fs::write(&file, key(1).private().unwrap()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let sign = ["ssh-keygen", "-Y", "sign", "-n", "file", "-f", file.to_str().unwrap()];
    let (ok, misused) = run(&repo, &sign, format!("{head}{body}\n").as_bytes()).await;
    assert!(ok, "{misused}");
    let garbage = "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----";
    let pgp = "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----";
    vec![
        (
            signed.replace("a change", "another change") + "\n",
            Signature::Bad("the commit is not what was signed".into()),
        ),
        (with(&misused), Signature::Bad("it was made for another purpose than git".into())),
        (with(garbage), Signature::Bad("it cannot be read".into())),
        (with(pgp), Signature::Unknown("a key that is not an SSH key".into())),
    ]
}

#[tokio::test]
async fn a_signature_that_does_not_fit_is_bad() {
    let host = GitHost::new().await;
    host.commit("main", &[("a", text("1"))], &Push { key: Some(1), ..Push::default() });
    let repo = host.repo();
    for (commit, expected) in forgeries(&host).await {
        let words = ["hash-object", "-t", "commit", "-w", "--stdin"];
        let id = git_with(&repo, &words, commit.as_bytes()).await;
        git(&repo, &["update-ref", "refs/heads/main", &id]).await;
        let head = host.source.fetch().await.unwrap();
        assert_eq!(head.as_str(), id);
        assert_eq!(host.source.signature(&head, &[public(1)]).await, Ok(expected));
    }
}
