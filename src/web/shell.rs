//! What stands around every page: navigation, who is signed in, and the check that a page may be
//! seen at all.

use super::Site;
use super::error::WebError;
use super::place::{self, Place};
use super::reader::Reader;
use crate::policy::{Page, Viewed};

/// A page beside the chat, as navigation lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// Requests, open and past.
    Requests,
    /// Runs and their output.
    Runs,
    /// What may be asked for.
    Intents,
    /// Where the world differs.
    Drift,
    /// People, roles, bans.
    People,
    /// Revisions of the policy repo.
    Revisions,
    /// The audit log.
    Audit,
    /// How Tribune itself is.
    Status,
}

impl Tab {
    /// All of them, in the order of navigation.
    pub const ALL: [Self; 8] = [
        Self::Requests,
        Self::Runs,
        Self::Intents,
        Self::Drift,
        Self::People,
        Self::Revisions,
        Self::Audit,
        Self::Status,
    ];

    /// Returns its path.
    pub fn path(self) -> &'static str {
        match self {
            Self::Requests => "/requests",
            Self::Runs => "/runs",
            Self::Intents => "/intents",
            Self::Drift => "/drift",
            Self::People => "/people",
            Self::Revisions => "/revisions",
            Self::Audit => "/audit",
            Self::Status => "/status",
        }
    }

    /// Returns what people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Requests => "Requests",
            Self::Runs => "Runs",
            Self::Intents => "Intents",
            Self::Drift => "Drift",
            Self::People => "People",
            Self::Revisions => "Revisions",
            Self::Audit => "Audit",
            Self::Status => "Status",
        }
    }

    /// Returns what policies call it.
    pub fn page(self) -> Page {
        match self {
            Self::Requests => Page::Requests,
            Self::Runs => Page::Runs,
            Self::Intents => Page::Intents,
            Self::Drift => Page::Drift,
            Self::People => Page::People,
            Self::Revisions => Page::Policy,
            Self::Audit => Page::Audit,
            Self::Status => Page::Status,
        }
    }

    /// Returns its picture: a path of SVG in a box of 16, drawn as lines.
    pub fn icon(self) -> &'static str {
        match self {
            Self::Requests => "M3 3.5h10v7H7.5L4.5 13v-2.5H3zM5.5 6h5M5.5 8.3h3",
            Self::Runs => "M2.5 3.5h11v9h-11zM4.8 6.2 6.9 8l-2.1 1.8M8.5 10h2.7",
            Self::Intents => "M3 4.5h2m3 0h5M3 8h2m3 0h5M3 11.5h2m3 0h5",
            Self::Drift => "M2.5 5.5h7M7.2 3l2.6 2.5L7.2 8M13.5 10.5h-7M8.8 8l-2.6 2.5L8.8 13",
            Self::People => {
                "M6 7.5a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6zM2 13c.3-2.4 1.8-3.6 4-3.6s3.7 1.2 \
                 4 3.6M10.5 3.2a2.2 2.2 0 0 1 0 4.2M11.8 9.7c1.3.5 2 1.6 2.2 3.3"
            }
            Self::Revisions => "M8 5.5v-3M8 13.5v-3M8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
            Self::Audit => "M4 2.5h8v11H4zM6 5.5h4M6 8h4M6 10.5h2.5",
            Self::Status => "M2 8.5h3l1.8-4.5 2.6 8 1.8-3.5H14",
        }
    }
}

/// What a page is about, for the mark in navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Here<'a> {
    /// The menu alone.
    Menu,
    /// A channel.
    Channel(&'a str),
    /// A page.
    Tab(Tab),
}

/// One line of navigation.
pub struct TabLink {
    /// Which.
    pub tab: Tab,
    /// Whether it is open.
    pub current: bool,
}

/// One channel in navigation.
pub struct PlaceLink {
    /// Which.
    pub place: Place,
    /// Whether it is open.
    pub current: bool,
}

/// What `shell.html` shows around a page.
pub struct Shell {
    /// The reader's name.
    pub name: String,
    /// The reader's name in commands.
    pub handle: String,
    /// The session's form token.
    pub csrf: String,
    /// The board's sequence number before anything was read, for live events.
    pub seq: u64,
    /// Channels the reader may read.
    pub places: Vec<PlaceLink>,
    /// Pages the reader may see.
    pub tabs: Vec<TabLink>,
}

impl Shell {
    /// Prepares what stands around anything. Call it before the page's own content is read, so
    /// that nothing falls between the page and its live events.
    pub async fn around(site: &Site, reader: &Reader, here: Here<'_>) -> Result<Self, WebError> {
        let (_, seq) = site.board.changes(None).await?;
        let me = &reader.who.person;
        let link = |place: Place| PlaceLink { current: here == Here::Channel(&place.slug), place };
        let may_see = |tab: &Tab| site.viewing.may_see(&me.id, tab.page());
        Ok(Self {
            name: me.name.clone(),
            handle: me.id.to_string(),
            csrf: reader.csrf(),
            seq,
            places: place::places(site, reader).into_iter().map(link).collect(),
            tabs: Tab::ALL
                .into_iter()
                .filter(may_see)
                .map(|tab| TabLink { tab, current: here == Here::Tab(tab) })
                .collect(),
        })
    }

    /// Prepares what stands around a page that the reader may see. Where policy says no, that is
    /// audited, and the error says who could.
    pub async fn open(site: &Site, reader: &Reader, tab: Tab) -> Result<Self, WebError> {
        if !site.viewing.may_see(&reader.who.person.id, tab.page()) {
            let what = format!("page {}", tab.page().as_str());
            let title = format!("the page “{}”", tab.title());
            return Err(deny(site, reader, &what, &title, Viewed::Page(tab.page())).await);
        }
        Self::around(site, reader, Here::Tab(tab)).await
    }
}

/// Audits that the reader wanted to see what they may not, and returns the error that says so and
/// names who could. `what` is for the audit log, `title` for people.
pub async fn deny(
    site: &Site,
    reader: &Reader,
    what: &str,
    title: &str,
    viewed: Viewed<'_>,
) -> WebError {
    if let Err(error) = site.viewing.note_denied(&reader.who.person.id, what).await {
        return error.into();
    }
    let could = site.viewing.who_may(viewed);
    WebError::Denied {
        what: title.to_owned(),
        roles: could.roles.iter().map(ToString::to_string).collect(),
        people: could.people.iter().map(ToString::to_string).collect(),
    }
}
