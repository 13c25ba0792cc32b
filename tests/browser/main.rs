//! The console in real browsers, against `tribune demo`.
//!
//! Needs Debian's packages chromium and chromium-driver. Whatever the browser complains of (an
//! error of the script, something the content security policy kept out) fails the test.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod demo;
mod driver;
mod pages;
mod records;
mod team;
mod visitor;
mod work;

use demo::Demo;
use driver::{Browser, DOWN, Driver, ENTER, ESCAPE, TAB};

/// Opens a person's link and clicks its button, then opens a channel.
async fn sign_in(browser: &Browser, demo: &Demo, person: &str, channel: &str) {
    browser.go(demo.link(person)).await;
    browser.click("form button").await;
    browser.element("body.chat").await;
    browser.go(&demo.page(person, &format!("/c/{channel}"))).await;
    live(browser).await;
}

async fn live(browser: &Browser) {
    browser.until("live updates", "return document.querySelector('.live.on') !== null").await;
}

/// Leaves a mark in the page that a reload would wipe away.
async fn mark(browser: &Browser) {
    browser.run("window.mark = 'not reloaded'").await;
}

async fn expect_mark(browser: &Browser) {
    let kept = browser.run("return window.mark").await;
    assert_eq!(kept, "not reloaded", "the page was loaded again");
}

/// Says that the page nowhere needs sideways scrolling.
async fn expect_fits(browser: &Browser, page: &str) {
    let width = browser
        .run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        .await;
    assert_eq!(width, 0, "{page} is wider than the screen");
}

#[tokio::test]
async fn two_people_approve_and_the_requester_watches_it_run() {
    let (demo, driver) = (Demo::start(), Driver::start().await);
    let (ken, others) = (driver.browser().await, driver.browser().await);
    sign_in(&ken, &demo, "ken", "ops").await;
    sign_in(&others, &demo, "radia", "ops").await;
    mark(&ken).await;
    mark(&others).await;

    let command = "!run restart-service on web-dev service=app";
    ken.click("#write-stream").await;
    ken.press(&format!("{command}{ENTER}")).await;
    let card = "li.card.needs_approval";
    ken.element(card).await;
    others.click(&format!("{card} .vote.approve")).await;
    ken.sees("Approved: Radia Perlman").await;
    expect_mark(&others).await;

    // Another person in the same browser, by her own host name.
    sign_in(&others, &demo, "grace", "ops").await;
    others.click(&format!("{card} .vote.approve")).await;
    ken.element("li.card.succeeded").await;
    expect_mark(&ken).await;

    ken.click("li.card.succeeded a.replies").await;
    let thread = "return document.querySelector('.thread')?.innerText.includes('succeeded')";
    ken.until("the run's output in the thread", thread).await;
    expect_mark(&ken).await;
    ken.expect_no_complaints().await;
    others.expect_no_complaints().await;
}

#[tokio::test]
async fn everything_works_by_keyboard_alone() {
    let (demo, driver) = (Demo::start(), Driver::start().await);
    let browser = driver.browser().await;
    browser.go(demo.link("barbara")).await;
    browser.element("form button").await;
    browser.press(&ENTER.to_string()).await;
    browser.element("body.chat").await;
    live(&browser).await;
    mark(&browser).await;

    // The message box has the focus. Arrows choose, Enter takes and then sends.
    browser.press("!ru").await;
    browser.element(".offers li").await;
    browser.press(&format!("{DOWN}{ENTER}")).await;
    browser.press("slow").await;
    let offered = "return document.querySelector('.offers li b')?.textContent === 'slow-job'";
    browser.until("the intent on offer", offered).await;
    browser.press(&TAB.to_string()).await;
    browser.press("on lo").await;
    let offered = "return document.querySelector('.offers li b')?.textContent === 'local'";
    browser.until("the target on offer", offered).await;
    browser.press(&TAB.to_string()).await;
    browser.press(&format!("seconds=1{ESCAPE}")).await;
    let typed = browser.run("return document.querySelector('#write-stream').value").await;
    assert_eq!(typed, "!run slow-job on local seconds=1");
    browser.press(&ENTER.to_string()).await;
    browser.element("li.card.succeeded").await;

    // Backwards to the newest thread, with a focus that shows; Enter opens, Escape closes.
    for step in 0.. {
        assert!(step < 40, "the thread is not reached by the keyboard");
        browser.press_with_shift(TAB).await;
        let shown = "const at = document.activeElement; \
                     return getComputedStyle(at).outlineStyle !== 'none' || at.matches('textarea')";
        assert_eq!(browser.run(shown).await, true, "the focus does not show");
        let there = "return document.activeElement.matches('.card .replies')";
        if browser.run(there).await == true {
            break;
        }
    }
    browser.press(&ENTER.to_string()).await;
    browser.element(".thread textarea:focus").await;
    browser.press(&ESCAPE.to_string()).await;
    browser.until("the thread closed", "return !document.querySelector('.thread')").await;
    browser.element(".stream textarea:focus").await;
    expect_mark(&browser).await;
    browser.expect_no_complaints().await;
}

#[tokio::test]
async fn a_small_screen_shows_one_thing_at_a_time() {
    let (demo, driver) = (Demo::start(), Driver::start().await);
    let browser = driver.browser().await;
    browser.size(360, 740).await;
    sign_in(&browser, &demo, "ken", "ops").await;
    browser.click("#write-stream").await;
    browser.press(&format!("!run restart-service on web-dev service=app{ENTER}")).await;
    browser.element("li.card").await;
    expect_fits(&browser, "the channel").await;
    let hidden = "return getComputedStyle(document.querySelector('.side')).display === 'none'";
    assert_eq!(browser.run(hidden).await, true);

    browser.click("li.card a.replies").await;
    browser.element(".thread").await;
    expect_fits(&browser, "the thread").await;
    browser.click(".thread a.back").await;
    browser.until("the channel again", "return !document.querySelector('.thread')").await;
    browser.click(".stream a.menu-button").await;
    browser.sees("Sign out").await;
    expect_fits(&browser, "the menu").await;
    browser.click(".places a").await;
    browser.element("#write-stream").await;
    browser.expect_no_complaints().await;
}

#[tokio::test]
async fn hostile_text_does_nothing() {
    let (demo, driver) = (Demo::start(), Driver::start().await);
    let (barbara, ken) = (driver.browser().await, driver.browser().await);
    sign_in(&ken, &demo, "ken", "ops").await;
    sign_in(&barbara, &demo, "barbara", "ops").await;
    let hostile = "<img src=x onerror='window.broken=1'><script>window.broken=1</script> \
                   [x](javascript:window.broken=1) end of hostile";
    barbara.click("#write-stream").await;
    barbara.press(&format!("{hostile}{ENTER}")).await;
    for (browser, person) in [(&barbara, "barbara"), (&ken, "ken")] {
        browser.sees("end of hostile").await;
        browser.go(&demo.page(person, "/c/ops")).await;
        browser.sees("end of hostile").await;
        assert_eq!(browser.run("return window.broken === undefined").await, true);
        let links = "return [...document.querySelectorAll('.text a')].length";
        assert_eq!(browser.run(links).await, 0);
        browser.expect_no_complaints().await;
    }
}
