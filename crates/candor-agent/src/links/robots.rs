//! `robots.txt` (RFC 9309), as far as a polite crawler needs it.

/// The paths that a crawler of our name may not ask for.
#[derive(Clone, Debug, Default)]
pub(super) struct Robots(Vec<(bool, String)>);

impl Robots {
    /// Reads the rules of the group for us, else of the group for all.
    pub(super) fn read(text: &str) -> Robots {
        let (mut own, mut all): (Option<Vec<_>>, Vec<_>) = (None, Vec::new());
        let (mut names_us, mut names_all, mut in_rules) = (false, false, false);
        for line in text.lines().take(10_000) {
            let line = line.split('#').next().unwrap_or("");
            let Some((name, value)) = line.split_once(':') else { continue };
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            if name == "user-agent" {
                if in_rules {
                    (names_us, names_all, in_rules) = (false, false, false);
                }
                names_us |= value.eq_ignore_ascii_case("candor");
                names_all |= value == "*";
                if names_us {
                    own.get_or_insert_with(Vec::new);
                }
            } else if name == "allow" || name == "disallow" {
                in_rules = true;
                if value.is_empty() {
                    continue;
                }
                let rule = (name == "allow", value.to_owned());
                if names_us {
                    own.get_or_insert_with(Vec::new).push(rule.clone());
                }
                if names_all {
                    all.push(rule);
                }
            }
        }
        Robots(own.unwrap_or(all))
    }

    /// Whether a target may be asked for: the longest rule that fits counts, and of two the one that allows.
    pub(super) fn allows(&self, target: &str) -> bool {
        self.0
            .iter()
            .filter(|(_, pattern)| fits(pattern, target))
            .max_by_key(|(allows, pattern)| (pattern.len(), *allows))
            .is_none_or(|(allows, _)| *allows)
    }
}

fn fits(pattern: &str, target: &str) -> bool {
    let (pattern, is_whole) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| target.strip_prefix(first)) else { return false };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or(""),
            None => return false,
        }
    }
    !is_whole || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rule_counts() {
        let robots = Robots::read(
            "User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /*.gif$\n\nUser-agent: other\nDisallow: /",
        );
        for (target, allowed) in
            [("/", true), ("/a/x", false), ("/a/b/c", true), ("/x.gif", false), ("/x.gif?y", true)]
        {
            assert_eq!(robots.allows(target), allowed, "{target}");
        }
        assert!(Robots::read("User-agent: *\nDisallow: /\n\nUser-agent: candor\nDisallow:").allows("/x"));
    }
}
