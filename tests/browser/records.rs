//! The pages that tell what was, by keyboard alone.

use crate::demo::Demo;
use crate::driver::{Driver, ENTER};
use crate::work::tab_to;

#[tokio::test]
async fn rows_are_found_unfolded_and_verified_by_keyboard_alone() {
    let (demo, driver) = (Demo::start(), Driver::start().await);
    let browser = driver.browser().await;
    browser.go(demo.link("ada")).await;
    browser.click("form button").await;
    browser.element("body.chat").await;

    browser.go(&demo.page("ada", "/audit")).await;
    browser.sees("session.start").await;
    browser.press("/").await;
    browser.element("input[name=text]:focus").await;
    browser.press(&format!("revision{ENTER}")).await;
    browser
        .until("the rows that were found", "return location.search.includes('text=revision')")
        .await;
    browser.sees("revision.applied").await;
    tab_to(&browser, ".audit summary").await;
    browser.press(&ENTER.to_string()).await;
    browser.element(".audit details[open] pre").await;

    browser.go(&demo.page("ada", "/audit")).await;
    tab_to(&browser, ".verification button").await;
    browser.press(&ENTER.to_string()).await;
    browser.sees("No row was changed, removed or reordered").await;
    browser.sees("signed checkpoint").await;

    browser.go(&demo.page("ada", "/people")).await;
    browser.press("/").await;
    browser.press(&format!("sato{ENTER}")).await;
    browser.sees("1 person").await;
    tab_to(&browser, "a.thing").await;
    browser.press(&ENTER.to_string()).await;
    browser.sees("What they may do now").await;
    browser.sees("approval of 1 operator and 1 sre").await;
    browser.expect_no_complaints().await;
}
