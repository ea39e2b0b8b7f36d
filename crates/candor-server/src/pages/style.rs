//! The one style sheet, small enough to stand in every page, and the policy that lets nothing else in.

/// The style of every page: light and dark by the reader's wish, one column, tables that fold on a phone.
pub(super) const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c1c21;--soft:#585862;--paper:#fff;--shade:#f3f3f6;--line:#d8d8df;\
--link:#0b57d0;--new:#dff3e2;--old:#fbe3e3}\
@media(prefers-color-scheme:dark){:root{--ink:#e9e9ed;--soft:#a8a8b3;--paper:#131316;--shade:#202026;\
--line:#37373f;--link:#8ab4f8;--new:#12381b;--old:#4a1b1d}}\
*{box-sizing:border-box}\
body{margin:0 auto;max-width:52rem;padding:2rem 1.25rem;font:1rem/1.6 system-ui,sans-serif;\
color:var(--ink);background:var(--paper);overflow-wrap:anywhere}\
a{color:var(--link);text-underline-offset:.15em}\
a:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:2px}\
h1{font-size:1.75rem;line-height:1.25;margin:0 0 1rem}\
h1 span{display:block;font-size:3.5rem;line-height:1.1;font-weight:300;color:var(--soft)}\
h2{font-size:1.1rem;margin:2rem 0 .5rem}\
p,ul,blockquote{max-width:40rem;margin:0 0 1rem}\
ul{padding-left:1.25rem}\
.lead{font-size:1.2rem;line-height:1.5}\
.soft,footer,header{color:var(--soft);font-size:.9rem}\
header{margin-bottom:1.5rem}\
footer{border-top:1px solid var(--line);margin-top:2.5rem;padding-top:.75rem}\
header ol{display:flex;flex-wrap:wrap;gap:.25rem .5rem;list-style:none;margin:0;padding:0}\
header li+li::before{content:'/';margin-right:.5rem}\
code,pre{font-family:ui-monospace,monospace;font-size:.93em}\
code{background:var(--shade);border-radius:3px;padding:.1em .3em}\
pre{background:var(--shade);border-radius:6px;padding:.75rem 1rem;overflow-x:auto;overflow-wrap:normal;\
line-height:1.45}\
ins,del{text-decoration:none;display:inline-block;min-width:100%}\
ins{background:var(--new)}\
del{background:var(--old)}\
blockquote{border-left:3px solid var(--line);padding:.25rem 0 .25rem 1rem;white-space:pre-line}\
dl{margin:0 0 1rem}\
dt{font-weight:600;margin-top:.6rem}\
dd{margin:0 0 0 1rem}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.5rem 1rem .5rem 0;border-bottom:1px solid var(--line)}\
th{font-weight:600;font-size:.9rem;white-space:nowrap}\
thead th,td{font-variant-numeric:tabular-nums}\
th a{color:inherit}\
.n{text-align:right;white-space:nowrap}\
.t{white-space:nowrap}\
td.t,td.n{color:var(--soft)}\
tr>:last-child{padding-right:0}\
.own td{color:inherit}\
@media(max-width:36rem){\
body{padding:1.25rem 1rem}\
h1{font-size:1.5rem}\
thead:not(:has(a)){position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\
table,thead,tbody{display:block}\
tr{display:flex;flex-wrap:wrap;gap:0 1rem;border-bottom:1px solid var(--line);padding:.5rem 0}\
th,td{border:0;padding:0;font-size:.9rem;text-align:left}\
td:first-child{flex:1 0 100%;font-size:1rem}\
td[data-k]::before{content:attr(data-k) ' ';color:var(--soft)}\
td:empty{display:none}}";

/// The value of `Content-Security-Policy` for every page made here: this style, an empty icon, and nothing else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    style-src 'sha256-xZjHa33nsE+7uCyWSiXN/goaz1BZ2sIM7WP85ox82Bk='; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_lets_in_this_style_and_no_other() {
        let digest = STANDARD.encode(Sha256::digest(STYLE));
        let source = format!("style-src 'sha256-{digest}';");
        assert!(CONTENT_SECURITY_POLICY.contains(&source), "the style changed: {source}");
    }

    #[test]
    fn the_style_ends_no_element_and_loads_nothing() {
        for word in ["</", "url(", "@import", "\n", "  "] {
            assert!(!STYLE.contains(word), "{word:?}");
        }
    }
}
