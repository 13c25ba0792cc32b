//! Managed files and folders: where they stand, what they are made of, and what their templates
//! say.

use super::super::super::decode::Placed;
use super::super::super::files::Files;
use super::super::super::raw::intent::{RawFile, RawIntent};
use super::super::super::yaml::At;
use super::command::{Command, has, say_hole};
use crate::domain::diagnostic::Code;
use crate::domain::file::path::{PathError, PathRule};
use crate::domain::file::{FileMode, FileRule, LARGEST_FILE, LARGEST_TREE, MOST_ENTRIES, template};
use crate::domain::id::{ParamName, RepoPath};
use crate::domain::repo::TreeEntry;
use crate::domain::target::LOCAL;

impl Command<'_, '_> {
    /// Checks a managed file or folder.
    pub(super) fn managed(&mut self, raw: &RawFile, files: &Files) -> Option<FileRule> {
        let path = self.managed_path(&raw.path);
        let source = self.source(&raw.source);
        let is_folder = source.as_ref().is_some_and(|source| !self.tree.0.contains_key(source));
        if let (Some(source), true) = (&source, raw.template) {
            self.templates(source, raw.source.at, files);
        }
        if let Some(prune) = raw.prune.as_ref().filter(|_| source.is_some() && !is_folder) {
            let message = "`prune` is about folders, and the source is a file";
            self.file.say(prune.key_at, Code::ExecutorKey, message);
        }
        if let Some(mode) = raw.directory_mode.as_ref().filter(|_| source.is_some() && !is_folder) {
            let message = "`directory_mode` is about folders, and the source is a file";
            self.file.say(mode.key_at, Code::ExecutorKey, message);
        }
        let mut mode = |text: &Option<Placed<String>>| {
            text.as_ref().and_then(|text| self.file.name::<FileMode>(&text.value, text.at))
        };
        let (mode, directory_mode) = (mode(&raw.mode), mode(&raw.directory_mode));
        let mut unix = |text: &Option<Placed<String>>| {
            text.as_ref().and_then(|text| self.file.name(&text.value, text.at))
        };
        let (owner, group) = (unix(&raw.owner), unix(&raw.group));
        Some(FileRule {
            source: source?,
            path: path?,
            mode,
            directory_mode: directory_mode.unwrap_or(FileMode::OPEN),
            owner,
            group,
            template: raw.template,
            sensitive: raw.sensitive,
            prune: raw.prune.as_ref().is_some_and(|prune| prune.value),
        })
    }

    fn managed_path(&mut self, raw: &Placed<String>) -> Option<PathRule> {
        let rule = match PathRule::parse(&raw.value) {
            Ok(rule) => rule,
            Err(PathError::Hole(error)) => {
                say_hole(self.file, raw.at, &error);
                return None;
            }
            Err(error) => {
                self.file.say(raw.at, Code::FilePath, error.to_string());
                return None;
            }
        };
        for param in rule.params() {
            self.uses(param, raw.at);
        }
        Some(rule)
    }

    fn uses(&mut self, param: &ParamName, at: At) {
        self.used.insert(param.clone());
        if !self.declared.contains(param) {
            let known = self.declared.iter().map(ParamName::as_str);
            self.file.unknown(at, Code::UnknownParam, ("parameter", param.as_str()), known);
        }
    }

    /// Checks that a source is there and not too large.
    fn source(&mut self, raw: &Placed<String>) -> Option<RepoPath> {
        let source = self.file.name::<RepoPath>(&raw.value, raw.at)?;
        if !has(self.tree, &source) {
            let message = format!("the policy repo has no `{source}`");
            self.file.say(raw.at, Code::FileSource, message);
            return None;
        }
        let files = self.tree.below(&source);
        let bytes: u64 = files.values().map(|entry| entry.size).sum();
        let large = files.iter().find(|(_, entry)| entry.size > LARGEST_FILE);
        let message = if let Some((path, TreeEntry { size, .. })) = large {
            format!("`{path}` has {size} bytes; a managed file has at most {LARGEST_FILE}")
        } else if bytes > LARGEST_TREE {
            format!("`{source}` has {bytes} bytes; a managed folder has at most {LARGEST_TREE}")
        } else if files.len() > MOST_ENTRIES {
            format!("`{source}` has {} files; at most {MOST_ENTRIES} are managed", files.len())
        } else {
            return Some(source);
        };
        self.file.say(raw.at, Code::FileSource, message);
        None
    }

    /// Checks the holes of templates, each told at its place.
    fn templates(&mut self, source: &RepoPath, at: At, files: &Files) {
        for path in self.tree.below(source).keys() {
            let content = files.contents.get(path).map(|content| std::str::from_utf8(content));
            let text = match content {
                Some(Ok(text)) => text,
                Some(Err(_)) => {
                    let message = format!("the template `{path}` is not UTF-8 text");
                    self.file.say(at, Code::FileSource, message);
                    continue;
                }
                None => {
                    let message = format!("the template `{path}` is larger than 1 MiB");
                    self.file.say(at, Code::FileSource, message);
                    continue;
                }
            };
            for hole in template::holes(text) {
                self.used.insert(hole.param.clone());
                if !self.declared.contains(&hole.param) {
                    let at = At { line: hole.line, column: hole.column };
                    let message = format!(
                        "`{{{0}}}` is no parameter of the intent in {1}; write `{{{{{0}}}}}` for \
                         the text itself",
                        hole.param, self.file.path
                    );
                    self.file.report.say(path, at, Code::UnknownParam, message);
                }
            }
        }
    }

    /// Tells targets that no file is managed on, and keys that are about programs.
    pub(super) fn useless_for_files(&mut self, raw: &RawIntent) {
        for target in raw.targets.value.iter().filter(|target| target.value != LOCAL) {
            let message = format!("files are managed on `{LOCAL}`, not on `{}`", target.value);
            self.file.say(target.at, Code::FileTarget, message);
        }
        let env = raw.env.values().next().map(|value| ("env", value.key_at));
        let secrets = raw.secrets.first().map(|secret| ("secrets", secret.at));
        let reads = raw.reads.first().map(|path| ("reads", path.at));
        let check = raw.check.as_ref().map(|check| ("check", check.argv.key_at));
        let sandbox = raw.sandbox.as_ref().map(|it| it.read.iter().chain(&it.write).next());
        let sandbox = sandbox.flatten().map(|path| ("sandbox", path.at));
        let limits = raw.limits.as_ref();
        let memory = limits.and_then(|it| it.memory.as_ref()).map(|it| ("memory", it.key_at));
        let processes =
            limits.and_then(|it| it.processes.as_ref()).map(|it| ("processes", it.key_at));
        for (key, at) in
            [env, secrets, reads, check, sandbox, memory, processes].into_iter().flatten()
        {
            let message = format!("`{key}` is about programs, and a managed file starts none");
            self.file.say(at, Code::ExecutorKey, message);
        }
    }
}
