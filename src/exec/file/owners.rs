//! Users and groups of this machine: from names to numbers.

use std::path::Path;

use super::problem::Problem;
use crate::domain::id::UnixName;

/// Returns the number of a user, from `/etc/passwd`.
pub fn user(name: &UnixName) -> Result<u32, Problem> {
    number(name, "user", Path::new("/etc/passwd"))
}

/// Returns the number of a group, from `/etc/group`.
pub fn group(name: &UnixName) -> Result<u32, Problem> {
    number(name, "group", Path::new("/etc/group"))
}

fn number(name: &UnixName, what: &str, file: &Path) -> Result<u32, Problem> {
    if let Ok(number) = name.as_str().parse() {
        return Ok(number);
    }
    let text =
        std::fs::read(file).map_err(|error| Problem::io(&file.display().to_string(), &error))?;
    find(&String::from_utf8_lossy(&text), name.as_str()).ok_or_else(|| {
        Problem(format!(
            "there is no {what} {name} in {}; add it, or write its number",
            file.display()
        ))
    })
}

/// Finds a name in lines of `name:x:number:…`.
fn find(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_and_a_number_is_taken_as_it_is() {
        let text = "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/:/x\n";
        assert_eq!(find(text, "www-data"), Some(33));
        assert_eq!(find(text, "www"), None);
        assert_eq!(user(&"4711".parse().unwrap()), Ok(4711));
        assert_eq!(user(&"root".parse().unwrap()), Ok(0));
        let missing = group(&"nobody-has-this".parse().unwrap()).unwrap_err();
        assert!(missing.to_string().contains("there is no group nobody-has-this in /etc/group"));
    }
}
