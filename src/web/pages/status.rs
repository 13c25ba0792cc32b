//! How every loop is.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::engine::status::{Fact, Health, LoopStatus};
use crate::web::Site;
use crate::web::error::{WebError, show};
use crate::web::look::{Badge, Moment, Tone};
use crate::web::reader::Reader;
use crate::web::shell::{Shell, Tab};
use jiff::Timestamp;

#[derive(Template)]
#[template(path = "pages/status.html")]
struct StatusPage {
    shell: Shell,
    version: &'static str,
    started: Moment,
    warnings: Vec<String>,
    summary: Badge,
    loops: Vec<LoopView>,
}

/// One loop.
struct LoopView {
    name: String,
    tone: Tone,
    badge: Badge,
    says: String,
    facts: Vec<(String, FactView)>,
}

/// One fact, one of the three.
struct FactView {
    text: Option<String>,
    code: Option<String>,
    at: Option<Moment>,
}

/// GET `/status`.
pub async fn page(State(site): State<Site>, reader: Reader) -> Result<Response, WebError> {
    let shell = Shell::open(&site, &reader, Tab::Status).await?;
    let report = (site.report)().await?;
    let now = site.clock.now();
    let worst = report.loops.iter().filter(|one| one.health != Health::Off);
    let bad = worst.filter(|one| one.health != Health::Good).count() + report.warnings.len();
    let summary = match bad {
        0 => Badge::new(Tone::Yes, "all is well"),
        1 => Badge::new(Tone::No, "1 thing is not well"),
        many => Badge::new(Tone::No, format!("{many} things are not well")),
    };
    Ok(show(&StatusPage {
        shell,
        version: env!("CARGO_PKG_VERSION"),
        started: Moment::new(report.started, now),
        warnings: report.warnings,
        summary,
        loops: report.loops.into_iter().map(|one| view(one, now)).collect(),
    }))
}

fn view(one: LoopStatus, now: Timestamp) -> LoopView {
    let tone = match one.health {
        Health::Good => Tone::Yes,
        Health::Trying => Tone::Wait,
        Health::Stuck => Tone::No,
        Health::Off => Tone::Off,
    };
    let fact = |fact: Fact| match fact {
        Fact::Text(text) => FactView { text: Some(text), code: None, at: None },
        Fact::Code(code) => FactView { text: None, code: Some(code), at: None },
        Fact::At(at) => FactView { text: None, code: None, at: Some(Moment::new(at, now)) },
    };
    LoopView {
        badge: Badge::new(tone, one.health.words()),
        tone,
        name: one.name,
        says: one.says,
        facts: one.facts.into_iter().map(|(name, value)| (name, fact(value))).collect(),
    }
}
