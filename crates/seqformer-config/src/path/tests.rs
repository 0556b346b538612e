use super::*;

fn expand(path: &str) -> Result<String, PathError> {
    let variable = |name: &str| match name {
        "SCRATCH" => Some("/scratch/me".to_owned()),
        "TILDE" => Some("~".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    let home = |user: &str| match user {
        "" => Some("/home/me".to_owned()),
        "root" => Some("/".to_owned()),
        _ => None,
    };
    let exists = |path: &str| path == "~there/x" || path == "a/$there";
    Surroundings { variable: &variable, home: &home, exists: &exists }.expand(path)
}

#[test]
fn home_folders_and_variables_are_expanded() {
    let cases = [
        ("~", "/home/me"),
        ("~/data", "/home/me/data"),
        ("~root/data", "/data"),
        ("a/~/b", "a/~/b"),
        ("./~", "./~"),
        ("$SCRATCH/run", "/scratch/me/run"),
        ("${SCRATCH}2/$SCRATCH", "/scratch/me2//scratch/me"),
        ("~/$SCRATCH", "/home/me//scratch/me"),
        ("$TILDE/x", "~/x"),
        ("costs $ 5 $5 ${} ${a", "costs $ 5 $5 ${} ${a"),
        ("https://host/~x?$y", "https://host/~x?$y"),
        ("~there/x", "~there/x"),
        ("a/$there", "a/$there"),
        ("", ""),
    ];
    for (path, expected) in cases {
        assert_eq!(expand(path).as_deref(), Ok(expected), "{path}");
    }
}

#[test]
fn what_is_unknown_is_an_error_that_names_it() {
    assert_eq!(expand("~bob/x"), Err(PathError::NoUser("bob".to_owned())));
    assert_eq!(expand("$WORK/run"), Err(PathError::NoVariable("WORK".to_owned())));
    assert_eq!(expand("x/${WORK}"), Err(PathError::NoVariable("WORK".to_owned())));
    assert_eq!(expand("$EMPTY/run"), Err(PathError::NoVariable("EMPTY".to_owned())));
    let nobody = Surroundings { variable: &|_| None, home: &|_| None, exists: &|_| true };
    assert_eq!(nobody.expand("~/x"), Err(PathError::NoHome));
}

#[test]
fn users_are_found_in_the_list_of_users() {
    let users = "root:x:0:0:root:/root:/bin/sh\nme:x:1:1::/home/me:/bin/sh\nodd:x\n";
    assert_eq!(home_in(users, "me").as_deref(), Some("/home/me"));
    assert_eq!(home_in(users, "odd"), None);
    assert_eq!(home_in(users, "m"), None);
}
