//! Invariant 1 in the text of the program: `Authorized` is built in one place, inside
//! `policy::gate::authorize`, and that function is called from `engine::runs` alone.

use std::path::{Path, PathBuf};

use syn::visit::Visit;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Walks one file and notes the function around each thing that is looked for.
#[derive(Default)]
struct Finder {
    within: Vec<String>,
    built: Vec<String>,
    called: Vec<String>,
    derived: Vec<String>,
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test")
    })
}

fn ends_with(path: &syn::Path, name: &str) -> bool {
    path.segments.last().is_some_and(|segment| segment.ident == name)
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.within.push(item.sig.ident.to_string());
        syn::visit::visit_item_fn(self, item);
        self.within.pop();
    }

    fn visit_expr_struct(&mut self, expr: &'ast syn::ExprStruct) {
        if ends_with(&expr.path, "Authorized") {
            self.built.push(self.within.last().cloned().unwrap_or_default());
        }
        syn::visit::visit_expr_struct(self, expr);
    }

    // Any mention counts, not only calls: a function that is passed on is called elsewhere.
    fn visit_expr_path(&mut self, expr: &'ast syn::ExprPath) {
        if ends_with(&expr.path, "authorize") {
            self.called.push(self.within.last().cloned().unwrap_or_default());
        }
        syn::visit::visit_expr_path(self, expr);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        if item.ident == "Authorized" {
            for attribute in item.attrs.iter().filter(|one| one.path().is_ident("derive")) {
                let list = attribute.meta.require_list().unwrap();
                self.derived.push(list.tokens.to_string());
            }
            assert!(
                item.fields.iter().all(|field| matches!(field.vis, syn::Visibility::Inherited)),
                "every field of Authorized is private"
            );
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let of =
            |name| matches!(&*item.self_ty, syn::Type::Path(path) if ends_with(&path.path, name));
        if of("Authorized") {
            assert!(item.trait_.is_none(), "Authorized implements no trait beside Debug");
            for function in &item.items {
                let syn::ImplItem::Fn(function) = function else { panic!("only methods") };
                assert!(
                    function.sig.receiver().is_some(),
                    "Authorized::{} makes a value out of nothing",
                    function.sig.ident
                );
            }
        }
        syn::visit::visit_item_impl(self, item);
    }
}

#[test]
fn leave_is_given_in_one_place_and_asked_for_by_runs_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![];
    sources(&root, &mut files);
    let mut built = vec![];
    for file in files {
        let name = file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        if name.starts_with("policy/tests/") {
            continue;
        }
        let mut finder = Finder::default();
        finder.visit_file(&syn::parse_file(&std::fs::read_to_string(&file).unwrap()).unwrap());
        built.extend(finder.built.into_iter().map(|function| format!("{name}: {function}")));
        assert!(
            finder.called.is_empty() || name.starts_with("engine/runs"),
            "{name} goes through the gate in {:?}; only engine/runs may",
            finder.called
        );
        for derived in finder.derived {
            assert_eq!(derived, "Debug", "{name}: Authorized is neither Clone nor serde");
        }
    }
    assert_eq!(built, ["policy/gate.rs: authorize"]);
}

#[test]
fn only_policy_knows_cedar() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![];
    sources(&root, &mut files);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let is_policy = file.starts_with(root.join("policy"));
        assert!(is_policy || !text.contains("cedar_policy"), "{} uses Cedar", file.display());
    }
}
