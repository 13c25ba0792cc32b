//! The pages one works with: requests, runs, intents, status.

use super::demo::Demo;
use super::driver::{Browser, Driver, ENTER, TAB};
use super::visitor::Visitor;
use super::{expect_fits, expect_mark, live, mark, sign_in};

/// Presses Tab until an element has the focus; the focus must show at each step.
pub async fn tab_to(browser: &Browser, css: &str) {
    let quoted = serde_json::to_string(css).unwrap();
    for _ in 0..60 {
        browser.press(&TAB.to_string()).await;
        let shown = "const at = document.activeElement; \
                     return at === document.body || getComputedStyle(at).outlineStyle !== 'none'";
        assert_eq!(browser.run(shown).await, true, "the focus does not show");
        let there = format!("return document.activeElement.matches({quoted})");
        if browser.run(&there).await == true {
            return;
        }
    }
    panic!("{css} is not reached by the keyboard");
}

/// Opens a page and waits until it is live.
async fn open(browser: &Browser, demo: &Demo, person: &str, path: &str) {
    browser.go(&demo.page(person, path)).await;
    live(browser).await;
}

#[tokio::test]
async fn a_request_is_made_through_the_form_by_keyboard_alone() {
    let (demo, driver) = (Demo::start(), Driver::start().await);
    let browser = driver.browser().await;
    sign_in(&browser, &demo, "barbara", "ops").await;
    tab_to(&browser, ".tabs a[href='/intents']").await;
    browser.press(&ENTER.to_string()).await;
    browser.element("input[type=search]").await;
    live(&browser).await;
    // `/` goes to the field one types in.
    browser.press("/slow").await;
    browser.press(&ENTER.to_string()).await;
    browser
        .until("what was found", "return document.querySelectorAll('.thing').length === 1")
        .await;
    tab_to(&browser, ".thing[href='/intents/slow-job']").await;
    browser.press(&ENTER.to_string()).await;
    browser.element("form[data-line]").await;
    live(&browser).await;
    tab_to(&browser, "input[name=on][value=local]").await;
    browser.press(" ").await;
    tab_to(&browser, "[name='arg.seconds']").await;
    browser.press("2").await;
    browser.sees("!run slow-job on local seconds=2").await;
    let kept = "return document.activeElement.name";
    assert_eq!(browser.run(kept).await, "arg.seconds", "the focus was lost");
    tab_to(&browser, "form[data-line] button.button").await;
    browser.press(&ENTER.to_string()).await;
    browser.element("body.chat").await;
    browser.element("li.card.succeeded").await;
    let line = "return document.querySelector('.message:not(.tribune) code').textContent";
    assert_eq!(browser.run(line).await, "!run slow-job on local seconds=2");
    browser.expect_no_complaints().await;
}

#[tokio::test]
async fn a_run_is_watched_live_to_its_end() {
    let (demo, driver) = (Demo::start(), Driver::start().await);
    let (barbara, grace) = (driver.browser().await, driver.browser().await);
    sign_in(&grace, &demo, "grace", "ops").await;
    sign_in(&barbara, &demo, "barbara", "ops").await;
    open(&grace, &demo, "grace", "/requests").await;
    mark(&grace).await;
    barbara.click("#write-stream").await;
    barbara.press(&format!("!run slow-job on local seconds=6{ENTER}")).await;
    // It comes into the list by itself.
    grace.element("a[href='/requests/r1']").await;
    grace.element("a[href='/runs/r1.1']").await;
    expect_mark(&grace).await;
    open(&grace, &demo, "grace", "/runs/r1.1").await;
    mark(&grace).await;
    grace.click("#commands summary").await;
    grace.sees("step 3 of 6").await;
    grace.sees("step 6 of 6").await;
    grace.sees("succeeded").await;
    expect_mark(&grace).await;
    let lines = "return document.querySelector('#log-head').textContent.match(/step 4 of/g).length";
    assert_eq!(grace.run(lines).await, 1);
    let open = "return document.querySelector('#commands').open";
    assert_eq!(grace.run(open).await, true, "what was opened stays open");
    grace.expect_no_complaints().await;
}

#[tokio::test]
async fn page_after_page_opens_at_once_and_who_goes_back_hears_what_comes() {
    let (demo, driver) = (Demo::start(), Driver::start().await);
    let browser = driver.browser().await;
    sign_in(&browser, &demo, "ada", "ops").await;
    // A browser keeps pages for "back", opens six connections to one host, and lets go of one
    // that such a page holds after a minute.
    let begun = std::time::Instant::now();
    for path in ["/audit", "/people", "/status", "/runs", "/drift", "/intents", "/people/ken"] {
        open(&browser, &demo, "ada", path).await;
    }
    open(&browser, &demo, "ada", "/requests").await;
    open(&browser, &demo, "ada", "/revisions").await;
    assert!(begun.elapsed().as_secs() < 45, "it took {:?}", begun.elapsed());
    browser.run("history.back()").await;
    browser.until("the page before", "return location.pathname === '/requests'").await;
    live(&browser).await;
    mark(&browser).await;
    let ken = Visitor::sign_in(&demo, "ken").await;
    ken.say("ops", "!run restart-service on web-dev service=app").await;
    browser.element("a[href='/requests/r1']").await;
    expect_mark(&browser).await;
    browser.expect_no_complaints().await;
}

#[tokio::test]
async fn hostile_text_does_nothing_on_any_page_and_every_page_fits() {
    let (demo, driver) = (Demo::start(), Driver::start().await);
    let (ken, radia) = (driver.browser().await, driver.browser().await);
    sign_in(&ken, &demo, "ken", "ops").await;
    sign_in(&radia, &demo, "radia", "ops").await;
    ken.click("#write-stream").await;
    ken.press(&format!("!run restart-service on web-dev service=app{ENTER}")).await;
    ken.element("li.card.needs_approval").await;
    radia.click("li.card a.replies").await;
    radia.element(".thread textarea:focus").await;
    let hostile = "<img src=x onerror=window.broken=1><script>window.broken=1</script>";
    radia.press(&format!("!deny r1 {hostile}{ENTER}")).await;
    ken.element("li.card.vetoed").await;
    ken.size(360, 740).await;
    for path in [
        "/requests/r1",
        "/requests?show=past",
        "/requests",
        "/runs",
        "/intents",
        "/intents/restart-service?on=%3Cimg+src%3Dx+onerror%3Dwindow.broken%3D1%3E",
        "/status",
        "/menu",
    ] {
        open(&ken, &demo, "ken", path).await;
        assert_eq!(ken.run("return window.broken === undefined").await, true, "{path}");
        expect_fits(&ken, path).await;
    }
    open(&ken, &demo, "ken", "/requests/r1").await;
    ken.sees("onerror=window.broken=1").await;
    ken.expect_no_complaints().await;
}
