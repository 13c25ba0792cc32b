//! Every page of the console: nothing for axe-core to find, on wide and narrow screens, light and
//! dark, and nowhere wider than the screen. The same walk takes pictures.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::demo::Demo;
use crate::driver::{Browser, Driver};
use crate::team;

/// Names of pictures, and the pages.
const PAGES: &[(&str, &str)] = &[
    ("channel", "/c/ops"),
    ("direct", "/c/@tribune"),
    ("menu", "/menu"),
    ("requests", "/requests"),
    ("requests-past", "/requests?show=past"),
    ("request", "/requests/r3"),
    ("request-ran", "/requests/r1"),
    ("runs", "/runs"),
    ("run", "/runs/r1.1"),
    ("intents", "/intents"),
    ("intent", "/intents/restart-service"),
    ("drift", "/drift"),
    ("incident", "/drift/d1"),
    ("people", "/people"),
    ("people-none", "/people?q=nobody-is-called-so"),
    ("person", "/people/ken"),
    ("person-banned", "/people/mallory"),
    ("person-hostile", "/people/edsger"),
    ("roles", "/roles"),
    ("bans", "/bans"),
    ("services", "/services"),
    ("revisions", "/revisions"),
    ("revisions-older", "/revisions?before=1"),
    ("revision-first", "/revisions/1"),
    ("revision", "/revisions/2"),
    ("revision-hostile", "/revisions/3"),
    ("revision-refused", "/revisions/4"),
    ("audit", "/audit"),
    ("audit-found", "/audit?kind=vote&person=radia"),
    ("audit-none", "/audit?text=nothing-has-this-text"),
    ("audit-wrong", "/audit?request=nonsense"),
    ("status", "/status"),
    ("missing", "/nowhere"),
];

/// Pages of somebody who is not signed in.
const OUTSIDE: &[(&str, &str)] = &[("signed-out", "/people"), ("sign-in", "/sign-in/abc")];

/// How large the screen is, and what that is called.
const SIZES: [(&str, u32, u32); 2] = [("1280", 1280, 860), ("360", 360, 760)];

#[tokio::test]
async fn every_page_is_accessible() {
    let walk = Walk::new(axe());
    let (demo, driver) = (Demo::start(), Driver::start().await);
    team::at_work(&demo).await;
    let browser = driver.browser().await;
    let mut found = Vec::new();
    for (name, path) in OUTSIDE {
        browser.go(&demo.page("ada", path)).await;
        found.extend(walk.look(&browser, name).await);
    }
    browser.go(demo.link("ada")).await;
    browser.click("form button").await;
    browser.element("body.chat").await;
    for (name, path) in PAGES {
        browser.go(&demo.page("ada", path)).await;
        if *name == "audit" {
            browser.click(".verification button").await;
            browser.sees("No row was changed, removed or reordered").await;
        }
        found.extend(walk.look(&browser, name).await);
    }
    browser.go(&demo.page("ada", "/c/ops")).await;
    browser.click("li.card.succeeded a.replies").await;
    browser.element(".thread").await;
    found.extend(walk.look(&browser, "thread").await);
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(browser.run("return window.broken === undefined").await, true);
}

/// Returns axe-core's own text.
fn axe() -> String {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../axe/axe.min.js");
    std::fs::read_to_string(&file).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; `scripts/test` fetches axe-core, and so does `scripts/axe`",
            file.display()
        )
    })
}

struct Walk {
    axe: String,
    pictures: Option<PathBuf>,
}

impl Walk {
    #[expect(clippy::disallowed_methods, reason = "scripts/screenshots names its folder so")]
    fn new(axe: String) -> Self {
        Self { axe, pictures: std::env::var_os("TRIBUNE_SCREENSHOTS").map(PathBuf::from) }
    }

    /// Looks at the page that is open in every size and scheme; returns what is wrong.
    async fn look(&self, browser: &Browser, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (size, width, height) in SIZES {
            browser.size(width, height).await;
            for scheme in ["light", "dark"] {
                browser.scheme(scheme).await;
                let at = format!("{name} at {size} px, {scheme}");
                found.extend(
                    self.violations(browser).await.iter().map(|one| format!("{at}: {one}")),
                );
                if let Some(folder) = &self.pictures {
                    let file = folder.join(format!("{name}-{size}-{scheme}.png"));
                    browser.picture(&file).await;
                }
            }
            let wide = "return document.documentElement.scrollWidth > document.documentElement.clientWidth \
                        || [...document.querySelectorAll('.content, .scroll')].some((box) => box.scrollWidth > box.clientWidth)";
            if browser.run(wide).await == true {
                found.push(format!("{name} is wider than a screen of {size} px"));
            }
        }
        found
    }

    async fn violations(&self, browser: &Browser) -> Vec<String> {
        let there = browser.run("return typeof window.axe").await;
        if there != "object" {
            browser.run(&self.axe).await;
        }
        let run = "return axe.run(document, { preload: false, resultTypes: ['violations'] })
            .then((found) => found.violations.map((one) =>
                [one.id, one.help, one.nodes.map((node) => [node.html.slice(0, 200), node.failureSummary].join(' ')).slice(0, 3)]))";
        let Value::Array(found) = browser.run(run).await else { panic!("axe-core says nothing") };
        found.iter().map(ToString::to_string).collect()
    }
}
