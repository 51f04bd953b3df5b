//! The conformance suite for accounts stores. Each case needs its own, empty store.
//!
//! [`accounts_conformance!`](crate::accounts_conformance) generates one test per case.

use domain::ids::ApiKeyId;
use domain::scope::Scopes;
use domain::time::UnixMillis;

use super::{Accounts, ApiKey, KEY_SUBJECT, KeyDigest, KeyFilter, NewApiKey};
use crate::videos::conformance::ms;
use platform::secret::Secret;

const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);

fn id(number: u8) -> ApiKeyId {
    ApiKeyId::new(NOW.get() + u64::from(number), [number; 10])
}

fn digest(number: u8) -> KeyDigest {
    KeyDigest::of(&Secret::new(format!("er_{number}")))
}

fn new(number: u8, owner: Option<&str>) -> NewApiKey {
    NewApiKey {
        id: id(number),
        digest: digest(number),
        name: format!("Key {number} of Zoë"),
        owner: owner.map(str::to_owned),
        scopes: "upload play".parse().expect("scopes"),
        created_by: "installation".to_owned(),
        expires_ms: Some(NOW + ms(1_000)),
    }
}

async fn create(accounts: &Accounts, number: u8, owner: Option<&str>) -> ApiKey {
    accounts
        .create_key(&new(number, owner), NOW)
        .await
        .expect("create")
}

/// A key is found by its secret only, and has the fields that it was created with.
pub async fn a_key_is_found_by_its_secret(accounts: &Accounts) {
    let made = create(accounts, 1, Some("ann")).await;
    let NewApiKey {
        id,
        name,
        owner,
        scopes,
        created_by,
        expires_ms,
        ..
    } = new(1, Some("ann"));
    let (created_ms, used_ms, revoked_ms) = (NOW, None, None);
    let expected = ApiKey {
        id,
        name,
        owner,
        scopes,
        created_by,
        created_ms,
        expires_ms,
        used_ms,
        revoked_ms,
    };
    assert_eq!(made, expected);
    assert_eq!(
        accounts.find_key(&digest(1)).await.expect("find"),
        Some(expected.clone())
    );
    assert_eq!(accounts.get_key(id).await.expect("get"), Some(expected));
    assert_eq!(accounts.find_key(&digest(2)).await.expect("find"), None);
    assert_eq!(accounts.get_key(self::id(2)).await.expect("get"), None);
}

/// A repeated request creates one key and cannot change it.
pub async fn making_twice_is_making_once(accounts: &Accounts) {
    let made = create(accounts, 1, Some("ann")).await;
    let again = NewApiKey {
        scopes: Scopes::of_an_admin(),
        digest: digest(9),
        owner: None,
        ..new(1, None)
    };
    assert_eq!(
        accounts
            .create_key(&again, NOW + ms(5))
            .await
            .expect("create"),
        made
    );
    assert_eq!(accounts.find_key(&digest(9)).await.expect("find"), None);
    // Two keys cannot share a secret either.
    let same = NewApiKey {
        digest: digest(1),
        ..new(2, None)
    };
    assert!(accounts.create_key(&same, NOW).await.is_err());
    assert_eq!(accounts.get_key(id(2)).await.expect("get"), None);
}

/// A revoked key keeps its first revocation time, and revocation does not remove the row.
pub async fn keys_end(accounts: &Accounts) {
    let made = create(accounts, 1, Some("ann")).await;
    assert!(
        made.is_live(NOW + ms(999)) && !made.is_live(NOW + ms(1_000)),
        "it expires"
    );
    let endless = accounts
        .create_key(
            &NewApiKey {
                expires_ms: None,
                ..new(2, None)
            },
            NOW,
        )
        .await
        .expect("create");
    assert!(endless.is_live(UnixMillis::new(u64::MAX)));
    for later in [1, 2] {
        accounts
            .revoke_key(made.id, NOW + ms(later))
            .await
            .expect("revoke");
        let revoked = accounts
            .find_key(&digest(1))
            .await
            .expect("find")
            .expect("it is still known");
        assert_eq!(revoked.revoked_ms, Some(NOW + ms(1)));
        assert!(!revoked.is_live(NOW));
    }
    accounts
        .revoke_key(id(9), NOW)
        .await
        .expect("nothing to revoke");
    let left = accounts
        .list_keys(&KeyFilter::default())
        .await
        .expect("list");
    assert_eq!(left.keys, [endless]);
}

/// Revoking a key revokes its descendants of all generations, and no other key.
pub async fn a_family_of_keys_ends_together(accounts: &Accounts) {
    let made_by = |number: u8, maker: u8| NewApiKey {
        created_by: format!("{KEY_SUBJECT}{}", id(maker)),
        expires_ms: None,
        ..new(number, None)
    };
    for key in [
        new(1, None),
        made_by(2, 1),
        made_by(3, 2),
        made_by(4, 2),
        new(5, None),
        made_by(6, 5),
    ] {
        accounts.create_key(&key, NOW).await.expect("create");
    }
    accounts
        .revoke_key(id(4), NOW + ms(1))
        .await
        .expect("revoke");
    accounts
        .revoke_key(id(1), NOW + ms(2))
        .await
        .expect("revoke");
    let mut ends = Vec::new();
    for number in 1..=6 {
        ends.push(
            accounts
                .get_key(id(number))
                .await
                .expect("get")
                .expect("a key")
                .revoked_ms
                .map(|it| it.since(NOW)),
        );
    }
    assert_eq!(
        ends,
        [
            Some(ms(2)),
            Some(ms(2)),
            Some(ms(2)),
            Some(ms(1)),
            None,
            None
        ]
    );
    let late = accounts
        .create_key(&made_by(7, 3), NOW + ms(3))
        .await
        .expect("create");
    assert!(
        !late.is_live(NOW + ms(3)),
        "its creator was revoked in the meantime"
    );
}

/// The latest use is kept, whatever the order in which uses are recorded.
pub async fn the_last_use_is_kept(accounts: &Accounts) {
    let made = create(accounts, 1, None).await;
    for (noted, kept) in [(7, 7), (9, 9), (8, 9)] {
        accounts
            .note_use(made.id, NOW + ms(noted))
            .await
            .expect("note");
        let key = accounts
            .get_key(made.id)
            .await
            .expect("get")
            .expect("a key");
        assert_eq!(key.used_ms, Some(NOW + ms(kept)));
    }
    accounts
        .note_use(id(9), NOW)
        .await
        .expect("nothing to note");
}

/// A name may contain any characters.
pub async fn any_name_can_be_kept(accounts: &Accounts) {
    let odd = NewApiKey {
        name: "a\0b \u{1f3a5} 'x' ?".to_owned(),
        ..new(1, Some("an\0n"))
    };
    let made = accounts.create_key(&odd, NOW).await.expect("create");
    assert_eq!(
        made.name, "a\u{FFFD}b \u{1f3a5} 'x' ?",
        "PostgreSQL cannot store NUL"
    );
}

/// Pages follow each other without gaps or duplicates, for one owner and for all.
pub async fn lists_newest_first_in_pages(accounts: &Accounts) {
    for (number, owner) in [
        (3, Some("ann")),
        (1, Some("ann")),
        (5, None),
        (2, Some("bob")),
        (4, Some("ann")),
    ] {
        create(accounts, number, owner).await;
    }
    let pages = async |owner: Option<&str>| {
        let mut filter = KeyFilter {
            owner: owner.map(str::to_owned),
            after: None,
            limit: 2,
        };
        let mut pages = Vec::new();
        loop {
            let page = accounts.list_keys(&filter).await.expect("list");
            pages.push(page.keys.iter().map(|it| it.id).collect::<Vec<_>>());
            let Some(next) = page.next else { return pages };
            filter.after = Some(next);
        }
    };
    assert_eq!(
        pages(None).await,
        [vec![id(5), id(4)], vec![id(3), id(2)], vec![id(1)]]
    );
    assert_eq!(pages(Some("ann")).await, [vec![id(4), id(3)], vec![id(1)]]);
    assert_eq!(pages(Some("bob")).await, [vec![id(2)]]);
    assert_eq!(pages(Some("' OR 1=1 --")).await, [vec![]]);
}

/// Generates a `#[tokio::test]` for every case. `$make`: an expression that awaits to an empty
/// accounts store, together with the values that must outlive it.
///
/// With `together:` in front, it generates a `Vec` of `testkit::Case` instead: for stores on a
/// server that is slow to start.
#[macro_export]
macro_rules! accounts_conformance {
    (together: $make:expr) => {
        $crate::accounts_conformance! { @ together $make }
    };
    ($make:expr) => {
        $crate::accounts_conformance! { @ each $make }
    };
    (@ $how:ident $make:expr) => {
        $crate::conformance_cases! { [$crate::accounts], $how $make;
            a_key_is_found_by_its_secret making_twice_is_making_once keys_end the_last_use_is_kept
            a_family_of_keys_ends_together
            lists_newest_first_in_pages any_name_can_be_kept
        }
    };
}
