//! Managed files: what somebody changed by hand is shown, mended and can be put back.

use std::fs;

use crate::world::{SECRET, story};

#[test]
fn a_file_that_somebody_edited_is_shown_mended_and_can_be_put_back() {
    story(|world| {
        let (motd, edited) = (world.managed("motd"), format!("by hand, with {SECRET}\n"));
        let declared = world.file("playbooks/files/motd");
        fs::write(&motd, &edited).unwrap();
        world.say("ken", "ops", "!check house-rules on local");
        let told = world.told();
        assert!(told.contains("succeeded — the world differs from what is declared"), "{told}");
        let diff = "--- live/managed/motd\n+++ declared/managed/motd\n@@ -1 +1,2 @@\n\
                    -by hand, with [redacted:db]\n+This machine is run from chat.\n";
        assert!(told.contains(diff), "{told}");
        assert_eq!(fs::read_to_string(&motd).unwrap(), edited, "a look changes nothing");

        world.say("ken", "ops", "!run house-rules on local");
        assert_eq!(fs::read_to_string(&motd).unwrap(), edited, "it is not approved yet");
        world.approve("radia", "r2");
        let told = world.told();
        assert!(told.contains("succeeded — done"), "{told}");
        assert!(told.contains("done: 1 change\n"), "{told}");
        assert_eq!(fs::read_to_string(&motd).unwrap(), declared);

        world.say("ken", "ops", "!check house-rules on local");
        let told = world.told();
        assert!(told.contains("succeeded — done"), "{told}");
        assert!(told.contains("managed/motd is as declared"), "{told}");

        world.restore("managed/motd", "it said something");
        assert!(world.told().contains("`tribune file restore managed/motd`"));
        assert_eq!(fs::read_to_string(&motd).unwrap(), edited);
    });
}

#[test]
fn a_changed_source_voids_the_approval_of_a_managed_file() {
    story(|world| {
        world.say("ken", "ops", "!run shop-site on local port=9000");
        world.edit("playbooks/files/nginx/shop.conf", "8080", "8081");
        let told = world.told();
        assert_eq!(told.matches("- digest:").count(), 2, "a card for each digest: {told}");
        world.approve("radia", "r1");
        let site = fs::read_to_string(world.managed("nginx/shop.conf")).unwrap();
        assert!(site.contains("listen 9000;") && site.contains("127.0.0.1:8081"), "{site}");
        assert!(site.contains("proxy_set_header Host $host;"), "{site}");
    });
}
