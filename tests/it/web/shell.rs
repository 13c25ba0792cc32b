//! What stands around every page, and who sees which.

use super::live::Listener;
use super::site::TestSite;

#[tokio::test]
async fn a_page_that_policy_denies_is_not_listed_says_who_could_and_is_audited() {
    let site = TestSite::start().await;
    let (ada, linus) = (site.sign_in("ada").await, site.sign_in("linus").await);
    assert!(ada.page("/c/ops").await.contains("href=\"/requests\""));
    assert!(!linus.page("/c/ops").await.contains("href=\"/requests\""));
    assert_eq!(ada.status("/requests").await, 200);
    let answer = linus.get("/requests").send().await.unwrap();
    assert_eq!(answer.status(), 403);
    let page = answer.text().await.unwrap();
    assert!(page.contains("You may not see the page") && page.contains("@ada"), "{page}");
    assert!(!page.contains("@linus"));
    assert!(site.audit().await.contains(&"view.denied".to_owned()));
}

#[tokio::test]
async fn a_page_hears_that_something_changed() {
    let site = TestSite::start().await;
    let ada = site.sign_in("ada").await;
    let mut listener = Listener::open(&ada, "/events?page=true").await;
    site.sign_in("grace").await;
    site.clock.advance(jiff::SignedDuration::from_secs(1));
    assert_eq!(listener.next().await.unwrap().0, "changed");
}
