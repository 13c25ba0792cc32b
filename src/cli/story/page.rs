//! Reading the console's pages the way a person does: who said what.

/// One message as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub id: String,
    /// Who said it, as commands name them; `tribune` is Tribune.
    pub author: String,
    /// What it says, without markup.
    pub text: String,
}

impl Seen {
    /// Says whether Tribune said it.
    pub fn is_tribune(&self) -> bool {
        self.author == "tribune"
    }
}

/// Which list of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// The channel.
    Stream,
    /// The thread beside it.
    Thread,
}

/// Returns the messages of one list of a page, in its order.
pub fn messages(html: &str, list: List) -> Vec<Seen> {
    let prefix = match list {
        List::Stream => "m-",
        List::Thread => "t-",
    };
    html.split("<li class=\"message").skip(1).filter_map(|piece| message(piece, prefix)).collect()
}

fn message(piece: &str, prefix: &str) -> Option<Seen> {
    if !attribute(piece, "id")?.starts_with(prefix) {
        return None;
    }
    let text = between(piece, "<div class=\"text\">", "</div>").unwrap_or_default();
    Some(Seen {
        id: attribute(piece, "data-id")?.to_owned(),
        author: attribute(piece, "data-author")?.to_owned(),
        text: plain(text),
    })
}

/// Returns the value of the first attribute of that name.
pub fn attribute<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    between(html, &format!(" {name}=\""), "\"")
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}

/// Returns the text of HTML: tags dropped, blocks on lines of their own, entities resolved.
pub fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = after.split_once('>').unwrap_or((after, ""));
        if ["/p", "br", "/li", "hr", "/pre"].iter().any(|block| tag.starts_with(block)) {
            text.push('\n');
        }
        rest = after;
    }
    text.push_str(rest);
    let text = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text, |text, (entity, sign)| text.replace(entity, sign));
    let lines: Vec<&str> =
        text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_a_person_reads_it() {
        let page = "<ol><li class=\"message tribune\" id=\"m-7\" data-id=\"7\" data-author=\"tribune\">\
            <div class=\"text\"><p><strong>r1</strong> a &lt;b&gt;</p><hr><p>2</p></div></li>\
            <li class=\"message\" id=\"t-8\" data-id=\"8\" data-author=\"ada\">\
            <div class=\"text\"><p>in a thread</p></div></li></ol>";
        let stream = messages(page, List::Stream);
        assert_eq!(stream.len(), 1);
        assert_eq!((stream[0].id.as_str(), stream[0].text.as_str()), ("7", "r1 a <b>\n2"));
        assert_eq!(messages(page, List::Thread)[0].author, "ada");
    }
}
